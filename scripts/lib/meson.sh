# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A Meson that is new enough. Needs common.sh.

MESON_NEEDED=1.5.0
MESON_UNPACKED=$BUILD/tools/meson

# meson_setup: sets the array MESON to the command, MESON_PATH to the folder of
# its Python modules (empty: they are the system's), MESON_VERSION.
meson_setup() {
    MESON=(meson)
    MESON_PATH=
    MESON_VERSION=
    # Starting Python costs a noticeable part of a build with nothing to do.
    if have meson; then
        MESON_VERSION=$("$PYTHON" -c 'from mesonbuild.coredata import version; print(version)' \
            2>/dev/null) || true
        ! version_ge "$MESON_VERSION" "$MESON_NEEDED" || return 0
    fi
    [ -f "$MESON_UNPACKED/meson.py" ] || meson_unpack
    # meson.py beside its modules runs from anywhere, without PYTHONPATH.
    # shellcheck disable=SC2034  # for the scripts that source this file
    MESON=("$PYTHON" "$MESON_UNPACKED/meson.py")
    # shellcheck disable=SC2034  # for QEMU's configure
    MESON_PATH=$MESON_UNPACKED
    # shellcheck disable=SC2034
    MESON_VERSION=$(cat "$MESON_UNPACKED/version")
}

meson_unpack() {
    local deb new
    deb=$("$ROOT/scripts/fetch" meson) || die "Meson $MESON_NEEDED or later is needed"
    new=$MESON_UNPACKED.new
    rm -rf "$new" "$MESON_UNPACKED"
    mkdir -p "$new"
    dpkg-deb -x "$deb" "$new/deb"
    mv "$new"/deb/usr/lib/python3/dist-packages/* "$new"
    cp "$new/deb/usr/bin/meson" "$new/meson.py"
    rm -rf "$new/deb"
    "$PYTHON" "$new/meson.py" --version >"$new/version"
    mv "$new" "$MESON_UNPACKED"
}

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The package that the guest's kernel is from. Needs common.sh and apt.sh.

# shellcheck disable=SC2034  # used by the scripts that source this file
GUEST=$BUILD/guest

# kernel_package: the .deb, downloaded once.
kernel_package() {
    local pattern="$DOWNLOADS/linux-image-*-cloud-amd64_*.deb" deb name part=$DOWNLOADS/.kernel.$$
    deb=$(compgen -G "$pattern" | sort -V | tail -n 1) || true
    if [ -z "$deb" ]; then
        have apt-get || die "no Debian here to take a guest kernel from" \
            "give a bzImage: GUEST_KERNEL=FILE"
        name=$(apt_depends linux-image-cloud-amd64 'linux-image-[0-9][^ ]*-cloud-amd64') ||
            die "apt knows no linux-image-cloud-amd64" "give a bzImage: GUEST_KERNEL=FILE"
        say "fetching $name"
        mkdir -p "$part"
        (cd "$part" && apt_download "$name") ||
            { rm -rf "$part"; die "cannot download $name" "give a bzImage: GUEST_KERNEL=FILE"; }
        mv -f "$part"/*.deb "$DOWNLOADS"
        rm -rf "$part"
        deb=$(compgen -G "$pattern" | sort -V | tail -n 1)
    fi
    printf '%s\n' "$deb"
}

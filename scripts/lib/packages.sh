# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The packages that the build needs. Needs common.sh.

# What the library's build and tests need, Meson apart.
LIBRARY_PACKAGES=(
    gcc g++ libc6-dev ninja-build pkg-config libdpdk-dev
    # hash tables: headers only
    uthash-dev
    # the tool's JSON
    libcjson-dev
    # to record and compare its binary interface; to look for errors in the man page
    abigail-tools groff-base
    # what a static DPDK needs and libdpdk-dev forgets
    libsystemd-dev
)

# On Debian 13 besides: dpdk has dpdk-telemetry.py, which is in dpdk-dev before.
LIBRARY_PACKAGES_13=(meson dpdk)

PACKAGES=(
    "${LIBRARY_PACKAGES[@]}"
    # to count instructions: its header for a benchmark, and to run that
    valgrind
    # to build anything
    make python3 python3-venv git perl
    # what the configure of QEMU 11 installs its own Python package with
    python3-pip python3-setuptools python3-wheel
    # QEMU
    libglib2.0-dev libpixman-1-dev libfdt-dev libnuma-dev libattr1-dev zlib1g-dev
    libseccomp-dev
    # QEMU's firmware, which Debian keeps in packages of its own
    seabios qemu-system-data ipxe-qemu
    # backends of other devices, for tests; of virtiofsd each release has its own
    dpdk-dev
    # a network for a guest, to compare with
    iproute2
    # the library on Debian 13
    mmdebstrap
    # a consumer of the device's form for it; the test runs the daemon by itself,
    # and without libvirt-daemon-system no other one is started
    libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients
    # fetching, unpacking, the guest image
    curl ca-certificates xz-utils bzip2 cpio busybox-static util-linux
)

# What the benchmarks need besides.
BENCH_PACKAGES=(python3-matplotlib python3-psutil)

os_release() { (. /etc/os-release 2>/dev/null && printf '%s' "${!1:-}"); }

debian_release() {
    [ "$(os_release ID)" = debian ] || return 1
    os_release VERSION_ID
}

# missing_packages: those that are not installed. A package that another one
# provides under a new name (libglib2.0-dev never is; pkg-config is) counts.
missing_packages() {
    dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Provides}\n' 2>/dev/null |
        awk -v want="$*" '
            $1 == "ii" { for (i = 2; i <= NF; i++) { sub(/,$/, "", $i); got[$i] = 1 } }
            END { n = split(want, w, " "); for (i = 1; i <= n; i++) if (!got[w[i]]) print w[i] }'
}

# need_packages: installs what is missing on Debian 12 and 13; elsewhere says
# what the packages are called there and stops.
need_packages() {
    local release missing
    release=$(debian_release) || release=
    case $release in
    12) PACKAGES+=(qemu-system-common) ;;
    13) PACKAGES+=("${LIBRARY_PACKAGES_13[@]}" virtiofsd) ;;
    *) need_commands; return ;;
    esac
    mapfile -t missing < <(missing_packages "${PACKAGES[@]}")
    [ ${#missing[@]} -gt 0 ] || return 0
    install_packages "${missing[@]}"
}

install_packages() {
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        { have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; } ||
            die "packages are missing: $*" "as root: apt-get install $*"
        as_root=(sudo)
        sudo -v || die "packages are missing: $*" "as root: apt-get install $*"
    fi
    run_step packages "install $# packages" apt_install "${as_root[@]}" -- "$@"
}

# apt_install [sudo] -- PACKAGES...
apt_install() {
    local as_root=()
    while [ "$1" != -- ]; do as_root+=("$1"); shift; done
    shift
    local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
        apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@")
    # An earlier run may have been interrupted in the middle of this.
    "${as_root[@]}" dpkg --configure -a
    # The lists may be missing (containers) or out of date; only then are they
    # fetched again.
    "${install[@]}" || { "${as_root[@]}" apt-get update && "${install[@]}"; }
}

# need_commands: on a system that is not Debian 12 or 13.
need_commands() {
    local command module missing=()
    for command in cc make ninja pkg-config git perl curl xz cpio busybox flock; do
        have "$command" || missing+=("$command")
    done
    have "$PYTHON" || missing+=(python3)
    for module in glib-2.0 pixman-1 libfdt zlib libseccomp libdpdk numa libcjson; do
        pkg-config --exists "$module" 2>/dev/null || missing+=("$module (development files)")
    done
    have meson || missing+=("meson 1.5 or later")
    [ -e /usr/share/seabios/bios-256k.bin ] || missing+=("SeaBIOS under /usr/share/seabios")
    [ ${#missing[@]} -eq 0 ] || {
        say "error: $(os_release PRETTY_NAME) is not Debian 12 or 13, so nothing is installed for you."
        say "Missing:"
        printf '  %s\n' "${missing[@]}" >&2
        exit 1
    }
}

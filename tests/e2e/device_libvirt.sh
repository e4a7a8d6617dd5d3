#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# libvirt takes the form that is for it, and passes on the commands that plug and
# unplug: a real libvirtd, which starts the patched QEMU.

# cannot_run: prints why, if there is a reason.
cannot_run() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "root only: libvirtd runs in namespaces of its own"
    elif ! have virsh || ! have libvirtd ||
        ! compgen -G '/usr/lib*/*/libvirt/connection-driver/libvirt_driver_qemu.so' >/dev/null; then
        echo "no packages libvirt-daemon, libvirt-daemon-driver-qemu and libvirt-clients"
    else
        unshare "${NAMESPACES[@]}" true 2>&1 || true
    fi
}

# check_fragment METADATA: a domain that has the device from its start.
check_fragment() {
    write_domain "$1" "$(cat "$FORMS/$1.libvirt")"
    check "$1: virsh defines a domain with the form libvirt" virsh_does define "$RUN/$1.xml"
    check "$1: libvirt keeps the device in the domain" keeps_device "$1"
    check "$1: virsh starts it" virsh_does start "$1"
    check "$1: the device has each chunk in its place" \
        has_chunks "$1" "/machine/peripheral/ivshmem-$1" "$FOLDER/$1"
    check_unplug "$1" "$1"
    check "$1: virsh ends it" virsh_does destroy "$1"
}

# check_unplug DOMAIN METADATA: a reset has a VM without an operating system let go
# of a device.
check_unplug() {
    check "$2: virsh passes on the command that unplugs" accepts "$1" "$(cat "$FORMS/$2.qmp_del")"
    check "$2: virsh resets the domain" virsh_does reset "$1"
    check "$2: the device is gone" until_true 20 lost_device "$1" "ivshmem-$2"
}

# check_hotplug METADATA: in the running domain "plug".
check_hotplug() {
    check "$1: virsh passes on the command that plugs" accepts plug "$(cat "$FORMS/$1.qmp_add")"
    check "$1: the plugged device has each chunk in its place" \
        has_chunks plug "/machine/peripheral/ivshmem-$1" "$FOLDER/$1"
    check_unplug plug "$1"
}

set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
# shellcheck source=scripts/lib/children.sh
. "$ROOT/scripts/lib/children.sh"
# shellcheck source=tests/e2e/forms/namespaces.sh
. "$ROOT/tests/e2e/forms/namespaces.sh"
PATH=$PATH:/usr/sbin
NO_GUEST=1
if ! in_own_namespaces; then
    have() { command -v "$1" >/dev/null 2>&1; }
    REASON=$(cannot_run)
    if [ -n "$REASON" ]; then
        echo "1..1"
        echo "ok 1 - device_libvirt # SKIP $REASON"
        exit 0
    fi
    run_in_namespaces "$0"
    exit
fi
# shellcheck source=tests/e2e/lib.sh
. "$ROOT/tests/e2e/lib.sh"
# shellcheck source=tests/e2e/forms/lib.sh
. "$ROOT/tests/e2e/forms/lib.sh"
# shellcheck source=tests/e2e/forms/libvirt.sh
. "$ROOT/tests/e2e/forms/libvirt.sh"

FOLDER=$RUN/$ODD_NAME
print_forms "$FOLDER"
start_libvirtd
check_fragment few
check_fragment many
write_domain plug
check "virsh defines a domain without the device" virsh_does define "$RUN/plug.xml"
check "virsh starts it" virsh_does start plug
check_hotplug few
check_hotplug many
check "virsh ends it" virsh_does destroy plug
done_testing

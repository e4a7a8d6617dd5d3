#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What needs a host that this machine may not be: one with a device DAX, and one
# with an IOMMU. So QEMU runs in a guest that has both; the tests themselves are
# in nested/ and run there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

QEMU=$BUILD/qemu/qemu-system-x86_64
NESTED_IMAGE=$BUILD/guest/nested.img

make_nested_image() {
    local options=(--add "$QEMU") file module
    for file in "$ROOT"/tests/e2e/nested/*.sh; do options+=(--add "$file:/tests/"); done
    for module in nd_e820 dax_pmem device_dax vfio-pci vfio_iommu_type1; do
        options+=(--module "$module")
    done
    "$ROOT/scripts/guest-image" "${options[@]}" --output "$NESTED_IMAGE"
}

# run_nested SCRIPT...: in a guest that is QEMU's host. Its kernel takes the 64
# MiB from 512 MiB on for persistent memory, and keeps its own messages out of
# ours. The device to give away is "edu".
run_nested() {
    local command
    printf -v command 'sh /tests/%s; ' "$@"
    start guest "$ROOT/scripts/launch" --initrd "$NESTED_IMAGE" --accel "$ACCEL" --memory 768 \
        --append "loglevel=1 memmap=64M!512M intel_iommu=on -- sh -c \"$command\"" -- \
        -machine q35,kernel-irqchip=split -device intel-iommu,intremap=on \
        -device edu,addr=5,dma_mask=0xffffffff
    until_true "$BOOT_LIMIT" ended "$PID" || stop "$PID"
    drain
}

# report_nested: the guest's checks as ours.
report_nested() {
    local line
    while IFS= read -r line; do
        case $line in
        "ok - "*) check "${line#ok - }" true ;;
        "not ok - "*) check "${line#not ok - }" false ;;
        esac
    done <"$RUN/guest.log"
}

# checks_run: how many the scripts that came to their end have counted.
checks_run() { awk '/^end of .* checks$/ { n += $(NF - 1) } END { print n + 0 }' "$RUN/guest.log"; }

if ! problem=$(make_nested_image 2>&1); then
    case $problem in
    *"has no module"*) skip_all "$(sed -n 's/^error: //p' <<<"$problem")" ;;
    *) die "$problem" ;;
    esac
fi
run_nested dax.sh vfio.sh
report_nested
check "all of that was run" [ "$(checks_run)" -eq "$TESTS" ]
done_testing

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Devices that are many, broken or hostile: 32 at once, each with metadata of its
# own; beside them memory of another use of ivshmem, and metadata that ends
# early; metadata that somebody rewrites while the guest reads it, again and
# again; and a BAR larger than the guest can address.
#
# For the functions that are called by way of check and at the end:
# shellcheck disable=SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

N=32
KERNEL_OPTIONS=$HOTPLUG_KERNEL
BOOT_LIMIT=240 # with so many devices, and three programs
LAST=0000:00:13.7 # where launch_options puts the last one
GUEST_IMAGE=$RUN/devices.img
GUEST="devices-guest --no-huge -m 16 --no-telemetry --lcores 0@0 --log-level lib.eal:warning -d librte_mempool_ring.so -d librte_bus_pci.so"

make_image() {
    local ring
    ring=$(mempool_ring_plugin)
    "$ROOT/scripts/guest-image" --add "$PROGRAMS/tests/devices-guest" \
        --add "$ring:/usr/lib/librte_mempool_ring.so" \
        --add "${ring/mempool_ring/bus_pci}:/usr/lib/librte_bus_pci.so" --output "$GUEST_IMAGE"
}

start_devices() {
    mkdir -p "$RTE_IVSHMEM_DIR"
    start devices "$PROGRAMS/tests/devices-host" --no-huge -m 64 --no-pci --no-telemetry \
        --file-prefix "$FILE_PREFIX" --log-level lib.eal:warning -- "$N"
    DEVICES_PID=$PID
    until_true 30 is_shared ||
        die "the host program does not start" "$(tail -n 3 "$RUN/devices.log")"
    mapfile -t DEVICES < <(grep '^-device' "$RUN/devices.log")
}

is_shared() { grep -qx shared "$RUN/devices.log"; }

# launch_options: what scripts/launch gets for all of them: eight in a slot.
launch_options() {
    local i
    OPTIONS=()
    for i in "${!DEVICES[@]}"; do
        OPTIONS+=(--device-string
            "${DEVICES[i]},addr=$(printf '0x%x.%d' $((0x10 + i / 8)) $((i % 8))),multifunction=on")
    done
}

# Random bytes, as another use of the device has; and the magic, then nothing.
make_foreign() {
    head -c 2M /dev/urandom >"$RUN/foreign"
    { printf DPDKIVSM; head -c 4088 /dev/zero; } >"$RUN/short"
}

# rewrite FILE: damages a metadata file and mends it, all the time.
rewrite() {
    exec "$PYTHON" - "$1" <<'END'
import random, sys, time

random.seed(20261122)
good = open(sys.argv[1], "rb").read()
with open(sys.argv[1], "r+b", buffering=0) as f:
    while True:
        f.seek(random.randrange(len(good) - 64))
        f.write(random.randbytes(random.randrange(1, 64)))
        f.seek(0)
        f.write(good)
        time.sleep(random.random() / 500)
END
}

guest_says_or_ended() { grep -qF -- "$1" "$RUN/guest.log" || ended "$VM_PID"; }

# The guest attaches the last device for ten seconds, again and again, while its
# metadata is rewritten.
boot_with_all() {
    start_guest "$GUEST -- count $N
$GUEST -b $LAST -- count $((N - 1))
$GUEST -a 0000:00:10.0 -- count 1
$GUEST --log-level lib.ivshmem:critical -- again $LAST" --accel "$ACCEL" \
        --device-string "-device ivshmem,file=$RUN/foreign,addr=0x14" \
        --device-string "-device ivshmem,file=$RUN/short,addr=0x15" "${OPTIONS[@]}" \
        -- -smp "$HOTPLUG_CPUS,maxcpus=2"
    until_true "$BOOT_LIMIT" guest_says_or_ended "-- again" || true
    start writer rewrite "$RTE_IVSHMEM_DIR/ring31"
    until_true "$BOOT_LIMIT" ended "$VM_PID" || stop "$VM_PID"
    stop "$PID"
}

# boot_with_bar SIZE: one device, where addresses have 40 bits.
boot_with_bar() {
    mv "$RUN/guest.log" "$RUN/guest-before-$1.log"
    start_guest "$GUEST -- count 1" --accel "$ACCEL" \
        --device-string "${DEVICES[0]},bar-size=$1" -- -cpu max,phys-bits=40
    until_true "$BOOT_LIMIT" ended "$VM_PID" || stop "$VM_PID"
}

make_image >&2
make_foreign
start_devices
launch_options
check "the host prints $N devices" [ "${#DEVICES[@]}" -eq "$N" ]

boot_with_all
check "a guest attaches $N devices at once, and finds the objects of each" \
    guest_says 1 "found $N of $N rings"
check "with random memory and broken metadata beside them" guest_exits 1 0
check "it says what is broken" \
    output_matches 1 "^ivshmem: 0000:00:15.0: not attached: metadata version 0.0"
check "and nothing of memory that is not ours" not guest_says 1 "0000:00:14.0"
check "-b leaves one out, and says so" output_matches 2 "$LAST: left alone because .*: -b $LAST"
check "the others are found" guest_says 2 "found $((N - 1)) of $((N - 1)) rings"
check "-a of another device leaves it out, and says what to add" \
    output_matches 3 "$LAST: left alone because .*: add -a $LAST"
check "the one that is given is found" guest_exits 3 0
check "metadata that is rewritten all the time does no harm" guest_exits 4 0
check "it was good now and then" output_matches 4 "^attached [1-9]"
boot_with_bar 512G
check "the largest BAR that the guest can address is attached" guest_exits 1 0
boot_with_bar 1T
check "QEMU refuses a larger one" output_matches 1 "1 TiB: its CPUs have 40 physical address bits"
stop "$DEVICES_PID"
drain
done_testing

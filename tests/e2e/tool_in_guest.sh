#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The program dpdk-ivshmem in a guest: on the device of a host program, before and
# after that ends, and on a device whose memory is not ours.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

OURS=0000:00:10.0
FOREIGN=0000:00:11.0

# shellcheck disable=SC2317  # until_true calls it
said() { [ "$(grep -c '^\[guest\] exit status' "$RUN/guest.log")" -ge "$1" ]; }

dd if=/dev/urandom of="$RUN/foreign" bs=1M count=2 status=none
GUEST_IMAGE=$RUN/tool.img
"$ROOT/scripts/guest-image" --add "$PROGRAMS/tools/dpdk-ivshmem" --output "$GUEST_IMAGE" >&2
share --no-huge -m 64

start_guest "dpdk-ivshmem list
dpdk-ivshmem dump $OURS
dpdk-ivshmem check $OURS
dpdk-ivshmem list --json
dpdk-ivshmem check $FOREIGN
dpdk-ivshmem audit $OURS
until dpdk-ivshmem list | grep stale; do sleep 1; done
dpdk-ivshmem check $OURS" --accel "$ACCEL" \
    --device-string "$(cat "$DEVICE_FILE"),addr=0x10" \
    --device-string "-device ivshmem,file=$RUN/foreign,addr=0x11"
until_true "$BOOT_LIMIT" said 6 || true
stop "$HOST_PID"
until_true "$BOOT_LIMIT" ended "$VM_PID" || stop "$VM_PID"
drain

check "list shows the device by name, state and address" \
    output_matches 1 "^demo  *ready .*  $OURS\$"
check "it leaves out a device whose memory is not ours" not guest_says 1 "$FOREIGN"
check "it exits with 0" guest_exits 1 0
check "dump prints the host's objects" output_matches 2 "^mempool  demo_pool "
check "and draws the BAR" output_matches 2 "^BAR 2, .*MiB:"
check "it exits with 0" guest_exits 2 0
check "check finds the device good" guest_says 3 "$OURS: good: ready, in use"
check "it exits with 0" guest_exits 3 0
check "list --json names device and state" output_matches 4 "\"device\":.*\"$OURS\""
check "it exits with 0" guest_exits 4 0
check "check says that other memory is no metadata" guest_says 5 "no DPDK metadata"
check "it exits with 1" guest_exits 5 1
check "audit sends to the host" guest_says 6 "give the metadata file on the host"
check "once the host is gone, list says that the device is stale" \
    output_matches 7 "^demo  *closing  *stale .*  $OURS\$"
check "and check that it is bad" guest_says 8 "stale: its host is gone"
check "it exits with 1" guest_exits 8 1
done_testing

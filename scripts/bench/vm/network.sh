#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the benchmark guest-network: one guest with all paths between it and its host, where
# bench-network-guest and dpdk-testpmd run; prints the host program's samples.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$ROOT/scripts/lib/common.sh"
# shellcheck source=scripts/lib/exchange.sh
. "$ROOT/scripts/lib/exchange.sh"
# shellcheck source=scripts/bench/vm/lib.sh
. "$ROOT/scripts/bench/vm/lib.sh"

BENCH=$PROGRAMS/bench
MEMORY=768      # MiB of the guest
HUGE_PAGES=160  # of the guest, for two programs
ROUND_LIMIT=120 # seconds
BOOT_LIMIT=120
SHARED=0000:00:0f.0 # the PCI addresses
SPLIT=0000:00:10.0
PACKED=0000:00:11.0
TESTPMD=0000:00:12.0
GUEST_CID=4711

usage() {
    cat <<'END'
usage: scripts/bench/vm/network.sh ROUNDS MILLISECONDS CORE CORE [HUGE-DIR]

ROUNDS rounds of samples of about so many MILLISECONDS. The host program runs on the first
CORE, the guest's CPU that sends and receives on the other one. The memory of both is in
HUGE-DIR, a hugetlbfs, or in ordinary pages.

TCP needs root for a tap device, which is best made in a network namespace of its own:
  unshare --net scripts/bench/vm/network.sh ...
END
}

# find_paths: the paths that can be here, for the host program and for the guest's.
find_paths() {
    HOST_PATHS=(split=net_vhost0 packed=net_vhost1 testpmd=net_vhost2 loopback=1)
    GUEST_PATHS=("split=$SPLIT" "packed=$PACKED" loopback=1)
    EXTRA_DEVICES=() KERNEL_ADDRESS=-
    if make_tap; then
        HOST_PATHS+=("tcp=$GUEST_ADDRESS")
        GUEST_PATHS+=("tcp=$GUEST_ADDRESS")
        KERNEL_ADDRESS=$GUEST_ADDRESS
    fi
    if [ -w /dev/vhost-vsock ]; then
        HOST_PATHS+=("vsock=$GUEST_CID")
        GUEST_PATHS+=(vsock=-1)
        EXTRA_DEVICES+=(-device "vhost-vsock-pci,guest-cid=$GUEST_CID")
    fi
}

# ---- guest --------------------------------------------------------------------

make_image() {
    local module modules=()
    GUEST_PROGRAM=$BENCH/bench-network-guest
    [ -x "$GUEST_PROGRAM" ] || die "$GUEST_PROGRAM: not there" "./build.sh build library"
    driver_files bus_pci bus_vdev mempool_ring net_ring net_virtio
    for module in uio_pci_generic virtio_pci virtio_net vmw_vsock_virtio_transport \
        vsock_loopback; do
        modules+=(--module "$module")
    done
    GUEST_IMAGE=$BUILD/guest/network.img
    "$ROOT/scripts/guest-image" --default
    "$ROOT/scripts/guest-image" "${modules[@]}" "${DRIVER_FILES[@]}" --add "$GUEST_PROGRAM" \
        --add "$(command -v dpdk-testpmd)" \
        --add "$ROOT/scripts/bench/vm/network_guest.sh:/usr/bin/network_guest.sh" \
        --output "$GUEST_IMAGE"
    ACCEL=$("$ROOT/scripts/accel")
}

# vhost_user NUMBER PCI-ADDRESS PROPERTIES: QEMU's arguments, to EXTRA_DEVICES.
vhost_user() {
    local address=${2##*:}
    EXTRA_DEVICES+=(-chardev "socket,id=vhost$1,path=$XDG_RUNTIME_DIR/vhost$1"
        -netdev "vhost-user,id=net$1,chardev=vhost$1"
        -device "virtio-net-pci,netdev=net$1,romfile=,disable-legacy=on,addr=${address%.*},$3")
}

guest_memory() {
    local backend="memory-backend-memfd"
    [ -z "$HUGE_DIR" ] || backend="memory-backend-file,mem-path=$HUGE_DIR"
    echo "$backend,id=ram,share=on,size=${MEMORY}M"
}

# The best of each kind: large rings, and what makes DPDK's driver choose its fast loops.
# The guest's second CPU works, its first one has the rest to do.
start_vm() {
    local eal="--no-telemetry --log-level lib.eal:warning"
    local own="bench-network-guest -m 128 $eal --lcores 1@1 -a $SHARED -a $SPLIT"
    local testpmd="dpdk-testpmd -m 64 $eal --lcores 64@0,65@1 --file-prefix testpmd -a $SHARED"
    local queues="rx_queue_size=1024,tx_queue_size=1024,mrg_rxbuf=off"
    local bind="sh /usr/bin/network_guest.sh $KERNEL_ADDRESS $SPLIT $PACKED $TESTPMD"
    own+=" -a $PACKED,vectorized=1 -- ${GUEST_PATHS[*]}"
    testpmd+=" -a $TESTPMD,vectorized=1 --vdev net_ring0,nodeaction=net_ring0:0:ATTACH --"
    testpmd+=" -i --total-num-mbufs=8192 --rxd=1024 --no-flush-rx --forward-mode=rxonly"
    vhost_user 0 "$SPLIT" "$queues"
    vhost_user 1 "$PACKED" "$queues,packed=on,in_order=on"
    vhost_user 2 "$TESTPMD" "$queues,packed=on,in_order=on"
    mkfifo "$RUN/console"
    exec {CONSOLE}<>"$RUN/console"
    # shellcheck disable=SC2016  # for that shell
    start guest bash -c 'exec "$@" <"$0"' "$RUN/console" "$ROOT/scripts/launch" \
        --initrd "$GUEST_IMAGE" --accel "$ACCEL" --memory "$MEMORY" \
        --device-string "$(cat "$DEVICE_FILE"),addr=0xf" \
        --append "no_timer_check hugepages=$HUGE_PAGES -- sh -c \"$bind; $own & $testpmd\"" \
        -- -machine pc,memory-backend=ram -object "$(guest_memory)" \
        -name "bench,debug-threads=on" "${TAP_DEVICE[@]}" "${EXTRA_DEVICES[@]}"
    VM_PID=$PID
}

# tell_guest LINE: to testpmd, on the guest's console.
tell_guest() { printf '%s\n' "$1" >&"$CONSOLE"; }

# pin_vcpu NUMBER CORE: QEMU names the thread.
pin_vcpu() {
    local task
    for task in "/proc/$VM_PID/task"/*; do
        [[ "$(cat "$task/comm" 2>/dev/null)" != "CPU $1/"* ]] || {
            taskset --cpu-list --pid "$2" "${task##*/}" >/dev/null
            return
        }
    done
    return 1
}

# ---- host ---------------------------------------------------------------------

# run_host CORE: returns when it shares.
run_host() {
    local memory=(--no-huge -m 96) number ports=()
    [ -z "$HUGE_DIR" ] || memory=(-m 96 --huge-dir "$HUGE_DIR")
    for number in 0 1 2; do
        ports+=(--vdev "net_vhost$number,iface=$XDG_RUNTIME_DIR/vhost$number")
    done
    mkdir -p "$RTE_IVSHMEM_DIR"
    mkfifo "$RUN/orders"
    exec {ORDERS}<>"$RUN/orders"
    # shellcheck disable=SC2016  # for that shell
    start host bash -c 'exec "$@" <"$0"' "$RUN/orders" \
        "$BENCH/bench-network-host" "${memory[@]}" --no-pci --no-telemetry --lcores "0@$1" \
        --log-level lib.eal:warning --file-prefix "$FILE_PREFIX" "${ports[@]}" \
        -- "$DEVICE_FILE" "${HOST_PATHS[@]}"
    HOST_PID=$PID
    # shellcheck disable=SC2119  # without its argument
    wait_for_device || fail host guest
}

has_done() { [ "$(grep -c '^done$' "$RUN/host.log")" -ge "$1" ]; }
connected_or_ended() { says host connected || one_ended; }
done_or_ended() { has_done "$1" || one_ended; }

DONE=0

# order LINE: returns when it is done.
order() {
    DONE=$((DONE + 1))
    echo "$1" >&"$ORDERS"
    until_true "$ROUND_LIMIT" done_or_ended "$DONE" || true
    has_done "$DONE" || fail host guest
}

# ---- rounds -------------------------------------------------------------------

one_round() {
    order "own $MILLISECONDS"
    tell_guest start
    until_true 20 forwards || fail host guest
    order "testpmd $MILLISECONDS"
    sleep 0.2 # for what is on its way
    tell_guest stop
    until_true 20 forwards_not || fail host guest
}

forwards() { [ "$(grep -c 'packet forwarding - ports' "$RUN/guest.log")" -gt "$(stops)" ]; }
forwards_not() { ! forwards; }
stops() { grep -c 'Accumulated forward statistics' "$RUN/guest.log"; }

# new_samples: prints those that there are since the last call.
new_samples() {
    grep '^sample' "$RUN/host.log" | tail -n +$((SAMPLES + 1))
    forget_samples
}

forget_samples() { SAMPLES=$(grep -c '^sample' "$RUN/host.log"); }

# received PORT: by testpmd, of all rounds.
received() {
    awk -v port="$1" '
        /NIC statistics for port/ { here = $0 ~ "port " port " " }
        here && /RX-missed/ { packets = $2 }
        END { print packets }' "$RUN/guest.log"
}

received_all() {
    tell_guest "show port stats all"
    sleep 0.2
    [ "total|$(received 0)|$(received 1)" = "$(grep '^total' "$RUN/host.log")" ]
}

# check_totals: testpmd has received all that the host program has sent to it.
check_totals() {
    order totals
    tell_guest start # for what may be on its way
    until_true 20 received_all ||
        die "testpmd has received $(received 0) and $(received 1) packets, not all:" \
            "$(grep '^total' "$RUN/host.log")"
    tell_guest stop
}

end_both() {
    tell_guest quit
    order end
    until_true 20 ended "$HOST_PID" || fail host guest
    status_of "$HOST_PID"
    [ "$STATUS" = 0 ] || fail host guest
    until_true 20 ended "$VM_PID" || fail host guest
}

one_ended() { ended "$HOST_PID" || ended "$VM_PID"; }

main() {
    [ $# -ge 4 ] || { usage >&2; exit 2; }
    ROUNDS=$1 MILLISECONDS=$2
    make_image
    exchange_begin
    HUGE_DIR=${5:-}
    find_paths
    run_host "$3"
    start_vm
    until_true 10 pin_vcpu 1 "$4" || fail host guest
    until_true "$BOOT_LIMIT" connected_or_ended || true
    says host connected || fail host guest
    one_round # which warms up
    forget_samples
    local round
    for ((round = 0; round < ROUNDS; round++)); do
        one_round
        new_samples
    done
    check_totals
    end_both
}

main "$@"

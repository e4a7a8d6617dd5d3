#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A host and two guests, all with lcores 0 and 1, on one pool with a cache: no
# mbuf is owned twice, none is lost. Arguments: stress-host, stress-guest, the
# plugin, the mode (as in eal.h), and seconds. Guests are processes here;
# tests/e2e/equal_lcores.sh has a VM.
set -euo pipefail
HOST=$(realpath "$1") GUEST=$(realpath "$2") PLUGIN=$(realpath "$3") MODE=$4 SECONDS_EACH=$5
# shellcheck source=dpdk-ivshmem/tests/processes.sh
. "$(dirname "$(readlink -f "$0")")/processes.sh"

LCORES=0@$CPUS,1@$CPUS
: >"$WORK/started"

cleanup() {
    local pid
    while read -r pid; do
        # Ended long ago, its number may be another's.
        ! grep -qs "$PREFIX" "/proc/$pid/cmdline" || kill -KILL "$pid" 2>/dev/null || true
    done <"$WORK/started"
    wait
    remove_leavings
}
trap cleanup EXIT

memory_of "$MODE" 32

start_host() {
    "$HOST" "${MEMORY[@]}" --no-pci --no-telemetry --lcores "$LCORES" \
        --base-virtaddr "$FAR" --file-prefix "${PREFIX}host" \
        --log-level lib.eal:warning -- st "$1" 2 >"$WORK/host.log" 2>&1 &
    HOST_PID=$!
    echo "$HOST_PID" >>"$WORK/started"
    until grep -q '^ready' "$WORK/host.log"; do
        kill -0 "$HOST_PID" 2>/dev/null || { cat "$WORK/host.log"; return 1; }
        sleep 0.05
    done
}

start_guest() {
    local name=$1
    shift
    "$GUEST" --no-huge -m 16 --no-pci --no-telemetry --lcores "$LCORES" \
        --file-prefix "$PREFIX$name" --log-level lib.eal:warning \
        -d "$(basename "$PLUGIN")" -a "ivshmem0,file=$RTE_IVSHMEM_DIR/st" -- "$@" \
        >"$WORK/$name.log" 2>&1 &
    GUESTS+=($!)
    echo $! >>"$WORK/started"
}

# run SECONDS ARGUMENT...: of the guests; sets HOST_STATUS and GUEST_STATUS.
run() {
    local pid watch seconds=$1
    shift
    GUESTS=() HOST_STATUS=0 GUEST_STATUS=0
    start_host "$seconds"
    # The words of the host's own line.
    # shellcheck disable=SC2046
    [ "${1:-}" != shared ] || set -- shared $(sed -n 's/^caches: //p' "$WORK/host.log")
    start_guest a "$@"
    start_guest b "$@"
    # A pool with broken caches may hold its users up for ever.
    { sleep $((seconds + 60)); kill -KILL "$HOST_PID" "${GUESTS[@]}"; } >/dev/null 2>&1 &
    watch=$!
    for pid in "${GUESTS[@]}"; do wait "$pid" || GUEST_STATUS=$?; done
    wait "$HOST_PID" || HOST_STATUS=$?
    kill "$watch" 2>/dev/null || true
    wait "$watch" 2>/dev/null || true
    grep -h -e '^total' -e '^party' "$WORK/host.log" >"$WORK/totals" || true
}

none_lost() {
    run "$SECONDS_EACH"
    cat "$WORK"/*.log
    [ "$HOST_STATUS $GUEST_STATUS" = "0 0" ]
    contains "$(cat "$WORK/totals")" " 0 owned twice, 0 lost"
    grep -q "guest: 2 lcores, the first is 0" "$WORK/a.log"
    grep -q "guest: 2 lcores, the first is 0" "$WORK/b.log"
}

# A crash, or a hang that is ended, is what such caches do as well.
shared_caches_show() {
    run 30 shared
    cat "$WORK"/*.log
    [ "$HOST_STATUS" != 0 ]
    grep -q "owned twice: mbuf" "$WORK"/*.log ||
        [ "$GUEST_STATUS" -gt 128 ] || [ "$HOST_STATUS" -gt 128 ]
}

t "lcores 0 and 1 of three processes: no mbuf is owned twice, none is lost" none_lost
sed 's/^/# /' "$WORK/totals"
# One mode is enough to know that the test can fail.
if [ "$MODE" = no-huge ]; then
    t "with the caches shared, the same test finds mbufs that are owned twice" shared_caches_show
fi
t_done

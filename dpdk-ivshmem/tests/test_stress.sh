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
trap remove_leavings EXIT
# Only when the test that runs has ended what it started.
trap 'exit 143' INT TERM HUP

memory_of "$MODE" 32

# end_started: `timeout` passes the signal on.
end_started() {
    local pid
    for pid in "${STARTED[@]}"; do child_signal TERM "$pid" || true; done
    wait
}

# start LOG COMMAND...: killed when it has taken a minute too long: a pool with broken
# caches may hold its users up for ever. Sets PID.
start() {
    local log=$1
    shift
    timeout --foreground -s KILL $((LIMIT + 60)) "$@" >"$log" 2>&1 &
    PID=$!
    STARTED+=("$PID")
}

start_host() {
    start "$WORK/host.log" "$HOST" "${MEMORY[@]}" --no-pci --no-telemetry --lcores "$LCORES" \
        --base-virtaddr "$FAR" --file-prefix "${PREFIX}host" \
        --log-level lib.eal:warning -- st "$1" 2
    HOST_PID=$PID
    until grep -q '^ready' "$WORK/host.log"; do
        child_runs "$HOST_PID" || { cat "$WORK/host.log"; return 1; }
        sleep 0.05
    done
}

start_guest() {
    local name=$1
    shift
    start "$WORK/$name.log" "$GUEST" --no-huge -m 16 --no-pci --no-telemetry --lcores "$LCORES" \
        --file-prefix "$PREFIX$name" --log-level lib.eal:warning \
        -d "$(basename "$PLUGIN")" -a "ivshmem0,file=$RTE_IVSHMEM_DIR/st" -- "$@"
    GUESTS+=("$PID")
}

# run SECONDS ARGUMENT...: of the guests; sets HOST_STATUS and GUEST_STATUS.
run() {
    local pid seconds=$1
    shift
    LIMIT=$seconds STARTED=() GUESTS=() HOST_STATUS=0 GUEST_STATUS=0
    trap end_started EXIT
    trap 'exit 143' INT TERM HUP
    start_host "$seconds"
    # The words of the host's own line.
    # shellcheck disable=SC2046
    [ "${1:-}" != shared ] || set -- shared $(sed -n 's/^caches: //p' "$WORK/host.log")
    start_guest a "$@"
    start_guest b "$@"
    for pid in "${GUESTS[@]}"; do wait "$pid" || GUEST_STATUS=$?; done
    wait "$HOST_PID" || HOST_STATUS=$?
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

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# DPDK's public calls in a guest on what a host shares: those that read, those
# that free, and the ways in which a program ends. Arguments: calls-host,
# calls-guest, the plugin, the mode (as in eal.h).
set -euo pipefail
HOST=$(realpath "$1") GUEST=$(realpath "$2") PLUGIN=$(realpath "$3") MODE=$4
HERE=$(dirname "$(readlink -f "$0")")
# shellcheck source=dpdk-ivshmem/tests/guests.sh
. "$HERE/guests.sh"

memory_of "$MODE" 48
start_host ch "${MEMORY[@]}" --base-virtaddr "$FAR"
device ch

whole() { ask ch check whole; }

does() {
    guest "${MODEST[@]}" "${DEVICES[@]}" -- "$@"
    whole
}

# The folder of a process: the EAL has another one for root.
runtime_of() {
    if [ "$(id -u)" = 0 ]; then echo "/var/run/dpdk/$1"; else echo "$XDG_RUNTIME_DIR/dpdk/$1"; fi
}

answers_telemetry() {
    local pid input deadline=$((SECONDS + 60))
    mkfifo "$WORK/input"
    exec {input}<>"$WORK/input"
    "$GUEST" --no-huge -m 32 --no-pci --file-prefix "${PREFIX}asked" -d "$(basename "$PLUGIN")" \
        --lcores "0@$CPUS" "${DEVICES[@]}" -- telemetry use ch \
        <"$WORK/input" >"$WORK/asked.log" 2>&1 &
    pid=$!
    until grep -qs "guest: ask" "$WORK/asked.log"; do
        if [ "$SECONDS" -gt "$deadline" ] || ! child_runs "$pid"; then
            cat "$WORK/asked.log"
            return 1
        fi
        sleep 0.1
    done
    /usr/bin/python3 "$HERE/ask_telemetry.py" "$(runtime_of "${PREFIX}asked")/dpdk_telemetry.v2" ch_own
    /usr/bin/python3 "$HERE/ask_telemetry.py" "$(runtime_of "${PREFIX}asked")/dpdk_telemetry.v2" ch_plain
    echo end >&"$input"
    wait "$pid"
    whole
}

# ---- calls that free ---------------------------------------------------------

frees() {
    does free ch own mine
    contains "$OUTPUT" "mempool 'ch_own' belongs to the host: it is not freed"
    contains "$OUTPUT" "mempool 'ch_plain' belongs to the host"
    contains "$OUTPUT" "mempool 'ch_stack' belongs to the host"
    contains "$OUTPUT" "Cannot free memory" # by rte_ring_free()
}

other_guest_uses() { does use ch; }

frees_readonly() {
    does free-readonly ch
    contains "$OUTPUT" "mempool 'ch_read' belongs to the host: it is not freed"
}

# ---- the end of a program ----------------------------------------------------

# ends HOW STATUS
ends() {
    local status=0
    guest "${MODEST[@]}" "${DEVICES[@]}" -- end ch "$1" || status=$?
    [ "$status" = "$2" ]
}

gives_back() { ends "$1" 0; ask ch count 255; }

# keeps_back HOW STATUS MBUFS: what is missing returns to no one.
keeps_back() {
    ends "$1" "$2"
    ask ch count "$3"
}

t "calls that read do so, and change nothing" does read ch
t "DPDK's telemetry in the guest tells of them" answers_telemetry
t "mbufs are cloned and copied between shared and own pools" does across ch
t "calls that free fail, say so, and change nothing" frees
t "also on what can only be read" frees_readonly
t "another guest finds and uses all objects after that" other_guest_uses
for how in return exit cleanup rte_exit; do
    t "a program that ends by $how gives back what its caches hold" gives_back "$how"
done
t "after all that, the host's objects are whole" whole
# From here on mbufs are missing: 32 in each cache.
t "a worker that runs while the program ends keeps what its cache holds" keeps_back busy 0 223
t "a program that is killed keeps what its two caches hold" keeps_back kill 137 159
t "one that ends by _exit() likewise" keeps_back _exit 0 95
t_done

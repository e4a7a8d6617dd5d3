# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For programs.sh: a host program that takes commands, and a VM whose programs stay,
# read what they are told, and end. Needs lib.sh.
# shellcheck source=tests/e2e/agent/lib.sh
. "$ROOT/tests/e2e/agent/lib.sh"

PROGRAM_LIMIT=400 # seconds for a program in a guest, on a busy machine: above that of programs_packets.c

# ---- host ---------------------------------------------------------------------

# start_programs_host POOL MEMORY-ARGUMENTS...: returns when it shares. POOL is
# "own", for one with pages of its own, or "plain".
start_programs_host() {
    local kind=()
    [ "$1" = own ] || kind=("$1")
    shift
    mkdir -p "$RTE_IVSHMEM_DIR"
    rm -f "$RUN/commands"
    mkfifo "$RUN/commands"
    exec {COMMANDS}<>"$RUN/commands"
    # shellcheck disable=SC2016  # expanded by that shell
    start host bash -c 'exec "$@" <"$0"' "$RUN/commands" \
        "$PROGRAMS/tests/programs-host" "$@" --no-pci --no-telemetry \
        --lcores "0@$(allowed_cpus)" --base-virtaddr 0x4000000000 --file-prefix "$FILE_PREFIX" \
        --log-level lib.eal:warning -- programs "$RUN/device" "${kind[@]}"
    HOST_PID=$PID
    until_true 60 host_shares_or_ends || true
    host_says shared || die "the host program does not start" "$(tail -n 3 "$RUN/host.log")"
}

end_programs_host() {
    echo end >&"$COMMANDS"
    host_ends
}

host_shares_or_ends() { host_says shared || ended "$HOST_PID"; }

host_answers() { grep -cx 'good\|bad' "$RUN/host.log" || true; }
host_has_answered() { [ "$(host_answers)" -ge "$1" ] || ended "$HOST_PID"; }

# host_does COMMAND: of programs_packets.h.
host_does() {
    local wanted=$(($(host_answers) + 1))
    echo "$1" >&"$COMMANDS"
    until_true "$PROGRAM_LIMIT" host_has_answered "$wanted" || true
    echo "# host, $1: $(tail -n 2 "$RUN/host.log" | head -n 1)"
    [ "$(tail -n 1 "$RUN/host.log")" = good ]
}

# ---- guest --------------------------------------------------------------------

# start_programs_vm IMAGE: with hugepages, which programs need that share with a
# second process. The kernel's check of the emulated timer fails on a busy host.
start_programs_vm() {
    start_agent vm "$VM" --initrd "$1" --memory 1024 --device "$RUN/device" \
        --append "no_timer_check hugepages=160 $AGENT_INIT" -- "${AGENT_PORT[@]}"
    wait_for_agent vm "$PROGRAM_LIMIT"
}

# fetch FILE: of the guest, to standard output. A serial port is slow.
fetch() { in_guest "gzip -c $1 | base64 -w 0" && base64 -d <<<"$OUTPUT" | gzip -dc; }

# begin NAME COMMAND: a program in the guest, which goes on; tell writes to its input.
# If either fails, so do the checks of what it prints.
begin() {
    in_guest "rm -f /tmp/$1 /tmp/$1.in; mkfifo /tmp/$1.in; { $2; echo exit status \$?; } 0<>/tmp/$1.in >/tmp/$1 2>&1 &" ||
        echo "# $1: $OUTPUT"
}

# tell NAME LINE...
tell() {
    local name=$1 line
    shift
    # Opened for both, which does not wait for a reader.
    for line; do in_guest "echo $line 1<>/tmp/$name.in" || echo "# $name: $OUTPUT"; done
}

in_guest_ended() { in_guest "grep -q '^exit status' /tmp/$1"; }

# finish NAME: waits for its end; what it printed is in RUN/NAME.log, with its exit
# status last.
finish() {
    until_true "$PROGRAM_LIMIT" in_guest_ended "$1" || true
    fetch "/tmp/$1" | tr -d '\r' >"$RUN/$1.log" || echo "# $1: $OUTPUT"
}

# run NAME COMMAND [INPUT]: from begin to end.
run() {
    begin "$1" "$2"
    [ $# -lt 3 ] || tell "$1" "${@:3}"
    finish "$1"
}

# printed NAME REGEX: a line of what NAME printed is that.
printed() { grep -q -- "$2" "$RUN/$1.log"; }
exits() { printed "$1" "^exit status $2\$"; }

# counter NAME PORT WORD: of what testpmd and dpdk-proc-info print about a port;
# theirs of single queues follow it.
counter() {
    awk -v port="$2" -v word="$3:" '
        /NIC statistics for port/ { here = $0 ~ "port " port " " }
        here && value == "" { for (i = 1; i < NF; i++) if ($i == word) value = $(i + 1) }
        END { print value }' "$RUN/$1.log"
}

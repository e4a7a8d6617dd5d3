# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Hosts and guests as processes of this machine, for tests in shell: calls-host
# and calls-guest with our library as plugin. Source it with HOST, GUEST and
# PLUGIN set; it sources tap.sh, and ends what it started.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../scripts/lib/tap.sh"

WORK=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-guests-XXXXXX")
PREFIX=ivcalls$$
CPUS=$(awk '$1 == "Cpus_allowed_list:" { print "(" $2 ")" }' /proc/self/status)
# shellcheck disable=SC2034  # for the scripts that source this file
FAR=0x200000000000 # free with and without AddressSanitizer's shadow
export XDG_RUNTIME_DIR=$WORK/runtime RTE_IVSHMEM_DIR=$WORK/metadata
# The EAL refuses plugins below a folder that all may write to.
LD_LIBRARY_PATH=$(dirname "$PLUGIN")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
unset RUNTIME_DIRECTORY
mkdir -m 700 "$XDG_RUNTIME_DIR" "$RTE_IVSHMEM_DIR"
declare -A TO FROM HOST_PIDS # by the name of a host

end_guests() {
    local pid
    for pid in "${HOST_PIDS[@]}"; do
        { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true
    done
    [ -z "${IVSHMEM_HUGE:-}" ] || rm -f "$IVSHMEM_HUGE/$PREFIX"*
    [ "$(id -u)" != 0 ] || rm -rf "/var/run/dpdk/$PREFIX"*
    rm -rf "$WORK"
}
trap end_guests EXIT

# start_host NAME EAL-ARGUMENTS...: until it has shared its objects. MORE: the
# words behind its name.
start_host() {
    # shellcheck disable=SC2034  # read by name
    local name=$1 line='' input output
    shift
    mkfifo "$WORK/$name.in" "$WORK/$name.out"
    exec {input}<>"$WORK/$name.in" {output}<>"$WORK/$name.out"
    "$HOST" --no-pci --no-telemetry --lcores "0@$CPUS,1@$CPUS" --file-prefix "$PREFIX$name" \
        --log-level lib.eal:warning "$@" -- "$name" ${MORE:+"$MORE"} \
        <"$WORK/$name.in" >"$WORK/$name.out" 2>"$WORK/$name.err" {input}>&- {output}>&- &
    HOST_PIDS[$name]=$! TO[$name]=$input FROM[$name]=$output
    ask "$name" "" ready || { sed 's/^/# /' "$WORK/$name.err"; echo "Bail out! no host $name"; exit 1; }
}

# ask NAME WORD EXPECTED: of a host; ANSWER is what it said.
ask() {
    [ -z "$2" ] || echo "$2" >&"${TO[$1]}"
    # It may say something else before.
    while read -r -t 60 ANSWER <&"${FROM[$1]}"; do
        [[ $ANSWER =~ ^(ready|whole|damaged|[0-9]) ]] && break
    done
    [ "$ANSWER" = "$3" ] || { printf 'host %s: %s: "%s", not "%s"\n' "$1" "$2" "$ANSWER" "$3"; return 1; }
}

end_host() {
    { kill -KILL "${HOST_PIDS[$1]}" && wait "${HOST_PIDS[$1]}"; } 2>/dev/null || true
    unset "HOST_PIDS[$1]"
    rm -f "$WORK/$1".*
    # The EAL leaves them for the next start of the same name.
    [ -z "${IVSHMEM_HUGE:-}" ] || rm -f "$IVSHMEM_HUGE/$PREFIX"*
}

# guest ARGUMENT...: with `--` behind those of the EAL. OUTPUT is what it says.
guest() {
    local status=0
    OUTPUT=$(timeout -k 1 60 "$GUEST" --file-prefix "${PREFIX}guest" -d "$(basename "$PLUGIN")" \
        "$@" </dev/null 2>&1) || status=$?
    printf '%s\n' "$OUTPUT" "exit status $status"
    return $status
}

# shellcheck disable=SC2034  # for the scripts that source this file
MODEST=(--no-huge -m 32 --no-pci --no-telemetry --lcores "0@$CPUS,1@$CPUS"
    --log-level lib.eal:warning)

# device NAME...: the arguments that attach these hosts.
device() {
    local i=0
    DEVICES=()
    for name; do
        DEVICES+=(-a "ivshmem$i,file=$RTE_IVSHMEM_DIR/$name")
        i=$((i + 1))
    done
}

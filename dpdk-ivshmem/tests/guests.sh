# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Hosts and guests as processes of this machine, for tests in shell: calls-host
# and calls-guest with our library as plugin. Source it with HOST, GUEST and
# PLUGIN set; it ends what it started.
# shellcheck source=dpdk-ivshmem/tests/processes.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/processes.sh"

declare -A TO FROM HOST_PIDS # by the name of a host

end_guests() {
    local pid
    for pid in "${HOST_PIDS[@]}"; do child_end KILL "$pid"; done
    remove_leavings
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
    child_end KILL "${HOST_PIDS[$1]}"
    unset "HOST_PIDS[$1]"
    rm -f "$WORK/$1".*
    remove_hugepages
}

# guest ARGUMENT...: with `--` behind those of the EAL. OUTPUT is what it says.
# RUNNER: words in front of its command.
guest() {
    local status=0
    OUTPUT=$(timeout -k 1 60 "${RUNNER[@]}" "$GUEST" --file-prefix "${PREFIX}guest" -d "$(basename "$PLUGIN")" \
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

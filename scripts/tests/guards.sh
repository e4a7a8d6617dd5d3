#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What keeps scripts and tests, many of which run as root, from changing more of the
# machine than is theirs: signals go to children only, and mounts are made only in
# namespaces of their own.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$ROOT/scripts/lib/tap.sh"
# shellcheck source=scripts/lib/children.sh
. "$ROOT/scripts/lib/children.sh"

WORK=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-guards.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

not() {
    if "$@"; then
        echo "it should be false: $*"
        return 1
    fi
}

# sleeper: sets PID to a child, which ends with the test. As long as it is still bash, a
# signal may be lost.
sleeper() {
    sleep 983 >/dev/null 2>&1 &
    PID=$!
    until [ "$(cat "/proc/$PID/comm")" = sleep ]; do :; done
    # shellcheck disable=SC2064  # of now
    trap "kill $PID 2>/dev/null || true" EXIT
}

# stranger: sets PID to a process of the same user that is no child.
stranger() {
    (sleep 984 >/dev/null 2>&1 & echo $! >"$WORK/stranger")
    PID=$(cat "$WORK/stranger")
    # shellcheck disable=SC2064  # of now
    trap "kill $PID 2>/dev/null || true" EXIT
}

runs() { [ -d "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status"; }

children_are_signalled() {
    local status=0
    sleeper
    child_runs "$PID"
    child_signal TERM "$PID"
    wait "$PID" || status=$?
    [ $status -eq 143 ]
    not child_runs "$PID"
    not child_signal KILL "$PID"
}

others_are_not() {
    local number
    stranger
    runs "$PID"
    not child_runs "$PID"
    not child_signal KILL "$PID"
    not child_group_signal KILL "$PID"
    runs "$PID"
    # 0 and less are process groups, and all that there is.
    for number in 1 0 -1 "-$$" "" " $PID" word; do
        not child_runs "$number"
        not child_signal CONT "$number"
    done
}

subshells_signal_for_the_script() {
    # shellcheck disable=SC2016  # for that shell
    local script='. "$1/scripts/lib/children.sh"
        sleep 983 >/dev/null 2>&1 &
        (child_runs $!) || exit
        text=$(child_signal KILL $! && echo sent)
        [ "$text" = sent ] || exit
        wait $!
        [ $? -eq 137 ]' shell
    for shell in bash dash; do
        ! command -v "$shell" >/dev/null || "$shell" -c "$script" "$shell" "$ROOT"
    done
}

# As exchange_end does, when a number that was waited for is a stranger's.
ended_processes_are_forgotten() {
    # shellcheck disable=SC2034,SC2030
    (
        trap - EXIT
        # shellcheck source=scripts/lib/common.sh
        . "$ROOT/scripts/lib/common.sh"
        # shellcheck source=scripts/lib/exchange.sh
        . "$ROOT/scripts/lib/exchange.sh"
        RUN=$WORK
        start one sleep 981
        first=$PID
        start two sleep 982
        second=$PID
        [ "${STARTED[*]}" = "$first $second" ]
        stop "$first"
        [ "${STARTED[*]}" = "$second" ]
        ended "$first"
        end_by KILL "$second"
        [ ${#STARTED[@]} -eq 0 ]
        status_of "$second"
        [ "$STATUS" -eq 137 ]
        drain
        stranger
        STARTED=("$PID")
        ended "$PID"
        stop "$PID"
        runs "$PID"
        [ ${#STARTED[@]} -eq 0 ]
    )
}

mounting() {
    # shellcheck disable=SC2016  # for that shell
    ROOT=$ROOT "$@" bash -c '. "$ROOT/scripts/lib/children.sh"
        . "$ROOT/tests/e2e/forms/namespaces.sh"
        . "$ROOT/tests/e2e/forms/libvirt.sh"
        echo "it would mount"'
}

refuses_to_mount() {
    fails 1 mounting "$@"
    contains "$OUTPUT" "error: outside namespaces of its own"
}

mounts_need_namespaces() {
    refuses_to_mount
    refuses_to_mount env IN_NAMESPACES=1 CALLER='mnt:[4026531840]'
    refuses_to_mount 7</proc/self/ns/mnt
    refuses_to_mount 7</dev/null
}

some_namespaces_are_not_enough() {
    unshare --mount --pid --fork true 2>/dev/null || { echo "no namespaces here"; return 77; }
    refuses_to_mount unshare --mount 7</proc/self/ns/mnt
    refuses_to_mount unshare --pid --fork --mount-proc 7</dev/null
    refuses_to_mount unshare --mount --propagation shared --pid --fork --mount-proc \
        7</proc/self/ns/mnt
    # The same words as in the test of libvirt.
    mounting unshare --mount --propagation private --pid --fork --mount-proc 7</proc/self/ns/mnt
}

t "children are signalled until they end" children_are_signalled
t "other processes are not" others_are_not
t "a subshell signals the children of its script" subshells_signal_for_the_script
t "what has ended is not signalled at the end of a test" ended_processes_are_forgotten
t "a libvirt of one's own mounts nothing outside namespaces of its own" mounts_need_namespaces
t "nor in those that others share" some_namespaces_are_not_enough
t_done

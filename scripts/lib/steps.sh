# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs the steps of build.sh: one line each, a log each. Needs common.sh.
# shellcheck source=scripts/lib/children.sh
. "$ROOT/scripts/lib/children.sh"

LOGS=$BUILD/logs
STEP_PID=

elapsed() { printf '%3d.%d s' "$(($1 / 1000))" "$(($1 % 1000 / 100))"; }
now() { local t=${EPOCHREALTIME/[.,]/}; printf '%s' "$((t / 1000))"; }

# A step runs in a process group of its own, so that an interruption ends all
# of it, whatever it started.
interrupted() {
    trap - INT TERM
    [ -z "$STEP_PID" ] || child_group_signal TERM "$STEP_PID" || true
    say
    say "interrupted; the next run goes on from here"
    exit 130
}
trap interrupted INT TERM

# counter LOG: what ninja last said about its progress, such as 812/1709.
counter() { tail -c 600 "$1" 2>/dev/null | tr '\r' '\n' | grep -oE '^\[[0-9]+/[0-9]+' | tail -n 1 | tr -d '['; }

# watch_step TITLE LOG START: until the step ends, the counter in place on a
# terminal, a line every half minute elsewhere.
watch_step() {
    local last=$3 time
    while child_runs "$STEP_PID"; do
        sleep 0.1
        time=$(now)
        if [ -t 2 ]; then
            [ $((time - last)) -lt 500 ] || {
                printf '\r\033[K%s  %s  %s' "$(elapsed $((time - $3)))" "$1" "$(counter "$2")" >&2
                last=$time
            }
        elif [ $((time - last)) -ge 30000 ]; then
            say "$(elapsed $((time - $3)))  … $1 $(counter "$2")"
            last=$time
        fi
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
}

# try_step NAME TITLE COMMAND...: runs COMMAND with its output in
# build/logs/NAME.log and gives its exit status.
try_step() {
    local name=$1 title=$2 start status=0 log=$LOGS/$1.log
    shift 2
    mkdir -p "$LOGS"
    start=$(now)
    printf '$ %s\n' "$*" >"$log"
    set -m
    "$@" >>"$log" 2>&1 </dev/null 9>&- &
    STEP_PID=$!
    set +m
    watch_step "$title" "$log" "$start"
    wait "$STEP_PID" || status=$?
    STEP_PID=
    STEP_TIME=$(elapsed $(($(now) - start)))
    return $status
}

# run_step NAME TITLE COMMAND...: as try_step, and says what it did; a failure
# ends the program.
run_step() {
    local name=$1 title=$2
    if try_step "$@"; then
        say "$STEP_TIME  $title"
    else
        say "$STEP_TIME  $title: FAILED"
        step_failed "$name" "$title"
    fi
}

step_failed() {
    local log=$LOGS/$1.log
    say
    say "The end of build/logs/$1.log:"
    tail -n 30 "$log" | sed 's/^/  | /' >&2
    say
    say "error: the step '$2' failed. The whole log: $log"
    say "       After the cause is gone, the same command goes on from here."
    exit 1
}

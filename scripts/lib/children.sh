# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Signals for child processes, in sh and bash. The number of a process that has
# ended may belong to another process, of anybody, as soon as the shell has waited
# for it, and bash waits unasked. So nothing is signalled whose parent is neither this
# shell nor the script that this subshell belongs to.

# child_runs PID: it is a child, and has not ended.
child_runs() {
    local stat
    case $1 in '' | *[!0-9]*) return 1 ;; esac
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # Its name, in parentheses, may be anything; state and parent follow.
    # shellcheck disable=SC2086  # words
    set -- ${stat##*) }
    case $1 in Z | X) return 1 ;; esac
    [ "$2" = "$$" ] || [ "$2" = "${BASHPID:-$$}" ]
}

# child_signal SIGNAL PID: false if it is no child, or has ended.
child_signal() {
    child_runs "$2" && kill -"$1" "$2" 2>/dev/null
}

# child_end SIGNAL PID: sends the signal to a child that still runs, and waits for its end.
child_end() {
    { child_signal "$1" "$2" && wait "$2"; } 2>/dev/null || true
}

# child_group_signal SIGNAL PID: to the process group that this child leads.
child_group_signal() {
    child_runs "$2" && kill -"$1" -- "-$2" 2>/dev/null
}

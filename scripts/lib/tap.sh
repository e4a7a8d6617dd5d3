# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# TAP for tests written in shell. A test is a function; it passes if it returns
# 0. Its output is shown when it fails, as comments.

TAP_NUMBER=0
TAP_FAILED=0

# t NAME FUNCTION [ARGUMENT...]; FUNCTION runs in a shell of its own, with -e.
t() {
    local name=$1 output status=0
    shift
    TAP_NUMBER=$((TAP_NUMBER + 1))
    # Not "output=$(...) || ...": -e has no effect on the left of ||.
    set +e
    output=$(set -e; "$@" 2>&1)
    status=$?
    set -e
    case $status in
    0) echo "ok $TAP_NUMBER - $name" ;;
    77) echo "ok $TAP_NUMBER - $name # SKIP $(tail -n 1 <<<"$output")" ;;
    *)
        TAP_FAILED=$((TAP_FAILED + 1))
        echo "not ok $TAP_NUMBER - $name"
        printf '# %s\n' "${output//$'\n'/$'\n'# }"
        ;;
    esac
}

t_done() {
    echo "1..$TAP_NUMBER"
    [ "$TAP_FAILED" -eq 0 ]
}

# fails STATUS COMMAND...: COMMAND must end with STATUS; its output is in OUTPUT.
fails() {
    local want=$1 got=0
    shift
    OUTPUT=$("$@" 2>&1) || got=$?
    [ "$got" = "$want" ] || {
        printf 'exit status %s, expected %s, from: %s\n%s\n' "$got" "$want" "$*" "$OUTPUT"
        return 1
    }
}

# contains TEXT PATTERN: a fixed string.
contains() {
    case $1 in
    *"$2"*) ;;
    *) printf 'no "%s" in:\n%s\n' "$2" "$1"; return 1 ;;
    esac
}

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Shared by every shell script here: places, messages, locking.
# Source it after setting ROOT to the top of the repository.

BUILD=$ROOT/build
DOWNLOADS=$BUILD/downloads
# Not the first python3 in PATH: a user's own Python lacks Debian's modules. On
# a new machine it is only about to be installed.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=$(command -v python3 || echo "$PYTHON")
# shellcheck disable=SC2034  # used by the scripts that source this file
readonly BUILD DOWNLOADS PYTHON

# Messages go to stderr: stdout is for results.
say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [WAY-OUT]...
die() {
    say "error: $1"
    shift
    local line
    for line; do say "       $line"; done
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Two runs in one build/ would spoil each other's files. The lock is the
# kernel's, so it goes away with its holder however that ended.
take_lock() {
    [ -z "${IVSHMEM_LOCK_HELD:-}" ] || return 0
    mkdir -p "$BUILD"
    if [ ! -w "$BUILD" ] || { [ -e "$BUILD/.lock" ] && [ ! -w "$BUILD/.lock" ]; }; then
        die "$(id -un) may not write to build/, which belongs to $(stat -c %U "$BUILD")" \
            "chown -R $(id -un) build, or delete it"
    fi
    exec 9>"$BUILD/.lock"
    if ! flock -n 9; then
        say "another run is using build/; waiting for it to finish"
        flock 9
    fi
    export IVSHMEM_LOCK_HELD=1
}

# drop_lock: for a command that outlives the build, such as the demo.
drop_lock() {
    unset IVSHMEM_LOCK_HELD
    exec 9>&-
}

# write_file PATH: standard input replaces PATH in one step, so that an
# interrupted run never leaves half a file under the final name.
write_file() {
    cat >"$1.tmp.$$"
    mv -f "$1.tmp.$$" "$1"
}

# hash_of STRING-OR-FILES...: one short hash over the arguments and, for those
# that are files, their contents.
hash_of() {
    local arg
    for arg; do
        printf '%s\n' "$arg"
        [ ! -f "$arg" ] || cat "$arg"
    done | sha256sum | cut -c1-32
}

version_ge() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

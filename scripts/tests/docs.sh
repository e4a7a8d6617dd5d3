#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The commands that README.md and docs/*.md show: each document's, one after the
# other in one shell, with real programs. scripts/lib/doc_blocks.py says how a
# document marks what is not run.
#
# usage: scripts/tests/docs.sh [DOCUMENT]...
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$ROOT/scripts/lib/common.sh"
# shellcheck source=scripts/lib/tap.sh
. "$ROOT/scripts/lib/tap.sh"
# shellcheck source=scripts/lib/children.sh
. "$ROOT/scripts/lib/children.sh"

LIMIT=180 # seconds for a document
SESSION=
WORK=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-docs.XXXXXX")
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# shellcheck disable=SC2317  # called by the trap
end() {
    [ -z "$SESSION" ] || child_end TERM "$SESSION"
    rm -rf "$WORK"
}

blocks() { "$PYTHON" -B "$ROOT/scripts/lib/doc_blocks.py" "$@"; }

is_run() { [ "$1" = run ] || { [ "$1" = root ] && [ "$(id -u)" -eq 0 ]; }; }

# write_session FOLDER: a program that runs the blocks, each with files of what it
# printed, and writes the number of each that is done. What they start in the
# background is ended.
write_session() {
    local number kind
    echo "cd $(printf %q "$ROOT")"
    # shellcheck disable=SC2016  # expanded by the session
    echo 'trap '\''trap - TERM; jobs=$(jobs -pr); [ -z "$jobs" ] || kill $jobs; wait'\'' EXIT
trap "exit 143" TERM
set -eu -o pipefail'
    while read -r number _ kind; do
        ! is_run "$kind" || printf '. %q >%q 2>%q\necho %s\n' \
            "$1/$number.sh" "$1/$number.out" "$1/$number.errors" "$number"
    done <"$1/blocks"
}

# run_session FOLDER: where nothing of this machine is touched.
run_session() {
    mkdir "$1/run" "$1/metadata"
    write_session "$1" >"$1/session"
    RUN=$1/run RTE_IVSHMEM_DIR=$1/metadata RUNTIME_DIRECTORY=$1/run \
        PATH=$BUILD/dpdk-ivshmem/tools:$BUILD/dpdk-ivshmem/examples:$PATH \
        timeout "$LIMIT" bash "$1/session" >"$1/done" 2>"$1/errors" </dev/null &
    SESSION=$!
    wait "$SESSION" || true
    SESSION=
}

# block_passed FOLDER NUMBER
block_passed() {
    grep -qx "$2" "$1/done" || {
        echo "it failed, or one before it did:"
        cat "$1/$2."{sh,out,errors} "$1/errors" 2>/dev/null
        return 1
    }
    [ -f "$1/$2.text" ] || return 0
    blocks matches "$1/$2.text" "$1/$2.out" || {
        echo "it prints something else than the document shows:"
        cat "$1/$2.out" "$1/$2.errors"
        return 1
    }
}

is_skipped() {
    cat "$1"
    return 77
}

# check_document FILE: a test for each block that is run.
check_document() {
    local name=${1#"$ROOT/"} folder line number kind
    folder=$WORK/${name//\//-}
    mkdir "$folder"
    blocks extract "$1" "$folder" >"$folder/blocks"
    ! grep -q 'run$\|root$' "$folder/blocks" || run_session "$folder"
    while read -r number line kind; do
        if is_run "$kind"; then
            t "$name:$line: $(head -n 1 "$folder/$number.sh")" block_passed "$folder" "$number"
        elif [ "$kind" = root ]; then
            t "$name:$line" is_skipped "$folder/$number.why"
        else
            NOT_RUN+=("$name:$line: $(cat "$folder/$number.why")")
        fi
    done <"$folder/blocks"
}

main() {
    local document documents=("$@")
    NOT_RUN=()
    [ $# -gt 0 ] || documents=("$ROOT/README.md" "$ROOT"/docs/*.md)
    for document in "${documents[@]}"; do check_document "$(readlink -f "$document")"; done
    echo "# blocks of commands that are not run: ${#NOT_RUN[@]}"
    [ ${#NOT_RUN[@]} -eq 0 ] || printf '#   %s\n' "${NOT_RUN[@]}"
    t_done
}

main "$@"

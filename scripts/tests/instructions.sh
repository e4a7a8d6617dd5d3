#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# That the check of instruction counts can fail, with toy counts; the check itself
# is a suite of build.sh test.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$ROOT/scripts/lib/tap.sh"

TOY=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-instructions.XXXXXX")
trap 'rm -rf "$TOY"' EXIT
mkdir -p "$TOY/scripts/bench" "$TOY/dpdk-ivshmem/bench"
cp -r "$ROOT/scripts/bench/instructions-check" "$ROOT/scripts/bench/harness" "$TOY/scripts/bench"
cp "$ROOT/scripts/tests/instructions/callgrind.py" "$TOY/scripts/bench/harness"
RECORD=$TOY/dpdk-ivshmem/bench/instructions.json
echo '{}' >"$RECORD"
CHECK=$TOY/scripts/bench/instructions-check

# counted JSON STATUS [ARGUMENT...]: the check ends with STATUS when that is counted.
counted() {
    TOY_COUNTS=$1 fails "$2" "$CHECK" "${@:3}"
}

unknown_toolchain_is_skipped() {
    counted '{"add": [100, 7]}' 77
    contains "$OUTPUT" "ok 1 - instructions # SKIP nothing is recorded for toy 1.0"
    fails 77 "$CHECK"
    contains "$OUTPUT" "# SKIP no valgrind"
}

same_counts_pass() {
    counted '{"add": [100, 7], "ring": [12.1, 0]}' 0 --update
    counted '{"add": [100, 7], "ring": [12.1, 0]}' 0
    [ "$OUTPUT" = $'ok 1 - instructions: add\nok 2 - instructions: ring\n1..2' ]
    counted '{"add": [103, 7], "ring": [11.8, 0]}' 0
}

rise_fails() {
    counted '{"add": [103.1, 7], "ring": [12.1, 0]}' 1
    contains "$OUTPUT" "not ok 1 - instructions: add"
    contains "$OUTPUT" "# instructions have risen: 100 recorded, 103.1 now (+3.1%)"
    contains "$OUTPUT" $'\nok 2 - instructions: ring'
    counted '{"add": [100, 8], "ring": [12.1, 0]}' 1
    contains "$OUTPUT" "# calls into libraries have risen: 7 recorded, 8 now (+14.3%)"
    counted '{"add": [100, 7], "ring": [12.1, 1]}' 1
    contains "$OUTPUT" "risen: 0 recorded, 1 now"
}

fall_asks_for_update() {
    counted '{"add": [50, 7], "ring": [12.1, 0]}' 0
    contains "$OUTPUT" "# instructions have fallen, update the record: 100 recorded, 50 now (-50.0%)"
}

paths_come_and_go() {
    counted '{"add": [100, 7], "ring": [12.1, 0], "remove": [5, 1]}' 1
    contains "$OUTPUT" "not ok 3 - instructions: remove"
    counted '{"add": [100, 7]}' 1
    contains "$OUTPUT" "# it is recorded, but not counted any more"
}

update_keeps_other_toolchains() {
    TOY_TOOLCHAIN="toy 2.0" counted '{"add": [90, 7]}' 0 --update
    contains "$(cat "$RECORD")" '"add": {"own": 90, "calls": 7}'
    counted '{"add": [95, 7], "ring": [12.1, 0]}' 0
    TOY_TOOLCHAIN="toy 2.0" counted '{"add": [95, 7]}' 1
}

t "without valgrind, or a record of this toolchain, it is skipped" unknown_toolchain_is_skipped
t "up to 3 % more pass" same_counts_pass
t "more than that fails, and says how much" rise_fails
t "a fall asks for an update" fall_asks_for_update
t "a path that is not recorded fails, and one that is gone" paths_come_and_go
failure_to_count_fails() {
    counted '{"add": "nonsense"}' 1
    contains "$OUTPUT" "Bail out! nonsense"
}

t "a record has several toolchains" update_keeps_other_toolchains
t "what cannot be counted fails" failure_to_count_fails
t_done

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The framework of the benchmarks, with toys for benchmarks.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$ROOT/scripts/lib/tap.sh"
# shellcheck source=scripts/lib/children.sh
. "$ROOT/scripts/lib/children.sh"

WORK=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-bench.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
TOY=$WORK/toy
mkdir -p "$TOY/scripts/bench/benchmarks"
cp -r "$ROOT/scripts/bench/run" "$ROOT/scripts/bench/harness" "$TOY/scripts/bench"
cp "$ROOT/scripts/tests/bench/toy.py" "$TOY/scripts/bench/benchmarks/toy.py"
cp "$ROOT/scripts/tests/bench/toy.py" "$TOY/scripts/bench/benchmarks/toy_two.py"
export TOY_SPEED=1
RUN=$TOY/scripts/bench/run
OUT=$TOY/build/bench

# json EXPRESSION [FOLDER]: of the results as `d`.
json() {
    python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); print(eval(sys.argv[1]))' \
        "$1" "$OUT/${2:-latest}/results.json"
}

names_and_help() {
    fails 0 "$RUN" --list
    contains "$OUTPUT" "toy-two              A toy"
    fails 0 "$RUN" --needs toy
    [ "$OUTPUT" = "guest library" ]
    fails 0 "$RUN" --help
    contains "$OUTPUT" "--compare FILE"
    fails 2 "$RUN" toy frobnicate
    contains "$OUTPUT" "no benchmark 'frobnicate' (there are: toy toy-two)"
    fails 1 "$RUN" toy --cores 0
    contains "$OUTPUT" "--cores A,B"
    [ ! -e "$OUT" ]
}

every_sample_is_kept() {
    fails 0 "$RUN" toy
    contains "$OUTPUT" "1 of 2 goals met"
    [ "$(json 'd["benchmarks"]["toy"]["tables"][0]["samples"]["second"]["32"]')" = \
        "[32.0, 32.1, 32.2, 32.3, 32.4]" ]
    [ "$(json 'd["benchmarks"]["toy"]["tables"][2]["samples"]')" = "{'sh': {'one': [7.0]}}" ]
    [ "$(json 'd["machine"]["kernel"]')" = "$(uname -r)" ]
    [ -n "$(json 'd["versions"]["DPDK"]')" ]
    grep -qx junk "$OUT/latest/log"
}

report_shows_medians_and_quartiles() {
    local report
    report=$(cat "$OUT/latest/report.md")
    contains "$report" "| 32 | 10.2 (10.1 to 10.3) | 32.2 (32.1 to 32.3), ×3.16 |"
    contains "$report" "| second to first | at least 2 | 3.16 | met |"
    contains "$report" "| what nobody measured | at most 2 | not measured | **missed** |"
    contains "$report" "- Not measured: third: there is none"
    contains "$report" "- a note"
    contains "$report" "![lines](toy-lines.svg)"
}

plots_are_pictures() {
    local name
    for name in toy-lines toy-bars; do
        python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$OUT/latest/$name.svg"
        [ "$(head -c 4 "$OUT/latest/$name.png" | tail -c 3)" = PNG ]
    done
}

what_was_started_ends() {
    local pid
    fails 0 "$RUN" toy --quick
    pid=$(awk '$1 == "sleeper" { print $2 }' <<<"$OUTPUT")
    [ -n "$pid" ] && [ ! -e "/proc/$pid" ]
    TOY_FAILS=1 fails 1 "$RUN" toy --quick
    pid=$(awk '$1 == "sleeper" { print $2 }' <<<"$OUTPUT")
    [ -n "$pid" ] && [ ! -e "/proc/$pid" ]
}

failure_of_one_ends_no_other() {
    mv "$TOY/scripts/bench/benchmarks/toy_two.py" "$WORK/kept"
    echo '"""Broken."""' >"$TOY/scripts/bench/benchmarks/toy_two.py"
    TOY_FAILS=1 fails 1 "$RUN" --quick
    mv "$WORK/kept" "$TOY/scripts/bench/benchmarks/toy_two.py"
    contains "$OUTPUT" "error: failed: toy, toy-two"
    contains "$(json 'd["benchmarks"]["toy"]["error"]')" "it broke"
    contains "$(json 'd["benchmarks"]["toy"]["tables"][2]["samples"]')" "8.0"
    contains "$(json 'd["benchmarks"]["toy-two"]["error"]')" "has no attribute 'measure'"
}

comparison_is_by_ratio() {
    local compared
    fails 0 "$RUN" toy --output "$OUT/before"
    TOY_SPEED=0.5 fails 0 "$RUN" toy --compare "$OUT/before/results.json"
    compared=$(cat "$OUT/latest/compare.md")
    contains "$compared" "| toy | lines | 32 | second | 32.2 | 16.2 | 0.50 | **worse** | 0.50 |"
    contains "$compared" "| toy | lines | 32 | first | 10.2 | 10.2 | 1.00 |  |  |"
    TOY_SPEED=2 fails 0 "$RUN" toy --compare "$OUT/before"
    contains "$(cat "$OUT/latest/compare.md")" "| 64.2 | 1.99 | better | 1.99 |"
    echo '{"format": 1}' >"$WORK/other.json"
    fails 1 "$RUN" toy --compare "$WORK/other.json"
    contains "$OUTPUT" "other.json is no results of a benchmark"
}

busy_machine_is_said() {
    local busy
    (while :; do :; done) &
    busy=$!
    # shellcheck disable=SC2064  # of now
    trap "child_signal TERM $busy || true" EXIT
    fails 0 "$RUN" toy --quick
    child_signal TERM "$busy"
    contains "$OUTPUT" "warning: this machine is busy"
    contains "$OUTPUT" "**The machine was busy**"
    [ "$(json 'd["benchmarks"]["toy"]["activity"]["busy"] > 0')" = True ]
}

t "names, help and wrong usage" names_and_help
t "every sample is in the JSON, with the machine and the versions" every_sample_is_kept
t "the report shows medians, quartiles, ratios, goals and what is missing" \
    report_shows_medians_and_quartiles
t "plots are SVG and PNG" plots_are_pictures
t "what a benchmark started ends with it" what_was_started_ends
t "a benchmark that fails loses nothing, and ends no other" failure_of_one_ends_no_other
t "an earlier result is compared by ratio" comparison_is_by_ratio
t "a busy machine is said" busy_machine_is_said
t_done

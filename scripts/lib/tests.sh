# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The suites of `build.sh test`. Each is a step with its own log; the counts of
# all are summed. A skipped test never counts as passed. Needs steps.sh.

PASSED=0
FAILED=0
SKIPPED=0
FAILED_SUITES=()
HUGE_NAME=build-test-$$
HUGE_DIR=
HUGE_1G_DIR=

# qtest_targets: QEMU's own ivshmem test and ours, as ninja targets.
qtest_targets() {
    local file
    echo tests/qtest/ivshmem-test
    for file in "$ROOT"/tests/qtest/*-test.c; do
        [ ! -f "$file" ] || echo "tests/qtest/$(basename "$file" .c)"
    done
}

# count_tap LOG: "PASSED FAILED SKIPPED" of TAP output. Only lines at the left
# margin count (others are subtests); a test that the plan promises and that
# never reported has failed.
count_tap() {
    awk '
        /^1\.\.[0-9]+/ { plan += substr($1, 4) }
        /^(not )?ok/ && /# [Ss][Kk][Ii][Pp]/ { skip++; next }
        /^ok/ { pass++ }
        /^not ok/ { fail++ }
        END {
            seen = pass + fail + skip
            if (plan > seen) fail += plan - seen
            print pass + 0, fail + 0, skip + 0
        }' "$1"
}

# count_meson LOG: the same from the JSON that `meson test` writes; its place
# is given by the line "testlog: FILE" of the log. A test that prints TAP counts
# as what it printed, any other as one.
count_meson() {
    "$PYTHON" - "$(sed -n 's/^testlog: //p' "$1" | tail -n 1)" <<'END'
import json, os, re, sys

total = {"pass": 0, "fail": 0, "skip": 0}
kinds = {"OK": "pass", "EXPECTEDFAIL": "pass", "SKIP": "skip"}


def tap(text):
    count = {"pass": 0, "fail": 0, "skip": 0}
    for line in re.findall(r"^(?:not )?ok\b.*", text, re.M):
        kind = "fail" if line.startswith("not") else "pass"
        count["skip" if re.search(r"# skip", line, re.I) else kind] += 1
    return count


if os.path.exists(sys.argv[1]):
    for line in open(sys.argv[1]):
        test = json.loads(line)
        kind = kinds.get(test["result"], "fail")
        count = tap(test.get("stdout") or "")
        if not any(count.values()) or (kind == "fail" and not count["fail"]):
            count[kind] += 1
        for key in total:
            total[key] += count[key]
print(total["pass"], total["fail"], total["skip"])
END
}

# suite NAME TITLE COUNTER COMMAND...: one step whose log COUNTER reads.
suite() {
    local name=$1 title=$2 counter=$3 status=0 pass fail skip
    shift 3
    try_step "$name" "$title" "$@" || status=$?
    read -r pass fail skip < <("$counter" "$LOGS/$name.log")
    # 77 says only what the skipped tests said.
    if [ $status -eq 77 ] && [ "$skip" -gt 0 ]; then status=0; fi
    # A crash, or silence, is a failure that no test reported.
    if [ "$fail" -eq 0 ] && { [ $status -ne 0 ] || [ $((pass + skip)) -eq 0 ]; }; then
        fail=1
    fi
    PASSED=$((PASSED + pass)) FAILED=$((FAILED + fail)) SKIPPED=$((SKIPPED + skip))
    say "$STEP_TIME  $title: $pass passed, $fail failed$([ "$skip" = 0 ] || echo ", $skip skipped")"
    say_skips "$name"
    [ "$fail" -eq 0 ] || suite_failed "$name"
}

# tap_program COMMAND...: its TAP, then what it said on stderr, which must not
# land in the middle of a line of TAP.
tap_program() {
    local errors=$LOGS/.stderr.$$ status=0
    "$@" 2>"$errors" || status=$?
    sed 's/^/# stderr: /' "$errors"
    rm -f "$errors"
    return $status
}

say_skips() {
    grep -iE '^(not )?ok.*# skip' "$LOGS/$1.log" | sed 's/^/           skipped: /' >&2 || true
}

suite_failed() {
    FAILED_SUITES+=("build/logs/$1.log")
    { grep -A8 '^not ok' "$LOGS/$1.log" || tail -n 25 "$LOGS/$1.log"; } |
        head -n 60 | cut -c1-200 | sed 's/^/           | /' >&2
}

test_series() {
    if [ "$QEMU_LABEL" = local ]; then
        SKIPPED=$((SKIPPED + 1))
        say "             series check: 1 skipped (QEMU_SRC is not a pinned source)"
        return
    fi
    suite test-series "series check" count_tap "$ROOT/scripts/series" check "$QEMU_LABEL"
}

# Huge pages are root's to give; the tests skip themselves without a folder.
huge_start() {
    [ "$(id -u)" = 0 ] || return 0
    trap huge_end EXIT
    if HUGE_DIR=$(huge_mount 2M 160); then
        export QTEST_IVSHMEM_HUGE=$HUGE_DIR IVSHMEM_HUGE=$HUGE_DIR
    fi
    if HUGE_1G_DIR=$(huge_mount 1G 1); then
        export QTEST_IVSHMEM_HUGE_1G=$HUGE_1G_DIR IVSHMEM_HUGE_1G=$HUGE_1G_DIR
    fi
}

# huge_mount SIZE COUNT: prints the folder; fails if there are no such pages.
huge_mount() {
    local huge=("$ROOT/scripts/hugepages" --name "$HUGE_NAME-$1" --size "$1") dir
    dir=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-huge.XXXXXX")
    if { "${huge[@]}" reserve "$2" && "${huge[@]}" mount "$dir"; } >"$LOGS/hugepages.log" 2>&1; then
        printf '%s\n' "$dir"
        return
    fi
    say "             no huge pages of $1: $(tail -n 1 "$LOGS/hugepages.log")"
    "${huge[@]}" release >/dev/null 2>&1 || true
    rmdir "$dir"
    return 1
}

huge_end() {
    local size
    trap - EXIT
    for size in 2M 1G; do
        "$ROOT/scripts/hugepages" --name "$HUGE_NAME-$size" --size "$size" release \
            >/dev/null 2>&1 || true
    done
    rmdir ${HUGE_DIR:+"$HUGE_DIR"} ${HUGE_1G_DIR:+"$HUGE_1G_DIR"} 2>/dev/null || true
}

# test_qtests FOLDER LABEL TARGET...: of the QEMU that was built in FOLDER.
test_qtests() {
    local dir=$1 label=$2 target name
    shift 2
    export QTEST_QEMU_BINARY=$dir/qemu-system-x86_64
    for target; do
        name=$(basename "$target")
        suite "test-$name$label" "qtest $name$label" count_tap tap_program "$dir/$target" --tap -k
    done
}

# The limits of the tests are for an idle machine; only one that hangs may reach them.
MESON_LIMITS=(--timeout-multiplier 5)

# run_meson_tests FOLDER [OPTION...]
run_meson_tests() {
    local dir=$1
    shift
    echo "testlog: $dir/meson-logs/testlog.json"
    rm -f "$dir/meson-logs/testlog.json"
    "${MESON[@]}" test -C "$dir" --no-rebuild --print-errorlogs "${MESON_LIMITS[@]}" "$@"
}

# Where the kernel spreads addresses widely, GCC 12's ThreadSanitizer finds its
# own taken and ends the program; a container may forbid setarch.
without_random_addresses() {
    if setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

run_thread_tests() {
    local MESON=(without_random_addresses "${MESON[@]}")
    run_meson_tests "$BUILD/dpdk-ivshmem-tsan" --suite threads
}

test_library() {
    suite test-library "library" count_meson run_meson_tests "$BUILD/dpdk-ivshmem"
    suite test-library-asan "library, ASan and UBSan" count_meson \
        run_meson_tests "$BUILD/dpdk-ivshmem-asan"
    suite test-library-tsan "library, TSan" count_meson run_thread_tests
}

# Hot paths against dpdk-ivshmem/bench/instructions.json.
test_instructions() {
    suite test-instructions "instruction counts" count_tap tap_program \
        "$ROOT/scripts/bench/instructions-check"
}

# test_debian: what build_debian of build.sh built.
test_debian() {
    local title="library on Debian 13 (DPDK 24.11)"
    if [ ! -e "$BUILD/debian-13.made" ]; then
        SKIPPED=$((SKIPPED + 1))
        say "             $title: 1 skipped ($(tail -n 1 "$LOGS/debian-13.log"))"
        return
    fi
    suite test-library-debian-13 "$title" count_meson run_debian_tests
}

run_debian_tests() {
    local log=$BUILD/dpdk-ivshmem-debian-13/meson-logs/testlog.json
    echo "testlog: $log"
    rm -f "$log"
    "$ROOT/scripts/debian-root" run meson test -C /build --no-rebuild --print-errorlogs \
        "${MESON_LIMITS[@]}"
}

# test_programs PREFIX TITLE FILE...: executables that print TAP.
test_programs() {
    local prefix=$1 title=$2 file name
    shift 2
    for file; do
        [ -x "$file" ] || continue
        name=$(basename "$file" .sh)
        suite "$prefix-$name" "$title $name" count_tap tap_program "$file"
    done
}

# run_tests TARGET...: what follows on the QEMU in build/qemu.
run_tests() {
    test_series
    test_qtests "$BUILD/qemu" '' "$@"
    test_programs test-fuzz "fuzz:" "$ROOT/tests/fuzz/options"
    test_library
    test_instructions
    test_debian
    test_programs test-scripts "scripts:" "$ROOT"/scripts/tests/*.sh
    test_programs test-e2e "guest:" "$ROOT"/tests/e2e/*.sh
}

print_counts() {
    if [ ${#FAILED_SUITES[@]} -gt 0 ]; then
        say
        say "error: tests failed; the whole logs:"
        printf '  %s\n' "${FAILED_SUITES[@]}" >&2
    fi
    printf '%d passed, %d failed%s\n' "$PASSED" "$FAILED" \
        "$([ "$SKIPPED" = 0 ] || printf ', %d skipped' "$SKIPPED")"
    [ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
}

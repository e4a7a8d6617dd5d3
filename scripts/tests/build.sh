#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# build.sh, fetch, hugepages and guest-image where they need no QEMU.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$ROOT/scripts/lib/tap.sh"
# shellcheck source=scripts/lib/toy.sh
. "$ROOT/scripts/lib/toy.sh"
# shellcheck source=scripts/lib/children.sh
. "$ROOT/scripts/lib/children.sh"

unset IVSHMEM_LOCK_HELD QEMU_SRC
WORK=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-build.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
TOY=$WORK/toy

every_script_has_help() {
    local script
    for script in build.sh scripts/{series,fetch,build-qemu,guest-image,accel,hugepages,qmp}; do
        fails 0 "$ROOT/$script" --help
        contains "$OUTPUT" "usage: " || { echo "in $script"; return 1; }
    done
    fails 0 "$ROOT/build.sh"
    fails 0 "$ROOT/build.sh" help
    contains "$OUTPUT" "10.0.13"
}

wrong_usage_is_said() {
    fails 2 "$ROOT/build.sh" frobnicate
    contains "$OUTPUT" "unknown command 'frobnicate'"
    fails 2 "$ROOT/build.sh" build everything
    fails 2 "$ROOT/build.sh" --qemu
    fails 2 "$TOY/build.sh" build qemu --qemu 0.1
    contains "$OUTPUT" "pins no QEMU '0.1' (pinned: 1.0)"
    QEMU_SRC=/nonexistent fails 1 "$TOY/build.sh" build qemu
    contains "$OUTPUT" "QEMU_SRC=/nonexistent is not a QEMU source tree"
}

fetch_uses_what_is_there() {
    fails 0 "$TOY/scripts/fetch" qemu 1.0
    [ "$OUTPUT" = "$TOY/build/downloads/qemu_1.0.tar.xz" ]
}

fetch_refuses_wrong_hash() {
    echo tail >>"$TOY/build/downloads/qemu_1.0.tar.xz"
    # An apt configuration without mirrors, and no name that resolves.
    sed -i 's/ debian pool/ official http:\/\/ivshmem.invalid\/pool/' "$TOY/qemu/SOURCES"
    fails 1 "$TOY/scripts/fetch" qemu 1.0
    contains "$OUTPUT" "wrong SHA-256"
    contains "$OUTPUT" "QEMU_SRC=DIR"
    [ ! -e "$TOY/build/downloads/qemu_1.0.tar.xz" ]
    [ -e "$TOY/build/downloads/qemu_1.0.tar.xz.bad" ]
    fails 1 "$TOY/scripts/series" import
}

fetch_reads_both_formats_of_sources() {
    mkdir -p "$WORK/etc/sources.list.d"
    cat >"$WORK/etc/sources.list" <<'END'
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] http://one.example/debian/ bookworm main
deb-src http://source.example/debian bookworm main
END
    cat >"$WORK/etc/sources.list.d/d.sources" <<'END'
Types: deb deb-src
URIs: https://two.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/d.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
END
    local got
    # shellcheck source=scripts/lib/common.sh
    got=$(. "$ROOT/scripts/lib/common.sh"
        # shellcheck source=scripts/lib/apt.sh
        . "$ROOT/scripts/lib/apt.sh"
        IVSHMEM_APT_ETC=$WORK/etc debian_sources)
    [ "$got" = "http://one.example/debian/ bookworm /usr/share/keyrings/k.gpg
https://two.example/debian trixie /usr/share/keyrings/d.gpg
https://two.example/debian trixie-updates /usr/share/keyrings/d.gpg" ] || { echo "$got"; return 1; }
}

another_release_comes_from_the_same_mirrors() {
    local got
    # shellcheck source=scripts/lib/common.sh
    got=$(. "$ROOT/scripts/lib/common.sh"
        # shellcheck source=scripts/lib/apt.sh
        . "$ROOT/scripts/lib/apt.sh"
        IVSHMEM_APT_ETC=$WORK/etc debian_sources_for trixie)
    [ "$got" = "deb [signed-by=/usr/share/keyrings/d.gpg] https://two.example/debian trixie main
deb [signed-by=/usr/share/keyrings/d.gpg] https://two.example/debian trixie-updates main
deb [signed-by=/usr/share/keyrings/k.gpg] http://one.example/debian/ trixie main" ] ||
        { echo "$got"; return 1; }
}

debian_root_leaves_nothing() {
    local name=test-$$ run status=0
    local work=$ROOT/build/dpdk-ivshmem-debian-13
    [ -e "$ROOT/build/debian-13.made" ] || { echo "no Debian 13 in build/debian-13"; return 77; }
    # shellcheck disable=SC2064  # of now
    trap "rm -f '$work/$name'" EXIT
    fails 7 "$ROOT/scripts/debian-root" run sh -c 'exit 7'
    fails 1 "$ROOT/scripts/debian-root" run touch "/src/$name"
    contains "$OUTPUT" "Read-only file system"
    # The lock lasts as long as the process that holds it.
    set -m
    "$ROOT/scripts/debian-root" run \
        sh -c "exec 5>/build/$name; flock 5; echo locked >&5; exec sleep 986" &
    run=$!
    set +m
    until [ -s "$work/$name" ]; do child_runs $run; done
    fails 1 flock -n "$work/$name" true
    child_group_signal TERM $run
    wait $run || status=$?
    [ $status = 143 ] || { echo "exit status $status"; return 1; }
    flock -w 5 "$work/$name" true
    ! grep -F "$ROOT/build/debian-13/" /proc/self/mountinfo
}

two_runs_do_not_clash() {
    local holder
    exec 5>"$TOY/build/.lock"
    flock 5
    "$TOY/scripts/series" status >"$WORK/waiting" 2>&1 5>&- &
    holder=$!
    until grep -q "waiting for it" "$WORK/waiting"; do child_runs $holder; done
    exec 5>&-
    wait $holder
}

counts_are_right() {
    # shellcheck disable=SC2016  # for the inner shell
    local steps='. "$ROOT/scripts/lib/common.sh"; . "$ROOT/scripts/lib/tests.sh"'
    printf '%s\n' '1..6' 'ok 1 - a' '# ok comment' '    ok 1 - subtest' 'not ok 2 - b' \
        'ok 3 - c # SKIP why' 'ok 4' >"$WORK/tap"
    # Two of the six never reported.
    [ "$(ROOT=$ROOT bash -c "$steps; count_tap $WORK/tap")" = "2 3 1" ]
    : >"$WORK/tap"
    [ "$(ROOT=$ROOT bash -c "$steps; count_tap $WORK/tap")" = "0 0 0" ]
    printf '{"result": "OK"}\n{"result": "SKIP"}\n{"result": "TIMEOUT"}\n' >"$WORK/json"
    echo "testlog: $WORK/json" >"$WORK/log"
    [ "$(ROOT=$ROOT bash -c "$steps; count_meson $WORK/log")" = "1 1 1" ]
    printf '%s\n' '{"result": "OK", "stdout": "ok 1\nok 2 # SKIP x\nok 3\n1..3\n"}' \
        '{"result": "ERROR", "stdout": "ok 1\n"}' >"$WORK/json"
    [ "$(ROOT=$ROOT bash -c "$steps; count_meson $WORK/log")" = "3 1 1" ]
}

failing_step_is_shown() {
    cat >"$WORK/step" <<'END'
set -euo pipefail
. "$ROOT/scripts/lib/common.sh"
. "$ROOT/scripts/lib/steps.sh"
run_step good "a good step" true
run_step bad "a bad step" sh -c 'echo the reason; exit 3'
echo unreachable
END
    fails 1 env ROOT="$TOY" bash "$WORK/step"
    contains "$OUTPUT" "a bad step: FAILED"
    contains "$OUTPUT" "| the reason"
    contains "$OUTPUT" "build/logs/bad.log"
    case $OUTPUT in *unreachable*) return 1 ;; esac
}

interruption_ends_all_of_a_step() {
    cat >"$WORK/step" <<'END'
set -euo pipefail
. "$ROOT/scripts/lib/common.sh"
. "$ROOT/scripts/lib/steps.sh"
run_step long "a long step" sh -c 'sleep 987 & echo $! >"$0"; wait' "$1"
END
    rm -f "$WORK/pid"
    ROOT=$TOY bash "$WORK/step" "$WORK/pid" >"$WORK/out" 2>&1 &
    local step=$! status=0
    until [ -s "$WORK/pid" ]; do child_runs $step; done
    child_signal TERM $step
    wait $step || status=$?
    [ $status = 130 ]
    # The kernel may take a moment to end the child.
    timeout 5 bash -c "while kill -0 $(cat "$WORK/pid") 2>/dev/null; do :; done"
}

# hugepages NAME COMMAND...: what this test run does is remembered in a place of its own.
hugepages() { IVSHMEM_HUGE_STATE=$WORK/state "$ROOT/scripts/hugepages" --name "$@"; }

# needs_hugepages: a few of the kernel's, which are given back however the test ends.
needs_hugepages() {
    [ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
    [ -e /sys/kernel/mm/hugepages/hugepages-2048kB ] || { echo "no hugepages in this kernel"; exit 77; }
    trap 'hugepages one release; hugepages two release' EXIT
}

hugepages_are_given_back() {
    local state=$WORK/state dir=$WORK/huge
    needs_hugepages
    mkdir "$dir"
    hugepages one reserve 4
    [ "$(cat "$state/one.2M.added" 2>/dev/null || echo 0)" -le 4 ]
    hugepages one mount "$dir" || { echo "may not mount here"; return 77; }
    mountpoint -q "$dir"
    hugepages one release
    if mountpoint -q "$dir"; then return 1; fi
    [ -z "$(find "$state" -name 'one.*')" ]
    # Pages that were reserved for another are not counted on.
    hugepages one reserve 4
    hugepages two reserve 4
    hugepages one release
    [ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages)" -ge 4 ]
}

# In a pool that has more.
a_mount_of_hugepages_has_a_limit() {
    local dir=$WORK/limited
    needs_hugepages
    mkdir "$dir"
    fails 1 hugepages one mount "$dir"
    contains "$OUTPUT" "no pages of 2M are reserved under the name one"
    hugepages two reserve 8
    hugepages one reserve 4
    hugepages one mount "$dir" || { echo "may not mount here"; return 77; }
    [ "$(stat -f -c '%b %S' "$dir")" = "4 2097152" ]
    fallocate -l 8M "$dir/all"
    fails 1 fallocate -l 2M "$dir/more"
    contains "$OUTPUT" "No space left on device"
    rm "$dir/all" "$dir/more"
}

# without_pool COMMAND...: where the kernel's pool cannot be reached. A machine on which
# root may not mount does not let it change the pool either.
without_pool() {
    local hide=(unshare --mount sh -c 'mount -t tmpfs tmpfs /sys/kernel/mm/hugepages && exec "$@"' sh)
    "${hide[@]}" true 2>/dev/null || hide=()
    "${hide[@]}" "$@"
}

# pool TOTAL FREE: files in place of the kernel's pool, and a machine with 1600 MiB.
pool() {
    POOL=$WORK/pool
    mkdir -p "$POOL"
    echo "$1" >"$POOL/nr_hugepages"
    echo "$2" >"$POOL/free_hugepages"
    echo 0 >"$POOL/resv_hugepages"
    printf '%s\n' "MemTotal: $((1600 * 1024)) kB" "MemFree: $((1 * 1024)) kB" \
        "MemAvailable: $((1000 * 1024)) kB" >"$WORK/meminfo"
    export IVSHMEM_HUGE_POOL=$POOL IVSHMEM_HUGE_MEMINFO=$WORK/meminfo
    export IVSHMEM_HUGE_STATE=$WORK/state
}

pool_hugepages() { without_pool "$ROOT/scripts/hugepages" --name pool "$@"; }

# The kernel's own pool is never asked for too many: it would give all that it has.
too_many_hugepages_are_refused() {
    [ "$(id -u)" = 0 ] || { echo "needs root"; return 77; }
    # Spelled as nothing here writes it.
    pool 003 2
    fails 1 pool_hugepages reserve 99999999
    contains "$OUTPUT" "99999997 more pages of 2M take 199999994 MiB; 1000 MiB are available"
    fails 1 pool_hugepages reserve 453
    contains "$OUTPUT" "of which 100 MiB stay for everything else"
    fails 1 pool_hugepages --size 1G reserve 3
    fails 2 pool_hugepages reserve 99999999999999999999
    [ "$(cat "$POOL/nr_hugepages")" = 003 ]
    [ -z "$(find "$WORK/state" -name 'pool.*')" ]
    # What just fits is asked for.
    fails 1 pool_hugepages reserve 452
    contains "$OUTPUT" "only 450 of the pages could be made"
}

# It has no memory in one piece, say.
missing_hugepages_are_not_kept() {
    [ "$(id -u)" = 0 ] || { echo "needs root"; return 77; }
    pool 3 2
    fails 1 pool_hugepages reserve 8
    contains "$OUTPUT" "only 6 of the pages could be made"
    [ "$(cat "$POOL/nr_hugepages")" = 3 ]
    [ -z "$(find "$WORK/state" -name 'pool.*')" ]
    # Enough are free: none is added.
    pool_hugepages reserve 2
    [ "$(cat "$POOL/nr_hugepages")" = 3 ]
    [ "$(cat "$WORK/state/pool.2M.reserved")" = 2 ]
    pool_hugepages release
    [ "$(cat "$POOL/nr_hugepages")" = 3 ]
}

debian_root_is_seen() {
    local shared=$WORK/shared
    [ -e "$ROOT/build/debian-13.made" ] || { echo "no Debian 13 in build/debian-13"; return 77; }
    mkdir "$shared"
    "$ROOT/scripts/debian-root" run --exec --share "$shared" \
        sh -c "exec 5>$shared/file; echo seen >&5; exec sleep 986" &
    # shellcheck disable=SC2064  # of now
    trap "child_signal TERM $! || true" EXIT
    until [ -s "$shared/file" ]; do child_runs $!; done
    [ "$(cat "/proc/$!/fd/5")" = seen ]
    fails 7 "$ROOT/scripts/debian-root" run --exec sh -c 'exit 7'
    fails 2 "$ROOT/scripts/debian-root" run --share "$WORK/nothing" true
    fails 2 "$ROOT/scripts/debian-root" run --frobnicate true
    ! grep -F "$shared" /proc/self/mountinfo
}

guest_image_brings_libraries() {
    command -v busybox >/dev/null || { echo "no busybox"; return 77; }
    local image=$WORK/image.gz
    : >"$WORK/kernel"
    mkdir -p "$WORK/repo" && cp -r "$ROOT/scripts" "$WORK/repo"
    local make=("$WORK/repo/scripts/guest-image" --kernel "$WORK/kernel" --output "$image"
        --add "$(command -v gzip)" --add "$WORK/kernel:/etc/marker")
    "${make[@]}"
    gzip -dc "$image" | cpio -t --quiet >"$WORK/list"
    local file
    for file in init usr/bin/busybox usr/bin/gzip etc/marker usr/lib/x86_64-linux-gnu/libc.so.6 \
        usr/lib/x86_64-linux-gnu/libgcc_s.so.1 usr/lib64/ld-linux-x86-64.so.2; do
        grep -qxF "./$file" "$WORK/list" || grep -qxF "$file" "$WORK/list" ||
            { echo "no $file"; return 1; }
    done
    local before
    before=$(stat -c %Y.%i "$image")
    "${make[@]}"
    [ "$(stat -c %Y.%i "$image")" = "$before" ]
    fails 1 "${make[@]}" --add /nonexistent
    contains "$OUTPUT" "no file /nonexistent"
}

# A root folder with a libc that is not this machine's: one more byte.
guest_image_takes_a_root() {
    command -v busybox >/dev/null || { echo "no busybox"; return 77; }
    local image=$WORK/image.gz root=$WORK/root libraries=usr/lib/x86_64-linux-gnu
    : >"$WORK/kernel"
    mkdir -p "$WORK/repo" "$root/$libraries" && cp -r "$ROOT/scripts" "$WORK/repo"
    ln -s usr/lib64 "$root/lib64"
    install -D "$(readlink -f /lib64/ld-linux-x86-64.so.2)" "$root/usr/lib64/ld-linux-x86-64.so.2"
    cp "$(ldd "$(command -v gzip)" | awk '$1 == "libc.so.6" { print $3 }')" "$root/$libraries"
    cp "$(command -v gzip)" "$root/gzip"
    echo >>"$root/$libraries/libc.so.6"
    local make=("$WORK/repo/scripts/guest-image" --kernel "$WORK/kernel" --output "$image"
        --root "$root" --add "$root/gzip")
    "${make[@]}"
    mkdir "$WORK/unpacked"
    gzip -dc "$image" | (cd "$WORK/unpacked" && cpio -i -d --quiet)
    cmp "$WORK/unpacked/$libraries/libc.so.6" "$root/$libraries/libc.so.6"
    [ -e "$WORK/unpacked/usr/lib64/ld-linux-x86-64.so.2" ]
    rm "$root/$libraries/libc.so.6"
    fails 1 "${make[@]}"
    contains "$OUTPUT" "libc.so.6, which is not in $root"
    fails 1 "${make[@]}" --root "$WORK/repo"
    contains "$OUTPUT" "is no root folder"
}

toy_make "$TOY"
t "every script has --help" every_script_has_help
t "wrong usage is said" wrong_usage_is_said
t "fetch uses what is there" fetch_uses_what_is_there
t "fetch refuses a wrong hash, and says the way out" fetch_refuses_wrong_hash
t "both formats of apt's sources are read" fetch_reads_both_formats_of_sources
t "another release of Debian comes from the same mirrors" another_release_comes_from_the_same_mirrors
t "an interruption leaves no process and no mount of Debian 13" debian_root_leaves_nothing
t "a program in Debian 13 is seen from outside, with its files" debian_root_is_seen
t "two runs do not clash" two_runs_do_not_clash
t "counts: failures, skips, silence" counts_are_right
t "a failing step is shown with the end of its log" failing_step_is_shown
t "an interruption ends all of a step" interruption_ends_all_of_a_step
t "hugepages are given back" hugepages_are_given_back
t "a mount of hugepages has a limit" a_mount_of_hugepages_has_a_limit
t "too many hugepages are refused before the kernel is asked" too_many_hugepages_are_refused
t "of too few hugepages none is kept" missing_hugepages_are_not_kept
t "a guest image has the libraries and is not rebuilt" guest_image_brings_libraries
t "a guest image has the libraries of a root folder" guest_image_takes_a_root
t_done

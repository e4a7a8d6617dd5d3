#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The one entry point: sets up, builds, shows and tests everything.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$ROOT/scripts/lib/common.sh"
# shellcheck source=scripts/lib/steps.sh
. "$ROOT/scripts/lib/steps.sh"
# shellcheck source=scripts/lib/packages.sh
. "$ROOT/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/meson.sh
. "$ROOT/scripts/lib/meson.sh"
# shellcheck source=scripts/lib/tests.sh
. "$ROOT/scripts/lib/tests.sh"

usage() {
    cat <<END
usage: ./build.sh COMMAND [OPTION]...

  demo           boot a guest that finds a DPDK application's objects and
                 exchanges packets with it; what follows goes to scripts/demo
      --huge     with huge pages
      --vm-to-vm two VMs, and the host not in the path; --vms N: a chain of N
  test           build everything and run all tests; ends with the counts
      --every-qemu   and those of the device on every pinned QEMU
  build          build the patched QEMU, the library and the guest image
  build qemu     build/qemu/qemu-system-x86_64 alone
  build library  build/dpdk-ivshmem alone
  bench [NAME...]
                 build what the benchmarks need and run them, or those named; writes
                 JSON, Markdown and plots to build/bench/latest/
      --quick    few samples, some minutes for all;  --list  their names
      --compare FILE  with an earlier results.json;  --help  the rest
  fuzz           build QEMU with clang, libFuzzer and sanitizers, and fuzz the
                 device; what follows goes to scripts/fuzz
      --cases N  random devices; --runs N  inputs of QEMU's generic fuzzer
  clean          delete what was built, but not what was downloaded
      --all      that as well
      --force    even edits in build/src that are not in patches/ yet
  help           this text

  --qemu VERSION   another pinned QEMU ($("$ROOT/scripts/fetch" --list qemu | xargs | sed 's/ /, /g'))
  QEMU_SRC=DIR     environment: a QEMU source tree of yours; it is copied, and
                   the series is applied to the copy unless it is there already

Every command does all the set-up that it needs and nothing twice. Logs are in
build/logs. On Debian 12 and 13 missing packages are installed (as root, or
with sudo); nothing else outside build/ is changed.
END
}

QEMU_VERSION=
QEMU_LABEL=     # version, or "local" for QEMU_SRC
FUZZ_CONFIGURE='--enable-fuzzing --enable-asan --enable-ubsan --extra-cflags=-gline-tables-only'

wrong_usage() {
    say "error: $1"
    say "       ./build.sh help"
    exit 2
}

# ---- parts that every command shares ---------------------------------------

prepare() {
    take_lock
    need_packages
    if [ -z "${MESON+set}" ]; then meson_setup; fi
}

pick_qemu() {
    if [ -n "${QEMU_SRC:-}" ]; then
        [ -z "$QEMU_VERSION" ] || wrong_usage "--qemu and QEMU_SRC exclude each other"
        [ -f "$QEMU_SRC/configure" ] ||
            die "QEMU_SRC=$QEMU_SRC is not a QEMU source tree: it has no file configure"
        QEMU_SRC=$(cd "$QEMU_SRC" && pwd)
        export QEMU_SRC
        QEMU_LABEL=local
    else
        local pinned
        pinned=$("$ROOT/scripts/fetch" --list qemu)
        QEMU_LABEL=${QEMU_VERSION:-${pinned%%$'\n'*}}
        grep -qxF "$QEMU_LABEL" <<<"$pinned" ||
            wrong_usage "qemu/SOURCES pins no QEMU '$QEMU_LABEL' (pinned: $(xargs <<<"$pinned"))"
    fi
}

import_qemu() {
    local import=("$ROOT/scripts/series" import)
    [ "$1" = local ] || import+=("$1")
    run_step "qemu-source-$1" "QEMU $1: source and series" "${import[@]}"
}

# build_qemu [NINJA-TARGET...]: as build/qemu.
build_qemu() {
    import_qemu "$QEMU_LABEL"
    run_step "qemu-build-$QEMU_LABEL" "QEMU $QEMU_LABEL: build" \
        "$ROOT/scripts/build-qemu" "$BUILD/src/qemu-$QEMU_LABEL" "$BUILD/qemu-$QEMU_LABEL" \
        qemu-system-x86_64 "$@"
    # Replaced in one step: others may be using the name.
    ln -sfn "qemu-$QEMU_LABEL" "$BUILD/.qemu.new"
    mv -fT "$BUILD/.qemu.new" "$BUILD/qemu"
}

# The project's own options as well: Meson reads them at setup alone.
project_options() { sed '/)$/q' "$ROOT/dpdk-ivshmem/meson.build"; }

# build_meson NAME TITLE FOLDER OPTIONS...: the library in build/FOLDER.
build_meson() {
    local name=$1 title=$2 dir=$BUILD/$3
    shift 3
    run_step "$name" "$title" build_meson_folder "$dir" "$@"
}

build_meson_folder() {
    local dir=$1 stamp
    shift
    stamp=$(hash_of "$ROOT" "$MESON_VERSION" "$*" "$(project_options)")
    if [ "$(cat "$dir/.configured" 2>/dev/null)" != "$stamp" ]; then
        rm -rf "$dir"
        "${MESON[@]}" setup "$dir" "$ROOT/dpdk-ivshmem" "$@" || return
        printf '%s\n' "$stamp" | write_file "$dir/.configured"
    fi
    ninja -C "$dir"
}

build_library() {
    build_meson library "library: build" dpdk-ivshmem --buildtype=debugoptimized
}

# build_debian: the library on Debian 13, inside a root folder of that. Where
# there can be none, test_debian says why.
build_debian() {
    local status=0
    try_step debian-13 "Debian 13: root folder" "$ROOT/scripts/debian-root" make || status=$?
    [ $status != 77 ] || return 0
    [ $status = 0 ] || step_failed debian-13 "Debian 13: root folder"
    say "$STEP_TIME  Debian 13: root folder"
    run_step library-debian-13 "library: build on Debian 13" build_inside_debian
}

build_inside_debian() {
    local dir=$BUILD/dpdk-ivshmem-debian-13 stamp
    stamp=$(hash_of "$ROOT" "$BUILD/debian-13.made" "$(project_options)")
    if [ "$(cat "$dir/.configured" 2>/dev/null)" != "$stamp" ]; then
        rm -rf "$dir"
        "$ROOT/scripts/debian-root" run meson setup /build /src/dpdk-ivshmem \
            --buildtype=debugoptimized || return
        printf '%s\n' "$stamp" | write_file "$dir/.configured"
    fi
    "$ROOT/scripts/debian-root" run ninja -C /build
}

build_guest() {
    run_step guest "guest kernel and image" "$ROOT/scripts/guest-image" --default
}

# ---- commands ----------------------------------------------------------------

cmd_build() {
    local what=${1:-all}
    [ $# -le 1 ] || wrong_usage "build: too many words"
    case $what in all | qemu | library) ;; *) wrong_usage "build: unknown part '$what'" ;; esac
    pick_qemu
    prepare
    [ "$what" = library ] || build_qemu
    [ "$what" = qemu ] || build_library
    [ "$what" != all ] || build_guest
}

cmd_demo() {
    [ -x "$ROOT/scripts/demo" ] || die "scripts/demo is not there"
    pick_qemu
    prepare
    build_qemu
    build_library
    build_guest
    drop_lock
    trap - INT TERM
    exec "$ROOT/scripts/demo" "$@"
}

cmd_test() {
    local every='' qtests
    if [ "${1:-}" = --every-qemu ]; then every=1; shift; fi
    [ $# -eq 0 ] || wrong_usage "test takes no further words"
    pick_qemu
    PACKAGES+=("${BENCH_PACKAGES[@]}")
    prepare
    mapfile -t qtests < <(qtest_targets)
    build_qemu "${qtests[@]}"
    build_library
    build_meson library-asan "library: build with sanitizers" dpdk-ivshmem-asan \
        --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
    build_meson library-tsan "library: build with ThreadSanitizer" dpdk-ivshmem-tsan \
        --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false
    build_debian
    build_guest
    huge_start
    run_tests "${qtests[@]}"
    [ -z "$every" ] || test_other_qemus "${qtests[@]}"
    huge_end
    print_counts
}

# test_other_qemus TARGET...: the device on the pinned versions besides
# QEMU_LABEL. build/qemu stays what it is.
test_other_qemus() {
    local version
    for version in $("$ROOT/scripts/fetch" --list qemu); do
        [ "$version" != "$QEMU_LABEL" ] || continue
        import_qemu "$version"
        # Tests alone use it: without optimization, it builds in half the time.
        QEMU_CONFIGURE_EXTRA=-Doptimization=0 run_step "qemu-build-$version-tests" \
            "QEMU $version: build for tests" "$ROOT/scripts/build-qemu" \
            "$BUILD/src/qemu-$version" "$BUILD/qemu-$version-tests" qemu-system-x86_64 "$@"
        suite "test-series-$version" "series check $version" count_tap \
            "$ROOT/scripts/series" check "$version"
        test_qtests "$BUILD/qemu-$version-tests" " on QEMU $version" "$@"
    done
}

cmd_bench() {
    local word needs
    for word; do
        case $word in -h | --help | --list) exec "$ROOT/scripts/bench/run" "$@" ;; esac
    done
    needs=$("$ROOT/scripts/bench/run" --needs "$@")
    pick_qemu
    PACKAGES+=("${BENCH_PACKAGES[@]}")
    prepare
    [[ " $needs " != *" qemu "* ]] || build_qemu
    [[ " $needs " != *" library "* ]] || build_library
    [[ " $needs " != *" guest "* ]] || build_guest
    drop_lock
    trap - INT TERM
    exec "$ROOT/scripts/bench/run" "$@"
}

# A configuration of its own, in a build folder of its own.
cmd_fuzz() {
    local dir
    pick_qemu
    PACKAGES+=(clang libclang-rt-dev llvm)
    prepare
    have clang || die "clang is not there" "install it, with compiler-rt (libFuzzer, ASan, UBSan)"
    dir=$BUILD/qemu-fuzz-$QEMU_LABEL
    import_qemu "$QEMU_LABEL"
    CC=clang CXX=clang++ QEMU_CONFIGURE_EXTRA=$FUZZ_CONFIGURE run_step qemu-fuzz \
        "QEMU $QEMU_LABEL: build for fuzzing" "$ROOT/scripts/build-qemu" \
        "$BUILD/src/qemu-$QEMU_LABEL" "$dir" qemu-system-x86_64 qemu-fuzz-x86_64
    drop_lock
    trap - INT TERM
    exec "$ROOT/scripts/fuzz" "$@" "$dir"
}

cmd_clean() {
    local keep=$DOWNLOADS force='' option
    for option; do
        case $option in
        --all) keep= ;;
        --force) force=1 ;;
        *) wrong_usage "clean: unknown option '$option'" ;;
        esac
    done
    [ -d "$BUILD" ] || return 0
    take_lock
    # Edits of an engineer in the imported QEMU are in no other place.
    [ -n "$force" ] || "$ROOT/scripts/series" status >&2 ||
        die "this would be lost" "./build.sh clean --force deletes it all the same"
    # Its files may belong to other ids.
    [ ! -e "$BUILD/debian-13" ] || "$ROOT/scripts/debian-root" remove
    find "$BUILD" -mindepth 1 -maxdepth 1 ! -path "$keep" ! -name .lock -exec rm -rf {} +
    say "cleaned build/${keep:+ (kept build/downloads)}"
}

main() {
    local words=()
    while [ $# -gt 0 ]; do
        case $1 in
        --qemu) [ $# -ge 2 ] || wrong_usage "--qemu needs a version"; QEMU_VERSION=$2; shift ;;
        --qemu=*) QEMU_VERSION=${1#*=} ;;
        -h | --help) if [ "${words[0]:-}" = bench ]; then words+=("$1"); else words=(help); fi ;;
        *) words+=("$1") ;;
        esac
        shift
    done
    set -- "${words[@]}"
    case ${1:-help} in
    demo | test | build | bench | fuzz | clean) "cmd_$1" "${@:2}" ;;
    help) usage ;;
    *) wrong_usage "unknown command '$1'" ;;
    esac
}

main "$@"

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: test_installed.sh BUILD-FOLDER
#
# The library as others get it: installed below a folder of its own, found by
# pkg-config alone, in C and C++, shared and static.
set -euo pipefail
build=$(realpath "$1")
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$here/../../../scripts/lib/tap.sh"
# shellcheck source=scripts/lib/children.sh
. "$here/../../../scripts/lib/children.sh"

CC=${CC:-cc} CXX=${CXX:-c++}
WARNINGS=(-Wall -Wextra -Werror)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-installed.XXXXXX")
PREFIX=$(basename "$WORK")
export RTE_IVSHMEM_DIR=$WORK/metadata XDG_RUNTIME_DIR=$WORK
CPUS=$(awk '$1 == "Cpus_allowed_list:" { print $2 }' /proc/self/status)

# shellcheck disable=SC2317  # called by the trap
clean_up() {
    rm -rf "$WORK"
    [ "$(id -u)" != 0 ] || rm -rf "/var/run/dpdk/$PREFIX-host" "/var/run/dpdk/$PREFIX-guest"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

installs() {
    DESTDIR=$WORK/root ninja -C "$build" install
    local pc
    pc=$(find "$WORK/root" -name librte_ivshmem.pc)
    dirname "$pc" >"$WORK/pkgconfig"
    # A build folder of before keeps the option that it was made with.
    grep -q pcfiledir "$pc" || {
        echo "librte_ivshmem.pc cannot be moved: meson configure -Dpkgconfig.relocatable=true"
        return 1
    }
}

# flags OPTION...: of the installed copy.
flags() { PKG_CONFIG_PATH=$(cat "$WORK/pkgconfig") pkg-config "$@" librte_ivshmem; }
variable() { flags "--variable=$1"; }

# headers_alone COMPILER...: each header first and by itself, without DPDK's.
headers_alone() {
    local header count=0
    for header in "$(variable includedir)"/rte_ivshmem*.h; do
        "$@" -pedantic "${WARNINGS[@]}" -fsyntax-only "-I$(dirname "$header")" - \
            <<<"#include <$(basename "$header")>"
        count=$((count + 1))
    done
    [ "$count" -ge 2 ]
}

# compile NAME SOURCE FLAGS...
compile() {
    local name=$1 source=$2
    shift 2
    "$CC" -std=gnu11 "${WARNINGS[@]}" -o "$WORK/$name" "$here/$source" "$@"
}

compile_c() {
    # shellcheck disable=SC2046  # words
    compile host host.c $(flags --cflags --libs)
}

compile_cxx() {
    have_cxx
    # shellcheck disable=SC2046  # words
    "$CXX" -std=c++17 "${WARNINGS[@]}" -o "$WORK/host-cxx" -x c++ "$here/host.c" -x none \
        $(flags --cflags --libs)
}

have_cxx() { command -v "$CXX" >/dev/null || { echo "no C++ compiler"; exit 77; }; }

headers_alone_cxx() {
    have_cxx
    headers_alone "$CXX" -x c++ -std=c++17
}

compile_guest() {
    # shellcheck disable=SC2046  # words
    compile guest guest.c $(flags --cflags --libs)
}

# The archive as a whole, because nothing in guest.c refers to the bus in it.
compile_archive() {
    local archive=("-Wl,--whole-archive" "$(variable libdir)/librte_ivshmem.a" "-Wl,--no-whole-archive")
    # shellcheck disable=SC2046  # words
    {
        compile host-archive host.c $(flags --cflags) "${archive[@]}" $(pkg-config --libs libdpdk)
        compile guest-archive guest.c $(flags --cflags) "${archive[@]}" $(pkg-config --libs libdpdk)
    }
    needs_not librte_ivshmem host-archive guest-archive
}

compile_static() {
    # shellcheck disable=SC2046  # words
    "$CC" -x c - -o "$WORK/nothing" <<<"int main(void) { return 0; }" -x none \
        $(pkg-config --static --libs libdpdk) || {
        echo "this system's DPDK cannot be linked statically"
        return 77
    }
    # shellcheck disable=SC2046  # words
    {
        compile host-static host.c $(flags --static --cflags --libs)
        compile guest-static guest.c $(flags --static --cflags --libs)
    }
    needs_not librte_ host-static guest-static
}

# needs_not LIBRARY PROGRAM...
needs_not() {
    local library=$1 program
    shift
    for program; do
        ! readelf -d "$WORK/$program" | grep -F "$library" ||
            { echo "$program needs $library"; return 1; }
    done
}

# eal NAME LCORE PROGRAM ARGUMENT...
eal() {
    local name=$1 lcore=$2 program=$3
    shift 3
    LD_LIBRARY_PATH=$(variable libdir) exec "$WORK/$program" --no-huge -m 16 --no-pci \
        --no-telemetry --file-prefix "$PREFIX-$name" --lcores "$lcore@($CPUS)" "$@"
}

# exchange HOST GUEST: HOST prints the device string, and gets GUEST's answer.
exchange() {
    local host=$1 guest=$2 device='' answer='' pid out in
    if [ ! -x "$WORK/$host" ] || [ ! -x "$WORK/$guest" ]; then
        echo "not compiled"
        return 77
    fi
    coproc HOST { eal host 0 "$host" 2>"$WORK/host.log"; }
    pid=$HOST_PID out=${HOST[0]} in=${HOST[1]}
    # shellcheck disable=SC2064  # of now
    trap "child_signal TERM $pid || true" EXIT
    read -r -t 60 -u "$out" device || { cat "$WORK/host.log"; return 1; }
    contains "$device" "-device ivshmem,file=$RTE_IVSHMEM_DIR/installed:"
    (eal guest 64 "$guest" -a "ivshmem0,file=$RTE_IVSHMEM_DIR/installed")
    exec {in}>&-
    read -r -t 60 -u "$out" answer
    wait "$pid"
    [ "$answer" = "answer 42" ] || { echo "got '$answer'"; return 1; }
}

t "the library is installed" installs
t "each header compiles alone as C11" headers_alone "$CC" -x c -std=c11
t "each header compiles alone as C++17" headers_alone_cxx
t "a C program builds with what pkg-config says" compile_c
t "a C++ program does" compile_cxx
t "a guest program that calls nothing of the library does" compile_guest
t "C host and guest, linked with it, share a ring" exchange host guest
t "C++ host and guest do" exchange host-cxx guest
t "programs build with the archive and DPDK's shared libraries" compile_archive
t "and share a ring" exchange host-archive guest-archive
t "programs build with pkg-config --static, without any shared library of DPDK" compile_static
t "and share a ring" exchange host-static guest-static
t_done

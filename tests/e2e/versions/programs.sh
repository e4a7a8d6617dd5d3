#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: programs.sh BUILD-FOLDER shared|static NAME...
#
# Programs of this test, each linked as said:
#   ivshmem-demo-host, ivshmem-demo-guest   the demo's
#   pool-guest                              pool_guest.c
# Static ones need no shared library of DPDK or of ours, and are built as
# somebody else would: with what pkg-config --static says of the installed
# library. They go to BUILD-FOLDER/versions/shared or static. Exit status 77:
# this system's DPDK cannot be linked statically.
set -euo pipefail
build=$(realpath "$1") linking=$2
shift 2
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
examples=$here/../../../dpdk-ivshmem/examples
out=$build/versions/$linking
work=

end() { [ -z "$work" ] || rm -rf "$work"; }
trap end EXIT
trap 'exit 1' INT TERM HUP

# is_current NAME: linking takes some seconds.
is_current() {
    [ -x "$out/$1" ] && [ -z "$(find "$build/lib/librte_ivshmem.a" "$examples" "$here" \
        -newer "$out/$1")" ]
}

# As examples/meson.build has them.
sources_of() {
    case $1 in
    ivshmem-demo-host) echo "$examples"/demo_{host,report,share,check,common,place,source,watch}.c ;;
    ivshmem-demo-guest) echo "$examples"/demo_{guest,relay,check,common,place,source,watch}.c ;;
    pool-guest) echo "$here/pool_guest.c" ;;
    esac
}

# can_be_static: tells why not.
can_be_static() {
    # shellcheck disable=SC2046  # words
    "${CC:-cc}" -x c - -o "$work/nothing" <<<"int main(void) { return 0; }" -x none \
        $(pkg-config --static --libs libdpdk) || {
        echo "this system's DPDK cannot be linked statically"
        return 77
    }
}

# find_flags: FLAGS; a shared guest program gets our library as a plugin.
find_flags() {
    if [ "$linking" = shared ]; then
        FLAGS=$(pkg-config --cflags --libs libdpdk)
        return
    fi
    can_be_static
    DESTDIR=$work/root ninja -C "$build" install >/dev/null
    FLAGS=$(PKG_CONFIG_PATH=$(dirname "$(find "$work/root" -name librte_ivshmem.pc)") \
        pkg-config --static --cflags --libs librte_ivshmem)
}

# Stripped, because it goes into a guest's memory.
compile() {
    # shellcheck disable=SC2046,SC2086  # words
    "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -s -D_GNU_SOURCE -o "$out/$1.new" \
        $(sources_of "$1") $FLAGS
    mv "$out/$1.new" "$out/$1"
}

for name; do
    ! is_current "$name" || continue
    [ -n "$work" ] || {
        mkdir -p "$out"
        work=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-programs.XXXXXX")
        find_flags
    }
    compile "$name"
done

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: static_demo.sh BUILD-FOLDER host|guest
#
# A program of the demo without any shared library of DPDK or of ours, built as
# somebody else would: with what pkg-config --static says of the installed
# library. It goes to BUILD-FOLDER/static. Exit status 77: this system's DPDK
# cannot be linked so.
set -euo pipefail
build=$(realpath "$1") side=$2
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
examples=$here/../../../dpdk-ivshmem/examples
program=$build/static/ivshmem-demo-$side

# Linking takes some seconds.
if [ -x "$program" ] && [ -z "$(find "$build/lib/librte_ivshmem.a" "$examples" "$here" \
    -newer "$program")" ]; then exit 0; fi

work=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-static.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# shellcheck disable=SC2046  # words
"${CC:-cc}" -x c - -o "$work/nothing" <<<"int main(void) { return 0; }" -x none \
    $(pkg-config --static --libs libdpdk) || {
    echo "this system's DPDK cannot be linked statically"
    exit 77
}
DESTDIR=$work/root ninja -C "$build" install >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$work/root" -name librte_ivshmem.pc)")
export PKG_CONFIG_PATH
mkdir -p "$build/static"
# Stripped, because it goes into a guest's memory.
# shellcheck disable=SC2046  # words
"${CC:-cc}" -std=gnu11 -O2 -s -D_GNU_SOURCE -o "$program.new" "$examples/demo_$side.c" \
    "$examples/demo_common.c" $(pkg-config --static --cflags --libs librte_ivshmem)
mv "$program.new" "$program"

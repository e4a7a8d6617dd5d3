#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: other_layouts.sh BUILD-FOLDER
#
# The plugin as for DPDKs that were built with other options: what computes the
# layout is compiled against DPDK's headers with one option changed, the rest is
# that of BUILD-FOLDER. They go to BUILD-FOLDER/versions/layouts/librte_ivshmem-ITEM.so,
# where ITEM is what a refusal must name.
set -euo pipefail
build=$(realpath "$1")
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
source=$here/../../../dpdk-ivshmem
out=$build/versions/layouts
archive=$build/lib/librte_ivshmem.a

work=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-layouts.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# plugin ITEM SED-SCRIPT: the script changes DPDK's two headers of options.
plugin() {
    local item=$1 file=$out/librte_ivshmem-$1.so headers=$work/$1 header
    if [ -e "$file" ] && [ -z "$(find "$archive" "$here" -newer "$file")" ]; then return; fi
    mkdir -p "$headers"
    for header in rte_config.h rte_build_config.h; do
        find "${INCLUDES[@]}" -maxdepth 1 -name "$header" -exec sed "$2" {} \; -quit >"$headers/$header"
    done
    # shellcheck disable=SC2046  # words
    "${CC:-cc}" -std=gnu11 -O2 -fPIC -D_GNU_SOURCE -I"$headers" -I"$source/include" \
        -I"$source/lib/common" -I"$source/lib/dpdk" $(pkg-config --cflags libdpdk) \
        -c "$source/lib/dpdk/layout.c" -o "$work/$item.o"
    # shellcheck disable=SC2046  # words
    "${CC:-cc}" -shared -Wl,--as-needed -o "$file.new" "$work/$item.o" "$work"/objects/*.o \
        $(pkg-config --libs libdpdk)
    mv "$file.new" "$file"
}

# What a header is to end with, for sed.
# shellcheck disable=SC2016  # its last line
define() { printf '$a #define %s 1' "$1"; }

mapfile -t INCLUDES < <(pkg-config --cflags-only-I libdpdk | tr ' ' '\n' | sed -n 's/^-I//p')
mkdir -p "$out" "$work/objects"
(cd "$work/objects" && ar x "$archive" && rm ./dpdk_layout.c.o)
plugin cache_line_size 's/\(define RTE_CACHE_LINE_SIZE\) .*/\1 128/'
plugin max_lcore 's/\(define RTE_MAX_LCORE\) .*/\1 256/'
plugin mbuf_iova_in_mbuf 's/\(define RTE_IOVA_\(IN_MBUF\|AS_PA\)\) .*/\1 0/'
plugin mbuf_refcnt_atomic '/define RTE_MBUF_REFCNT_ATOMIC/d'
plugin mempool_cache_max 's/\(define RTE_MEMPOOL_CACHE_MAX_SIZE\) .*/\1 1024/'
plugin mempool_debug "$(define RTE_LIBRTE_MEMPOOL_DEBUG)"
plugin mempool_stats "$(define RTE_LIBRTE_MEMPOOL_STATS)"

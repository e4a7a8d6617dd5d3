#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: test_abi.sh LIBRARY.so
#
# The library's binary interface is the recorded one, and the comparison
# notices what breaks programs.
set -euo pipefail
library=$(realpath "$1")
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$here/../../scripts/lib/tap.sh"

record=$here/../abi/librte_ivshmem.abi
copy=$(mktemp "${TMPDIR:-/tmp}/ivshmem-abi.XXXXXX")
trap 'rm -f "$copy"' EXIT

abi() { "$here/../../scripts/abi" "$@" "$library"; }

# notices TEXT EDIT: a record that is EDITed for sed differs; abidiff says TEXT.
notices() {
    sed "$2" "$record" >"$copy"
    ! cmp -s "$record" "$copy" || { echo "the edit changed nothing"; return 1; }
    fails 1 abi check --record "$copy"
    contains "$OUTPUT" "the binary interface is not the recorded one"
    contains "$OUTPUT" "$1"
}

# Without abidw each test would be skipped for the same reason.
if ! command -v abidw >/dev/null || ! command -v abidiff >/dev/null; then
    echo "1..0 # SKIP no libabigail"
    exit 0
fi

t "the binary interface is the recorded one" abi check
t "a parameter that is gone or new is noticed" \
    notices "rte_ivshmem_metadata_cmdline_generate" "/<parameter .*name='size'/d"
t "a parameter of another type is noticed" \
    notices "type size changed from 16 to 32" \
    "s/<type-decl name='unsigned int' size-in-bits='32'/<type-decl name='unsigned int' size-in-bits='16'/"
t "a function that is gone is noticed" \
    notices "[D] rte_ivshmem_metadata_gone" "s/rte_ivshmem_metadata_dump/rte_ivshmem_metadata_gone/"
t "so is a new one that is not recorded" \
    notices "[A] 'function int rte_ivshmem_metadata_dump" \
    "s/rte_ivshmem_metadata_dump/rte_ivshmem_metadata_gone/"
t_done

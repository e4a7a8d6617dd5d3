#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: test_symbols.sh LIBRARY.so LIBRARY.a
#
# The library exports the functions that its headers declare, and no other name.
set -euo pipefail
shared=$1 archive=$2
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$here/../../scripts/lib/tap.sh"

# The preprocessor takes the comments away.
declared() {
    "${CC:-cc}" -x c -std=c11 -E -P "$here"/../include/rte_ivshmem*.h |
        grep -oE '\brte_ivshmem_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u
}

# "A" is the name of a version, not of a function.
exported() { nm -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort; }

listed() { sed -nE 's/^\t([^:;]+);$/\1/p' "$here/../lib/version.map" | sort; }

same() { diff -u --label "$1" --label "$2" <("$1") <("$2"); }

archive_is_clean() {
    local foreign
    foreign=$(nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' |
        grep -vE '^(rte_)?ivshmem_') || return 0
    echo "$foreign"
    return 1
}

t "the library exports what its headers declare, and nothing else" same declared exported
t "version.map lists each by its name" same declared listed
t "the archive defines no name but (rte_)ivshmem_*" archive_is_clean
t_done

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: test_fallible.sh LIBRARY.a TEST-FAULTS
#
# Each function of libc that the library calls and that can fail, test-faults
# lets fail, or it says here why not.
set -euo pipefail
archive=$1 program=$2
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$here/../../scripts/lib/tap.sh"

CANNOT_FAIL=(
    # memory, texts and numbers
    free memchr memcmp memcpy memmove memset qsort alphasort64
    strchr strcmp strcpy strcspn strlen strncmp strnlen strrchr strspn strtol strtoul
    __isoc23_strtol __isoc23_strtoul snprintf vsnprintf __isoc99_sscanf
    __isoc23_sscanf strerror
    # what is always there
    __errno_location _GLOBAL_OFFSET_TABLE_ __tls_get_addr __stack_chk_fail
    getenv getpid dirfd sysconf __cpu_model
    # of a stream: ferror(), feof() or fclose() tells in the end
    feof ferror fprintf fputc fputs putc fwrite
    # the descriptor or mapping is gone in any case
    close closedir munmap madvise
    # a known clock; a pause that is cut short is followed by another look
    clock_gettime nanosleep
    # a plain mutex, a constant once
    pthread_mutex_init pthread_mutex_lock pthread_mutex_trylock pthread_mutex_unlock
    pthread_once
)

# Functions of DPDK are DPDK's business, and our own ours.
called() {
    nm -u "$archive" | awk '$1 == "U" { print $2 }' | sort -u |
        grep -vE '^(rte_|per_lcore_|__rte_|ivshmem_)'
}

failing() { nm "$program" | sed -nE 's/.* [Tt] __wrap_//p' | sort -u; }

all_are_tried() {
    local forgotten
    forgotten=$(comm -23 <(called) <({ failing; printf '%s\n' "${CANNOT_FAIL[@]}"; } | sort -u))
    [ -z "$forgotten" ] || { echo "never fail in a test: $forgotten"; return 1; }
}

none_is_stale() {
    local stale
    stale=$(comm -13 <(nm -u "$archive" | awk '$1 == "U" { print $2 }' | sort -u) <(failing))
    [ -z "$stale" ] || { echo "not called by the library: $stale"; return 1; }
}

t "each call that can fail is made to fail" all_are_tried
t "no other is" none_is_stale
t_done

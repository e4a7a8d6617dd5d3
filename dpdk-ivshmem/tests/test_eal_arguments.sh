#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The EAL's arguments in a guest: what works without our library works with it.
# The guest is a process here; tests/e2e/eal_arguments.sh has a VM. Arguments:
# calls-host, calls-guest, the plugin.
set -euo pipefail
HOST=$(realpath "$1") GUEST=$(realpath "$2") PLUGIN=$(realpath "$3")
# shellcheck source=dpdk-ivshmem/tests/guests.sh
. "$(dirname "$(readlink -f "$0")")/guests.sh"

# With AddressSanitizer the default address is taken: by its shadow.
BASE=0x100000000
! ldd "$GUEST" | grep -q asan || BASE=
HUGE=() # what a program needs for hugepages
[ -z "${IVSHMEM_HUGE:-}" ] || HUGE=(--huge-dir "$IVSHMEM_HUGE")
COMMON=(--no-telemetry --log-level lib.eal:warning)
LCORES=(--lcores "0@$CPUS,1@$CPUS")

# works WORD...: a guest with these arguments of the EAL.
works() {
    guest "${COMMON[@]}" "$@" "${DEVICES[@]}" -- use ch across ch own mine
    ask ch check whole
    ! grep -q "not respected" <<<"$OUTPUT" || echo "disturbed" >>"$WORK/disturbed"
}

# Where our chunks keep the primary's EAL from its usual addresses, it takes random ones,
# at which a secondary may have a library: DPDK's advice is to turn randomisation off.
with_secondary() {
    local RUNNER=(setarch -R)
    guest "${COMMON[@]}" "$@" "${DEVICES[@]}" -- use ch secondary ch
    ask ch check whole
}

# try ARGUMENTS...: with the lcores 0 and 1, as the host.
try() {
    rm -f "$WORK/disturbed"
    t "$KIND: $*" works "${LCORES[@]}" "$@"
    [ ! -e "$WORK/disturbed" ] || echo "# the EAL says that its base address was not respected"
}

without_hugepages() {
    try --no-huge -m 32 --no-pci
    try --no-huge -m 32
    try --no-huge -m 16
    try --no-huge -m 32 --iova-mode va
    try --no-huge -m 32 --base-virtaddr 0x4000000000
    try --no-huge -m 32 --base-virtaddr 0x100000000
    try --no-huge -m 32 --base-virtaddr "$FAR"
    try --no-huge -m 32 --no-shconf
    try --no-huge -m 32 --no-hpet --vmware-tsc-map
    try --no-huge -m 32 --main-lcore 1
    try --no-huge -m 32 -a 0000:ff:1f.7
    try --no-huge -m 32 --create-uio-dev
    t "$KIND: --no-huge -m 32 --lcores 5@..,7@.." works --no-huge -m 32 --lcores "5@$CPUS,7@$CPUS"
}

with_hugepages() {
    local MEMORY
    in_memory 32
    try "${HUGE[@]}" -m 32
    try "${HUGE[@]}"
    try "${HUGE[@]}" "${MEMORY[@]}"
    try "${HUGE[@]}" "${MEMORY[@]}" --single-file-segments
    try "${HUGE[@]}" -m 32 --single-file-segments
    try "${HUGE[@]}" -m 32 --legacy-mem
    try "${HUGE[@]}" -m 32 --legacy-mem --single-file-segments
    try "${HUGE[@]}" -m 32 --match-allocations
    try "${HUGE[@]}" -m 32 --huge-unlink
    try "${HUGE[@]}" -m 32 --huge-unlink=never
    try "${HUGE[@]}" -m 32 --iova-mode va
    try "${HUGE[@]}" --socket-mem 16
    try "${HUGE[@]}" -m 32 --base-virtaddr 0x4000000000
    try "${HUGE[@]}" -m 32 --base-virtaddr "$FAR"
    [ "$(id -u)" != 0 ] || try "${HUGE[@]}" -m 32 --iova-mode pa
    t "$KIND: a secondary process of the guest" with_secondary "${HUGE[@]}" -m 32 "${LCORES[@]}"
    t "$KIND: with --single-file-segments" with_secondary "${HUGE[@]}" -m 32 "${LCORES[@]}" --single-file-segments
    t "$KIND: with --legacy-mem" with_secondary "${HUGE[@]}" -m 32 "${LCORES[@]}" --legacy-mem
}

# with_host KIND EAL-ARGUMENTS...: guests that have ordinary pages of their own come
# if the host has.
with_host() {
    KIND=$1
    shift
    start_host ch "$@"
    device ch
    [[ " $* " != *" --no-huge "* ]] || without_hugepages
    [ ${#HUGE[@]} -eq 0 ] || with_hugepages
    end_host ch
}

refused_tables() {
    guest "${COMMON[@]}" "${LCORES[@]}" --no-huge -m 32 "${DEVICES[@]}" -- absent ch own mine
    contains "$OUTPUT" "a memzone descriptor needs the addresses"
    contains "$OUTPUT" "start the host with another --base-virtaddr"
}

with_host "host elsewhere" -m 32 --no-huge --base-virtaddr "$FAR"
if [ -n "$BASE" ]; then
    with_host "host at the same address" -m 32 --no-huge
fi
if [ ${#HUGE[@]} -gt 0 ]; then
    with_host "host with hugepages elsewhere" -m 32 "${HUGE[@]}" --base-virtaddr "$FAR"
    if [ -n "$BASE" ]; then
        with_host "host with hugepages at the same address" -m 32 "${HUGE[@]}" --single-file-segments
    fi
fi
# Without a file for its configuration, a host has its tables where a guest has its own.
if [ -n "$BASE" ]; then
    start_host ch -m 32 --no-huge --no-shconf
    device ch
    t "a host with --no-shconf whose tables are where a guest has its own is refused" refused_tables
    end_host ch
fi
if [ -n "$BASE" ] && [ ${#HUGE[@]} -gt 0 ]; then
    in_memory 48
    start_host ch "${HUGE[@]}" "${MEMORY[@]}"
    device ch
    t "a host with --in-memory whose tables are where a guest has its own is refused" refused_tables
fi
t_done

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Mempool ops agree by name, and dynamic mbuf fields are where the host has
# them: whatever was loaded, in whatever order, by whomever first. Arguments:
# calls-host, calls-guest, the plugin.
set -euo pipefail
HOST=$(realpath "$1") GUEST=$(realpath "$2") PLUGIN=$(realpath "$3")
# shellcheck source=dpdk-ivshmem/tests/guests.sh
. "$(dirname "$(readlink -f "$0")")/guests.sh"

# In front of the drivers that the EAL finds by itself, whose order is that of a
# folder: of those the index is known.
RING=(-d librte_mempool_ring.so) STACK=(-d librte_mempool_stack.so)
BUCKET=(-d librte_mempool_bucket.so)
MEMORY=(-m 32 --no-huge)
start_host any "${MEMORY[@]}" --base-virtaddr "$FAR"
MORE=no-fields start_host ring "${RING[@]}" "${MEMORY[@]}" --base-virtaddr 0x210000000000
MORE=no-fields start_host both "${RING[@]}" "${STACK[@]}" "${MEMORY[@]}" --base-virtaddr 0x240000000000
MORE=no-fields start_host stack "${STACK[@]}" "${RING[@]}" "${MEMORY[@]}" --base-virtaddr 0x220000000000
start_host fields "${MEMORY[@]}" --base-virtaddr 0x230000000000

# with NAME... -- ARGUMENT... -- ACT...: these hosts, those of the EAL, and what to do.
with() {
    local hosts=() eal=() host
    while [ "$1" != -- ]; do hosts+=("$1"); shift; done
    shift
    while [ "$1" != -- ]; do eal+=("$1"); shift; done
    device "${hosts[@]}"
    guest "${MODEST[@]}" "${eal[@]}" "${DEVICES[@]}" "$@"
    for host in any ring both stack fields; do ask "$host" check whole; done
}

conflict() {
    with ring stack -- -- use ring absent stack own mine
    contains "$OUTPUT" "'stack' is not attached: mempool ops"
    contains "$OUTPUT" "start both with the same mempool drivers, loaded in the same order"
}

# With -d a driver comes before all others, or not, which depends on the DPDK.
needs_known_indexes() {
    with -- "${STACK[@]}" "${RING[@]}" -- index stack
    case $OUTPUT in
    *"stack is number 0"*) ;;
    *) echo "this DPDK loads its own drivers before those of -d"; exit 77 ;;
    esac
}

# pools_first HOST EAL-ARGUMENTS...
pools_first() {
    local host=$1
    shift
    with -- "$@" -- make stack make ring_mp_mc make ring_sp_sc attach "$RTE_IVSHMEM_DIR/$host" \
        use "$host" made stack made ring_mp_mc made ring_sp_sc own mine use "$host"
}

# The host's index is that of the program's own pool, of other ops.
pools_in_the_way() {
    needs_known_indexes
    with -- "${RING[@]}" -- make ring_mp_mc refused "$RTE_IVSHMEM_DIR/stack" absent stack \
        made ring_mp_mc own mine
    contains "$OUTPUT" "mempool ops 'stack' are number 0 on the host, and 'ring_mp_mc' here"
}

pools_between() {
    needs_known_indexes
    pools_first stack "${STACK[@]}" "${BUCKET[@]}" "${RING[@]}"
}

two_devices_later() {
    with ring -- "${BUCKET[@]}" "${RING[@]}" -- make ring_sp_sc use ring \
        attach "$RTE_IVSHMEM_DIR/both" use both use ring made ring_sp_sc own mine
}

same_fields() {
    with any -- -- register mine fields any
    # The host's own program has its field first.
    contains "$OUTPUT" "any field $(sed -n 's/.*any field \([0-9]*\).*/\1/p' <<<"$OUTPUT")"
}

fields_of_two() {
    with any fields -- -- use any absent fields fields any
    contains "$OUTPUT" "the host's dynamic mbuf field 'fields_field' cannot be at"
}

own_field_first() {
    with -- -- register mine refused "$RTE_IVSHMEM_DIR/any" absent any own mine
    contains "$OUTPUT" "the host's dynamic mbuf field 'any_field' cannot be at"
    contains "$OUTPUT" "do not register another one before"
}

t "drivers as the EAL finds them" with any -- -- use any own mine
t "drivers in another order than the host's" with any -- "${STACK[@]}" "${RING[@]}" -- use any own mine
t "a host that has the ring driver first" with ring -- "${STACK[@]}" -- use ring own mine
t "a host that has the stack driver first" with stack -- "${RING[@]}" -- use stack own mine
t "two hosts with other indexes, which both can have" with ring both -- -- use ring use both own mine
t "two hosts that have one index for two ops: the second one is refused" conflict
t "pools of the program stay what they are when a device is attached" pools_first any
t "with the ring driver first on both sides" pools_first ring "${RING[@]}" "${STACK[@]}"
t "with one more driver here, between those of the host" pools_between
t "a pool whose ops have the index of others on the host: the device is refused" pools_in_the_way
t "a second device is attached while the first one and own pools are in use" two_devices_later
t "the host's dynamic field and flag come before the program's" same_fields
t "two hosts with one place for two fields: the second one is refused" fields_of_two
t "a field of the program where the host has another one: refused" own_field_first
t_done

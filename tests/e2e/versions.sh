#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Host and guest with different DPDKs: that of this machine ("here") and that of
# Debian 13 in build/debian-13 ("there"); linked shared and static. Each time
# the demo, smaller. Plugins of DPDKs with other options are refused.
#
# For the functions that are called by way of check:
# shellcheck disable=SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

DEBIAN=$BUILD/debian-13
INSIDE=("$ROOT/scripts/debian-root" run)
HELPERS=tests/e2e/versions
# shellcheck disable=SC2034  # one boot runs nine programs
BOOT_LIMIT=180
LAYOUTS=(cache_line_size max_lcore mbuf_iova_in_mbuf mbuf_refcnt_atomic mempool_cache_max
    mempool_debug mempool_stats)

[ -e "$DEBIAN.made" ] || skip_all "no Debian 13 in build/debian-13"

declare -A ROOT_OF=([here]=/ [there]=$DEBIAN)
declare -A BUILD_OF=([here]=$PROGRAMS [there]=$PROGRAMS-debian-13)
declare -A VERSION_OF=([here]=$(pkg-config --modversion libdpdk)
    [there]=$("${INSIDE[@]}" pkg-config --modversion libdpdk))

# abi_of LIBRARY: the number in the names of DPDK's libraries that it needs.
abi_of() { readelf -d "$1" | sed -n 's/.*librte_eal\.so\.\([0-9]*\).*/\1/p'; }

declare -A ABI_OF=([here]=$(abi_of "${BUILD_OF[here]}/lib/librte_ivshmem.so")
    [there]=$(abi_of "${BUILD_OF[there]}/lib/librte_ivshmem.so"))

# What a program in Debian 13 and QEMU outside both open is in a folder that has
# the same name in there.
RTE_IVSHMEM_DIR=$XDG_RUNTIME_DIR/metadata
DEVICE_FILE=$XDG_RUNTIME_DIR/device

# helper WHERE NAME ARGUMENT...: what is compiled for this test, there or here.
helper() {
    local where=$1 name=$2
    shift 2
    if [ "$where" = here ]; then
        "$ROOT/$HELPERS/$name" "$PROGRAMS" "$@"
    else
        "${INSIDE[@]}" "/src/$HELPERS/$name" /build "$@"
    fi >&2
}

# path_of WHERE LINKING PROGRAM
path_of() {
    local folder=versions/$2
    [[ $2 != shared || $3 == pool-guest ]] || folder=examples
    printf '%s\n' "${BUILD_OF[$1]}/$folder/$3"
}

# use_host WHERE LINKING
use_host() {
    HOST_RUNNER=()
    HOST_PROGRAM=$(path_of "$1" "$2" ivshmem-demo-host)
    [ "$1" = there ] || return 0
    HOST_RUNNER=("${INSIDE[@]}" --exec --share "$XDG_RUNTIME_DIR" env "RTE_IVSHMEM_DIR=$RTE_IVSHMEM_DIR")
    HOST_PROGRAM=/build${HOST_PROGRAM#"${BUILD_OF[there]}"}
}

# pool_driver WHERE NAME: DPDK's plugin for pools on rings, or on stacks.
pool_driver() {
    local root=${ROOT_OF[$1]}
    compgen -G "${root%/}/usr/lib/*/dpdk/pmds-${ABI_OF[$1]}*/librte_mempool_$2.so.${ABI_OF[$1]}" ||
        die "no librte_mempool_$2.so.${ABI_OF[$1]} below $root"
}

# use_guest WHERE LINKING: GUEST_IMAGE and GUEST_PLUGINS. A static program has
# all of it in itself.
use_guest() {
    local build=${BUILD_OF[$1]} layout name
    local add=(--add "$(path_of "$1" "$2" ivshmem-demo-guest)" --add "$(path_of "$1" "$2" pool-guest)")
    GUEST_PLUGINS=
    if [ "$2" = shared ]; then
        GUEST_PLUGINS='-d librte_ivshmem.so -d librte_mempool_ring.so -d librte_mempool_stack.so'
        add+=(--add "$build/lib/librte_ivshmem.so:/usr/lib/librte_ivshmem.so"
            --add "$ROOT/$HELPERS/layouts.sh")
        for name in ring stack; do
            add+=(--add "$(pool_driver "$1" "$name"):/usr/lib/librte_mempool_$name.so")
        done
        for layout in "$build"/versions/layouts/*.so; do
            [ ! -e "$layout" ] || add+=(--add "$layout:/usr/lib/layouts/")
        done
    fi
    GUEST_IMAGE=$BUILD/guest/demo-$1-$2.img
    "$ROOT/scripts/guest-image" --root "${ROOT_OF[$1]}" "${add[@]}" --output "$GUEST_IMAGE"
}

# index_on_host OPS: as the metadata says.
index_on_host() {
    "$PROGRAMS/tools/dpdk-ivshmem" dump --json "$RTE_IVSHMEM_DIR/demo" | "$PYTHON" -c '
import json, sys
ops = json.load(sys.stdin)["metadata"][0]["mempool_ops"]
print(next(o["index"] for o in ops if o["name"] == sys.argv[1]))' "$1"
}

# host_runs WHERE LINKING OPS [MEMORY-ARGUMENTS...]: OPS are those of its pool.
host_runs() {
    local ops=$3
    use_host "$1" "$2"
    shift 3
    [ $# -gt 0 ] || set -- --no-huge -m 64
    share "$@" --mbuf-pool-ops-name "$ops"
    INDEX=$(index_on_host "$ops")
}

# guest_line PROGRAM
guest_line() {
    guest_command 64@0 |
        sed "s/^[^ ]*/$1/; s/lib.eal:warning/lib.eal:info/; s/\$/ -v --log-level lib.ivshmem:info/"
}

# check_versions N WHERE-HOST WHERE-GUEST: that both are what they should be.
check_versions() {
    check "the guest runs DPDK ${VERSION_OF[$3]}" \
        guest_says "$1" "RTE Version: 'DPDK ${VERSION_OF[$3]}"
    check "it tells that the host runs DPDK ${VERSION_OF[$2]}" \
        guest_says "$1" "attached 'demo' of DPDK ${VERSION_OF[$2]}"
}

# check_pool N OPS
check_pool() {
    check "a guest takes all of the pool and gives it back, with ops $2" output_matches "$1" \
        "^took and gave back 4095 of 4095 buffers with ops $2, number $INDEX, errors: 0\$"
    check "its program exits with 0" guest_exits "$1" 0
}

# exchange HOST LINKING GUEST LINKING OPS [MEMORY-ARGUMENTS...]
exchange() {
    local host=("$1" "$2") guest=("$3" "$4") ops=$5
    shift 5
    echo "# host: DPDK ${VERSION_OF[${host[0]}]} ${host[1]}${1:+ $*}, guest: DPDK ${VERSION_OF[${guest[0]}]} ${guest[1]}, pool of ops $ops"
    helper "${guest[0]}" programs.sh "${guest[1]}" pool-guest
    host_runs "${host[@]}" "$ops" "$@"
    use_guest "${guest[@]}"
    boot "$(guest_line pool-guest)
$(guest_line ivshmem-demo-guest)" --device "$DEVICE_FILE"
    host_ends
    check_versions 1 "${host[0]}" "${guest[0]}"
    check_pool 1 "$ops"
    check_exchange 2
}

# ops_have_moved N OPS
ops_have_moved() {
    local told
    told=$(output_of "$1" | sed -n "s/.*mempool ops '$2' are number \([0-9]* on the host and [0-9]*\) here.*/\1/p")
    echo "# number ${told:-unknown}, before they agreed"
    [[ $told == "$INDEX on the host and "* && $told != *" $INDEX" ]]
}

# exchange_static HOST LINKING GUEST LINKING OPS: a static program has the drivers
# of all pools, in the order of linking.
exchange_static() {
    local where=$1 programs=(ivshmem-demo-host)
    [ "$4" = shared ] || where=$3 programs=(ivshmem-demo-guest pool-guest)
    if ! helper "$where" programs.sh static "${programs[@]}"; then
        skip "${programs[0]}, linked static" "DPDK ${VERSION_OF[$where]} cannot be linked so"
        return
    fi
    exchange "$@"
    check "ops $5 had another number in the guest" ops_have_moved 1 "$5"
}

# Before the exchange programs with each other layout try, in the same boot.
exchange_after_refusals() {
    local number=1 item
    echo "# host: DPDK ${VERSION_OF[$1]} shared, guest: DPDK ${VERSION_OF[$2]} shared, and plugins with other layouts"
    helper "$2" other_layouts.sh
    helper "$2" programs.sh shared pool-guest
    host_runs "$1" shared ring_mp_mc
    use_guest "$2" shared
    boot "layouts.sh $(GUEST_PLUGINS='-d librte_mempool_ring.so' guest_command 64@0)
$(guest_line pool-guest)
$(guest_line ivshmem-demo-guest)" --device "$DEVICE_FILE"
    host_ends
    for item in "${LAYOUTS[@]}"; do
        check_refusal "$number" "$item"
        number=$((number + 1))
    done
    # The loop's own exit status was another one.
    check_versions $((number + 1)) "$1" "$2"
    check_pool $((number + 1)) ring_mp_mc
    check_exchange $((number + 2))
}

# check_refusal N ITEM
check_refusal() {
    check "a plugin with another $2 is refused by that name, with both values" output_matches "$1" \
        "^ivshmem: .*'demo' is not attached: layout differs: $2 is [0-9]* on the host (DPDK .*) and [0-9]* here"
    check "its program starts, without the objects" \
        guest_says "$1" "mempool 'demo_pool' not found"
    check "and exits with 1" guest_exits "$1" 1
}

exchange_hugepages() {
    have_hugepages || { skip "a host in hugepages" "$NO_HUGEPAGES"; return; }
    hugepages_begin 64 "$XDG_RUNTIME_DIR/hugepages"
    exchange "$@" -m 64 --huge-dir "$HUGE_DIR"
    check "the device string names files of hugetlbfs" host_says ":$HUGE_DIR/"
}

if [ "${VERSION_OF[here]}" = "${VERSION_OF[there]}" ]; then
    skip "host and guest with different versions" "this machine has DPDK ${VERSION_OF[here]} as well"
else
    exchange there shared here shared stack
fi
exchange_after_refusals here there
exchange_hugepages there shared there shared ring_mp_mc
exchange_static here static there shared ring_mp_mc
exchange_static here shared there static lf_stack
done_testing

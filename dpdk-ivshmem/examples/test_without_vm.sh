#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: test_without_vm.sh HOST-PROGRAM GUEST-PROGRAM LIBRARY
#
# The demo between two primary processes on one machine: the guest program gets
# the metadata file in place of a PCI device. Prints TAP.
set -u
host_program=$(realpath "$1") guest_program=$(realpath "$2") library=$(realpath "$3")
count=100000 # messages, and as many packets
tests=0 failed=0

run=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-XXXXXX")
prefix=$(basename "$run")
export RTE_IVSHMEM_DIR="$run/metadata" XDG_RUNTIME_DIR="$run"
mkdir "$RTE_IVSHMEM_DIR"
cd "$run" || exit 1
host=
# shellcheck disable=SC2317  # called by the trap
clean_up() {
    [ -z "$host" ] || kill "$host" 2>/dev/null
    wait
    cd / && rm -rf "$run"
    [ "$(id -u)" -ne 0 ] || rm -rf "/var/run/dpdk/$prefix-host" "/var/run/dpdk/$prefix-guest"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

check() {
    what=$1
    shift
    tests=$((tests + 1))
    if "$@"; then echo "ok $tests - $what"; else
        echo "not ok $tests - $what"
        failed=1
    fi
}

# shellcheck disable=SC2317  # called by check
says() { grep -qF -- "$2" "$run/$1.log"; }

# The plugin by its name alone: with a path the EAL refuses it below a folder
# that everybody can write, /tmp for one.
guest() {
    LD_LIBRARY_PATH=$(dirname "$library")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
    "$guest_program" --no-huge -m 16 --no-pci --no-telemetry --file-prefix "$prefix-guest" \
        --lcores "$1@($cpus)" -d "$(basename "$library")" -a "ivshmem0,file=$RTE_IVSHMEM_DIR/demo" \
        -- --timeout 60 >"$run/guest.log" 2>&1
}

cpus=$(awk '$1 == "Cpus_allowed_list:" { print $2 }' /proc/self/status)
"$host_program" --no-huge -m 64 --no-pci --no-telemetry --file-prefix "$prefix-host" \
    --lcores "0@($cpus)" -- --messages "$count" --packets "$count" \
    --device-file "$run/device" --wait 60 --timeout 60 >"$run/host.log" 2>&1 &
host=$!
while [ ! -e "$run/device" ] && kill -0 "$host" 2>/dev/null; do sleep 0.05; done

guest 0
check "the guest program passes, with the host's lcore id" [ $? -eq 0 ]
wait "$host"
check "the host program passes" [ $? -eq 0 ]
host=
check "all objects were found by name" \
    says guest "found demo_to_guest, demo_to_host, demo_pool and demo_control"
check "no errors on either side" says host "all passed, errors: 0"

echo "1..$tests"
[ "$failed" -eq 0 ] || sed 's/^/# /' "$run/host.log" "$run/guest.log"
exit "$failed"

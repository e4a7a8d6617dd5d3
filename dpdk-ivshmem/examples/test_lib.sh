# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The demo between primary processes on one machine, for the tests of this
# directory: each guest program gets a metadata file in place of a PCI device.
# Source it with HOST-PROGRAM GUEST-PROGRAM LIBRARY as arguments; it changes to a
# directory of its own, where the logs are, and prints TAP.
# shellcheck source=scripts/lib/children.sh
. "$(dirname "$(realpath "$0")")/../../scripts/lib/children.sh"
host_program=$(realpath "$1") guest_program=$(realpath "$2") library=$(realpath "$3")
tests=0 failed=0 running=

run=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-XXXXXX")
prefix=$(basename "$run")
export RTE_IVSHMEM_DIR="$run/metadata" XDG_RUNTIME_DIR="$run"
mkdir "$RTE_IVSHMEM_DIR"
cd "$run" || exit 1
cpus=$(awk '$1 == "Cpus_allowed_list:" { print $2 }' /proc/self/status)
# The plugin by its name alone: with a path the EAL refuses it below a folder
# that everybody can write, /tmp for one.
LD_LIBRARY_PATH=$(dirname "$library")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

# shellcheck disable=SC2317  # called by the trap
clean_up() {
    for pid in $running; do child_signal KILL "$pid"; done
    wait
    cd / && rm -rf "$run"
    [ "$(id -u)" -ne 0 ] || rm -rf "/var/run/dpdk/${prefix:?}"-*
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

says() { grep -qF -- "$2" "$run/$1.log"; }

# begin NAME PROGRAM ARGUMENTS...: in the background, as lcore 0, with a file
# prefix of its own and its output in NAME.log; sets pid.
begin() {
    name=$1 program=$2
    shift 2
    "$program" --no-huge --no-pci --no-telemetry --file-prefix "$prefix-$name" \
        --lcores "0@($cpus)" "$@" >"$run/$name.log" 2>&1 &
    pid=$!
    running="$running $pid"
}

# begin_host LAST-DEVICE-FILE OPTIONS...: sets host.
begin_host() {
    file=$1
    shift
    begin host "$host_program" -m 64 -- "$@" --device-file "$run/device" --wait 60 --timeout 60
    host=$pid
    while [ ! -e "$file" ] && child_runs "$host"; do sleep 0.05; done
}

# begin_guest NAME METADATA OPTIONS...
begin_guest() {
    name=$1 metadata=$2
    shift 2
    begin "$name" "$guest_program" -m 16 -d "$(basename "$library")" \
        -a "ivshmem0,file=$RTE_IVSHMEM_DIR/$metadata" -- --timeout 60 "$@"
}

# passes PID: it ends with 0.
passes() { wait "$1"; }

done_testing() {
    echo "1..$tests"
    [ "$failed" -eq 0 ] || sed 's/^/# /' "$run"/*.log
    exit "$failed"
}

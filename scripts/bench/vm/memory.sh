#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the benchmark guest-memory: a guest with BAR 2 and as much memory of its own;
# prints the samples of the program in it.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$ROOT/scripts/lib/common.sh"

PROGRAM=$BUILD/dpdk-ivshmem/bench/bench-guest-memory
ADDRESS=0000:00:10.0
SIZE=32   # MiB
SPARE=4   # hugepages of the guest
LIMIT=600 # seconds

usage() {
    cat <<'END'
usage: scripts/bench/vm/memory.sh ROUNDS CORE FOLDER

A guest on that CORE, with a BAR whose memory is a file in FOLDER, a hugetlbfs or not.
END
}

main() {
    [ $# -eq 3 ] || { usage >&2; exit 2; }
    local file=$3/memory image=$BUILD/guest/memory.img command
    command="echo 1 >/sys/bus/pci/devices/$ADDRESS/enable; bench-guest-memory $ADDRESS $1"
    [ -x "$PROGRAM" ] || die "no $PROGRAM" "./build.sh build library"
    "$ROOT/scripts/guest-image" --default
    "$ROOT/scripts/guest-image" --add "$PROGRAM" --module "$("$ROOT/scripts/guest-module")" \
        --output "$image"
    truncate -s "${SIZE}M" "$file"
    timeout --kill-after=2 "$LIMIT" taskset --cpu-list "$2" "$ROOT/scripts/launch" \
        --initrd "$image" --device-string "-device ivshmem,file=$file,addr=0x10" \
        --append "hugepages=$((SIZE / 2 + SPARE)) -- sh -c \"$command\"" \
        -- -smp "1,maxcpus=2" </dev/null 2>&1 | sed -u 's/\r//g' |
        awk '{ print; fflush() } /^guest: exit status 0/ { good = 1 } END { exit !good }'
}

main "$@"

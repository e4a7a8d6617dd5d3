#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the benchmark wakeup: boots a guest and prints the samples of bench-wakeup in it.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$ROOT/scripts/lib/common.sh"
# shellcheck source=scripts/lib/exchange.sh
. "$ROOT/scripts/lib/exchange.sh"
# shellcheck source=scripts/lib/doorbell.sh
. "$ROOT/scripts/lib/doorbell.sh"
# shellcheck source=scripts/bench/vm/lib.sh
. "$ROOT/scripts/bench/vm/lib.sh"

LIMIT=300 # seconds for the whole
DEVICE=0000:01:00.0

usage() {
    cat <<'END'
usage: unshare --net scripts/bench/vm/wakeup.sh ROUNDS SAMPLES CORE CORE

ROUNDS rounds of so many SAMPLES of every contestant. What answers on the host runs on the
first CORE, the VM on the other one. Needs root, for the network of the guest.
END
}

make_image() {
    local module options=()
    for module in vfio-pci vfio_iommu_type1 virtio_pci virtio_net vsock_loopback; do
        options+=(--module "$module")
    done
    "$ROOT/scripts/guest-image" "${options[@]}" --add "$PROGRAMS/bench/bench-wakeup" \
        --add "$ROOT/tests/e2e/doorbell/bind.sh:/usr/bin/bind.sh" --output "$RUN/wakeup.img"
}

# on_core CORE: what is started from now on.
on_core() { taskset --cpu-list --pid "$1" $$ >/dev/null; }

start_vm() {
    local command="mkdir -p /var/run; ifconfig eth0 $GUEST_ADDRESS netmask 255.255.255.0;"
    command+=" sh /usr/bin/bind.sh $DEVICE; bench-wakeup $PEER_EAL --lcores 64@0"
    command+=" -- doorbell $ROUNDS $SAMPLES $HOST_ADDRESS"
    doorbell_vm
    start vm "$ROOT/scripts/launch" --initrd "$RUN/wakeup.img" --accel "$ACCEL" \
        --append "$DOORBELL_KERNEL -- sh -c \"$command\"" "${DOORBELL_VM[@]}" "${TAP_DEVICE[@]}"
}

main() {
    [ $# -eq 4 ] || { usage >&2; exit 2; }
    ROUNDS=$1 SAMPLES=$2
    ACCEL=$("$ROOT/scripts/accel")
    "$ROOT/scripts/build-ivshmem-server"
    exchange_begin
    make_tap || die "only root can give the guest a network" "unshare --net $0"
    make_image
    start_server
    on_core "$3"
    start_owner
    on_host answer answer "$SOCKET" 1 ring
    on_core "$4"
    start_vm
    until_true "$LIMIT" ended "$PID" || true
    stop_all
    grep -qx 'guest: exit status 0' "$RUN/vm.log" || fail vm answer
    grep '^sample' "$RUN/vm.log"
}

main "$@"

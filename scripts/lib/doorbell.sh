# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A doorbell's server, the host program that has the memory, and other processes of the
# host, for tests/e2e/doorbell.sh and scripts/bench/vm/wakeup.sh. Needs exchange.sh and RUN.

PEER=$PROGRAMS/tests/doorbell-peer
VECTORS=2
PEER_EAL="--no-huge -m 16 --no-telemetry --log-level lib.eal:warning"

# start_server: sets SOCKET.
start_server() {
    SOCKET=$XDG_RUNTIME_DIR/iv
    start server "$BUILD/ivshmem-server" -F -S "$SOCKET" -m "$RUN" -l 4096 -n "$VECTORS"
    until_true 20 test -S "$SOCKET" || die "ivshmem-server does not start"
}

# start_owner: shares "doorbell"; the device is in RUN/device. It rings nobody.
start_owner() {
    mkdir -p "$RTE_IVSHMEM_DIR"
    # shellcheck disable=SC2086  # words
    start owner "$PEER" $PEER_EAL --no-pci --lcores "0@$(allowed_cpus)" \
        --file-prefix "$FILE_PREFIX" -- share doorbell "$RUN/device"
    until_true 20 says owner "shared" ||
        die "the host program does not start" "$(cat "$RUN/owner.log")"
}

# on_host NAME ROLE...: another process of the host, which prints to RUN/NAME.log; sets
# PID.
on_host() {
    local name=$1
    shift
    # shellcheck disable=SC2086
    timeout 300 "$PEER" $PEER_EAL --no-pci --no-shconf --lcores "1@$(allowed_cpus)" \
        --file-prefix "$FILE_PREFIX-$name" -a "ivshmem0,file=$RTE_IVSHMEM_DIR/doorbell" \
        -- "$@" >"$RUN/$name.log" 2>&1 &
    PID=$!
    STARTED+=("$PID")
}

# On a busy machine the kernel may find that its timer does not tick, and panic; under
# KVM it does not check that either.
# shellcheck disable=SC2034  # for the scripts that source this file
DOORBELL_KERNEL='intel_iommu=on no_timer_check'

# doorbell_vm: arguments of scripts/launch, in DOORBELL_VM, for a VM with the device
# behind a port, so that it can be unplugged, and an IOMMU, which Debian's kernel needs
# to give a device to VFIO. Its kernel needs DOORBELL_KERNEL.
doorbell_vm() {
    # shellcheck disable=SC2034  # for the scripts that source this file
    DOORBELL_VM=(--device-string "-device pcie-root-port,id=rp0,chassis=1,addr=7"
        --device-string "$(cat "$RUN/device"),id=iv,bus=rp0,chardev=server,vectors=$VECTORS"
        -- -machine "q35,kernel-irqchip=split" -device "intel-iommu,intremap=on"
        -chardev "socket,id=server,path=$SOCKET")
}

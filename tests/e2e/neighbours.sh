#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Backends in other processes, which get the guest's memory as a table of a few
# regions: a network device by DPDK's vhost, and a file system by virtiofsd. Both
# work on as before beside devices with thousands of chunks and holes.
#
# For the functions that are called by way of check and until_true:
# shellcheck disable=SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

CHUNKS=2000 # of the device that is there from the start
PLUGGED=9   # devices at a time; a table of vhost-user has at most 8 regions
PLUGGED_CHUNKS=200
ROUNDS=2
MEMORY=256 # MiB of a guest
AGENT_PORT=/dev/ttyS1
IMAGE=$RUN/neighbours.img
SHARED=$RUN/shared # what virtiofsd shows
VM=$RUN/vm
VIRTIOFSD=() # its command

make_image() {
    local folder=$ROOT/tests/e2e options=() module
    "${CC:-cc}" -O2 -Wall -Wextra -Werror -o "$RUN/guest_agent" "$folder/hotplug/guest_agent.c"
    mkdir "$SHARED"
    seq 20000 >"$SHARED/data"
    for module in virtio_pci virtio_net virtiofs; do options+=(--module "$module"); done
    "$ROOT/scripts/guest-image" "${options[@]}" --add "$RUN/guest_agent" \
        --add "$folder/neighbours/guest.sh:/neighbours/" --add "$SHARED/data:/data" \
        --output "$IMAGE"
}

# ---- backends -----------------------------------------------------------------

# start_testpmd: it answers pings on two ports, for one VM each. It polls, so it
# comes last when others need the CPU.
start_testpmd() {
    local cpus port ports=()
    cpus=$(allowed_cpus)
    for port in ivshmem alone; do
        ports+=(--vdev "net_vhost_$port,iface=$XDG_RUNTIME_DIR/$port")
    done
    start testpmd nice -n 10 dpdk-testpmd --no-huge -m 64 --no-pci --no-telemetry \
        --file-prefix "$FILE_PREFIX" --lcores "0@$cpus,1@$cpus" "${ports[@]}" -- \
        --forward-mode=icmpecho --auto-start --total-num-mbufs=2048 --stats-period=3600
    until_true 20 says testpmd "start packet forwarding" || die "dpdk-testpmd does not start" \
        "$(tail -n 3 "$RUN/testpmd.log")"
}

# find_virtiofsd: with its options, in VIRTIOFSD. A package of its own from Debian
# 13 on, before that a part of qemu-system-common. Its sandbox needs root; one of
# namespaces, its default, is more than a container may make.
find_virtiofsd() {
    [ "$(id -u)" -eq 0 ] || return 0
    if [ -x /usr/libexec/virtiofsd ]; then
        VIRTIOFSD=(/usr/libexec/virtiofsd --shared-dir "$SHARED" --cache never --sandbox chroot)
    elif [ -x /usr/lib/qemu/virtiofsd ]; then
        VIRTIOFSD=(/usr/lib/qemu/virtiofsd -o "source=$SHARED,cache=none,sandbox=chroot")
    fi
}

has_virtiofsd() { [ ${#VIRTIOFSD[@]} -gt 0 ]; }

start_virtiofsd() {
    start virtiofsd "${VIRTIOFSD[@]}" "--socket-path=$XDG_RUNTIME_DIR/fs"
    until_true 20 says virtiofsd "Waiting for vhost-user socket connection" ||
        die "virtiofsd does not start" "$(tail -n 3 "$RUN/virtiofsd.log")"
}

# exchange_at_end: virtiofsd leaves a file, named as its socket with dots.
exchange_at_end() {
    local socket=$XDG_RUNTIME_DIR/fs
    rm -f "/var/run/virtiofsd/${socket//\//.}.pid"
    rm -rf "$RUN"
}

# ---- guests -------------------------------------------------------------------

# start_neighbour NAME WORDS QEMU-ARGUMENTS...: a VM whose memory the backends
# share and whose network is port NAME; WORDS is what it runs.
start_neighbour() {
    local name=$1 words=$2
    shift 2
    start "$name" "$ROOT/scripts/launch" --initrd "$IMAGE" --accel "$ACCEL" --memory "$MEMORY" \
        --append "$HOTPLUG_KERNEL -- $words" -- -smp "$HOTPLUG_CPUS" -machine pc,memory-backend=ram \
        -object "memory-backend-memfd,id=ram,share=on,size=${MEMORY}M" \
        -chardev "socket,id=net,path=$XDG_RUNTIME_DIR/$name" \
        -netdev vhost-user,id=net,chardev=net -device virtio-net-pci,netdev=net,romfile= "$@"
}

start_vm() {
    local file_system=() tag=
    if has_virtiofsd; then
        tag=shared
        file_system=(-chardev "socket,id=fs,path=$XDG_RUNTIME_DIR/fs"
            -device "vhost-user-fs-pci,chardev=fs,tag=$tag")
    fi
    start_neighbour ivshmem "sh /neighbours/guest.sh $AGENT_PORT $tag" \
        "${file_system[@]}" -device "ivshmem,id=first,layout=$VM/first.layout" \
        -trace vhost_user_write -D "$VM/trace" \
        -qmp "unix:$VM/qmp,server=on,wait=off" \
        -chardev "socket,id=agent,path=$VM/agent,server=on,wait=off" -serial chardev:agent
    VM_PID=$PID
    echo "$PID" >"$VM/pid"
    until_true "$BOOT_LIMIT" says ivshmem "guest_agent: ready" ||
        die "the guest has not booted" "$(tail -n 3 "$RUN/ivshmem.log")"
}

# start_alone: the same without ivshmem, for one ping. Sets ALONE_PID.
start_alone() {
    start_neighbour alone "sh -c \"ifconfig eth0 10.0.0.2; ping -c 1 10.0.0.1\""
    ALONE_PID=$PID
}

# go_on PHASE NEXT: the guest ends a phase and tells how it was; if it does not, then
# check_phase finds nothing and fails.
go_on() {
    neighbours phase "$2" || return 0
    until_true "$BOOT_LIMIT" says ivshmem "ping $1:" || true
    ! has_virtiofsd || until_true "$BOOT_LIMIT" says ivshmem "read $1:" || true
}

# ---- what is checked ------------------------------------------------------------

neighbours() {
    PYTHONPATH=$ROOT/tests/e2e/hotplug "$PYTHON" -B \
        "$ROOT/tests/e2e/neighbours/neighbours.py" "$VM" "$@"
}

# regions PORT: place and size of each, of the last table that testpmd got there.
regions() {
    awk -v port="/$1)" '
        index($0, port) == 0 { next }
        /VHOST_USER_SET_MEM_TABLE/ { table = "" }
        /guest memory region size:/ { table = table $NF }
        /guest physical addr:/ { table = table " at " $NF "\n" }
        END { printf "%s", table }' "$RUN/testpmd.log"
}

# same_regions: both machines have the same memory, so the addresses agree as well.
same_regions() {
    local here
    here=$(regions ivshmem)
    [ -n "$here" ] && [ "$here" = "$(regions alone)" ] && echo "# regions: ${here//$'\n'/, }"
}

plug_rounds() {
    local round
    for ((round = 0; round < ROUNDS; round++)); do
        neighbours plug "$PLUGGED" "$PLUGGED_CHUNKS" || return 1
    done
}

messages() { grep -c vhost_user_write "$VM/trace"; }

# all_good NAME PHASE: what guest.sh has counted.
all_good() { grep "^$1 $2: [1-9][0-9]* good, 0 bad\$" "$RUN/ivshmem.log" | sed 's/^/# /' | grep .; }

check_phase() {
    check "each ping is answered $2" all_good ping "$1"
    ! has_virtiofsd || check "a file is read without error through virtiofs $2" all_good read "$1"
}

have dpdk-testpmd || skip_all "there is no dpdk-testpmd, of package dpdk-dev"
make_image >&2
start_testpmd
find_virtiofsd
! has_virtiofsd || start_virtiofsd
mkdir "$VM"
neighbours create first "$CHUNKS"
start_alone
start_vm
until_true "$BOOT_LIMIT" ended "$ALONE_PID" || true
check "the network's backend gets the same regions of memory as without ivshmem" same_regions
check "the device of $CHUNKS chunks shows all chunks and holes" neighbours use first "$CHUNKS"
go_on before plugging
sent=$(messages)
check "$((ROUNDS * PLUGGED)) devices of $PLUGGED_CHUNKS chunks come and go, $PLUGGED at a time" plug_rounds
check "no backend has got any message about that" [ "$(messages)" -eq "$sent" ]
go_on plugging after
go_on after end
check_phase before "before devices are plugged in and out"
check_phase plugging "while devices are plugged in and out"
check_phase after "after devices were plugged in and out"
has_virtiofsd || skip virtiofs "it needs root and virtiofsd"
# The virtual machines before the backends, or they complain.
for pid in "$VM_PID" "${STARTED[@]}"; do stop "$pid"; done
drain
done_testing

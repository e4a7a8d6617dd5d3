# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For benchmarks with a guest. Those whose guest has the kernel's network as well run in
# a network namespace of their own, as root: unshare --net SCRIPT. Needs exchange.sh.
#
# For the scripts that source this file:
# shellcheck disable=SC2034

HOST_ADDRESS=192.0.2.1
GUEST_ADDRESS=192.0.2.2

# make_tap: false where it may not be; then TAP_DEVICE, QEMU's arguments, is empty.
make_tap() {
    local vhost=
    TAP_DEVICE=()
    ip tuntap add dev tap0 mode tap 2>/dev/null || return 1
    ip address add "$HOST_ADDRESS/24" dev tap0
    ip link set tap0 up
    [ ! -w /dev/vhost-net ] || vhost=,vhost=on
    TAP_DEVICE=(-netdev "tap,id=tap,ifname=tap0,script=no,downscript=no$vhost"
        -device "virtio-net-pci,netdev=tap,romfile=")
}

# stop_all: and all that they have said is in their logs.
stop_all() {
    local pid
    for pid in "${STARTED[@]}"; do stop "$pid"; done
    drain
}

# fail NAME...: with what these have said last.
fail() {
    local name
    stop_all
    for name; do
        [ ! -s "$RUN/$name.log" ] || grep -v '^VHOST_CONFIG' "$RUN/$name.log" | tail -n 8 >&2
    done
    die "a program of the benchmark, or its guest, has failed"
}

exchange_at_end() { rm -rf "$RUN"; }

# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: network_guest.sh IPV4-ADDRESS|- PCI-ADDRESS...
#
# In the guest of network.sh: devices for DPDK, which takes them by UIO, and an address for
# the network device that is left to the kernel.
kernel_address=$1
shift
for address; do
    device=/sys/bus/pci/devices/$address
    # The kernel's driver has all of its kind at first.
    [ ! -e "$device/driver" ] || echo "$address" >"$device/driver/unbind"
    echo uio_pci_generic >"$device/driver_override"
    echo "$address" >/sys/bus/pci/drivers_probe
    [ -e "$device/driver" ] || exit 1
done
for name in /sys/class/net/eth*; do
    [ "$kernel_address" = - ] || ifconfig "${name##*/}" "$kernel_address" netmask 255.255.255.0
done
mkdir -p /var/run

# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: bind.sh PCI-ADDRESS
#
# In a guest with an IOMMU, whose modules are loaded: what docs/doorbell.md says.
device=/sys/bus/pci/devices/$1
echo >"$device/reset_method" # may fail: there is none
echo vfio-pci >"$device/driver_override"
echo "$1" >/sys/bus/pci/drivers_probe
[ -e "$device/driver" ]

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Plug and unplug in a running guest: machine q35 with hot plug by the root ports
# themselves. Linux waits for 5 s after each request, for somebody who might
# change his mind, and for 1 s to turn the power off: hence many ports at once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=tests/e2e/hotplug/lib.sh
. "$ROOT/tests/e2e/hotplug/lib.sh"

PORTS=25
ROUNDS=4

arguments=() ports=()
for ((i = 0; i < PORTS; i++)); do
    ports+=("port$i")
    # No I/O ports: there are not enough for so many.
    arguments+=(-device "pcie-root-port,id=port$i,chassis=$i,io-reserve=0,pref64-reserve=128M")
done
start_vm q35 pciehp -machine q35 \
    -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "${arguments[@]}"
check_unplugging "$ROUNDS" "${ports[@]}"
stop_vm
done_testing

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Plug and unplug in a running guest: machine q35 with root ports, hot plug by
# ACPI, which is its default.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=tests/e2e/hotplug/lib.sh
. "$ROOT/tests/e2e/hotplug/lib.sh"

# Twice the size of the BAR: the firmware aligns what it reserves to 1 MiB only.
start_vm q35 acpi -machine q35 \
    -device pcie-root-port,id=wide,chassis=1,pref64-reserve=128M \
    -device pcie-root-port,id=plain,chassis=2
check_unplugging 100 wide
check_and_count "a root port without pref64-reserve: the guest sees the device, without its BAR 2" \
    hotplug unplaced plain
stop_vm
done_testing

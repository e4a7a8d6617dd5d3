#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Plug and unplug in a running guest: machine pc.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=tests/e2e/hotplug/lib.sh
. "$ROOT/tests/e2e/hotplug/lib.sh"

start_vm pc acpi -machine pc
check_unplugging 100 pci.0
stop_vm
done_testing

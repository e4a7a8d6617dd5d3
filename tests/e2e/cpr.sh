#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the dpdk-ivshmem authors
#
# CPR: QEMU is replaced under a running guest, with the memory of device ivshmem in
# place. The environment variable QEMU selects another QEMU than that in build/qemu.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$ROOT/scripts/lib/common.sh"

mkdir -p "$BUILD/run"
PYTHONPATH=$ROOT/tests/e2e/hotplug exec "$PYTHON" -B "$ROOT/tests/e2e/cpr/cpr.py" \
    "$(realpath "${QEMU:-$BUILD/qemu/qemu-system-x86_64}")" "$BUILD/run"

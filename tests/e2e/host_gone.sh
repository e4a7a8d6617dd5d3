#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# QEMU started with the device string of a host program that has ended.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

share --no-huge -m 64
stop "$HOST_PID"
check "the host program ends in order when asked to" host_says "stopped by a signal"
boot "$(guest_command 64@0)" --device "$DEVICE_FILE"
check "QEMU exits with 1" [ "$STATUS" -eq 1 ]
check "it names the file that is gone" grep -q "$RTE_IVSHMEM_DIR/.*No such file" "$RUN/guest.log"
check "no guest was booted" not grep -qF "[guest]" "$RUN/guest.log"
done_testing

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The demo, smaller, without hugepages and so without root. The guest has a
# second ivshmem device, whose memory is not ours, and the host's lcore id.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

dd if=/dev/urandom of="$RUN/foreign" bs=1M count=2 status=none
share --no-huge -m 64
boot "$(guest_command 0@0)" \
    --device-string "-device ivshmem,file=$RUN/foreign" --device "$DEVICE_FILE"
host_ends

check "the guest program runs as primary process, with the host's lcore id" \
    guest_says 1 "EAL started as primary process, lcore 0"
check_exchange 1
check "the metadata file is gone with the host program" not compgen -G "$RTE_IVSHMEM_DIR/*"
done_testing

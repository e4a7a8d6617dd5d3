#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The demo, smaller, without hugepages and so without root. The guest has a
# second ivshmem device, whose memory is not ours. Before the exchange a
# program with the host's lcore id tries, in the same boot.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

dd if=/dev/urandom of="$RUN/foreign" bs=1M count=2 status=none
share --no-huge -m 64
boot "$(guest_command 0@0)
$(guest_command 64@0)" \
    --device-string "-device ivshmem,file=$RUN/foreign" --device "$DEVICE_FILE"
host_ends

check "a guest with the host's lcore id is told to use --lcores" output_matches 1 '^ivshmem: .*--lcores'
check "its EAL starts all the same" guest_says 1 "EAL started as primary process, lcore 0"
check "it does not find the pool, and nothing crashes" guest_says 1 "mempool 'demo_pool' not found"
check "it exits with 1" guest_exits 1 1
check_exchange 2
check "the metadata file is gone with the host program" not compgen -G "$RTE_IVSHMEM_DIR/*"
done_testing

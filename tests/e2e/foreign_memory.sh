#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Guests that load the plugin, but have nothing of ours: a device with somebody
# else's memory, and no device at all.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

dd if=/dev/urandom of="$RUN/foreign" bs=1M count=2 status=none
before=$(sha256sum <"$RUN/foreign")
boot "$(guest_command 64@0)" --device-string "-device ivshmem,file=$RUN/foreign"
check "foreign memory: the application starts" \
    guest_says 1 "EAL started as primary process, lcore 64"
check "foreign memory: its lookups find nothing and say what to check" guest_says 1 "is the plugin loaded"
check "foreign memory: it exits with 1" guest_exits 1 1
check "foreign memory: it is left alone" [ "$(sha256sum <"$RUN/foreign")" = "$before" ]

boot "$(guest_command 64@0)"
check "no device: the application starts" \
    guest_says 1 "EAL started as primary process, lcore 64"
check "no device: its lookups find nothing and say what to check" guest_says 1 "is the plugin loaded"
check "no device: it exits with 1" guest_exits 1 1
done_testing

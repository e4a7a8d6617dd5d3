#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The demo, smaller, in 2 MiB hugepages: one file of hugetlbfs for each page.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

have_hugepages || skip_all "$NO_HUGEPAGES"
hugepages_begin 64

for mode in "" --single-file-segments; do
    # shellcheck disable=SC2086  # no argument if empty
    share -m 64 --huge-dir "$HUGE_DIR" $mode
    boot "$(guest_command 0@0)" --device "$DEVICE_FILE"
    host_ends
    check "the device string names files of hugetlbfs${mode:+ ($mode)}" host_says ":$HUGE_DIR/"
    check_exchange 1
done
done_testing

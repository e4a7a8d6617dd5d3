#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: test_without_vm.sh HOST-PROGRAM GUEST-PROGRAM LIBRARY
#
# The demo between host and guest, without a VM.
set -u
# shellcheck source=dpdk-ivshmem/examples/test_lib.sh
. "$(dirname "$(realpath "$0")")/test_lib.sh"
count=100000 # messages, and as many packets

begin_host "$run/device" --messages "$count" --packets "$count"
begin_guest guest demo
check "the guest program passes, with the host's lcore id" passes "$pid"
check "the host program passes" passes "$host"
check "all objects were found by name" \
    says guest "found demo_to_guest, demo_to_host, demo_pool and demo_control"
check "no errors on either side" says host "all passed, errors: 0"
done_testing

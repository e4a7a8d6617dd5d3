#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A host, a VM and a process on the host, with lcores 0 and 1 on all three, on
# one pool with a cache: no mbuf is owned twice, none is lost. The EAL's arguments
# in the guest are those of any program.
#
# For the functions that are called by way of check:
# shellcheck disable=SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

SECONDS_OF_WORK=${SECONDS_OF_WORK:-10} # 60: as long as the library's own test
PARTIES=3
LCORES="0@$(allowed_cpus),1@$(allowed_cpus)"

start_stress_host() {
    DEVICE_FILE=$RUN/device
    mkdir -p "$RTE_IVSHMEM_DIR"
    start host "$PROGRAMS/tests/stress-host" --no-huge -m 32 --no-pci --no-telemetry \
        --lcores "$LCORES" --file-prefix "$FILE_PREFIX" --log-level lib.eal:warning \
        -- st "$SECONDS_OF_WORK" $((PARTIES - 1)) "$DEVICE_FILE"
    HOST_PID=$PID
    # shellcheck disable=SC2119  # without its argument
    wait_for_device || die "no device: $(cat "$RUN/host.log")"
}

# At other addresses than the host, of itself: the bus maps before the EAL does.
start_process() {
    start process env LD_LIBRARY_PATH="$(dirname "$PLUGIN")" "$PROGRAMS/tests/stress-guest" \
        --no-huge -m 16 --no-pci --no-telemetry --lcores "$LCORES" \
        --file-prefix "$FILE_PREFIX-process" --log-level lib.eal:warning \
        -d "$(basename "$PLUGIN")" -a "ivshmem0,file=$RTE_IVSHMEM_DIR/st"
    PROCESS_PID=$PID
}

# each_party PATTERN: all three lines of what parties did match.
each_party() { [ "$(grep -c "^party [0-9]: $1" "$RUN/host.log")" -eq "$PARTIES" ]; }

"$ROOT/scripts/guest-image" --add "$PROGRAMS/tests/stress-guest" "${PLUGIN_FILES[@]}" \
    --output "$RUN/stress.img"
GUEST_IMAGE=$RUN/stress.img

start_stress_host
start_process
BOOT_LIMIT=$((BOOT_LIMIT + SECONDS_OF_WORK))
boot "stress-guest --no-huge -m 16 $GUEST_PLUGINS" --device "$DEVICE_FILE" -- -smp 2
until_true "$BOOT_LIMIT" ended "$PROCESS_PID" || stop "$PROCESS_PID"
status_of "$PROCESS_PID"
PROCESS_STATUS=$STATUS
host_ends
grep '^party .* taken\|^total' "$RUN/host.log" | sed 's/^/# /'

check "the guest's program has lcores 0 and 1, as the host" \
    guest_says 1 "guest: 2 lcores, the first is 0"
check "it attaches without a word about lcores" not guest_says 1 "--lcores"
check "each party took mbufs of the pool" each_party '[1-9]'
check "each gave back mbufs that another party had taken" \
    each_party '.*given back, [1-9][0-9]* of another'
check "no mbuf was owned twice, and none is lost" host_says " 0 owned twice, 0 lost"
check "the guest's program exits with 0" guest_exits 1 0
check "the process on the host exits with 0" [ "$PROCESS_STATUS" -eq 0 ]
check "the host exits with 0" host_exits 0
done_testing

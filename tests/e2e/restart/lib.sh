# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the tests in which a host program, restart_host.c, dies and comes back while
# a VM runs, and the VM's devices are plugged by QMP. Needs lib.sh.
#
# For what the scripts use, and for what the guest is to expand:
# shellcheck disable=SC2016,SC2034
# shellcheck source=tests/e2e/agent/lib.sh
. "$ROOT/tests/e2e/agent/lib.sh"

IMAGE=$RUN/guest.img
GUEST="restart-guest --no-huge -m 16 --no-telemetry --lcores 64@0 --log-level lib.eal:warning $GUEST_PLUGINS"

# make_image FILE...: a guest with these, our plugin and tool.
make_image() {
    local file add=()
    for file in "$@"; do add+=(--add "$file"); done
    "$ROOT/scripts/guest-image" "${add[@]}" "${PLUGIN_FILES[@]}" "${AGENT_FILES[@]}" \
        --add "$PROGRAMS/tools/dpdk-ivshmem" --output "$IMAGE"
}

# ---- host ---------------------------------------------------------------------

# start_life NUMBER MEMORY-ARGUMENTS...: sets HOST_PID and LIFE, its number.
start_life() {
    LIFE=$1
    shift
    start "life$LIFE" "$PROGRAMS/tests/restart-host" "$@" --no-pci --no-telemetry \
        --lcores "0@$(allowed_cpus)" --file-prefix "$FILE_PREFIX" \
        --log-level lib.eal:warning -- restart "$LIFE"
    HOST_PID=$PID
    until_true 20 life_begun || true
    says "life$LIFE" "life $LIFE is shared" ||
        die "the host program does not start" "$(tail -n 3 "$RUN/life$LIFE.log")"
}

life_begun() { says "life$LIFE" "life $LIFE is shared" || ended "$HOST_PID"; }

# end_life SIGNAL: the host program ends by that.
end_life() { end_by "$1" "$HOST_PID"; }

# line COMMAND: what the host program printed for QMP.
line() { grep -m 1 -F "\"execute\":\"$1\"" "$RUN/life$LIFE.log"; }

# addresses NUMBER: of all that is shared, as the dump tells; not the names of files,
# which differ in each life.
addresses() {
    awk '/^(memzone|ring|mempool|part) / || / at host address / { print }' "$RUN/life$1.log"
}

same_addresses() {
    local first
    first=$(addresses "$1")
    [ -n "$first" ] && [ "$first" = "$(addresses "$2")" ]
}

# ---- device -------------------------------------------------------------------

# plug: and wait until the guest has its BAR 2.
plug() {
    qmp "$(line device_add)" && until_true "$BOOT_LIMIT" in_guest \
        'for d in /sys/bus/pci/devices/*; do grep -q 0x1110 $d/device && ls $d/resource2 && break; done'
}

# ---- guest --------------------------------------------------------------------

has_not_rebooted() {
    in_guest 'cat /proc/sys/kernel/random/boot_id' && [ "$OUTPUT" = "$BOOT_ID" ]
}

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the tests of this folder: each is a script that boots real guests and
# prints TAP. Source it first, call done_testing last.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$ROOT/scripts/lib/common.sh"
# shellcheck source=scripts/lib/exchange.sh
. "$ROOT/scripts/lib/exchange.sh"

EXCHANGE_COUNT=20000 # messages, and as many packets
BOOT_LIMIT=60        # seconds for a VM from start to power-off
# For guests in which devices are plugged. One CPU: with QEMU's emulation, an access
# of one CPU to a device's registers can go astray, or fail an assertion in
# iotlb_to_section(), while another changes what is mapped where (seen with QEMU
# 10.2.2, whose code does so for any device). On a busy host, guests were also seen to
# wait for a timer that did not come; with a tick that goes on by itself, none was.
# shellcheck disable=SC2034
HOTPLUG_CPUS=1
# shellcheck disable=SC2034
HOTPLUG_KERNEL='nohz=off highres=off'
# shellcheck disable=SC2034
NO_HUGEPAGES='reserving hugepages needs root, and a kernel that has them'
TESTS=0
FAILED=0

# check WHAT COMMAND...: one line of TAP; the command says whether WHAT holds.
check() {
    local what=$1
    shift
    TESTS=$((TESTS + 1))
    if "$@"; then
        echo "ok $TESTS - $what"
    else
        echo "not ok $TESTS - $what"
        echo "#   does not hold: $*"
        FAILED=1
    fi
}

# skip_all REASON: one skipped test, so that it is counted as such.
skip_all() {
    echo "1..1"
    echo "ok 1 - $(basename "$0" .sh) # SKIP $1"
    exit 0
}

# skip WHAT REASON: one skipped test.
skip() {
    TESTS=$((TESTS + 1))
    echo "ok $TESTS - $1 # SKIP $2"
}

# have_hugepages: of 2 MiB, for hugepages_begin.
have_hugepages() { [ "$(id -u)" -eq 0 ] && [ -d /sys/kernel/mm/hugepages/hugepages-2048kB ]; }

# done_testing: the plan, and after a failure all that both sides have said.
done_testing() {
    echo "1..$TESTS"
    [ "$FAILED" -ne 0 ] || exit 0
    local log
    for log in "$RUN"/*.log; do sed "s|^|# ${log##*/}: |" "$log"; done
    exit 1
}

exchange_at_end() {
    rm -rf "$RUN"
}

# share MEMORY-ARGUMENTS...: a host program that waits for a guest.
share() {
    start_host "$@" -- --messages "$EXCHANGE_COUNT" --packets "$EXCHANGE_COUNT" \
        --wait "$BOOT_LIMIT" --timeout 20
    # shellcheck disable=SC2119  # without its argument
    if ! wait_for_device; then
        drain
        cat "$RUN/host.log" >&2
        die "the host program has not printed a device string"
    fi
}

# boot COMMANDS LAUNCH-OPTIONS...: a guest that runs the commands, to its end.
boot() {
    start_guest "$@" --accel "$ACCEL"
    until_true "$BOOT_LIMIT" ended "$VM_PID" || stop "$VM_PID"
    status_of "$VM_PID"
    drain
}

host_ends() {
    until_true 20 ended "$HOST_PID" || stop "$HOST_PID"
    status_of "$HOST_PID"
    drain
    HOST_STATUS=$STATUS
}

# output_of N: what command number N of the guest printed, from 1 on, with its
# command line first and its exit status last.
output_of() {
    awk -v wanted="$1" '
        BEGIN { number = 1 }
        number == wanted { print }
        /^\[guest\] exit status/ { number++ }' "$RUN/guest.log"
}

guest_says() { output_of "$1" | grep -qF -- "$2"; }
guest_exits() { guest_says "$1" "[guest] exit status $2"; }
host_says() { grep -qF -- "$1" "$RUN/host.log"; }
host_exits() { [ "$HOST_STATUS" -eq "$1" ]; }
not() { ! "$@"; }

# grouped NUMBER: 20000 as 20,000.
grouped() { sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta' <<<"$1"; }

# check_exchange N: command number N of the guest was the exchange.
check_exchange() {
    local each
    each=$(grouped "$EXCHANGE_COUNT")
    check "the guest program finds all objects by name" \
        guest_says "$1" "found demo_to_guest, demo_to_host, demo_pool and demo_control"
    check "the guest checked $each messages without error" \
        output_matches "$1" "^checked $each messages .*, errors: 0\$"
    check "the guest checked $each packets without error" \
        output_matches "$1" "^checked $each packets .*, errors: 0\$"
    check "the guest program exits with 0" guest_exits "$1" 0
    check "the host checked every answer and every byte without error" \
        host_says "all passed, errors: 0"
    check "the host program exits with 0" host_exits 0
}

output_matches() { output_of "$1" | grep -q -- "$2"; }

# A test that boots no Linux sets NO_GUEST.
[ -n "${NO_GUEST:-}" ] || make_guest_image >&2
exchange_begin

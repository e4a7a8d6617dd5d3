# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the tests of hot plug: a VM that a Python program plugs devices into while
# an agent in the guest uses them. Needs lib.sh.
# shellcheck source=tests/e2e/agent/lib.sh
. "$ROOT/tests/e2e/agent/lib.sh"

AGENT_IMAGE=$RUN/agent.img

make_agent_image() {
    "${CC:-cc}" -O2 -Wall -Wextra -Werror -o "$RUN/guest_agent" "$ROOT/tests/e2e/hotplug/guest_agent.c"
    "$ROOT/scripts/guest-image" --add "$RUN/guest_agent" --output "$AGENT_IMAGE"
}

# start_vm NAME KIND QEMU-ARGUMENTS...: sets VM, its folder, and KIND, which is
# acpi or pciehp; returns when the guest has booted.
start_vm() {
    VM=$RUN/$1
    KIND=$2
    start_agent "$1" "$VM" --initrd "$AGENT_IMAGE" \
        --append "$HOTPLUG_KERNEL -- guest_agent /dev/ttyS1" -- "${AGENT_PORT[@]}" \
        "${QMP_PORT[@]}" -smp "$HOTPLUG_CPUS" -trace kvm_set_user_memory -D trace "${@:3}"
    echo "$VM_PID" >"$VM/pid"
    if ! until_true "$BOOT_LIMIT" says "$1" "guest_agent: ready"; then
        stop_vm
        die "the guest has not booted" "$(tail -n 3 "$RUN/$1.log")"
    fi
}

stop_vm() {
    stop "$VM_PID"
    drain
}

# hotplug COMMAND ARGUMENT...: as hotplug.py says.
hotplug() { "$PYTHON" -B "$ROOT/tests/e2e/hotplug/hotplug.py" "$VM" "$KIND" "$@"; }

# check_and_count WHAT COMMAND...: and that QEMU has let go of everything. Nothing
# is tried after a failure: the guest may be in any state.
check_and_count() {
    [ "$FAILED" -eq 0 ] || return 0
    check "$@"
    [ "$FAILED" -eq 0 ] || return 0
    check "after that: no mapping, descriptor, RAM block or memory slot is left" \
        hotplug nothing-left
}

# check_unplugging ROUNDS PORT...: all that may happen to a device, in the first
# port; and ROUNDS rounds in all ports.
check_unplugging() {
    local rounds=$1 port=$2
    shift
    hotplug remember
    check_and_count "$((rounds * $#)) times, host and guest find in the memory what the other wrote" \
        hotplug cycles "$rounds" "$@"
    check_and_count "a stopped guest keeps the device and lets go when it runs again" \
        hotplug stopped "$port"
    check_and_count "a guest that does not listen keeps the device and lets go when it listens" \
        hotplug ignored "$port"
    check_and_count "a process that has it mapped reads nothing there, and a new device works" \
        hotplug mapped "$port"
    check_and_count "a guest that does not listen: a device works and goes after a reset" \
        hotplug reset "$port"
}

make_agent_image >&2

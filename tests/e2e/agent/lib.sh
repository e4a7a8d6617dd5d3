# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For tests whose VM takes commands through a second serial port, and may be told by
# QMP. Needs lib.sh.
#
# For the scripts that source this file:
# shellcheck disable=SC2034

VM=$RUN/vm # its folder, with the sockets "qmp" and "agent"
AGENT=$ROOT/tests/e2e/agent
AGENT_FILES=(--add "$AGENT/guest.sh:/usr/bin/guest.sh")
AGENT_INIT="-- sh /usr/bin/guest.sh /dev/ttyS1" # to the end of the kernel's command line
AGENT_PORT=(-chardev "socket,id=agent,path=agent,server=on,wait=off" -serial chardev:agent)
QMP_PORT=(-qmp "unix:qmp,server=on,wait=off")

# start_agent NAME FOLDER LAUNCH-OPTION...: in that folder, so that the paths of its
# sockets are short; sets VM_PID. QEMU's own arguments begin with AGENT_PORT.
start_agent() {
    local name=$1 folder=$2
    shift 2
    mkdir -p "$folder"
    start "$name" env -C "$folder" "$ROOT/scripts/launch" --accel "$ACCEL" "$@"
    VM_PID=$PID
}

# wait_for_agent NAME [SECONDS]: until it takes commands.
wait_for_agent() {
    until_true "${2:-$BOOT_LIMIT}" says "$1" "guest.sh: ready" ||
        die "the guest has not booted" "$(tail -n 3 "$RUN/$1.log")"
}

# start_hotplug_vm IMAGE LAUNCH-OPTION...: one in which devices are plugged, with QMP.
start_hotplug_vm() {
    local image=$1
    shift
    start_agent vm "$VM" --initrd "$image" "$@" --append "$HOTPLUG_KERNEL $AGENT_INIT" -- \
        "${AGENT_PORT[@]}" "${QMP_PORT[@]}" -smp "$HOTPLUG_CPUS,maxcpus=2"
    wait_for_agent vm
}

# in_guest COMMAND: OUTPUT is what it printed, on one line, or how it failed.
in_guest() {
    OUTPUT=$(PYTHONPATH=$ROOT/tests/e2e/hotplug "$PYTHON" -B "$AGENT/in_guest.py" "$VM/agent" "$1")
}

# prints TEXT COMMAND: the command of the guest prints that, and how it ends.
prints() {
    in_guest "$2" || true
    [[ $OUTPUT == *"$1"* ]] || { echo "# $OUTPUT"; return 1; }
}

# qmp LINE...: as a host program has printed it.
qmp() { "$ROOT/scripts/qmp" "$VM/qmp" "$@"; }

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Each form of the device is taken by QEMU as it was printed, through a real shell
# or QMP, and what the guest would see is what the metadata says.
# shellcheck disable=SC2317  # functions are called by check
NO_GUEST=1
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=tests/e2e/forms/lib.sh
. "$ROOT/tests/e2e/forms/lib.sh"

QEMU=$BUILD/qemu/qemu-system-x86_64

# start_qemu [DEVICE-TEXT]: a shell starts QEMU with a text that it has to take
# apart. In a folder, because the path of a socket has at most 107 bytes; the
# script is a file, because an argument of a shell is as limited as one of QEMU.
start_qemu() {
    VM=$RUN/vm
    mkdir -p "$VM"
    rm -f "$VM/qmp"
    printf '%s' "exec '$QEMU' -nodefaults -display none -S -accel tcg -m 16 " \
        "-qmp unix:qmp,server=on,wait=off ${1:-}" >"$VM/script"
    start vm env -C "$VM" sh script
    VM_PID=$PID
    until_true 30 socket_or_ended || true
}

socket_or_ended() { [ -S "$VM/qmp" ] || ended "$VM_PID"; }
in_vm() { (cd "$VM" && forms "$@"); }

# check_form METADATA FORM KIND: of a form that is a shell's.
check_form() {
    start_qemu "$(cat "$FORMS/$1.$2")"
    check "$WHERE, $1: sh and QEMU take the form $2, and each chunk is in its place" \
        in_vm layout "$FOLDER/$1" "$3" qmp
    stop "$VM_PID"
}

# check_qmp METADATA: plugs and unplugs.
check_qmp() {
    start_qemu
    check "$WHERE, $1: QMP takes both commands, the chunks are in place, the device goes" \
        in_vm plug "$FOLDER/$1" typed qmp "$FORMS/$1.qmp_add" "$FORMS/$1.qmp_del"
    stop "$VM_PID"
}

# start_other: a process with a file of its own, as one that has the number of a host
# that ended.
start_other() {
    truncate -s 64M "$RUN/private"
    # shellcheck disable=SC2016  # of the new shell
    start other bash -c 'exec 9<>"$1"; exec sleep 300' other "$RUN/private"
    OTHER_PID=$PID
    until_true 10 [ -e "/proc/$OTHER_PID/fd/9" ]
}

# of_other FILE: what it says, of the other process.
of_other() { sed "s|/proc/$HOST_PID/fd/[0-9]*|/proc/$OTHER_PID/fd/9|g" "$1"; }

# check_refusal FORM: QEMU would map the file of the other process.
check_refusal() {
    local text
    text=$(of_other "$FORMS/few.$1")
    if [ "$1" = layout ]; then
        of_other "$FOLDER/.few.layout" >"$RUN/layout"
        text="-device ivshmem,layout=$RUN/layout"
    fi
    start_qemu "$text"
    check "form $1: QEMU refuses the file of another process with that number" refused_other
    stop "$VM_PID"
}

refused_other() {
    until_true 20 ended "$VM_PID" && says vm "('/proc/$OTHER_PID/fd/9'): is another file now"
}

names() { grep -q "$1" "$FORMS/$2"; }

WHERE="plain folder" FOLDER=$RUN/plain
print_forms "$FOLDER"
check_form few auto lists
check_form few plain lists
check_form few json typed
check_form few layout typed
check_form few shm lists
check_qmp few
start_other
check_refusal plain
check_refusal json
check_refusal layout
check "2,501 chunks do not fit into an argument in JSON" [ ! -e "$FORMS/many.json" ]
check_form many auto lists
check_form many layout typed
check_form many shm lists
check "2,501 chunks are plugged by a layout file" names '"layout":' many.qmp_add
check_qmp many
stop "$HOST_PID"
check "layout files go away with the host" [ -z "$(ls -A "$FOLDER")" ]

WHERE="odd folder" FOLDER=$RUN/$ODD_NAME
print_forms "$FOLDER"
check "no list holds the name of the odd folder" [ ! -e "$FORMS/few.plain" ]
check "nor does the historical form" [ ! -e "$FORMS/few.shm" ]
check_form few auto typed
check_form few json typed
check_form few layout typed
check_qmp few
check_form many auto typed
check_qmp many
done_testing

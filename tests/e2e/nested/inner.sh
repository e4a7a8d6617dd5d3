# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the scripts beside it, which busybox runs in a guest: starts the patched
# QEMU there and talks to it as the drivers of its guest would (qtest) and as its
# management would (QMP). Its processor never runs. Prints TAP without numbers,
# which tests/e2e/nested.sh adds.
set -eu

WORK=/tmp/inner
REPLY_LIMIT=20 # seconds
CHECKS=0
# Where the BAR with the chunks goes, and the other one.
export PLACE=0x80000000 OTHER=0x70000000
mkdir -p "$WORK"
[ -e "$WORK/firmware" ] || dd if=/dev/zero of="$WORK/firmware" bs=64k count=1 2>/dev/null

# check WHAT COMMAND...: the command says whether WHAT holds.
check() {
    local what=$1
    shift
    CHECKS=$((CHECKS + 1))
    if "$@"; then
        echo "ok - $what"
    else
        echo "not ok - $what"
        echo "# does not hold: $*; the last reply: ${REPLY:-none}"
        sed 's/^/# /' "$WORK/errors"
    fi
}

not() { ! "$@"; }

# eventually COMMAND...: within some seconds.
eventually() {
    local tries=0
    until "$@"; do
        [ "$tries" -lt 50 ] || return 1
        tries=$((tries + 1))
        sleep 0.1
    done
}

# the_end: of a script; with its number of checks, so that none gets lost.
the_end() { echo "end of $0 after $CHECKS checks"; }

# ---- QEMU and its management ---------------------------------------------------

qemu() {
    timeout 60 qemu-system-x86_64 -nodefaults -no-user-config -display none \
        -machine pc -accel tcg -m 16 -S -bios "$WORK/firmware" "$@" 2>"$WORK/errors"
}

# start_qemu ARGUMENTS...: and wait until it answers.
start_qemu() {
    rm -f "$WORK"/*.in "$WORK"/*.out
    mkfifo "$WORK/qtest.in" "$WORK/qtest.out" "$WORK/qmp.in" "$WORK/qmp.out"
    # Both ways: an end that is not open yet does not block.
    exec 3<>"$WORK/qtest.in" 4<>"$WORK/qtest.out" 5<>"$WORK/qmp.in" 6<>"$WORK/qmp.out"
    qemu -qtest "pipe:$WORK/qtest" -qtest-log none -qmp "pipe:$WORK/qmp" "$@" &
    qmp '{"execute": "qmp_capabilities"}' && QEMU_PID=$(pidof qemu-system-x86_64)
}

stop_qemu() {
    qmp '{"execute": "quit"}'
    wait
}

# refused TEXT ARGUMENTS...: QEMU exits with 1 and says TEXT.
refused() {
    local text=$1 status=0
    shift
    qemu "$@" || status=$?
    [ "$status" -eq 1 ] && grep -qF -- "$text" "$WORK/errors"
}

# no_answer QUESTION: nothing that follows would get one.
no_answer() {
    echo "not ok - QEMU answers to $1"
    sed 's/^/# /' "$WORK/errors"
    exit 1
}

# reply TEXT: reads what QMP says until TEXT is in it, or an error.
reply() {
    # shellcheck disable=SC3045  # busybox has it
    while read -r -t "$REPLY_LIMIT" REPLY <&6; do
        case $REPLY in
        *"$1"*) return 0 ;;
        '{"error"'*) return 1 ;;
        esac
    done
    no_answer "QMP"
}

# qmp COMMAND: false if the reply, in REPLY, is an error. Events are skipped.
qmp() {
    echo "$1" >&5
    reply '{"return"'
}

# plug PROPERTIES
plug() { qmp "{\"execute\": \"device_add\", \"arguments\": {$1}}"; }

# unplug ID SLOT: asked for by management, granted by the guest with a register
# of ACPI.
unplug() {
    qmp "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"$1\"}}" &&
        qtest outl 0xae08 $((1 << $2)) &&
        reply '"DEVICE_DELETED"'
}

# ---- its guest ----------------------------------------------------------------

# qtest COMMAND...: the value that it replies with, if any, in REPLY.
qtest() {
    echo "$*" >&3
    # shellcheck disable=SC3045  # busybox has it
    read -r -t "$REPLY_LIMIT" REPLY <&4 || no_answer "$*"
    case $REPLY in
    OK*) REPLY=${REPLY#OK} REPLY=${REPLY# } ;;
    *) return 1 ;;
    esac
}

# configure SLOT REGISTER VALUE: 32 bits of a PCI device's configuration space.
configure() {
    qtest outl 0xcf8 $((0x80000000 | $1 << 11 | $2))
    qtest outl 0xcfc "$3"
}

# map_bar SLOT BAR ADDRESS: a memory BAR, and allows the device DMA.
map_bar() {
    configure "$1" $((0x10 + $2 * 4)) "$3"
    configure "$1" 4 6
}

# put ADDRESS BYTES, shows ADDRESS BYTES: 8 bytes of the guest's memory, in
# hexadecimal digits.
put() { qtest write "$1" 8 "0x$2"; }
shows() { qtest read "$1" 8 && [ "$REPLY" = "0x$2" ]; }

# ---- files --------------------------------------------------------------------

# file_has FILE OFFSET BYTES
file_has() { [ "$(xxd -p -s "$2" -l 8 "$1")" = "$3" ]; }

# maps FILE: does QEMU map it?
maps() { grep -q " $1\$" "/proc/$QEMU_PID/maps"; }

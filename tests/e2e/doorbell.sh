#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Consumers that sleep and are woken by the doorbell: between processes of the host,
# host and VM, and two VMs, with QEMU's ivshmem-server. No wake-up may be lost. Then
# peers that go, and a device that is unplugged while somebody sleeps.
#
# For the functions that are called by way of check and until_true:
# shellcheck disable=SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/lib/doorbell.sh
. "$ROOT/scripts/lib/doorbell.sh"
# shellcheck source=tests/e2e/agent/lib.sh
. "$ROOT/tests/e2e/agent/lib.sh"

IMAGE=$RUN/doorbell.img
COUNT=10000 # questions, each with two wake-ups, where both sides sleep
SHORT=1000  # where it is about something else
DEVICE=0000:01:00.0 # behind a port, so that it can be unplugged
NO_DOORBELL=0000:00:08.0
IN_GUEST="doorbell-peer $PEER_EAL --no-shconf --lcores 64@0,65@0 --"

make_image() {
    "$ROOT/scripts/build-ivshmem-server"
    "$ROOT/scripts/guest-image" --add "$PEER" --module vfio-pci --module vfio_iommu_type1 \
        --add "$ROOT/tests/e2e/doorbell/bind.sh:/usr/bin/bind.sh" \
        "${AGENT_FILES[@]}" --output "$IMAGE"
}

# ---- VMs ----------------------------------------------------------------------

# start_vm NAME QEMU-ARGUMENTS...: with the device, connected to the server.
start_vm() {
    local name=$1
    shift
    doorbell_vm
    start_agent "$name" "$RUN/$name.vm" --initrd "$IMAGE" \
        --append "$HOTPLUG_KERNEL $DOORBELL_KERNEL $AGENT_INIT" \
        "${DOORBELL_VM[@]}" -smp "$HOTPLUG_CPUS,maxcpus=2" "${AGENT_PORT[@]}" "${QMP_PORT[@]}" "$@"
}

# of NAME COMMAND...: what agent/lib.sh has, for this VM.
of() {
    local VM=$RUN/$1.vm
    shift
    "$@"
}

# binds VM: the device, to vfio-pci.
binds() { of "$1" in_guest "sh /usr/bin/bind.sh $DEVICE 2>&1" || { echo "# $OUTPUT"; return 1; }; }

# in_background VM ROLE...: what it prints goes to /tmp/ROLE.
in_background() {
    of "$1" in_guest "rm -f /tmp/$2; ${IN_GUEST/ --/ --file-prefix $2 --} ${*:2} >/tmp/$2 2>&1 &"
}

printed() { of "$1" in_guest "cat /tmp/$2" && [[ $OUTPUT == *"$3"* ]]; }

# eventually_printed VM ROLE TEXT
eventually_printed() {
    until_true "$BOOT_LIMIT" printed "$@" || { echo "# $OUTPUT"; return 1; }
}

# ---- what is checked ------------------------------------------------------------

# none_lost TEXT: of who asked or answered; and it has rung the other one, which slept,
# at least at each third question. Half of them wait for that.
none_lost() {
    echo "# ${1##*objects, *chunks }"
    [[ $1 =~ lost\ 0,\ rang\ ([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge $((COUNTED / 3)) ]
}

# asked_right LOG: who asked, on the host.
asked_right() {
    local line
    line=$(grep -m 1 "^asked " "$RUN/$1.log") || { tail -n 3 "$RUN/$1.log" | sed 's/^/# /'; return 1; }
    [[ $line == "asked $COUNTED, wrong 0, "* ]] && none_lost "$line"
}

# host_asks NAME WAY COUNT: and a guest, or the host, answers.
host_asks() {
    COUNTED=$3
    on_host "$1" ask "$SOCKET" 0 "$2" "$3"
    status_of "$PID"
}

# exchange NAME VM WAY COUNT: the host asks, sleeping in the simple way, and the guest
# answers, sleeping in that way.
exchange() {
    in_background "$2" answer doorbell 1 "$3"
    host_asks "$1" ring "$4"
    [ "$STATUS" -eq 0 ] && asked_right "$1" &&
        eventually_printed "$2" answer "answered $4, " && none_lost "$OUTPUT"
}

host_processes() {
    local name=$1 way=$2 answerer asked
    on_host "$name-answer" answer "$SOCKET" 1 "$way"
    answerer=$PID
    host_asks "$name-ask" "$way" "$3"
    asked=$STATUS
    status_of "$answerer"
    sed -n 's/^\(asked\|answered\) /# &/p' "$RUN/$name-ask.log" "$RUN/$name-answer.log"
    [ "$asked $STATUS" = "0 0" ]
}

guest_to_guest() {
    COUNTED=$COUNT
    in_background two answer doorbell 1 epoll
    in_background one ask doorbell 0 epoll "$COUNT"
    eventually_printed one ask "asked $COUNT, wrong 0, " && none_lost "$OUTPUT" &&
        eventually_printed two answer "answered $COUNT, " && none_lost "$OUTPUT"
}

# sleeps VM: 2 s, in which it uses next to nothing of the CPU.
sleeps() {
    of "$1" in_guest "$IN_GUEST idle doorbell 2000 2>&1" || true
    echo "# ${OUTPUT##*: }" "${OUTPUT##*idle: }"
    [[ $OUTPUT =~ idle:\ returned\ 0\ after\ ([0-9]+)\ ms,\ ([0-9]+)\ us ]] &&
        [ "${BASH_REMATCH[1]}" -ge 1990 ] && [ "${BASH_REMATCH[2]}" -lt 200000 ]
}

# peer_of VM: its id.
peer_of() {
    of "$1" in_guest "$IN_GUEST open doorbell 1" || true
    [[ $OUTPUT =~ is\ peer\ ([0-9]+) ]] && printf '%s\n' "${BASH_REMATCH[1]}"
}

host_rings() {
    on_host ring ring "$SOCKET" "$1" 0
    status_of "$PID"
    grep "^ring:" "$RUN/ring.log" | sed 's/^/# /'
    says ring "$2"
}

# opens_quietly: a program of the guest reads all the while that another one opens
# its doorbell. Closing would disturb it, which docs/doorbell.md says.
opens_quietly() {
    in_background one watch - 8000
    in_background one endure doorbell
    eventually_printed one endure "endure: waiting" &&
        ! printed one watch "watched:" &&
        eventually_printed one watch ", 0 wrong" && echo "# ${OUTPUT##*watched: }"
}

endures() {
    eventually_printed one endure "endure: waiting" && host_rings "$ONE" "ring: 0" &&
        eventually_printed one endure "endure: rung"
}

plug_again() {
    local members
    members=$(sed 's/^-device ivshmem,/"/; s/=/":"/g; s/,/","/g; s/$/"/' "$RUN/device")
    of one qmp "{\"execute\":\"chardev-add\",\"arguments\":{\"id\":\"server2\",\"backend\":{\"type\":\"socket\",\"data\":{\"server\":false,\"addr\":{\"type\":\"unix\",\"data\":{\"path\":\"$SOCKET\"}}}}}}" \
        "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"ivshmem\",\"id\":\"iv2\",\"bus\":\"rp0\",$members,\"chardev\":\"server2\",\"vectors\":$VECTORS}}" &&
        until_true "$BOOT_LIMIT" of one in_guest "test -e /sys/bus/pci/devices/$DEVICE/resource2"
}

if ! problem=$(make_image 2>&1); then
    case $problem in
    *"has no module"*) skip_all "$(sed -n 's/^error: //p' <<<"$problem")" ;;
    *) die "$problem" ;;
    esac
fi
start_server
start_owner
dd if=/dev/urandom of="$RUN/foreign" bs=1M count=1 status=none
start_vm one -device "ivshmem,file=$RUN/foreign,addr=8"

check "two processes of the host that sleep at the wrong moment lose no wake-up" \
    host_processes late late 20
check "... and that would be noticed: without the second look they do" \
    not host_processes broken broken 2
wait_for_agent one

check "without vfio-pci a guest is told how to bind the device" \
    of one prints "$DEVICE is not bound to vfio-pci: modprobe vfio-pci; echo vfio-pci >/sys/bus/pci/devices/$DEVICE/driver_override; echo $DEVICE >/sys/bus/pci/drivers_probe" \
    "$IN_GUEST open doorbell 1 2>&1"
check "a device without chardev has no doorbell, and the message says what QEMU needs" \
    of one prints "$NO_DOORBELL has no doorbell: start QEMU with -chardev" "$IN_GUEST open $NO_DOORBELL 1 2>&1"
check "a name that no device has is refused" \
    of one prints "no ivshmem device has that name" "$IN_GUEST open nobody 1 2>&1"
check "the device can be bound" binds one
check "more vectors than the device has are refused, with the option" \
    of one prints "vectors=3, and ivshmem-server -n 3" "$IN_GUEST open doorbell 3 2>&1"
check "a guest rings itself by each vector, and waits with a timeout" \
    of one prints "1..9" "$IN_GUEST self doorbell $VECTORS"
check "... all of it is right" not grep -q "not ok" <<<"$OUTPUT"

check "host and guest: $COUNT questions, both sleep in between, no wake-up is lost" \
    exchange simple one ring "$COUNT"
check "a worker lcore of the guest sleeps in rte_epoll_wait(): none is lost" \
    exchange epoll one epoll "$COUNT"
check "rte_intr_callback_register(): none is lost" exchange callback one callback "$SHORT"
check "a guest that sleeps for 2 s needs no CPU time for it" sleeps one

start_vm two
VM_TWO=$PID
wait_for_agent two
check "the device of a second VM can be bound" binds two
ONE=$(peer_of one) TWO=$(peer_of two) || true
check "the VMs are different peers ($ONE and $TWO)" [ "$ONE" != "$TWO" ]
check "VM to VM: $COUNT questions, both sleep in between, no wake-up is lost" guest_to_guest
check "the host rings the second VM" host_rings "$TWO" "ring: 0"
stop "$VM_TWO"
check "... and is told when that has gone" host_rings "$TWO" "ring: -1, No such file or directory"
check "host and first VM go on" exchange again one ring "$SHORT"

check "a doorbell is opened, and what others in the guest share stays there" opens_quietly
check "nobody else can open it meanwhile" \
    of one prints "VFIO does not open $DEVICE" "$IN_GUEST open doorbell 1 2>&1"
check "a guest sleeps without end, and is woken" endures
check "the device can be unplugged meanwhile" of one qmp '{"execute":"device_del","arguments":{"id":"iv"}}'
check "... which ends the sleep with an error" eventually_printed one endure "endure: -1, No such device"
check "... and ringing fails as well" eventually_printed one endure "ring: -1, No such device"
check "it can be plugged in again" plug_again
check "... and bound" binds one
check "... and the guest is woken as before" exchange new one epoll "$SHORT"
done_testing

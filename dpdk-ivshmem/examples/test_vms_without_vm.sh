#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: test_vms_without_vm.sh HOST-PROGRAM GUEST-PROGRAM LIBRARY
#
# The demo among three guests, without VMs, while the host program is stopped,
# and relays are killed again and again, wherever they are just then.
set -u
# shellcheck source=dpdk-ivshmem/examples/test_lib.sh
. "$(dirname "$(realpath "$0")")/test_lib.sh"
messages=2000000 packets=8000000
rounds=6 # of kills: both relays in each, if the exchange lasts so long

# begin_vm NUMBER [OPTION...]
begin_vm() {
    number=$1
    shift
    begin_guest "vm$number" "demo-vm$number" --vm "$number" "$@"
}

# exchanging PID NAME: until its program has begun, or has ended.
exchanging() {
    while ! says "$2" "all are there" && child_runs "$1"; do sleep 0.01; done
}

# replace NUMBER PID: kill it and begin another one; false if it had finished.
replace() {
    child_signal KILL "$2"
    wait "$2"
    [ $? -eq 137 ] || return 1
    cat "vm$1.log" >>"lives$1.log"
    begin_vm "$1" --resume
}

# kill_some: relays that are at work, at different moments of that.
kill_some() {
    kills=0
    for round in $(seq "$rounds"); do
        exchanging "$vm2" vm2
        sleep "0.0$round"
        replace 2 "$vm2" || return
        vm2=$pid kills=$((kills + 1))
        exchanging "$vm3" vm3
        sleep "0.0$round"
        replace 3 "$vm3" || return
        vm3=$pid kills=$((kills + 1))
    done
}

# shellcheck disable=SC2317  # called by check
is_stopped() { [ "$(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 1)" = T ]; }

begin_host "$run/device.vm3" --vms 3 --messages "$messages" --packets "$packets"
child_signal STOP "$host"
# Not in the order of the circle.
begin_vm 3 && vm3=$pid
begin_vm 1 && vm1=$pid
begin_vm 2 && vm2=$pid
kill_some

check "relays were killed, at least one ($kills)" [ "$kills" -ge 1 ]
check "VM 1 passes" passes "$vm1"
check "VM 2 passes" passes "$vm2"
check "VM 3 passes" passes "$vm3"
check "the host program has been stopped all the time" is_stopped "$host"
child_signal CONT "$host"
check "the host program passes: nothing is lost, and the pool is whole" passes "$host"
check "no errors anywhere" says host "all passed, errors: 0"
for vm in 1 2 3; do
    check "VM $vm does not see the ring that it does not need" \
        grep -q "is not shared with this VM" "vm$vm.log"
done
done_testing

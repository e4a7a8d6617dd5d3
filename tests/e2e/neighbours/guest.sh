# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The guest of neighbours.sh: it pings through vhost-user, reads a file through
# virtiofs, and runs the agent. $1 is the agent's port; $2, if given, the tag of
# the file system.
PHASE=/run/phase # the test writes here what comes next; "end" ends it
AT_LEAST=10      # rounds of each phase, however short the test makes it

# repeat NAME COMMAND...: over and over; a line on each phase that is over.
repeat() {
    name=$1 phase=before good=0 bad=0
    shift
    while [ "$phase" != end ]; do
        if "$@" >/dev/null 2>&1; then good=$((good + 1)); else bad=$((bad + 1)); fi
        [ $((good + bad)) -ge "$AT_LEAST" ] || continue
        read -r next <"$PHASE"
        [ "$next" != "$phase" ] || continue
        echo "$name $phase: $good good, $bad bad"
        phase=$next good=0 bad=0
    done
}

echo before >"$PHASE"
ifconfig eth0 10.0.0.2 netmask 255.255.255.0
repeat ping ping -q -c 1 -s 1000 10.0.0.1 &
if [ -n "$2" ]; then
    mkdir /mnt
    mount -t virtiofs "$2" /mnt
    repeat read cmp /mnt/data /data &
fi
guest_agent "$1"

#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: guest.sh PORT
#
# A guest that runs the commands that come over a serial port, until
# it is switched off. A command is a line "NUMBER COMMAND"; the answer is one line,
# "NUMBER ok OUTPUT" or "NUMBER error STATUS OUTPUT", as hotplug/vm.py wants it.
port=$1
stty -F "$port" raw -echo
exec <"$port"
mkdir -p /var/run
# The host waits for this line on the console.
echo "guest.sh: ready"
exec >"$port"
while read -r number command; do
    if output=$(eval "$command" 2>&1 </dev/null); then
        status=ok
    else
        status="error $?"
    fi
    # Without quotes: one line.
    # shellcheck disable=SC2086
    echo $number $status $output
done

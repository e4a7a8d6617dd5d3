# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Namespaces of its own for a test that mounts over files of this machine. Whether it is
# in them is what the kernel says: descriptor 7 is the mount namespace of the process
# that made them. Needs children.sh.

NAMESPACES=(--mount --propagation private --net --pid --fork --kill-child --mount-proc)
CALLER=$(readlink /proc/self/fd/7 2>/dev/null) || CALLER=
if [[ $CALLER == "mnt:["* ]]; then exec 7<&-; else CALLER=; fi

# in_own_namespaces: this is the first process of a PID namespace, its mount namespace is
# not the one of its caller, and no mount reaches another namespace.
in_own_namespaces() {
    [ -n "$CALLER" ] && [ "$(readlink /proc/self/ns/mnt)" != "$CALLER" ] && [ $$ -eq 1 ] &&
        ! grep -q ' shared:' /proc/self/mountinfo
}

need_own_namespaces() {
    in_own_namespaces && return
    echo "error: outside namespaces of its own, this would change the machine" >&2
    exit 1
}

# run_in_namespaces COMMAND...: ends when it has ended.
run_in_namespaces() {
    local unshare status=0
    # The command itself is to begin that again if need be, but not for ever.
    [ -z "$CALLER" ] || need_own_namespaces
    unshare "${NAMESPACES[@]}" "$@" 7</proc/self/ns/mnt &
    unshare=$!
    # shellcheck disable=SC2064  # the value of now
    trap "end_namespaces $unshare" INT TERM HUP
    while child_runs "$unshare"; do
        status=0
        wait "$unshare" || status=$?
    done
    return $status
}

# end_namespaces PID: of unshare, which does not heed signals; its child is to clean up.
end_namespaces() {
    # shellcheck disable=SC2046  # words
    ! child_runs "$1" || kill -TERM $(cat "/proc/$1/task/$1/children")
}

mount_own() { need_own_namespaces; mount "$@"; }
umount_own() { need_own_namespaces; umount "$@"; }

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A host program and a guest at the same time, for scripts/demo and tests/e2e:
# start them, show or keep what they print, end them whatever happens. Needs
# common.sh; RUN is the directory of this run, made by exchange_begin.
# shellcheck source=scripts/lib/children.sh
. "$ROOT/scripts/lib/children.sh"

PROGRAMS=$BUILD/dpdk-ivshmem
HOST_PROGRAM=$PROGRAMS/examples/ivshmem-demo-host
HOST_RUNNER=() # command that runs the host program, in its own PID
VM_RUNNER=()   # the same for a VM
GUEST_PROGRAM=$PROGRAMS/examples/ivshmem-demo-guest
PLUGIN=$PROGRAMS/lib/librte_ivshmem.so
GUEST_PLUGINS='-d librte_ivshmem.so -d librte_mempool_ring.so'
STARTED=() # children that nobody has waited for, in the order of their start
FILTERS=() # processes that write what they print
PLUGIN_FILES=() # arguments of scripts/guest-image for GUEST_PLUGINS, by make_guest_image
HUGE_DIR=  # mount point, once hugepages have been reserved

# exchange_begin: an empty RUN directory and the names that keep this run apart
# from every other DPDK program on the machine.
exchange_begin() {
    mkdir -p "$BUILD/run"
    RUN=$(mktemp -d "$BUILD/run/XXXXXX")
    FILE_PREFIX=ivshmem-${RUN##*/}
    export RTE_IVSHMEM_DIR=$RUN/metadata
    DEVICE_FILE=$RUN/device
    # DPDK's default for users is /tmp/dpdk, which belongs to the first one.
    # Short, because a socket path has at most 107 bytes.
    OWN_RUNTIME_DIR=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-XXXXXX")
    export XDG_RUNTIME_DIR=$OWN_RUNTIME_DIR
    trap exchange_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# exchange_end: whatever was started here is gone afterwards.
exchange_end() {
    local status=$? pid
    trap '' INT TERM HUP
    for pid in "${STARTED[@]}"; do stop "$pid"; done
    drain
    [ -z "$HUGE_DIR" ] || "$ROOT/scripts/hugepages" --name "$FILE_PREFIX" release || true
    if [ "$(id -u)" -eq 0 ]; then rm -rf "/var/run/dpdk/${FILE_PREFIX:?}"*; fi
    rm -rf "$OWN_RUNTIME_DIR"
    exchange_at_end "$status"
}

# exchange_at_end STATUS: for the script that sources this to replace.
exchange_at_end() { :; }

# start NAME COMMAND...: in the background; what it prints goes to RUN/NAME.log
# and, if SHOW is set, to standard output with NAME in front. Sets PID.
start() {
    local name=$1 output
    shift
    : >"$RUN/$name.log"
    # The filter must outlive a Ctrl-C, which the whole process group gets.
    exec {output}> >(
        trap '' INT TERM
        sed -u 's/\r//g' | tee "$RUN/$name.log" | show "$name"
    )
    FILTERS+=($!)
    "$@" </dev/null >&"$output" 2>&1 {output}>&- &
    PID=$!
    STARTED+=("$PID")
    exec {output}>&-
}

# show NAME: up to the line that matches HIDE_FROM; the rest is in the log.
show() {
    if [ -n "${SHOW:-}" ]; then
        sed -u "/${HIDE_FROM:-^$ never}/,\$d; s/^/$(printf %-5s "$1")| /"
    else
        cat >/dev/null
    fi
}

# drain: until everything printed so far has been written.
drain() {
    [ ${#FILTERS[@]} -eq 0 ] || wait "${FILTERS[@]}" 2>/dev/null || true
    FILTERS=()
}

# says NAME TEXT: has that been printed by what was started under the name?
says() { grep -qF -- "$2" "$RUN/$1.log"; }


# until_true SECONDS COMMAND...: false if it has not come true by then.
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# ended PID: a child; true also after it has been waited for.
ended() { ! child_runs "$1"; }

# forget PID: it has been waited for, so the number may now be another process's.
forget() {
    local pid others=()
    for pid in "${STARTED[@]}"; do
        [ "$pid" = "$1" ] || others+=("$pid")
    done
    STARTED=("${others[@]}")
}

# status_of PID: waits for its end and sets STATUS.
status_of() {
    # shellcheck disable=SC2034  # for the scripts that source this file
    if wait "$1" 2>/dev/null; then STATUS=0; else STATUS=$?; fi
    forget "$1"
}

# end_by SIGNAL PID: sends the signal to a child that still runs, and waits for its end.
end_by() {
    child_signal "$1" "$2"
    wait "$2" 2>/dev/null || true
    forget "$2"
}

# stop PID: asks, then insists.
stop() {
    child_signal TERM "$1" || true
    until_true 5 ended "$1" || child_signal KILL "$1" || true
    wait "$1" 2>/dev/null || true
    forget "$1"
}

# hugepages_begin MIB [FOLDER]: hugepages for this run, given back at its end;
# HUGE_DIR is where they are mounted. Needs root.
hugepages_begin() {
    local megabytes_each=2
    HUGE_DIR=${2:-$RUN/hugepages}
    mkdir "$HUGE_DIR"
    "$ROOT/scripts/hugepages" --name "$FILE_PREFIX" reserve $(($1 / megabytes_each))
    "$ROOT/scripts/hugepages" --name "$FILE_PREFIX" mount "$HUGE_DIR"
}

# allowed_cpus: those that this process may run on, as DPDK writes a CPU set.
allowed_cpus() {
    awk '$1 == "Cpus_allowed_list:" { print "(" $2 ")" }' /proc/self/status
}

# start_host MEMORY-ARGUMENTS... -- OPTIONS...: the host program, which writes
# DEVICE_FILE, behind which option --vms puts .vm1, .vm2 and so on; sets HOST_PID.
# Lcore 0 may run on every CPU: it shares them with QEMU.
start_host() {
    local memory=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do memory+=("$1"); shift; done
    rm -f "$DEVICE_FILE"*
    mkdir -p "$RTE_IVSHMEM_DIR"
    start host "${HOST_RUNNER[@]}" "$HOST_PROGRAM" "${memory[@]}" --no-pci --no-telemetry \
        --lcores "0@$(allowed_cpus)" --file-prefix "$FILE_PREFIX" \
        --log-level lib.eal:warning "$@" --device-file "$DEVICE_FILE"
    HOST_PID=$PID
}

device_file_or_end() { [ -e "$1" ] || ended "$HOST_PID"; }

# wait_for_device [FILE]: until the host program has written its device string,
# the last one of several.
wait_for_device() {
    local file=${1:-$DEVICE_FILE}
    until_true 60 device_file_or_end "$file" && [ -e "$file" ]
}

# guest_command LCORES [OPTION...]: the command line of the guest program.
guest_command() {
    local lcores=$1
    shift
    echo "ivshmem-demo-guest --no-huge -m 16 --no-telemetry" \
        "--lcores $lcores --log-level lib.eal:warning $GUEST_PLUGINS${1:+ -- $*}"
}

# vm_command N [OPTION...]: the same for VM number N of several.
vm_command() { guest_command 0@0 --vm "$@"; }

# start_guest COMMANDS LAUNCH-OPTIONS...: as start_guest_as guest.
start_guest() { start_guest_as guest "$@"; }

# start_guest_as NAME COMMANDS LAUNCH-OPTIONS...: a VM that runs the commands, one
# a line and without double quotes, and powers itself off; sets VM_PID. Its kernel
# gets KERNEL_OPTIONS, if they are set. It prints
# "[guest] COMMAND" before and "[guest] exit status N" after each.
start_guest_as() {
    local name=$1 line script='mkdir -p /var/run; ' # where DPDK keeps what it runs with
    shift
    while IFS= read -r line; do
        # shellcheck disable=SC2016  # the guest's $?
        script+="echo '[guest] $line'; $line; echo '[guest]' exit status \$?; "
    done <<<"$1"
    shift
    start "$name" "${VM_RUNNER[@]}" "$ROOT/scripts/launch" --initrd "$GUEST_IMAGE" \
        --append "${KERNEL_OPTIONS:-} -- sh -c \"$script\"" "$@"
    # shellcheck disable=SC2034  # for the scripts that source this file
    VM_PID=$PID
}

# mempool_ring_plugin: DPDK's driver for pools, of the DPDK that the guest
# program is linked with.
mempool_ring_plugin() {
    local abi libdir
    abi=$(ldd "$GUEST_PROGRAM" | sed -n 's/.*librte_eal\.so\.\([0-9]*\) .*/\1/p')
    libdir=$(dirname "$(ldd "$GUEST_PROGRAM" | sed -n 's/.*librte_eal\.so.* => \([^ ]*\) .*/\1/p')")
    local found
    found=$(compgen -G "$(readlink -f "$libdir")/dpdk/pmds-$abi*/librte_mempool_ring.so.$abi") ||
        found=$(compgen -G "$(readlink -f "$libdir")/librte_mempool_ring.so.$abi") ||
        die "librte_mempool_ring.so.$abi is not beside librte_eal.so in $libdir"
    head -n 1 <<<"$found"
}

# driver_files NAME...: DPDK's drivers of these names and our plugin, in DPDK's folder of
# plugins, from which its EAL loads all: arguments of scripts/guest-image in DRIVER_FILES.
# Sets PLUGIN_FOLDER.
driver_files() {
    local name file
    PLUGIN_FOLDER=$(dirname "$(mempool_ring_plugin)")
    DRIVER_FILES=(--add "$PLUGIN:$PLUGIN_FOLDER/librte_ivshmem.so")
    for name; do
        # By these names the EAL looks there.
        file=$(compgen -G "$PLUGIN_FOLDER/librte_$name.so.??.?")
        DRIVER_FILES+=(--add "$file:$file")
    done
}

# make_guest_image: GUEST_IMAGE with the guest program and its plugins, and
# ACCEL, what runs it. Nothing is done twice.
make_guest_image() {
    local ring
    GUEST_IMAGE=$BUILD/guest/demo.img
    [ -x "$GUEST_PROGRAM" ] || die "$GUEST_PROGRAM: not there" "./build.sh build makes it"
    ring=$(mempool_ring_plugin)
    PLUGIN_FILES=(--add "$PLUGIN:/usr/lib/librte_ivshmem.so"
        --add "$ring:/usr/lib/librte_mempool_ring.so")
    "$ROOT/scripts/guest-image" --default
    "$ROOT/scripts/guest-image" \
        --add "$GUEST_PROGRAM" "${PLUGIN_FILES[@]}" --output "$GUEST_IMAGE"
    # shellcheck disable=SC2034  # for the scripts that source this file
    ACCEL=$("$ROOT/scripts/accel")
}

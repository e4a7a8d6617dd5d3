# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# DPDK processes of this machine that load our library as plugin, for tests in
# shell: a directory, names and an environment of their own. Source it with PLUGIN
# set; it sources tap.sh and children.sh. A script that does so calls remove_leavings
# at its end.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../scripts/lib/tap.sh"
# shellcheck source=scripts/lib/children.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../scripts/lib/children.sh"

# With --legacy-mem the EAL takes all hugepages that it can get, for a moment: from a
# hugetlbfs without a limit these are the pages of every other process, too.
if [ -n "${IVSHMEM_HUGE:-}" ] && [ "$(stat -f -c %b "$IVSHMEM_HUGE")" = 0 ]; then
    echo "# $IVSHMEM_HUGE has no limit: mount -o size=; scripts/hugepages mounts one with a limit"
    echo "Bail out! a test could take every hugepage of the machine"
    exit 1
fi

WORK=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-tests-XXXXXX")
PREFIX=ivtests$$- # what names begin with
# shellcheck disable=SC2034  # for the scripts that source this file
CPUS=$(awk '$1 == "Cpus_allowed_list:" { print "(" $2 ")" }' /proc/self/status)
# shellcheck disable=SC2034
FAR=0x200000000000 # free with and without AddressSanitizer's shadow
export XDG_RUNTIME_DIR=$WORK/runtime RTE_IVSHMEM_DIR=$WORK/metadata
# The EAL refuses plugins below a folder that all may write to.
LD_LIBRARY_PATH=$(dirname "$PLUGIN")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
unset RUNTIME_DIRECTORY
mkdir -m 700 "$XDG_RUNTIME_DIR" "$RTE_IVSHMEM_DIR"

# The EAL leaves them for the next start of the same name.
remove_hugepages() { [ -z "${IVSHMEM_HUGE:-}" ] || rm -f "$IVSHMEM_HUGE/${PREFIX:?}"*; }

remove_leavings() {
    remove_hugepages
    [ "$(id -u)" != 0 ] || rm -rf "/var/run/dpdk/${PREFIX:?}"*
    rm -rf "$WORK"
}

# in_memory MIB: MEMORY, arguments for hugepages of 2 MiB without files, which no mount
# limits. Without a limit the EAL takes more than -m says, also the pages of 1 GiB that
# another program waits for.
in_memory() { MEMORY=(-m "$1" --in-memory --socket-limit "$1,$1,$1,$1,$1,$1,$1,$1"); }

# memory_of MODE MIB: MEMORY, arguments for the EAL; the modes are those of eal.h.
# Without hugepages for it all is skipped.
memory_of() {
    MEMORY=(-m "$2")
    case $1 in
    huge*)
        [ -n "${IVSHMEM_HUGE:-}" ] || { echo "1..0 # SKIP no IVSHMEM_HUGE"; exit 0; }
        MEMORY+=(--huge-dir "$IVSHMEM_HUGE")
        [ "$1" != huge-sfs ] || MEMORY+=(--single-file-segments) ;;
    *) MEMORY+=(--no-huge) ;;
    esac
}

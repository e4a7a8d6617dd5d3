# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Completion of dpdk-ivshmem for bash.

_dpdk_ivshmem_options() {
    case $1 in
    dump) echo --json --svg --help ;;
    check | audit | list) echo --json --help ;;
    device) echo --form --layout --help ;;
    clean) echo --json --dry-run --help ;;
    esac
}

# Names of metadata on this machine, from the first column of the list.
_dpdk_ivshmem_names() {
    dpdk-ivshmem list 2>/dev/null | awk '$2 ~ /^(building|ready|closing)$/ { print $1 }'
}

# _dpdk_ivshmem_offer CURRENT WORDS: those that begin like it.
_dpdk_ivshmem_offer() { mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1"); }

_dpdk_ivshmem() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]}
    # bash takes "--form=" apart.
    [ "$current" != = ] || current=
    [ "$previous" != = ] || previous=${COMP_WORDS[COMP_CWORD - 2]}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _dpdk_ivshmem_offer "$current" "list dump check audit device clean --help --version"
        return
    fi
    case $previous in
    --form)
        _dpdk_ivshmem_offer "$current" "auto plain json layout shm qmp-add qmp-del libvirt"
        return
        ;;
    --layout)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    esac
    case $command:$current in
    *:-*) _dpdk_ivshmem_offer "$current" "$(_dpdk_ivshmem_options "$command")" ;;
    list:* | clean:*) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *:*/*) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *) _dpdk_ivshmem_offer "$current" "$(_dpdk_ivshmem_names)" ;;
    esac
}

complete -o filenames -F _dpdk_ivshmem dpdk-ivshmem

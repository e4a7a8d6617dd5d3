# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A libvirtd for a test, in namespaces of its own for files, processes and network:
# it sees empty directories in place of those of a libvirt of this system, does not see
# its processes or firewall, and ends, with all that it started, when the test ends,
# however it does. Needs lib.sh, forms/lib.sh and forms/namespaces.sh.
need_own_namespaces

OWN=(/etc/libvirt /run/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt)
MADE=()    # directories that this system did not have
MOUNTED=() # those of OWN that are mounted

exchange_at_end() {
    local directory
    for directory in "${MOUNTED[@]}"; do umount_own -l "$directory" || true; done
    [ ${#MADE[@]} -eq 0 ] || rmdir "${MADE[@]}" 2>/dev/null || true
    rm -rf "$RUN"
}

own_directories() {
    local directory
    for directory in "${OWN[@]}"; do
        if [ ! -d "$directory" ]; then
            mkdir "$directory"
            MADE+=("$directory")
        fi
        mount_own -t tmpfs -o mode=755 tmpfs "$directory"
        MOUNTED+=("$directory")
    done
}

# libvirtd makes directories in every hugetlbfs that it finds.
hide_hugepages() {
    local target
    while IFS= read -r target; do
        umount_own -l "$(printf %b "$target")" # a space is written \x20
    done < <(findmnt --raw --noheadings --types hugetlbfs --output TARGET)
}

# own_file FILE LINE: with that line at its end.
own_file() {
    { cat "$1"; echo "$2"; } >"$RUN/$(basename "$1")"
    mount_own --bind "$RUN/$(basename "$1")" "$1"
}

# libvirtd asks for this account even if it is configured to use another one; the
# package that makes it is the one that starts libvirtd at boot.
own_account() {
    getent passwd libvirt-qemu >/dev/null ||
        own_file /etc/passwd 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin'
    getent group libvirt-qemu >/dev/null || own_file /etc/group 'libvirt-qemu:x:64055:'
}

configure() {
    cat >/etc/libvirt/libvirtd.conf <<END
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
log_outputs = "3:stderr"
END
    cat >/etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
security_driver = "none"
security_default_confined = 0
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
END
}

virsh() { command virsh --quiet --connect qemu:///system "$@"; }
answers_or_ended() { virsh list >"$RUN/virsh" 2>&1 || ended "$DAEMON_PID"; }

start_libvirtd() {
    own_directories
    hide_hugepages
    own_account
    configure
    start libvirtd libvirtd --config /etc/libvirt/libvirtd.conf --pid-file "$RUN/libvirtd.pid"
    DAEMON_PID=$PID
    if ! until_true 30 answers_or_ended || ended "$DAEMON_PID"; then
        die "libvirtd does not answer" "$(tail -n 3 "$RUN/virsh" "$RUN/libvirtd.log")"
    fi
}

# write_domain NAME [FRAGMENT]: a VM under emulation, in which nothing runs but the
# firmware.
write_domain() {
    cat >"$RUN/$1.xml" <<END
<domain type='qemu'>
<name>$1</name>
<memory unit='MiB'>32</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<features><acpi/></features>
<devices>
  <emulator>$BUILD/qemu/qemu-system-x86_64</emulator>
  <controller type='usb' model='none'/>
  <memballoon model='none'/>
</devices>
${2:-}
</domain>
END
}

# virsh_does ARGUMENT...: what it says is shown if it fails.
virsh_does() {
    virsh "$@" >"$RUN/virsh" 2>&1 && return
    sed 's/^/# virsh: /' "$RUN/virsh"
    return 1
}

# keeps_device DOMAIN: in what libvirt has written down.
keeps_device() { virsh dumpxml --inactive "$1" | grep -q "<qemu:arg value='[^']*ivshmem"; }

# qmp DOMAIN LINE
qmp() { virsh qemu-monitor-command "$1" "$2"; }
accepts() { qmp "$1" "$2" | grep -q '^{"return":'; }

# has_chunks DOMAIN DEVICE FILE: those that the metadata in FILE describes.
has_chunks() {
    qmp "$1" '{"execute":"qom-get","arguments":{"path":"'"$2"'","property":"resolved-layout"}}' |
        forms reply "$3" typed
}

# lost_device DOMAIN ID
lost_device() {
    qmp "$1" '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}' >"$RUN/virsh" &&
        not grep -q "\"$2\"" "$RUN/virsh"
}

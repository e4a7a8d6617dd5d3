# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
#
# Chunks in a machine that has a device of the host (vfio-pci): the kernel maps
# the memory of the guest for the device, BARs with chunks included. The device
# is QEMU's "edu", which copies between the guest's memory and its own.
# shellcheck source=tests/e2e/nested/inner.sh
. /tests/inner.sh

DAX=/dev/dax0.0 # which dax.sh has made
EDU=0000:00:05.0
EDU_MEMORY=0x40000
PATTERN=1122334455667788
SECOND=$((PLACE + 8192))
THIRD=$((PLACE + (4 << 20)))
FOURTH=$((PLACE + (8 << 20)))
DAX_PLACE=$((PLACE + (64 << 20)))

bind_edu() {
    echo vfio-pci >"/sys/bus/pci/devices/$EDU/driver_override"
    echo "$EDU" >/sys/bus/pci/drivers_probe
}

# Two chunks of one file, one of huge pages, one to read; holes between them, which
# are memory as well. BAR 2 has 16 MiB.
make_chunks() {
    echo 2 >/proc/sys/vm/nr_hugepages
    truncate -s 1M /dev/shm/a
    dd if=/dev/urandom of=/dev/shm/b bs=64k count=1 2>/dev/null
    truncate -s 2M /dev/hugepages/c
    CHUNKS='[{"file": "/dev/shm/a", "offset": 4096, "size": 8192},
        {"file": "/dev/shm/a", "offset": 65536, "size": 65536},
        {"file": "/dev/hugepages/c", "at": 4194304},
        {"file": "/dev/shm/b", "at": 8388608, "readonly": true}]'
    cat >"$WORK/layout" <<END
offset=4096 size=8192 file=/dev/shm/a
offset=65536 size=65536 file=/dev/shm/a
at=0x400000 file=/dev/hugepages/c
at=0x800000 readonly=on file=/dev/shm/b
END
}

sum_of_files() { cat /dev/shm/a /dev/shm/b | md5sum; }
same_files() { [ "$(sum_of_files)" = "$1" ]; }

idle() { qtest readq $((OTHER + 0x98)) && [ $((REPLY & 1)) -eq 0 ]; }

# dma COMMAND FROM TO: 8 bytes, by the device.
dma() {
    qtest writeq $((OTHER + 0x80)) "$2"
    qtest writeq $((OTHER + 0x88)) "$3"
    qtest writeq $((OTHER + 0x90)) 8
    qtest writeq $((OTHER + 0x98)) "$1"
    eventually idle
}

# copy FROM TO: what the guest's memory has at FROM, to TO.
copy() {
    dma 1 "$1" "$EDU_MEMORY"
    dma 3 "$EDU_MEMORY" "$2"
}

# copies FROM TO [FILE OFFSET]: the device reads PATTERN at FROM and writes it
# TO, where the FILE is shown from OFFSET on.
copies() {
    put "$1" "$PATTERN"
    put "$2" 0000000000000000
    copy "$1" "$2"
    shows "$2" "$PATTERN" && { [ $# -eq 2 ] || file_has "$3" "$4" "$PATTERN"; }
}

# copies_all WHEN: between all chunks that can be written.
copies_all() {
    check "$1, the device writes into tmpfs what it read there" \
        copies "$PLACE" "$SECOND" /dev/shm/a 65536
    check "$1, it writes into huge pages" copies "$SECOND" "$THIRD" /dev/hugepages/c 0
    check "$1, it reads from huge pages" copies "$THIRD" "$PLACE" /dev/shm/a 4096
}

# KiB that QEMU keeps from being paged out: what is mapped for devices.
pinned() { awk '$1 == "VmLck:" { print $2 }' "/proc/$QEMU_PID/status"; }

# QEMU 11.0 warns of kernels before 6.19, whatever is mapped.
no_complaint() {
    ! grep -v 'VFIO dma-buf not supported in kernel' "$WORK/errors" | grep -qEi 'dma|container'
}

bind_edu
make_chunks
check "the kernel gives the device to vfio-pci" test -c /dev/vfio/[0-9]*

check "QEMU starts with both devices" \
    start_qemu -device vfio-pci,host="$EDU",addr=5 -device ivshmem,id=iv0,addr=4,layout="$WORK/layout"
map_bar 5 0 "$OTHER"
before=$(pinned)
map_bar 4 2 "$PLACE"
echo "# pinned for the device: $before KiB without the chunks, $(pinned) KiB with them"
check "all of the BAR is mapped for the device, holes as well" \
    [ $(($(pinned) - before)) -eq $((16 << 10)) ]
copies_all "from the start"

kept=$(xxd -p -l 8 /dev/shm/b)
put "$FOURTH" "$PATTERN"
check "the guest cannot change a readonly chunk" file_has /dev/shm/b 0 "$kept"
copy "$PLACE" "$FOURTH"
check "nor can the device" file_has /dev/shm/b 0 "$kept"
copy "$FOURTH" "$PLACE"
check "... but reads it" file_has /dev/shm/a 4096 "$kept"
before_write=$(sum_of_files)
copy "$PLACE" $((PLACE + (1 << 20)))
check "what it writes into a hole gets into no file" same_files "$before_write"

check "the chunks can be unplugged" unplug iv0 4
check "... and are mapped for the device no more" [ "$(pinned)" -eq "$before" ]
check "... nor by QEMU" eventually not maps /dev/shm/a
check "they can be plugged in again" \
    plug '"driver": "ivshmem", "id": "iv0", "addr": "4", "chunks": '"$CHUNKS"
map_bar 4 2 "$PLACE"
copies_all "after hot plug"
check "QEMU complains about no mapping" no_complaint
stop_qemu

start_qemu -device ivshmem,addr=4,layout="$WORK/layout" -device ivshmem,addr=6,file="$DAX"
map_bar 4 2 "$PLACE"
map_bar 6 2 "$DAX_PLACE"
check "the device can be plugged in after the chunks" \
    plug '"driver": "vfio-pci", "addr": "5", "host": "'"$EDU"'"'
map_bar 5 0 "$OTHER"
copies_all "plugged in last"
check "... it writes into a device DAX" copies "$PLACE" "$DAX_PLACE"
check "... and reads from it" copies "$DAX_PLACE" "$PLACE" /dev/shm/a 4096
check "QEMU complains about no mapping" no_complaint
stop_qemu
the_end

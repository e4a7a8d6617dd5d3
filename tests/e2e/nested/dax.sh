# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
#
# Chunks of a device DAX, which the kernel makes of the memory that its
# parameter memmap= calls persistent. Such a device can be mapped, but neither
# read nor written: QEMU's ivshmem-plain is the one that shares it here.
# shellcheck source=tests/e2e/nested/inner.sh
. /tests/inner.sh

DAX=/dev/dax0.0
ALIGN=$((2 << 20))

# What "ndctl create-namespace --mode devdax" does.
make_dax() {
    local device=/sys/bus/nd/devices/dax0.0
    echo "$ALIGN" >"$device/align"
    echo ram >"$device/mode"
    cat /proc/sys/kernel/random/uuid >"$device/uuid"
    echo namespace0.0 >"$device/namespace"
    echo dax0.0 >/sys/bus/nd/drivers/dax_pmem/bind
}

# aligned FILE: does QEMU map it at multiples of 2 MiB only?
aligned() {
    maps "$1" && ! grep " $1\$" "/proc/$QEMU_PID/maps" | grep -qv '^[0-9a-f]*[02468ace]00000-'
}

make_dax
SIZE=$(cat /sys/bus/dax/devices/dax0.0/size)
check "the kernel has a device DAX" test -c "$DAX"

start_qemu -object memory-backend-file,id=dax,mem-path="$DAX",size=32M,align=2M,share=on \
    -device ivshmem-plain,memdev=dax,addr=3 \
    -device ivshmem,id=iv0,addr=4,file="$DAX",offset=2M:8M,size=2M:4M
map_bar 3 2 "$OTHER"
map_bar 4 2 "$PLACE"
put $((OTHER + ALIGN)) 1122334455667788
check "what another writes into a device DAX, its first chunk shows" shows "$PLACE" 1122334455667788
put $((PLACE + 3 * ALIGN - 8)) 8877665544332211
check "what is written into its second chunk, another reads" \
    shows $((OTHER + 6 * ALIGN - 8)) 8877665544332211
check "QEMU maps it at multiples of its alignment" aligned "$DAX"
check "it can be unplugged" unplug iv0 4
stop_qemu

start_qemu -device ivshmem,addr=4,file="$DAX"
map_bar 4 2 "$PLACE"
check "without offset and size, all of the device is shown" \
    shows $((PLACE + 6 * ALIGN - 8)) 8877665544332211
put $((PLACE + SIZE - 8)) 0123456789abcdef
check "... its last bytes can be written" shows $((PLACE + SIZE - 8)) 0123456789abcdef
check "... behind its end, the BAR reads as zero" shows $((PLACE + SIZE)) 0000000000000000
stop_qemu

check "an offset that is not a multiple of the alignment is refused" \
    refused "multiple of" -device ivshmem,file="$DAX",offset=4K,size=2M
check "a size that is not a multiple of the alignment is refused" \
    refused "multiple of" -device ivshmem,file="$DAX",offset=0,size=4K
check "a range past the end of the device is refused" \
    refused "past the end" -device ivshmem,file="$DAX",offset="$SIZE",size=2M
the_end

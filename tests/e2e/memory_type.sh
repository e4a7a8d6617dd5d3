#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# BAR 2 through the kernel module ivshmem_wb: its memory type in the kernel's record
# and in the page table, the size of its entries, what may be done to its mappings,
# unplug while it is mapped, and an exchange with every item checked.
#
# For the functions that are called by way of check and until_true, and for what
# the guest is to expand:
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=tests/e2e/restart/lib.sh
. "$ROOT/tests/e2e/restart/lib.sh"

RECORD=/sys/kernel/debug/x86/pat_memtype_list
MODULE=/root/ivshmem_wb.ko
# Its memory is not ours. SeaBIOS has an MTRR that says uncachable for addresses
# below 4 GiB, and a BAR of this size goes above.
LOW=0000:00:10.0
HIGH=0000:00:11.0
HIGH_SIZE=$((8 << 30))
COMPLAINTS='-e WARNING -e BUG -e Oops -e protection.fault -e conflict -e expected.mapping -e stall'
LARGE_AT=00007e0000000000 # where mappings.c maps
SMALL_AT=00007e0000801000

make_memory_type_image() {
    local module
    module=$("$ROOT/scripts/guest-module")
    "${CC:-cc}" -O2 -Wall -Wextra -Werror -pthread -o "$RUN/mappings" \
        "$ROOT/tests/e2e/memory_type/mappings.c"
    make_image "$RUN/mappings" "$PROGRAMS/tests/restart-guest" "$module:$MODULE"
}

# start_vm LAUNCH-OPTION...: with devices whose memory is random.
start_vm() {
    start_hotplug_vm "$IMAGE" \
        --device-string "-device ivshmem,id=low,file=$RUN/low,addr=0x10" "$@"
    in_guest 'mount -t debugfs debugfs /sys/kernel/debug'
}

stop_vm() {
    stop "$VM_PID"
    drain
    rm -rf "$VM"
}

# attribute DEVICE NAME: of the module, in OUTPUT.
attribute() { in_guest "cat '/sys/class/ivshmem_wb/ivshmem!$1/$2'"; }

# is DEVICE NAME VALUE
is() { attribute "$1" "$2" && shows "$3"; }

# shows TEXT: OUTPUT is that.
shows() { [ "$OUTPUT" = "$1" ] || { echo "# $OUTPUT"; return 1; }; }

# recorded DEVICE: what the kernel's list says of exactly the BAR, and of what lies in
# it; each type once, in OUTPUT.
recorded() {
    local line="set -- \$(sed -n 3p /sys/bus/pci/devices/$1/resource);"
    line+=' while read -r _ _ range type; do range=${range%]};'
    line+=' [ $((${range%-*})) -lt $(($1)) ] || [ $((${range#*-})) -gt $(($2 + 1)) ] || echo $type;'
    in_guest "sed 1d $RECORD | { $line done; } | sort -u"
}

# recorded_as DEVICE TYPE
recorded_as() { recorded "$1" && shows "$2"; }

# show_record DEVICE: the kernel's lines themselves, for who reads this test's output.
show_record() {
    in_guest "set -- \$(sed -n 3p /sys/bus/pci/devices/$1/resource); grep -i \${1#0x0*} $RECORD"
    echo "# $OUTPUT"
}

# run_in_guest NAME COMMAND: in the background; its output is in /tmp/NAME.
run_in_guest() { in_guest "$2 >/tmp/$1 2>&1 & echo \$! >/tmp/$1.pid"; }

# told NAME TEXT: has it said so?
told() { in_guest "cat /tmp/$1" && [[ $OUTPUT == *"$2"* ]]; }

# start_in_guest NAME TEXT COMMAND: returns when it has said TEXT.
start_in_guest() {
    run_in_guest "$1" "$3"
    until_true "$BOOT_LIMIT" told "$1" "$2" || { echo "# $OUTPUT"; return 1; }
}

end_in_guest() {
    in_guest "p=\$(cat /tmp/$1.pid); kill -${2:-TERM} \$p; while [ -d /proc/\$p ]; do sleep 0.1; done"
}

# looks TEXT: the program "hold" sees that now.
looks() {
    in_guest ': >/tmp/hold; kill -USR1 $(cat /tmp/hold.pid)'
    until_true 20 told hold "$1" || { echo "# $OUTPUT"; return 1; }
}

# tlb ADDRESS FLAG...: the guest's page table has these at the address, "-" one before
# a flag that it must not have. P: entry of 2 MiB; C, T: a type other than write-back.
tlb() {
    local reply line flags flag
    reply=$(qmp '{"execute":"human-monitor-command","arguments":{"command-line":"info tlb"}}')
    line=$(grep -oE "$1: [0-9a-f]{16} [-A-Z]+" <<<"$reply" | head -n 1)
    flags=${line##* }
    [ -n "$flags" ] || return 1
    shift
    for flag; do
        case $flag in
        -*) [[ $flags != *"${flag#-}"* ]] ;;
        *) [[ $flags == *"$flag"* ]] ;;
        esac || { TLB_LINE=$line; return 1; }
    done
    TLB_LINE=$line
}

# in_page_table: as tlb; in the moment the guest's CPU may run something else.
in_page_table() { until_true 20 tlb "$@" || { echo "# ${TLB_LINE:-nothing}"; return 1; }; }

# Whatever the kernel says of a fault of its own.
no_complaint() {
    in_guest "dmesg | grep $COMPLAINTS || true"
    [ -z "$OUTPUT" ] || { echo "# $OUTPUT"; return 1; }
}

gone() { in_guest "! [ -e /sys/bus/pci/devices/$1 ]"; }

# unplug ID DEVICE, and plug_at ID SLOT FILE: they return when that is done.
unplug() { qmp "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"$1\"}}" && until_true 20 gone "$2"; }
has() { in_guest "[ -e $1 ]"; }
plug_at() {
    qmp "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"ivshmem\",\"id\":\"$1\",\"addr\":\"$2\",\"file\":\"$3\"}}" &&
        until_true 20 has "/sys/bus/pci/devices/0000:00:${2#0x}.0/resource2"
}

# ---- what is checked ------------------------------------------------------------

# Of every program that maps resource2, as the plugin does without the module.
check_without() {
    check "without the module, resource2 can be mapped" \
        start_in_guest hold held "mappings hold /sys/bus/pci/devices/$LOW/resource2"
    check "the kernel records it as uncached-minus" recorded_as "$LOW" uncached-minus
    show_record "$LOW"
    end_in_guest hold
    start_in_guest spin held "mappings spin /sys/bus/pci/devices/$LOW/resource2"
    check "and so are its entries, of 4 KiB" in_page_table "$LARGE_AT" C -P
    end_in_guest spin
}

# check_entries DEVICE RECORDED
check_entries() {
    start_in_guest spin held "mappings spin /dev/ivshmem/$1"
    check "the kernel records it as $2" recorded_as "$1" "$2"
    show_record "$1"
    check "and so says the module" is "$1" recorded_type "$2"
    check "in the page table, aligned, are entries of 2 MiB, write-back" \
        in_page_table "$LARGE_AT" P -C -T
    echo "# ${TLB_LINE:-}"
    check "not aligned, entries of 4 KiB, write-back" in_page_table "$SMALL_AT" -P -C -T
    echo "# ${TLB_LINE:-}"
    check "the module says that it is write-back" is "$1" memory_type write-back
    end_in_guest spin
    check "nothing stays recorded" recorded_as "$1" ""
}

# check_mappings DEVICE SIZE: mappings.c has the list.
check_mappings() {
    local line
    in_guest "mappings /dev/ivshmem/$1 $2 >/tmp/checks 2>&1"
    check "all that may be done to its mappings has been done" in_guest 'tail -n 1 /tmp/checks | grep "^done"'
    in_guest 'tr "\n" ";" </tmp/checks'
    while IFS= read -r -d ';' line; do
        case $line in
        ok* | not*) check "${line#*- }" [ "${line%% *}" = ok ] ;;
        esac
    done <<<"$OUTPUT"
    check "the kernel has not complained" no_complaint
}

# plug_low FILE: and wait for its node; ADDRESS is that of its BAR 2.
plug_low() {
    plug_at low 0x10 "$1" && until_true 20 has "/dev/ivshmem/$LOW" &&
        in_guest "echo 1 >/sys/bus/pci/devices/$LOW/enable; sed -n 3p /sys/bus/pci/devices/$LOW/resource"
    ADDRESS=${OUTPUT%% *}
}

# Of what is mapped. What is plugged gets another address than what the VM began with.
check_unplug() {
    local before
    unplug low "$LOW"
    plug_low "$RUN/low"
    before=$ADDRESS
    start_in_guest hold held "mappings hold /dev/ivshmem/$LOW"
    check "a mapping shows what is there" looks "large 1 "
    check "rmmod is refused meanwhile" prints "temporarily unavailable" "rmmod ivshmem_wb"
    check "the device is unplugged all the same" unplug low "$LOW"
    check "the mapping shows nothing then, also where it had not been touched" \
        looks "large 0 0, small 0 0"
    check "its node is gone" not has "/dev/ivshmem/$LOW"
    check "another device can be plugged" plug_low "$RUN/other"
    check "and comes to be at its address" [ "$ADDRESS" = "$before" ]
    check "the mapping does not show that one's memory" looks "large 0 0, small 0 0"
    check "which can be mapped at the same time" \
        prints "ok 1 -" "mappings /dev/ivshmem/$LOW $((32 << 20))"
    check "rmmod is refused for the mapping of what is gone, too" \
        prints "temporarily unavailable" "rmmod ivshmem_wb"
    end_in_guest hold
    check "without mappings, the module goes and comes back" \
        in_guest "rmmod ivshmem_wb && ! [ -e /dev/ivshmem ] && insmod $MODULE && ls /dev/ivshmem/$LOW"
    check "the kernel has not complained" no_complaint
}

# With the host's device, plugged while the guest runs.
check_plugin() {
    local device
    start_life 1 --no-huge -m 16
    in_guest 'ls /dev/ivshmem'
    device=$OUTPUT
    check "the line that the host prints plugs the device" qmp "$(line device_add)"
    until_true 20 in_guest "[ \$(ls /dev/ivshmem | wc -l) -gt $(wc -w <<<"$device") ]"
    in_guest 'ls /dev/ivshmem'
    device=$(tr ' ' '\n' <<<"$OUTPUT" | grep -vxF "$(tr ' ' '\n' <<<"$device")")
    check "the module has it, too" [ -n "$device" ]
    until_true 20 prints " ready " "dpdk-ivshmem list"
    check "the tool does not spoil the type" recorded_as "$device" ""
    check "the plugin attaches it, and it works" \
        start_in_guest stay "packets there and back" "$GUEST -- stay"
    in_guest 'cat /tmp/stay'
    check "the plugin says that it is write-back" told stay "chunks, write-back"
    echo "# $(grep -o "[0-9a-f:.]*: attached .*write-back" <<<"$OUTPUT")"
    attribute "$device" recorded_type
    check "the kernel records it as the module says" recorded_as "$device" "$OUTPUT"
    show_record "$device"
    check "other devices are left alone" not told stay "$LOW: attached"
    check "the program ends in order" end_in_guest stay
    check "the line that the host prints unplugs the device" qmp "$(line device_del)"
    until_true 20 gone "$device"
    end_life TERM
    check "the kernel has not complained" no_complaint
}

check_low() {
    start_vm
    check_without
    check "the module can be loaded" in_guest "insmod $MODULE"
    check "it has the device that was there" has "/dev/ivshmem/$LOW"
    check_entries "$LOW" uncached-minus
    check_plugin
    check_unplug
    stop_vm
}

check_high() {
    start_vm --device-string "-device ivshmem,file=$RUN/high,addr=0x11,bar-size=$HIGH_SIZE"
    in_guest "insmod $MODULE"
    check_entries "$HIGH" write-back
    check_mappings "$HIGH" "$HIGH_SIZE"
    stop_vm
}

# count NAME: of the entries that the exchange's guest has counted.
count() { sed -n "s|.*/entries_$1:\\([0-9]*\\)$|\\1|p" "$RUN/guest.log" | awk '{ n += $1 } END { print n + 0 }'; }

# check_demo MEMORY-ARGUMENTS...: every item is checked on both sides.
check_demo() {
    echo "# the host program's memory: $*"
    share "$@"
    boot "$(guest_command 64@0)
grep . /sys/class/ivshmem_wb/*/entries_2m /sys/class/ivshmem_wb/*/entries_4k
dmesg | grep -v sh.-c | grep $COMPLAINTS" \
        --device-string "-device ivshmem,file=$RUN/low" --device "$DEVICE_FILE"
    host_ends
    check "the plugin says that it is write-back" output_matches 1 "attached .*, write-back\$"
    check_exchange 1
    echo "# entries of 2 MiB: $(count 2m), of 4 KiB: $(count 4k)"
    check "the kernel has not complained" guest_exits 3 1
}

check_exchanges() {
    GUEST_IMAGE=$RUN/exchange.img
    "$ROOT/scripts/guest-image" --add "$GUEST_PROGRAM" "${PLUGIN_FILES[@]}" \
        --module "$("$ROOT/scripts/guest-module")" --output "$GUEST_IMAGE" >&2
    check_demo --no-huge -m 64
    check "it has entries of 4 KiB alone, for the chunks are not aligned to 2 MiB" \
        [ "$(count 2m) $(($(count 4k) > 0))" = "0 1" ]
    if have_hugepages; then
        hugepages_begin 64
        check_demo -m 64 --huge-dir "$HUGE_DIR"
        check "where the host has hugepages, it has entries of 2 MiB" [ "$(count 2m)" -gt 0 ]
    else
        skip "with hugepages" "$NO_HUGEPAGES"
    fi
}

# The same checks with another kernel.
check_debian_13() {
    local module
    if ! grep -q '^VERSION_ID="12"' /etc/os-release ||
        ! "$ROOT/scripts/debian-root" run true >/dev/null 2>&1; then
        skip "Debian 13's kernel" "needs Debian 12 and build/debian-13 (scripts/debian-root make)"
        return
    fi
    module=$("$ROOT/scripts/guest-module" --debian-13)
    GUEST_IMAGE=$RUN/debian-13.img
    "$ROOT/scripts/guest-image" --add "$RUN/mappings" --module "$module" --output "$GUEST_IMAGE" >&2
    boot "uname -r
mappings /dev/ivshmem/$LOW $((32 << 20))
dmesg | grep -v sh.-c | grep $COMPLAINTS
rmmod ivshmem_wb" --kernel "${module%/*}/vmlinuz" \
        --device-string "-device ivshmem,file=$RUN/low,addr=0x10"
    echo "# $(output_of 1 | sed -n 2p)"
    check "with Debian 13's kernel all that may be done to mappings has been done" \
        output_matches 2 '^done$'
    check "and is good" not output_matches 2 '^not ok'
    check "the kernel has not complained" guest_exits 3 1
    check "the module goes" guest_exits 4 0
}

for file in low high other; do dd if=/dev/urandom of="$RUN/$file" bs=1M count=32 status=none; done
make_memory_type_image >&2
mkdir -p "$RTE_IVSHMEM_DIR"
check_low
check_high
check_exchanges
check_debian_13
done_testing

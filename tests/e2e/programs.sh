#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Programs that we did not write: Debian's dpdk-testpmd, dpdk-proc-info, dpdk-pdump
# and dpdk-test in a guest, where our plugin lies in DPDK's folder of plugins and no
# argument tells of it. They forward, show, capture and test what a host shares.
# Then the other ways to load the plugin.
#
# For the functions that are called by way of check and until_true, and for what
# the guest is to expand:
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/e2e/lib.sh
NO_GUEST=1
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=tests/e2e/programs/lib.sh
. "$ROOT/tests/e2e/programs/lib.sh"

COUNT=20000
RX=ETH_RXTX0_net_ring0 # the ring that testpmd's first port receives from
TX=ETH_RXTX0_net_ring1
ASIDE=ETH_RXTX15_net_ring0 # no queue of testpmd's is that
PORTS='--vdev net_ring0,nodeaction=net_ring0:0:ATTACH --vdev net_ring1,nodeaction=net_ring1:0:ATTACH'
TESTPMD_MEMORY='--total-num-mbufs=2048'

# ---- dpdk-testpmd -----------------------------------------------------------------

# received NAME PORT: less what it has sent.
received() { echo $(($(counter "$1" "$2" RX-packets) - $(counter "$1" "$2" TX-packets))); }

check_rxonly() {
    begin rxonly "dpdk-testpmd --vdev net_ring0 -- -i $TESTPMD_MEMORY --no-flush-rx --forward-mode=rxonly"
    check "testpmd takes packets that the host puts into a ring" sends_and_stops rxonly "put $RX 0 $COUNT"
    check "it ends with 0" exits rxonly 0
    echo "# testpmd, rxonly: received $(counter rxonly 0 RX-packets)"
    check "its port has counted $COUNT" [ "$(counter rxonly 0 RX-packets)" = "$COUNT" ]
    check "its forwarding has" printed rxonly "^  RX-packets: $COUNT  *RX-dropped: 0 "
    check "all mbufs are back in the host's pool" host_does whole
}

# sends_and_stops NAME COMMAND: of the host, while that testpmd forwards.
sends_and_stops() {
    local status=0
    tell "$1" start
    host_does "$2" || status=1
    tell "$1" stop 'show port stats all' quit
    finish "$1"
    return "$status"
}

check_forwarding() {
    begin io "dpdk-testpmd $PORTS -- -i $TESTPMD_MEMORY --no-flush-rx --forward-mode=io"
    check "testpmd forwards: the host gets each packet back once, with every byte" \
        sends_and_stops io "forward $RX $TX 0 $COUNT"
    check_counters io "$COUNT"
}

# check_counters NAME N: both ports are rings that both sides put into and take out
# of, so packets go round. What others have put and taken is the difference.
check_counters() {
    echo "# testpmd, $1: port 0 received $(counter "$1" 0 RX-packets), sent $(counter "$1" 0 TX-packets);" \
        "port 1 received $(counter "$1" 1 RX-packets), sent $(counter "$1" 1 TX-packets)"
    check "it ends with 0" exits "$1" 0
    check "its first port has received $2 more than it has sent" \
        [ "$(received "$1" 0)" -eq "$2" ]
    check "its second port has sent as many more" [ "$(received "$1" 1)" -eq "-$2" ]
    check "it has dropped none" not printed "$1" 'dropped: [1-9]'
    check "all mbufs are back in the host's pool" host_does whole
}

# ---- with other programs beside it --------------------------------------------------

MAC=02:00:00:00:00:77
QUEUE_RX=ETH_RXTX7_net_ring0
QUEUE_TX=ETH_RXTX7_net_ring1

check_secondaries() {
    begin mac "dpdk-testpmd $PORTS -- -i $TESTPMD_MEMORY --no-flush-rx --rxq=8 --txq=8 --forward-mode=mac --eth-peer=1,$MAC"
    tell mac start
    check "testpmd changes packets of eight queues: the host sees its address in them" \
        host_does "forward $QUEUE_RX $QUEUE_TX 0 $COUNT $MAC"
    check "the host puts packets aside" host_does "put $ASIDE 0 5"
    check_proc_info
    check_second_process
    check "the host finds what it has put aside" host_does "take $ASIDE 0 5"
    tell mac stop 'show port stats all' quit
    finish mac
    # What the host has put, and what a second process has.
    check_counters mac $((2 * COUNT))
}

check_proc_info() {
    check_shows "a shared ring, with what is in it" "--show-ring=$ASIDE" '  - count (5) free count (1018)'
    check_shows "all rings" --show-ring "^ring <$TX>@"
    check_shows "the shared pool" "--show-mempool=programs_pool" '  - Size 1000 Cache 32 element 2304'
    check "it names the pool's ops" printed info 'ops_name ring_mp_mc'
    check_shows "all pools" --show-mempool '^mempool <programs_pool>@'
    check_shows "each object of the pool" "--iter-mempool=programs_pool" '  - iterated 1000 objects'
    check_shows "the memzone" -m 'name:<programs_zone>, len:0x1000, '
    check_shows "the port that is two rings" --show-port 'driver net_ring device net_ring1'
    check_shows "what testpmd has counted" '-p 3 --stats' '  RX-packets: '
    check "it agrees with the host" [ "$(received info 0)" -eq "$COUNT" ]
}

# check_shows WHAT ARGUMENTS REGEX: of dpdk-proc-info.
check_shows() {
    run info "dpdk-proc-info -- $2"
    check "proc-info shows $1" printed info "$3"
    check "it ends with 0" exits info 0
}

# From now on another process of the guest uses the pool with its caches.
check_second_process() {
    local program='programs-guest --proc-type=secondary --'
    begin second "$program 'find $ASIDE' 'put $QUEUE_RX 0 $COUNT'"
    check "a second process of the guest sends by way of testpmd, the host gets all" \
        host_does "take $QUEUE_TX 0 $COUNT $MAC"
    finish second
    check "it ends with 0" exits second 0
    check "it has found all objects" printed second '^found '
    begin second "$program 'take ETH_RXTX14_net_ring0 0 $COUNT'"
    check "another one is sent packets, while testpmd runs" \
        host_does "put ETH_RXTX14_net_ring0 0 $COUNT"
    finish second
    check "it ends with 0" exits second 0
    check "it has got all, with every byte" printed second "^put 0, taken $COUNT, errors 0"
}


# A pool without pages of its own: the cache of lcore 0 is shared. The primary process
# has other ids, but dpdk-proc-info has that one always.
check_plain() {
    local program='programs-guest --proc-type=secondary --lcores'
    begin plain "dpdk-testpmd --lcores 64@0,65@1 --vdev net_ring0 -- -i $TESTPMD_MEMORY --no-flush-rx --forward-mode=rxonly"
    tell plain start
    check "with an ordinary pool, and lcore ids of its own, testpmd takes packets" \
        host_does "put $RX 0 $COUNT"
    check "it takes them all" host_does "empty $RX"
    check "the host puts packets aside" host_does "put $ASIDE 0 5"
    check_shows "a shared ring, with what is in it" "--show-ring=$ASIDE" '  - count (5) free count (1018)'
    check "proc-info is told that it can look, no more" printed info 'can be read here, and nothing else'
    run second "$program 0@0 -- 'find $ASIDE' 'put $ASIDE 5 1'"
    check "such a process finds the objects" printed second '^found '
    check "it ends with SIGSEGV where it would change them" exits second 139
    run second "$program 66@0 -- 'find $ASIDE' 'put $TX 0 $CAPTURED' 'take $TX 0 $CAPTURED'"
    check "one with another lcore id uses them" exits second 0
    check "the host finds what it has put aside" host_does "take $ASIDE 0 5"
    tell plain quit
    finish plain
    check "testpmd ends with 0" exits plain 0
    check "all mbufs are back in the host's pool" host_does whole
}

# ---- dpdk-pdump -------------------------------------------------------------------

CAPTURED=500
PROBE=1000000 # numbers from here on

check_pdump() {
    begin rxonly "dpdk-testpmd --vdev net_ring0 -- -i $TESTPMD_MEMORY --no-flush-rx --forward-mode=rxonly"
    tell rxonly start
    check "the host sends a packet" host_does "put $RX $PROBE 1"
    check "testpmd takes it" host_does "empty $RX"
    begin pdump "dpdk-pdump -- --pdump 'port=0,queue=*,rx-dev=/tmp/rx.pcap,total-num-mbufs=4095'"
    check "pdump captures what testpmd receives" until_true 60 captures
    check "the host sends $CAPTURED packets" host_does "put $RX 0 $CAPTURED"
    check "pdump has them all, each as it was sent" until_true 60 has_captured
    in_guest 'kill -INT $(pidof dpdk-pdump)'
    finish pdump
    check "it ends with 0" exits pdump 0
    echo "# pdump: $(tr -s ' \t' ' ' <"$RUN/pdump.log" | grep -- '-packets' | tr '\n' ';')"
    check "it has counted as many as are in its file" printed pdump \
        "packets dequeued:[^0-9]*$("$PYTHON" -B "$ROOT/tests/e2e/programs/pcap.py" count "$RUN/rx.pcap")\$"
    tell rxonly quit
    finish rxonly
    check "testpmd ends with 0" exits rxonly 0
    check "all mbufs are back in the host's pool" host_does whole
}

# It captures from some moment on: a packet at a time, until one is in the file.
captures() {
    PROBE=$((PROBE + 1))
    host_does "put $RX $PROBE 1" >/dev/null || return 1
    sleep 0.5
    in_guest '[ $(stat -c %s /tmp/rx.pcap) -gt 24 ]'
}

has_captured() {
    fetch /tmp/rx.pcap >"$RUN/rx.pcap" &&
        "$PYTHON" -B "$ROOT/tests/e2e/programs/pcap.py" check "$RUN/rx.pcap" 0 "$CAPTURED"
}

# ---- dpdk-test --------------------------------------------------------------------

check_dpdk_test() {
    check "the host puts packets aside" host_does "put $ASIDE 0 5"
    run test dpdk-test "dump_ring $ASIDE" "dump_mempool programs_pool" dump_memzone \
        ring_autotest mempool_autotest quit
    check "dpdk-test dumps a shared ring, with what is in it" printed test '^  used=5'
    check "it dumps the shared pool" printed test '^mempool <programs_pool>@'
    check "it lists the memzone" printed test 'name:<programs_zone>, len:0x1000, '
    check "ring_autotest and mempool_autotest pass beside shared objects" \
        [ "$(grep -c '^Test OK' "$RUN/test.log")" -eq 2 ]
    check "no test fails" not printed test 'Test Failed'
    check "it ends with 0" exits test 0
    check "the host finds what it has put aside" host_does "take $ASIDE 0 5"
    check "all mbufs are back in the host's pool" host_does whole
}

# ---- ways to load the plugin ----------------------------------------------------------

IN_FOLDER='' # the plugin in DPDK's folder, in the guest

check_loading() {
    check_finds "the plugin in DPDK's folder, without an argument" programs-guest
    check_finds "the same one named with -d as well" "programs-guest -d $IN_FOLDER"
    in_guest "cp $IN_FOLDER /root/copy.so"
    check_finds "a copy of it named with -d as well" 'programs-guest -d /root/copy.so'
    check "it says that it is there twice" printed found 'there twice'
    check_finds "a program linked with a copy of it as well" programs-shared
    check "it says that it is there twice" printed found 'there twice'
    in_guest "mv $IN_FOLDER /root/librte_ivshmem.so"
    run found "programs-guest -- 'find $RX'"
    check "without the plugin nothing is found" printed found '^did not find '
    check_finds "the plugin named with -d" 'programs-guest -d /root/librte_ivshmem.so'
    check_finds "a program linked with the shared library" programs-shared
    if [ -x "$RUN/programs-static" ]; then
        check_finds "a program linked statically" programs-static
    else
        skip "a program linked statically" "this system's DPDK cannot be"
    fi
}

# check_finds HOW PROGRAM: it finds all, takes what the host has sent, and answers.
check_finds() {
    check "the host sends packets" host_does "put $RX 0 100"
    run found "$2 -- 'find $RX' 'take $RX 0 100' 'put $TX 0 100'"
    check "$1: it finds all objects" printed found '^found '
    check "it attaches the device, and refuses none" \
        [ "$(grep -c 'ivshmem: .*attached' "$RUN/found.log")" -eq 1 ]
    check "it ends with 0" exits found 0
    check "the host gets its packets" host_does "take $TX 0 100"
}

# ---- image ------------------------------------------------------------------------

# installed OPTION...: pkg-config of a copy of the library that is installed.
installed() { PKG_CONFIG_PATH=$RUN/pkgconfig pkg-config "$@" librte_ivshmem; }

# The guest program, linked in both ways.
link_programs() {
    local sources=("$ROOT"/dpdk-ivshmem/tests/programs_{guest,packets}.c) pc
    DESTDIR=$RUN/root ninja -C "$PROGRAMS" install >/dev/null
    pc=$(find "$RUN/root" -name librte_ivshmem.pc)
    ln -s "$(dirname "$pc")" "$RUN/pkgconfig"
    # shellcheck disable=SC2046  # words
    "${CC:-cc}" -O2 -o "$RUN/programs-shared" "${sources[@]}" $(installed --cflags --libs)
    # shellcheck disable=SC2046  # words
    "${CC:-cc}" -O2 -s -o "$RUN/programs-static" "${sources[@]}" \
        $(installed --static --cflags --libs) || echo "# no static program"
}

make_image() {
    local program programs=()
    driver_files mempool_ring bus_vdev net_ring net_pcap
    IN_FOLDER=$PLUGIN_FOLDER/librte_ivshmem.so
    for program in /usr/bin/dpdk-{testpmd,proc-info,pdump,test} "$RUN"/programs-{shared,static} \
        "$PROGRAMS/tests/programs-guest"; do
        [ ! -x "$program" ] || programs+=(--add "$program")
    done
    LD_LIBRARY_PATH=$(installed --variable=libdir) "$ROOT/scripts/guest-image" \
        "${DRIVER_FILES[@]}" "${programs[@]}" \
        "${AGENT_FILES[@]}" --output "$RUN/programs.img"
}

ACCEL=$("$ROOT/scripts/accel")
link_programs >&2
make_image >&2
PARTS=${PARTS-rxonly forwarding secondaries pdump dpdk_test loading}
if [ -n "$PARTS" ]; then
    start_programs_host own --no-huge -m 32
    start_programs_vm "$RUN/programs.img"
    for part in $PARTS; do "check_$part"; done
    stop "$VM_PID"
    end_programs_host
    check "the host program ends in order" host_exits 0
fi
start_programs_host plain --no-huge -m 32
start_programs_vm "$RUN/programs.img"
check_plain
stop "$VM_PID"
end_programs_host
check "the host program ends in order" host_exits 0
done_testing

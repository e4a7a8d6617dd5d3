# SPDX-License-Identifier: BSD-3-Clause
"""Checks what dpdk-pdump has captured: packets of programs_packets.c.

usage: pcap.py count FILE
       pcap.py check FILE FIRST N

"count" prints how many packets the file has.  "check" wants the packets FIRST to
FIRST + N - 1, each once, in this order and with every byte; others that are in the
file have to be numbered higher, and to be good as well.
"""

import struct
import sys

HEADER = bytes.fromhex("020000000001" "020000000002" "88b5")
SHORTEST, LONGEST = 60, 1460


def records(path):
    """(captured bytes, length on the wire) of each packet that is complete."""
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at + 16 <= len(data):
        captured, length = struct.unpack_from("<II", data, at + 8)
        if at + 16 + captured > len(data):
            return
        yield data[at + 16 : at + 16 + captured], length
        at += 16 + captured


def expected(number):
    length = SHORTEST + number % (LONGEST - SHORTEST)
    start = HEADER + struct.pack(">Q", number)
    rest = ((number * 31 + i * 7 + (i >> 8)) & 255 for i in range(len(start), length))
    return start + bytes(rest)


def check(path, first, count):
    numbers = []
    for packet, length in records(path):
        number = struct.unpack_from(">Q", packet, len(HEADER))[0]
        if length != len(packet) or packet != expected(number):
            print(f"packet {number}, {length} bytes, is not as it was sent")
            return 1
        if number < first + count:
            numbers.append(number)
    if numbers != list(range(first, first + count)):
        print(f"{len(numbers)} packets, expected {count}, each once and in order")
        return 1
    print(f"captured {count} packets, all as they were sent")
    return 0


def main(what, path, *numbers):
    if what == "count":
        print(len(list(records(path))))
        return 0
    return check(path, *map(int, numbers))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reads the device in any form from standard input, as its consumer would, and
prints what it means: "layout FILE", "delete ID", or a line per chunk,

    FILE OFFSET SIZE PLACE READONLY IDENTITY

with file names in hexadecimal, "-" as PLACE if the text names none, and DEV:INODE or
"-" as IDENTITY. Shell forms go through a real shell, and sizes and layout files are
read as QEMU does.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"
UNITS = {b"K": 1 << 10, b"M": 1 << 20}


def size(text):
    if text[-1:] in UNITS:
        return int(text[:-1]) * UNITS[text[-1:]]
    return int(text, 0)


def show(path, offset, length, place="-", readonly=False, identity=()):
    print(path.hex(), offset, length, place, int(readonly),
          ":".join(map(str, identity)) or "-")


def identity_of(chunk):
    """Both or neither."""
    assert ("dev" in chunk) == ("inode" in chunk)
    return [chunk[key] for key in ("dev", "inode") if key in chunk]


def show_typed(chunks):
    for chunk in chunks:
        assert chunk.keys() <= {"file", "offset", "size", "at", "readonly", "dev", "inode"}
        show(chunk["file"].encode(), chunk["offset"], chunk["size"],
             chunk.get("at", "-"), chunk.get("readonly", False), identity_of(chunk))


def show_lists(values):
    lists = [values[key].split(b":") for key in (b"file", b"offset", b"size")]
    lists += [values[key].split(b":") for key in (b"dev", b"inode") if key in values]
    assert len(lists) in (3, 5) and len({len(elements) for elements in lists}) == 1
    for path, offset, length, *identity in zip(*lists):
        show(path, size(offset), size(length), identity=[int(number) for number in identity])


def show_line(line):
    chunk = {}
    while not line.startswith(b"file="):
        word, _, line = line.partition(b" ")
        key, _, value = word.decode().partition("=")
        assert key not in chunk
        chunk[key] = value == "on" if key == "readonly" else int(value, 0)
        line = line.lstrip(b" ")
    chunk["file"] = line[len(b"file="):]
    assert chunk.keys() <= {"file", "offset", "size", "at", "readonly", "dev", "inode"}
    show(chunk["file"], chunk["offset"], chunk["size"], chunk["at"],
         chunk.get("readonly", False), identity_of(chunk))


def show_layout_file(text):
    assert text.endswith(b"\n") and b"\0" not in text
    for line in text[:-1].split(b"\n"):
        if line and not line.startswith(b"#"):
            show_line(line)


def show_historical(values):
    kind, *elements = values[b"shm"].split(b":")
    assert kind == b"fd" and len(elements) % 3 == 0
    place = 0
    for path, offset, length in zip(*[iter(elements)] * 3):
        if path != b"/dev/zero":
            show(path, size(offset), size(length), place)
        place += size(length)
    assert place == size(values[b"size"]) and place & (place - 1) == 0


def show_members(members):
    assert members.pop("driver") == "ivshmem"
    if "layout" in members:
        print("layout", members["layout"].encode().hex())
    else:
        show_typed(members["chunks"])


def show_argument(argument):
    if argument.startswith(b"{"):
        show_members(json.loads(argument))
        return
    driver, *properties = argument.split(b",")
    assert driver == b"ivshmem"
    values = dict(item.split(b"=", 1) for item in properties)
    if b"shm" in values:
        show_historical(values)
    elif b"layout" in values:
        print("layout", values[b"layout"].hex())
    else:
        show_lists(values)


def shell_words(text):
    script = b"printf '%s\\0' " + text
    done = subprocess.run(["sh"], input=script, stdout=subprocess.PIPE, check=True)
    return done.stdout.split(b"\0")[:-1]


def xml_words(text):
    element = ElementTree.fromstring(text)
    assert element.tag == QEMU + "commandline"
    assert {child.tag for child in element} == {QEMU + "arg"}
    return [child.attrib["value"].encode() for child in element]


def main():
    text = sys.stdin.buffer.read()
    if text.startswith(b"#"):
        show_layout_file(text)
    elif text.startswith(b"{"):
        assert b"\n" not in text
        command = json.loads(text)
        if command["execute"] == "device_del":
            print("delete", command["arguments"]["id"])
        else:
            assert command["execute"] == "device_add"
            show_members(command["arguments"])
    else:
        option, argument = (xml_words if text.startswith(b"<") else shell_words)(text)
        assert option == b"-device"
        show_argument(argument)


main()

# SPDX-License-Identifier: BSD-3-Clause
"""Whether QEMU has the device that metadata describes.

usage: forms.py COMMAND METADATA KIND ...

METADATA is the metadata file, and KIND says what the form can tell of it:
"typed" that it is read-only, "lists" not. Commands:

  layout METADATA KIND SOCKET   the only device of the QEMU behind the QMP SOCKET
  reply METADATA KIND           the reply to qom-get of "resolved-layout" on
                                standard input
  plug METADATA KIND SOCKET ADD DEL
                                plug with the QMP command in file ADD, unplug
                                with the one in DEL, twice

What it prints are comments of TAP.
"""

import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "hotplug"))
from vm import Failure, Qmp, Refused  # pylint: disable=wrong-import-position

TABLES = 152  # rte_ivshmem_header.tables
PATHS = 6
TABLE = struct.Struct("<QII")
CHUNK = struct.Struct("<QQQQQII")
METADATA_CHUNK, READONLY = 1, 2


def require(holds, text):
    if not holds:
        raise Failure(text)


def expected(path, kind):
    """What resolved-layout has to say of the metadata in a file."""
    with open(path, "rb") as file:
        image = file.read()
    offset, count, size = TABLE.unpack_from(image, TABLES)
    paths = TABLE.unpack_from(image, TABLES + PATHS * TABLE.size)[0]
    chunks = []
    for i in range(count):
        _, length, place, start, _, name, flags = CHUNK.unpack_from(image, offset + i * size)
        end = image.index(b"\0", paths + name)
        file = image[paths + name : end].decode()
        identity = os.stat(file)
        chunks.append({
            "file": file,
            "offset": start,
            "size": length,
            "at": place,
            "readonly": bool(flags & READONLY) and kind == "typed",
            "dev": identity.st_dev,
            "inode": identity.st_ino,
        })
    require(len(chunks) > 1, "the metadata has no chunks")
    return chunks


def compare(found, chunks):
    for number, (has, wants) in enumerate(zip(found, chunks)):
        require(has == wants, f"chunk {number} is {has}, and not {wants}")
    require(len(found) == len(chunks), f"{len(found)} chunks, and not {len(chunks)}")


def compare_device(qmp, path, chunks):
    compare(qmp.execute("qom-get", path=path, property="resolved-layout"), chunks)


def only_device(qmp):
    """With an id, as JSON has one, or without."""
    for folder in ("/machine/peripheral", "/machine/peripheral-anon"):
        for child in qmp.execute("qom-list", path=folder):
            if child["type"] == "child<ivshmem>":
                return f"{folder}/{child['name']}"
    raise Failure("there is no such device")


def layout(chunks, socket):
    qmp = Qmp(socket)
    compare_device(qmp, only_device(qmp), chunks)


def reply(chunks):
    text = sys.stdin.read()
    answer = json.loads(text)
    require("return" in answer, f"the reply is {text.strip()}")
    compare(answer["return"], chunks)


def read_line(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    require("\n" not in text, "it is not one line")
    return text


def plug(chunks, socket, add, delete):
    """No operating system runs in the VM; a reset has it let go of devices."""
    qmp = Qmp(socket)
    name = json.loads(read_line(add))["arguments"]["id"]
    path = f"/machine/peripheral/{name}"
    for _ in range(2):
        qmp.run(read_line(add))
        compare_device(qmp, path, chunks)
        qmp.run(read_line(delete))
        qmp.execute("system_reset")
        require(qmp.event("DEVICE_DELETED", device=name), "the device stays")
        try:
            qmp.execute("qom-get", path=path, property="resolved-layout")
        except Refused:
            continue
        raise Failure("the device is still there")


def main(command, metadata, kind, *arguments):
    try:
        commands = {"layout": layout, "reply": reply, "plug": plug}
        commands[command](expected(metadata, kind), *arguments)
    except (Failure, OSError, ValueError) as error:
        print(f"# {command}: {error}"[:500])
        sys.exit(1)


main(*sys.argv[1:])

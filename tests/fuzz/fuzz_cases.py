# SPDX-License-Identifier: BSD-3-Clause
"""Random devices: mostly sound ones, about half of them with something wrong in it.

A case is a dict of properties for -device ivshmem, and the chunks that it must
show once it is accepted, or None where they are anybody's guess.
"""
import collections
import json
import random

from fuzz_files import MIB, PAGE
from fuzz_server import damage_script, sound_script

Placed = collections.namedtuple("Placed", "file offset size at readonly")
Case = collections.namedtuple("Case", "family device placed layout server startup")

FAMILIES = {"plain": "plain forms", "typed": "typed forms", "layout": "layout files",
            "shm": "historical forms", "further": "further properties",
            "doorbell": "interrupt servers"}
# A family needs this property; without it, it is left out.
NEEDS = {"shm": "shm", "further": "bar-size", "doorbell": "chardev"}

BAD_NUMBERS = (-1, 1, 4095, 4097, 1 << 31, 1 << 40, 1 << 52, (1 << 63) - PAGE, 1 << 63,
               (1 << 64) - PAGE, (1 << 64) - 1, 1 << 64, 10 ** 30, 1.5, 4096.0, 1e300, "4096",
               "", True, None, [], {})
BAD_WORDS = ("", " ", "0x", "-4096", "-1", "1", "4097", "4096x", " 4096", "1e3", "nan", "inf",
             "1.5K", "1.5", "8E", "16E", "0xfffffffffffff000", "18446744073709551615",
             "18446744073709551616", "9" * 400, "4K4K", "0x1000K", "K", "%d", "\u0664096")
MOST_CHANGES = 2        # between read-only and writable chunks in BAR 2
STARTUP_SHARE = 12      # one case in so many
LARGEST_ARGUMENT = 100_000


def families(properties):
    """Those that a QEMU with these properties has."""
    return [name for name in FAMILIES if NEEDS.get(name, "layout") in properties]


def number_word(rng, value):
    """The same number as a person may write it."""
    ways = [str(value), hex(value), hex(value).upper().replace("X", "x")]
    ways += [f"{value >> shift}{suffix}" for shift, suffix in ((10, "K"), (20, "M"), (10, "k"))
             if value % (1 << shift) == 0]
    return rng.choice(ways)


def count(rng, most):
    """Few chunks, but now and then many."""
    return min(most, rng.choice((1, 1, 1, 2, 2, 3, 5, 8, rng.randint(1, 40),
                                 rng.randint(1, 100) if rng.random() < .8 else most)))


def piece(rng, files, paths):
    """A range of a good file: path, offset and size in bytes."""
    path = rng.choice(paths)
    pages = files.pages[path]
    first = rng.choice((0, rng.randrange(pages)))
    return path, first * PAGE, rng.randint(1, pages - first) * PAGE


def gap(rng):
    """Bytes between two chunks."""
    return rng.choice((0, 0, 1, 2, rng.randrange(64), rng.randrange(1 << 12),
                       rng.randrange(1 << 19) if rng.random() < .1 else 0)) * PAGE


# ---- the three sound forms, and the historical one ------------------------------

def sound_chunks(rng, files, most, with_readonly):
    """A list for "chunks" or a layout file, and where each must appear."""
    chunks, placed, end = [], [], 0
    every_at = rng.random() < .3
    identified = rng.choice((0, 0, .5, 1))
    total = count(rng, most)
    readonly = with_readonly and rng.random() < .5
    changes = {rng.randrange(1, total + 1) for _ in range(MOST_CHANGES)} if with_readonly else ()
    for number in range(total):
        path, offset, size = piece(rng, files, files.good)
        chunk = {"file": path}
        at = end
        readonly ^= number in changes
        if offset or rng.random() < .5:
            chunk["offset"] = offset
        if not files.reaches_end(path, offset, size) or rng.random() < .5:
            chunk["size"] = size
        if every_at or rng.random() < .2:
            chunk["at"] = at = end + gap(rng)
        if readonly or (with_readonly and rng.random() < .2):
            chunk["readonly"] = readonly
        if rng.random() < identified:
            chunk["dev"], chunk["inode"] = files.identity(path)
        chunks.append(chunk)
        placed.append(Placed(path, offset, size, at, readonly))
        end = at + size
    if every_at:
        rng.shuffle(chunks)
    return chunks, placed


def sound_plain(rng, files):
    pieces = [piece(rng, files, files.without_colon) for _ in range(count(rng, 100))]
    if rng.random() < .3:
        path = rng.choice(files.without_colon)
        pieces = [piece(rng, files, [path]) for _ in pieces]
    if rng.random() < .2:
        pieces = [(path, 0, size) for path, _, size in pieces]
    paths, offsets, sizes = zip(*pieces)
    device = {}
    if any(offsets) or rng.random() < .5:
        device["offset"] = ":".join(number_word(rng, n) for n in offsets)
    if not all(files.reaches_end(*p) for p in pieces) or rng.random() < .5:
        device["size"] = ":".join(number_word(rng, n) for n in sizes)
    one_for_all = device and len(set(paths)) == 1
    paths = paths[:1] if one_for_all else paths
    device["file"] = ":".join(paths)
    if rng.random() < .3:
        for name, numbers in zip(("dev", "inode"), zip(*map(files.identity, paths))):
            device[name] = ":".join(rng.choice((str, hex))(n) for n in numbers)
    return device, place(pieces)


def place(pieces):
    placed, end = [], 0
    for path, offset, size in pieces:
        if path != "/dev/zero":
            placed.append(Placed(path, offset, size, end, False))
        end += size
    return placed


def sound_shm(rng, files):
    """As DPDK 16.07 printed it: /dev/zero fills the BAR between what matters."""
    pieces = [piece(rng, files, files.without_colon) for _ in range(count(rng, 20))]
    for _ in range(rng.randint(0, 2)):
        pieces.insert(rng.randint(0, len(pieces)),
                      ("/dev/zero", 0, rng.choice((1, 3, 16, 1 << 10, 1 << 18)) * PAGE))
    total = sum(size for _, _, size in pieces)
    bar = max(MIB, 1 << (total - 1).bit_length())
    if bar > total:     # the lengths amount to the size
        pieces.insert(-1, ("/dev/zero", 0, bar - total))
    device = {"size": f"{bar >> 20}M",
              "shm": "fd:" + ":".join(f"{path}:{offset:#x}:{size:#x}"
                                      for path, offset, size in pieces)}
    return device, place(pieces)


# ---- something wrong in it ---------------------------------------------------------

def bad_word(rng):
    return rng.choice(BAD_WORDS)


def damage_words(rng, files, text):
    """A ':'-separated list with something wrong in it."""
    words = text.split(":")
    where = rng.randrange(len(words))
    kind = rng.randrange(5)
    if kind == 0:
        words[where] = bad_word(rng)
    elif kind == 1:
        words[where] = rng.choice(files.bad)
    elif kind == 2:
        del words[where]
    elif kind == 3:
        words.insert(where, rng.choice(words))
    else:
        words[where] = damage_text(rng, words[where])
    return ":".join(words)


def damage_text(rng, text):
    """Characters deleted, doubled, replaced."""
    for _ in range(rng.randint(1, 3)):
        where = rng.randint(0, len(text))
        text = (text[:where] + rng.choice(("", ":", "0", "-", "x", "\x7f", "\u20ac", text[:where]))
                + text[where + rng.randint(0, 2):])
    return text[:LARGEST_ARGUMENT]


def damage_words_device(rng, files, device):
    name = rng.choice(list(device))
    kind = rng.randrange(9)
    if kind == 0:
        del device[name]
    elif kind == 1:
        device[name] = rng.choice(BAD_NUMBERS)
    elif kind == 2:
        device[rng.choice(("chunks", "layout", "file", "shm", "size", "offset", "dev", "inode",
                           "no-such"))] = \
            rng.choice(("", "4096", files.path("a"), [{"file": files.path("a")}]))
    elif kind == 3 and "file" in device:
        paths = device["file"].split(":")
        device["dev"], device["inode"] = (":".join(map(str, numbers)) for numbers in
                                          zip(*(wrong_identity(rng, files, p) for p in paths)))
    else:
        device[name] = damage_words(rng, files, device[name])


def wrong_identity(rng, files, path):
    """Of a file, or not quite."""
    dev, inode = files.identity(path if path in files.good else files.path("a"))
    other = files.identity(rng.choice(files.good))
    return rng.choice(((dev, inode + 1), (dev + 1, inode), (dev, 0), (0, inode), other,
                       (inode, dev), (dev, inode), (dev | 1 << 32, inode), (dev, inode | 1 << 32)))


def damage_identity(rng, files, chunk):
    chunk["dev"], chunk["inode"] = wrong_identity(rng, files, chunk["file"])
    kind = rng.randrange(6)
    if kind <= 1:
        del chunk[("dev", "inode")[kind]]
    elif kind == 2:
        chunk[rng.choice(("dev", "inode"))] = rng.choice(BAD_NUMBERS)


def damage_chunks(rng, files, chunks):
    """The list with something wrong in it; what was a list may not be one afterwards."""
    chunk = rng.choice(chunks)
    kind = rng.randrange(12)
    if kind <= 2:
        chunk[rng.choice(("offset", "size", "at", "at"))] = rng.choice(BAD_NUMBERS)
    elif kind <= 4:
        chunk["file"] = rng.choice(files.bad)
    elif kind == 5:
        chunk[rng.choice(("no-such", "", "File", "readonly"))] = rng.choice((0, "on", None, []))
    elif kind == 6:
        del chunk["file"]
    elif kind == 7:
        chunks.append(dict(rng.choice(chunks), at=rng.randrange(4) * PAGE))
    elif kind <= 9:
        damage_identity(rng, files, chunk)
    elif kind == 10:
        for number, each in enumerate(chunks):      # too many changes, if there are many chunks
            each["readonly"] = number % 2 == 0
    else:
        return rng.choice(([], {}, [[]], [chunks], chunk, [None], "x", 7, None, [1, 2],
                           chunks + ["x"], {"chunks": chunks}))
    return chunks


def damage_lines(rng, text):
    """The bytes of a layout file with something wrong in it."""
    where = rng.randrange(len(text) + 1)
    kind = rng.randrange(7)
    if kind == 0:
        return text[:where]
    if kind == 1:
        return text[:where] + rng.randbytes(rng.randint(1, 8)) + text[where:]
    if kind == 2:
        return rng.randbytes(rng.randrange(2000))
    if kind == 3:
        return text[:where] + rng.choice((b"\n", b"\r\n", b" ", b"\t", b"\0")) * rng.choice(
            (1, 2, 900, 100_000)) + text[where:]
    if kind == 4:
        return text[:where] + rng.choice(
            (b"#", b"=", b"\n#", b"file=", b"size=", b"at=", b"dev=", b" inode=1 ", b"\noffset",
             b"\n=", b"\xef\xbb\xbf", b"%s", b"%p", b"x" * 70000, b"1" * 5000, b"-", b"0x",
             b"\nfile=\n", b"\nfile\n", b"\n file=/dev/null \n", b"readonly=maybe ",
             b"\nno-such=1 ", b"\v", b"\xc2\xa0")) + text[where:]
    if kind == 5:
        lines = text.split(b"\n")
        rng.choice((rng.shuffle, list.reverse, lambda each: each.append(rng.choice(each))))(lines)
        return b"\n".join(lines)
    return rng.choice((b"", b" \n", b"#", b"# nothing\n", b"\n\n\n", b"[]", b"[{\"file\": \"/a\"}]",
                       text + text, text.decode("utf-8", "replace").encode("utf-16")))


# ---- cases ---------------------------------------------------------------------------

def word(rng, key, value):
    """KEY=VALUE of a layout file, also if the value is not of the kind that it has to be."""
    if isinstance(value, bool):
        value = "on" if value else "off"
    elif isinstance(value, int) and value >= 0:
        value = rng.choice((str, hex))(value)
    return f"{key}={value}"


def line(rng, chunk):
    """A line of a layout file: words in any order, but for the last one."""
    if not isinstance(chunk, dict):
        return str(chunk)
    words = [word(rng, key, value) for key, value in chunk.items() if key != "file"]
    rng.shuffle(words)
    words += [f"file={chunk['file']}"] if "file" in chunk else []
    return rng.choice(("", "", " ", "\t")) + rng.choice((" ", "\t", "  ")).join(words)


def encode(rng, chunks):
    """A layout file."""
    lines = []
    for chunk in chunks if isinstance(chunks, list) else [chunks]:
        if rng.random() < .05:
            lines.append(rng.choice(("", " ", "#", "# size=1", "\t# a comment")))
        lines.append(line(rng, chunk))
    return ("\n".join(lines) + rng.choice(("", "\n"))).encode("utf-8", "surrogateescape")


def make_typed(rng, files, properties, sound):
    chunks, placed = sound_chunks(rng, files, 300, "readonly" in properties)
    if not sound:
        chunks, placed = damage_chunks(rng, files, chunks), None
    return {"chunks": chunks}, placed, None


def make_layout(rng, files, properties, sound):
    chunks, placed = sound_chunks(rng, files, 3000, "readonly" in properties)
    path = files.layout
    if sound:
        return {"layout": path}, placed, encode(rng, chunks)
    kind = rng.randrange(10)
    if kind <= 1:
        path = rng.choice(files.bad_layouts)
    if kind <= 5:
        text = encode(rng, damage_chunks(rng, files, chunks))
    else:
        text = damage_lines(rng, encode(rng, chunks))
    return {"layout": path}, None, text


def make_plain(rng, files, _properties, sound):
    return make_words(rng, files, sound, sound_plain)


def make_shm(rng, files, _properties, sound):
    return make_words(rng, files, sound, sound_shm)


def make_words(rng, files, sound, make_sound):
    """A form whose properties are text."""
    device, placed = make_sound(rng, files)
    if not sound:
        damage_words_device(rng, files, device)
        placed = None
    return device, placed, None


def make_further(rng, files, properties, sound):
    """One of the other forms, and properties that go with each."""
    make = rng.choice((make_plain, make_typed, make_layout))
    device, placed, layout = make(rng, files, properties, True)
    good = {"bar-size": (MIB << rng.randrange(18), f"{1 << rng.randrange(9)}G"),
            "readonly": (True, False), "prealloc": (True, False),
            "subsystem-id": (0, 1, rng.randrange(1 << 16), 0xffff),
            "multifunction": (True, False), "vectors": (0, 1)}
    names = [name for name in good if name in properties]
    for name in rng.sample(names, rng.randint(1, len(names))):
        device[name] = rng.choice(good[name])
    if not sound:
        name = rng.choice(names + ["x-no-such", "chardev", "romfile", "addr", "master"])
        device[name] = rng.choice(BAD_NUMBERS + BAD_WORDS + (3, 3 * MIB, 12345))
        return device, None, layout
    if device.get("readonly") is True:
        placed = [p._replace(readonly=True) for p in placed]
    # A BAR that is too small is refused, and which is, the device knows.
    return device, placed, layout


def make_doorbell(rng, files, properties, sound):
    """Another form with a server of interrupts; what is wrong is in the server."""
    device, placed, layout = rng.choice((make_plain, make_typed))(rng, files, properties, True)
    vectors = rng.choice((1, 1, 2, 3, 8))
    script = sound_script(rng, vectors)
    device.update(chardev="server", vectors=vectors)
    if rng.random() < .3:
        device["ioeventfd"] = rng.random() < .5
    if not sound:
        script = damage_script(rng, script)
        device["vectors"] = rng.choice((vectors, vectors, 0, 1, 2049, 1 << 31))
    return device, placed, layout, script


def make_case(seed, number, files, properties):
    """Case NUMBER of the sequence that SEED stands for."""
    rng = random.Random(f"{seed}:{number}")
    family = rng.choice(families(properties))
    make = globals()[f"make_{family}"]
    device, placed, layout, *server = make(rng, files, properties, rng.random() < .55)
    device = {"driver": "ivshmem", "id": "iv0", **device}
    startup = rng.randrange(STARTUP_SHARE) == 0
    text = startup_argument(rng, device)
    if server or "\0" in text or len(text.encode("utf-8", "surrogateescape")) > LARGEST_ARGUMENT:
        startup = False
    return Case(family, device, placed, layout, *(server or [None]), text if startup else None)


def startup_argument(rng, device):
    """The same for a command line, as keys and values where that is possible."""
    if rng.random() < .5 or any(isinstance(v, (dict, list)) for v in device.values()):
        return json.dumps(device, ensure_ascii=False)
    words = {True: "on", False: "off"}
    values = {k: words[v] if isinstance(v, bool) else str(v) for k, v in device.items()}
    return "ivshmem," + ",".join(k + "=" + v.replace(",", ",,")
                                 for k, v in values.items() if k != "driver")

# SPDX-License-Identifier: BSD-3-Clause
"""Files of every kind for the device to share, or to refuse."""
import os
import socket
import struct

PAGE = 4096
MIB = 1 << 20


class Files:
    """Every page of a good file starts with a tag of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.pages = {}         # good path -> number of pages
        self._make_good()
        self._make_bad()
        self.layout = self.path("layout")

    def path(self, name):
        return os.path.join(self.folder, name)

    def _make_good(self):
        sizes = {"a": 16, "b": 1, "c": 64, "d": 256, "with,comma": 2, "with space": 3,
                 "co:lon": 2, "n\u00e4me": 2, "x" * 60: 1, " file='\"x\" ": 2}
        for name, pages in sizes.items():
            self._tagged(self.path(name), pages)
        self.huge = self.path("huge")
        self._tagged(self.huge, 16)
        os.truncate(self.huge, 1 << 40)
        self.pages[self.path("link")] = 16
        os.symlink("a", self.path("link"))
        self._tagged(self.path("gone"), 8)
        self.gone = os.open(self.path("gone"), os.O_RDWR)
        os.unlink(self.path("gone"))
        del self.pages[self.path("gone")]
        self.pages[self.path("deleted")] = 8
        os.symlink(f"/proc/{os.getpid()}/fd/{self.gone}", self.path("deleted"))
        self.good = list(self.pages)
        self.without_colon = [path for path in self.good if ":" not in path]

    def _tagged(self, path, pages):
        with open(path, "wb") as file:
            for page in range(pages):
                file.write(struct.pack("<II", len(self.pages) + 1, page).ljust(PAGE, b"\0"))
        self.pages[path] = pages

    def _make_bad(self):
        self._sized("empty", 0)
        self._sized("odd", PAGE + 1)
        self._sized("small", 100)
        self._sized("read-only", PAGE)
        os.chmod(self.path("read-only"), 0o444)
        os.mkdir(self.path("folder"))
        os.mkfifo(self.path("fifo"))
        os.symlink("loop", self.path("loop"))
        os.symlink("nothing", self.path("dangling"))
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(self.path("socket"))
        self.bad = [self.path(name) for name in
                    ("empty", "odd", "small", "read-only", "folder", "fifo", "loop", "dangling",
                     "socket", "missing", "missing/file", "a/b", "a\0b", "a\x01b", "\udcc3(")]
        self.bad_layouts = self.bad + [self.huge, "/dev/zero", "/dev/null"]
        self.bad += ["", ".", "a", "/", "/dev/null", "/dev/zero", "/dev/full", "/dev/fdset/7",
                     "/proc/self/mem", "/proc/self/maps", "/proc/self/fd/999", "x" * 5000,
                     "fd:", "%s%n", "\u2603\n\"'"]

    def _sized(self, name, size):
        with open(self.path(name), "wb") as file:
            file.truncate(size)

    def reaches_end(self, path, offset, size):
        return path != self.huge and offset + size == self.pages[path] * PAGE

    def identity(self, path):
        """Device and inode, as the device compares them."""
        found = os.stat(path)
        return found.st_dev, found.st_ino

    def read(self, path, offset, size):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)

    def write_layout(self, text):
        with open(self.layout, "wb") as file:
            file.write(text)

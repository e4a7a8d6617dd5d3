# SPDX-License-Identifier: BSD-3-Clause
"""Places, messages, the lock, and git without the user's configuration."""

import fcntl
import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
SOURCES = BUILD / "src"
PATCHES = ROOT / "patches"

# Commits made here must have the same hash on every machine.
ROBOT = {
    "NAME": "QEMU ivshmem series",
    "EMAIL": "series@ivshmem.invalid",
    "DATE": "2026-01-01T00:00:00+0000",
}


class Problem(Exception):
    """Something the user has to know; the text says the way out."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def rel(path):
    """A path as the user would type it from the top of the repository."""
    try:
        return str(Path(path).relative_to(ROOT))
    except ValueError:
        return str(path)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def read(path):
    """Contents of a file, or None where there is none."""
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path, data, mode=None):
    """Replace a file in one step: an interruption leaves old or new."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.tmp{os.getpid()}")
    part.write_bytes(data)
    if mode is not None:
        part.chmod(mode)
    part.replace(path)


@contextmanager
def lock():
    """The lock of build.sh; it passes IVSHMEM_LOCK_HELD to what it starts."""
    if os.environ.get("IVSHMEM_LOCK_HELD"):
        yield
        return
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / ".lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is using build/; waiting for it to finish")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def git_environment():
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env.update(
        GIT_CONFIG_GLOBAL="/dev/null",
        GIT_CONFIG_NOSYSTEM="1",
        GIT_EDITOR="true",
        GIT_SEQUENCE_EDITOR="true",
        GIT_TERMINAL_PROMPT="0",
        LC_ALL="C.UTF-8",
        TZ="UTC",
    )
    for role in ("AUTHOR", "COMMITTER"):
        for key, value in ROBOT.items():
            env[f"GIT_{role}_{key}"] = value
    return env


# safe.directory: build/ may belong to the user on whose behalf root builds.
GIT = [
    "git",
    "-c", "safe.directory=*",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.attributesFile=/dev/null",
    "-c", "core.excludesFile=/dev/null",
    "-c", "core.autocrlf=false",
    "-c", "core.quotePath=false",
    "-c", "gc.auto=0",
    "-c", "advice.detachedHead=false",
]


def run_git(tree, *args, env=None, stdin=None):
    """Run git, whatever its exit status; output is bytes."""
    return subprocess.run(
        [*GIT, "-C", str(tree), *map(str, args)],
        env={**git_environment(), **(env or {})},
        input=stdin if stdin is not None else b"",
        capture_output=True,
    )


def git_bytes(tree, *args, **kwargs):
    result = run_git(tree, *args, **kwargs)
    if result.returncode:
        raise Problem(
            f"git {' '.join(map(str, args))} failed in {rel(tree)}:\n"
            + (result.stderr or result.stdout).decode(errors="replace").strip()
        )
    return result.stdout


def git(tree, *args, **kwargs):
    return git_bytes(tree, *args, **kwargs).decode(errors="replace").strip()


def git_list(tree, *args):
    """Output of a git command run with -z."""
    out = git_bytes(tree, *args).decode(errors="surrogateescape")
    return [item for item in out.split("\0") if item]


def blob(tree, commit, path):
    """A file of a commit, or None."""
    result = run_git(tree, "cat-file", "blob", f"{commit}:{path}")
    return None if result.returncode else result.stdout

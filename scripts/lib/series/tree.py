# SPDX-License-Identifier: BSD-3-Clause
"""An imported QEMU: build/src/qemu-VERSION, a git repository.

    tag pristine     one commit: the released source as it is
    branch ivshmem   pristine and one commit for each patch of the series

.git/series.json remembers what the tree was made from, so that nothing is
done twice and an edit is told from what was put there by us.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from .common import (
    PATCHES, ROOT, SOURCES,
    Problem, blob, digest, git, git_list, read, rel, run_git, say, write,
)
from .overlay import overlay_files

# roms/ holds the sources of firmware: two thirds of the files, none of them
# built here.
LEFT_OUT = "roms/*/*"
LOCAL = "local"


def pinned_versions():
    out = subprocess.run(
        [ROOT / "scripts/fetch", "--list", "qemu"], capture_output=True, text=True, check=True
    )
    return out.stdout.split()


def patch_files():
    return sorted(PATCHES.glob("*.patch"))


def patches_hash():
    total = hashlib.sha256()
    for patch in patch_files():
        total.update(patch.name.encode() + b"\0" + patch.read_bytes())
    return total.hexdigest()


class Tree:
    """The imported tree of one version, or of the user's own source."""

    def __init__(self, version=None, source=None):
        self.source = Path(source).resolve() if source else None
        if self.source:
            self.version = LOCAL
        else:
            pinned = pinned_versions()
            self.version = version or pinned[0]
            if self.version not in pinned:
                raise Problem(
                    f"qemu/SOURCES pins no QEMU {self.version!r}; pinned: {' '.join(pinned)}"
                )
        self.path = SOURCES / f"qemu-{self.version}"

    # ---- state -----------------------------------------------------------

    @property
    def state_file(self):
        return self.path / ".git/series.json"

    def state(self):
        try:
            return json.loads(self.state_file.read_text())
        except (FileNotFoundError, ValueError):
            return {}

    def save(self, **changes):
        state = {**self.state(), **changes}
        write(self.state_file, json.dumps(state, indent=1, sort_keys=True).encode())

    def require(self):
        """This tree must exist already."""
        if not self.state().get("source"):
            raise Problem(
                f"{rel(self.path)} is not there: run scripts/series import {self.version}"
            )

    def git(self, *args, **kwargs):
        return git(self.path, *args, **kwargs)

    # ---- the pristine commit ---------------------------------------------

    def source_hash(self):
        """What the tree is made from; reads the user's own tree wholly."""
        if not self.source:
            line = [
                words for words in map(str.split, (ROOT / "qemu/SOURCES").read_text().splitlines())
                if words[:2] == ["qemu", self.version]
            ]
            return digest(" ".join(w[4] for w in line).encode())
        total = hashlib.sha256()
        with subprocess.Popen(self._pack_source(), stdout=subprocess.PIPE) as tar:
            for part in iter(lambda: tar.stdout.read(1 << 20), b""):
                total.update(part)
        if tar.returncode:
            raise Problem(f"cannot read {self.source}")
        return total.hexdigest()

    def _pack_source(self):
        return [
            "tar", "-C", str(self.source), "--sort=name", "--exclude=.git", "--exclude=./build*",
            f"--exclude=./{LEFT_OUT}", "-cf", "-", ".",
        ]

    def ensure_pristine(self, force=False):
        """Unpack and commit the source, unless that has been done."""
        if self.source and not (self.source / "meson.build").is_file():
            raise Problem(f"QEMU_SRC={self.source} is not a QEMU source tree (no meson.build)")
        wanted = self.source_hash()
        if self.state().get("source") == wanted:
            self._recover()
            return
        if self.path.exists() and not force:
            self.refuse_to_lose_work("replace it by another source")
        tarball = None
        if not self.source:
            tarball = subprocess.run(
                [ROOT / "scripts/fetch", "qemu", self.version], stdout=subprocess.PIPE, text=True
            )
            if tarball.returncode:
                raise Problem("without its source there is no tree")
        say(f"unpacking QEMU {self.version} into {rel(self.path)}")
        self._make_pristine(tarball and tarball.stdout.strip(), wanted)

    def _make_pristine(self, tarball, wanted):
        SOURCES.mkdir(parents=True, exist_ok=True)
        new = SOURCES / f".new-{self.version}"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        if tarball:
            self._unpack(["tar", "-xf", tarball, "-C", new, "--strip-components=1", "--no-same-owner",
                          "--exclude", f"qemu-*/{LEFT_OUT}"])
        else:
            with subprocess.Popen(self._pack_source(), stdout=subprocess.PIPE) as pack:
                self._unpack(["tar", "-xf", "-", "-C", new, "--no-same-owner"], stdin=pack.stdout)
        add_placeholders(new)
        git(new, "init", "-q", "-b", "ivshmem")
        git(new, "config", "core.looseCompression", "0")
        git(new, "add", "-Af", ".")
        git(new, "commit", "-q", "-m", f"QEMU {self.version} as released, without roms/")
        git(new, "tag", "pristine")
        old = SOURCES / f".old-{self.version}"
        shutil.rmtree(old, ignore_errors=True)
        if self.path.exists():
            self.path.rename(old)
        new.rename(self.path)
        self.save(source=wanted)
        shutil.rmtree(old, ignore_errors=True)

    @staticmethod
    def _unpack(command, stdin=None):
        result = subprocess.run(command, stdin=stdin, stderr=subprocess.PIPE)
        if result.returncode:
            raise Problem(f"unpacking failed: {result.stderr.decode(errors='replace').strip()}")

    def _recover(self):
        """Clear away what a killed run may have left. We hold the lock."""
        index_lock = self.path / ".git/index.lock"
        for _ in range(20):
            if not index_lock.exists():
                break
            time.sleep(0.1)  # an engineer's own git may be at work
        index_lock.unlink(missing_ok=True)
        for left in SOURCES.glob(f".work-{self.version}-*"):
            shutil.rmtree(left, ignore_errors=True)
        run_git(self.path, "worktree", "prune")

    @contextmanager
    def worktree(self, commit):
        """A checkout of its own beside the tree, removed afterwards."""
        place = Path(tempfile.mkdtemp(prefix=f".work-{self.version}-", dir=SOURCES))
        try:
            self.git("worktree", "add", "-q", "--detach", place, commit)
            yield place
        finally:
            run_git(self.path, "worktree", "remove", "--force", place)
            shutil.rmtree(place, ignore_errors=True)

    # ---- the series --------------------------------------------------------

    def tip(self):
        return self.git("rev-parse", "HEAD")

    def added_files(self, tip="HEAD"):
        """Files that the series adds to QEMU."""
        return git_list(self.path, "diff", "-z", "--name-only", "--no-renames",
                        "--diff-filter=A", "pristine", tip)

    def dirty_files(self):
        """Files that differ from HEAD, and new ones that git does not ignore."""
        changed = git_list(self.path, "diff", "-z", "--name-only", "--no-renames", "HEAD")
        new = git_list(self.path, "ls-files", "-z", "--others", "--exclude-standard")
        return sorted({*changed, *new})

    def am_in_progress(self):
        return (self.path / ".git/rebase-apply").exists()

    def series_is_there(self):
        """The user's own source may hold the series already."""
        return bool(self.source) and all((self.source / f).is_file() for f in overlay_files())

    def import_series(self, force=False, resolve=False):
        """Apply patches/ on pristine, then lay the overlay over the tree."""
        self.ensure_pristine(force)
        wanted = "none" if self.series_is_there() else patches_hash()
        if self.am_in_progress():
            if not force:
                raise Problem(
                    f"{rel(self.path)} is in the middle of `git am`: finish it there (git am\n"
                    "--continue, then scripts/series export), or drop it with import --force"
                )
            run_git(self.path, "am", "--abort")
        state = self.state()
        if force or state.get("patches") != wanted:
            if not force:
                self.refuse_to_lose_work("apply a changed series")
            tip = "pristine" if wanted == "none" else self._apply(resolve)
            self.git("checkout", "-q", "-f", "-B", "ivshmem", tip)
            self.save(patches=wanted, tip=self.tip(), synced={})
        self.sync(force)

    def _apply(self, resolve):
        """Apply the series beside the tree; gives the new tip."""
        patches = patch_files()
        if not patches:
            return "pristine"
        with self.worktree("pristine") as place:
            problem = self.apply_in(place)
            if not problem:
                return git(place, "rev-parse", "HEAD")
        if resolve:
            self.git("checkout", "-q", "-f", "-B", "ivshmem", "pristine")
            self.save(patches="resolving", tip=self.tip(), synced={})
            apply_patches(self.path, patches, "--3way", abort=False)
            raise Problem(
                f"{problem}\n{rel(self.path)} is stopped at this patch: resolve the conflict there,\n"
                f"git add, git am --continue, then scripts/series export {self.version}"
            )
        raise Problem(
            f"{problem}\nTo resolve it: scripts/series import {self.version} --resolve\n"
            "(docs/series.md, Moving to a new QEMU)"
        )

    def apply_in(self, place):
        """Apply the series in a pristine place; gives None, or what went wrong.

        The hooks are made for the first version. On others the lines around them
        may differ: one line on each side has to match, or else a three-way merge
        has to find the place.
        """
        problem = apply_patches(place, patch_files())
        if problem and self.version != pinned_versions()[0]:
            git(place, "reset", "-q", "--hard", "pristine")
            if apply_patches(place, patch_files(), "-C1") is None:
                return None
        if problem and self.fetch_bases():
            git(place, "reset", "-q", "--hard", "pristine")
            problem = apply_patches(place, patch_files(), "--3way")
            if not problem:
                say("the series needed a three-way merge; check it, then export")
        return problem

    def fetch_bases(self):
        """A three-way merge needs the files that the patches were made on.

        They are in the trees of other versions, if these hold this series.
        """
        default = Tree()
        if default.version != self.version:
            try:
                default.import_series()
            except Problem as problem:
                say(f"no three-way merge with QEMU {default.version}: {problem}")
        found = False
        for other in SOURCES.glob("qemu-*"):
            if other != self.path and (other / ".git/series.json").exists():
                run_git(self.path, "fetch", "-q", "--no-tags", other,
                        f"+refs/tags/pristine:refs/bases/{other.name}/pristine",
                        f"+refs/heads/ivshmem:refs/bases/{other.name}/series")
                found = True
        return found

    # ---- the overlay -------------------------------------------------------

    def sync(self, force=False):
        """Make the tree's new files those of the overlay."""
        state = self.state()
        synced = state.get("synced", {})
        overlay = overlay_files()
        lost = []
        for path in sorted({*overlay, *synced, *self.added_files()}):
            theirs = read(self.path / path)
            ours = read(overlay[path]) if path in overlay else None
            if theirs == ours:
                continue
            known = {synced.get(path), digest(blob(self.path, "HEAD", path) or b"")}
            if theirs is not None and digest(theirs) not in known and not force:
                lost.append(path)
                continue
            self._put(path, ours, overlay.get(path))
            synced[path] = digest(ours) if ours is not None else None
        if synced != state.get("synced", {}) or lost:
            self.save(synced={k: v for k, v in synced.items() if v})
        if lost:
            raise Problem(
                f"edited in {rel(self.path)}, where the overlay would replace it:\n  "
                + "\n  ".join(lost)
                + "\nNew files are edited in qemu/ and tests/qtest/. Copy the edit there, or drop it\n"
                "with scripts/series import --force"
            )

    def _put(self, path, data, origin):
        target = self.path / path
        if data is None:
            target.unlink(missing_ok=True)
        else:
            write(target, data, origin.stat().st_mode & 0o777)

    def edits(self):
        """Dirty files that are not simply what the overlay holds."""
        synced = self.state().get("synced", {})
        overlay = overlay_files()
        added = self.added_files()
        result = []
        for path in self.dirty_files():
            data = read(self.path / path)
            if data is None and path not in overlay and path in added:
                continue  # deleted in the overlay
            if data is not None and digest(data) == synced.get(path):
                continue
            if path in overlay and data == read(overlay[path]):
                continue
            result.append(path)
        return result

    def unsaved_work(self):
        """What of the engineer's is in this tree only, as lines of text."""
        state = self.state()
        if not state:
            return []  # half made by a killed run
        work = []
        if "tip" in state and self.tip() != state["tip"]:
            work.append(f"{rel(self.path)}: commits not exported (scripts/series export)")
        edits = self.edits()
        if edits:
            names = " ".join(edits[:8]) + (" ..." if len(edits) > 8 else "")
            work.append(f"{rel(self.path)}: edits not folded (scripts/series fold): {names}")
        return work

    def refuse_to_lose_work(self, purpose):
        work = self.unsaved_work()
        if work:
            raise Problem(f"will not {purpose}:\n" + "\n".join(work)
                          + "\nscripts/series import --force drops them")


def conflicts(tree):
    """What in the series does not fit a version, patch by patch; the number of conflicts.

    What does not fit is left out, so that later patches are tried as well.
    """
    total = 0
    tree.ensure_pristine()
    with tree.worktree("pristine") as place:
        for patch in patch_files():
            if apply_patches(place, [patch]) is None:
                continue
            if apply_patches(place, [patch], "-C1") is None:
                print(f"fits with less context: {patch.name}")
                continue
            result = run_git(place, "apply", "--index", "--reject", "-C1", patch)
            rejected = re.findall(r"error: patch failed: (\S+)", result.stderr.decode())
            total += len(rejected)
            print(f"conflicts: {patch.name}")
            for where in rejected or [result.stderr.decode().strip()]:
                print(f"    {where}")
            git(place, "add", "-A", "-f", "--", ".", ":!*.rej")
            git(place, "commit", "-q", "--allow-empty", "-m", patch.name)
    print(f"{total} conflicts in {len(patch_files())} patches on QEMU {tree.version}")
    return total


def imported_trees():
    pinned = pinned_versions()
    return [Tree(v) for v in pinned if (SOURCES / f"qemu-{v}/.git/series.json").exists()]


def add_placeholders(place):
    """Debian's source lacks firmware that Meson wants to see.

    Only `ninja all` would unpack it, which is not what is built here.
    """
    listed = (read(place / "pc-bios/meson.build") or b"").decode()
    for name in re.findall(r"'(edk2-[^']+\.fd)'", listed):
        (place / "pc-bios" / f"{name}.bz2").touch()
    for source in (place / "pc-bios/dtb").glob("*.dts"):
        source.with_suffix(".dtb").touch()


def apply_patches(place, patches, *options, abort=True):
    """git am; gives None, or what went wrong."""
    result = run_git(
        place, "am", "-q", "--keep-non-patch", "--no-scissors", "--committer-date-is-author-date",
        "--whitespace=nowarn", *options, *patches,
    )
    if not result.returncode:
        return None
    if abort:
        run_git(place, "am", "--abort")
    text = (result.stdout + result.stderr).decode(errors="replace")
    useful = [line for line in text.splitlines() if line and not line.startswith("hint:")]
    return "the series does not apply:\n  " + "\n  ".join(useful)


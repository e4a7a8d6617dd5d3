# SPDX-License-Identifier: BSD-3-Clause
"""export: write patches/ and the overlay from commits."""

import re
import tempfile
from pathlib import Path

from .common import PATCHES, ROOT, Problem, blob, git, git_list, read, rel, say, write
from .overlay import overlay_files, overlay_place
from .tree import patches_hash

# Nothing may depend on the machine, the git version's taste or the user's
# configuration: the same commits give the same bytes anywhere.
FORMAT = (
    "-q", "--zero-commit", "--no-signature", "--numbered", "--full-index", "--no-renames",
    "--subject-prefix=PATCH", "--start-number=1", "--suffix=.patch", "--filename-max-length=64",
    "--no-attach", "--no-thread", "--no-cover-letter", "--no-base", "--no-notes", "--no-color",
    "--no-ext-diff", "--no-textconv", "--no-relative", "--encode-email-headers",
    "--src-prefix=a/", "--dst-prefix=b/", "--diff-algorithm=myers", "--indent-heuristic",
    "--unified=3", "--inter-hunk-context=0", "--stat=72", "--stat-graph-width=20", "--summary",
)


def format_patches(place, base, tip="HEAD"):
    """{file name: contents} of the series base..tip."""
    if git_list(place, "rev-list", "--merges", f"{base}..{tip}"):
        raise Problem("the series has a merge commit; a patch series is a line")
    with tempfile.TemporaryDirectory() as folder:
        git(place, "format-patch", *FORMAT, "-o", folder, f"{base}..{tip}")
        result = {p.name: p.read_bytes() for p in sorted(Path(folder).iterdir())}
    if not result:
        raise Problem(f"no commits in {base}..{tip}: nothing to export")
    return result


COVER = PATCHES / "cover-letter.txt"
# What follows the text that people write: "Author (N):", and the patches.
SHORTLOG = re.compile(r"^\S.* \(\d+\):$", re.M)


def cover_letter(place, base, tip="HEAD"):
    """The cover letter as a mail: our text, with the list of patches and the diffstat.

    None if nobody has written a text.
    """
    text = (read(COVER) or b"").decode()
    if not text:
        return None
    head, _, body = text.partition("\n\n")
    shortlog = SHORTLOG.search(body)
    body = body[:shortlog.start()] if shortlog else body
    count = git(place, "rev-list", "--count", f"{base}..{tip}")
    head = re.sub(r"\[PATCH [^]]*\]", f"[PATCH {'0' * len(count)}/{count}]", head)
    patches = git(place, "log", "--reverse", "--format=  %s", f"{base}..{tip}").strip()
    author = git(place, "log", "-1", "--format=%an", tip)
    stat = git(place, "diff", "--stat=72", "--stat-graph-width=20", "--no-renames", "--summary",
               base, tip)
    return (f"{head}\n\n{body.rstrip()}\n\n{author} ({count}):\n  {patches}\n\n {stat}\n").encode()


def series_files(place, base, tip="HEAD"):
    """{path: (contents, mode)} of the files that the series adds."""
    result = {}
    out = git_list(place, "diff", "-z", "--raw", "--no-abbrev", "--no-renames",
                   "--diff-filter=A", base, tip)
    for info, path in zip(out[::2], out[1::2]):
        mode = 0o755 if info.split()[1] == "100755" else 0o644
        result[path] = (blob(place, tip, path), mode)
    return result


def export(tree):
    tree.require()
    if tree.am_in_progress():
        raise Problem(f"{rel(tree.path)} is in the middle of `git am`; finish that first")
    tree.sync()
    if tree.dirty_files():
        raise Problem(
            "edits that are in no commit yet (scripts/series fold first):\n  "
            + "\n  ".join(tree.dirty_files())
        )
    write_series(tree.path, "pristine", "HEAD", force=True)
    tree.save(patches=patches_hash(), tip=tree.tip(), synced={})


def export_from(gittree, commits, force):
    """Take the series from any git tree, the overlay with it."""
    base, dots, tip = commits.partition("..")
    if not dots or not base:
        raise Problem(f"BASE..TIP is needed, got {commits!r}")
    write_series(gittree, base, tip or "HEAD", force)


def write_series(place, base, tip, force):
    patches = format_patches(place, base, tip)
    files = series_files(place, base, tip)
    replaced = [
        path for path, here in overlay_files().items()
        if path not in files or read(here) != files[path][0]
    ]
    if replaced and not force:
        raise Problem(
            "these files of the overlay would be replaced or deleted (--force does it):\n  "
            + "\n  ".join(replaced)
        )
    replace_patches(patches)
    cover = cover_letter(place, base, tip)
    if cover:
        write(COVER, cover)
    replace_overlay(files)
    say(f"exported {len(patches)} patches and {len(files)} files")


def replace_patches(patches):
    for name, data in patches.items():
        if read(PATCHES / name) != data:
            write(PATCHES / name, data)
    for old in PATCHES.glob("*.patch"):
        if old.name not in patches:
            old.unlink()


def replace_overlay(files):
    for path, (data, mode) in files.items():
        if read(overlay_place(path)) != data:
            write(overlay_place(path), data, mode)
    for path, here in overlay_files().items():
        if path not in files:
            here.unlink()
            remove_empty(here.parent)


def remove_empty(folder):
    while folder not in (ROOT / "qemu", ROOT / "tests", ROOT) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent

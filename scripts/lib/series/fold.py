# SPDX-License-Identifier: BSD-3-Clause
"""fold: put edits into the commits that they belong to."""

import shutil
import subprocess
from email.utils import formatdate

from .common import ROOT, Problem, git, git_list, read, rel, run_git, say, write
from .overlay import overlay_files


def fold(tree, into=None, new_message=None, only=()):
    """Fold every edit, or those of the files in `only`.

    All work is done in a worktree beside the tree; the tree moves to the
    result at the end and keeps its files, so a conflict loses nothing.
    """
    tree.require()
    if tree.am_in_progress():
        raise Problem(f"{rel(tree.path)} is in the middle of `git am`; finish that first")
    tree.sync()
    edits = select(tree, only)
    if not edits:
        say("nothing to fold: the tree has no edits")
        return
    groups = assign(tree, edits, into, new_message)
    with tree.worktree("HEAD") as place:
        for path in edits:
            bring(tree.path / path, place / path)
        for target, paths in groups.items():
            commit(place, target, paths, new_message)
        squash(place)
        tip = git(place, "rev-parse", "HEAD")
    tree.git("reset", "-q", "--mixed", tip)
    for target, paths in groups.items():
        title = tree.git("log", "-1", "--format=%s", target) if target else f"new: {new_message}"
        say(f"folded into “{title.splitlines()[0]}”: {' '.join(paths)}")
    say("now run scripts/series export")


def select(tree, only):
    dirty = tree.dirty_files()
    known = {*overlay_files(), *git_list(tree.path, "ls-files", "-z"), *tree.added_files()}
    strangers = [p for p in dirty if p not in known]
    if strangers:
        raise Problem(
            f"new files in {rel(tree.path)} that are not in the overlay:\n  "
            + "\n  ".join(strangers)
            + "\nMove them into qemu/ or tests/qtest/, or delete them"
        )
    # The overlay's new files count even where QEMU's .gitignore hides them.
    hidden = [p for p in overlay_files() if p not in dirty
              and run_git(tree.path, "ls-files", "--error-unmatch", p).returncode]
    dirty = sorted({*dirty, *hidden})
    if not only:
        return dirty
    wanted = {name[len("qemu/"):] if name.startswith("qemu/") else name for name in only}
    unknown = wanted - set(dirty)
    if unknown:
        raise Problem(f"no edit in: {' '.join(sorted(unknown))}")
    return [p for p in dirty if p in wanted]


def assign(tree, edits, into, new_message):
    """{commit, or None for a new one: [paths]}"""
    groups = {}
    homeless = []
    chosen = find_commit(tree, into) if into else None
    for path in edits:
        last = tree.git("log", "-1", "--format=%H", "pristine..HEAD", "--", path)
        target = chosen or last
        if not target and not new_message:
            homeless.append(path)
        groups.setdefault(target or None, []).append(path)
    if homeless:
        raise Problem(
            "no commit of the series has touched:\n  " + "\n  ".join(homeless)
            + "\nSay where they go: --into PART-OF-A-SUBJECT, or --new MESSAGE for a new commit.\n"
            "The series:\n  " + "\n  ".join(subjects(tree))
        )
    return groups


def subjects(tree):
    return tree.git("log", "--reverse", "--format=%s", "pristine..HEAD").splitlines()


def find_commit(tree, part):
    lines = tree.git("log", "--format=%H %s", "pristine..HEAD").splitlines()
    found = [line for line in lines if part in line.split(" ", 1)[1]]
    if len(found) != 1:
        raise Problem(
            f"{len(found)} commits have {part!r} in their subject; it must be one of:\n  "
            + "\n  ".join(subjects(tree))
        )
    return found[0].split(" ", 1)[0]


def bring(source, target):
    data = read(source)
    if data is None:
        target.unlink(missing_ok=True)
    else:
        write(target, data)
        shutil.copymode(source, target)


def commit(place, target, paths, new_message):
    git(place, "add", "-Af", "--", *paths)
    if target:
        git(place, "commit", "-q", "--no-verify", f"--fixup={target}")
    else:
        env = author()
        git(place, "commit", "-q", "--no-verify", "-s", "-m", new_message, env=env)


def author():
    """The engineer's own name: a new commit is theirs."""
    env = {}
    for key in ("name", "email"):
        out = subprocess.run(
            ["git", "-C", str(ROOT), "config", f"user.{key}"], capture_output=True, text=True
        ).stdout.strip()
        if not out:
            raise Problem(f"a new commit needs an author: git config user.{key} ...")
        env[f"GIT_AUTHOR_{key.upper()}"] = out
        # The sign-off is taken from the committer.
        env[f"GIT_COMMITTER_{key.upper()}"] = out
    env["GIT_AUTHOR_DATE"] = env["GIT_COMMITTER_DATE"] = formatdate(localtime=True)
    return env


def squash(place):
    """Autosquash; the result must be what the edits said, commit by commit."""
    before = git(place, "rev-parse", "HEAD^{tree}")
    result = run_git(
        place, "rebase", "-q", "-i", "--autosquash", "--no-gpg-sign", "--keep-empty",
        "--committer-date-is-author-date", "pristine",
    )
    if result.returncode:
        files = git_list(place, "diff", "-z", "--name-only", "--diff-filter=U")
        subject = run_git(place, "log", "-1", "--format=%s", "REBASE_HEAD").stdout.decode().strip()
        run_git(place, "rebase", "--abort")
        raise Problem(
            f"folding conflicts in “{subject}”: {' '.join(files) or result.stderr.decode().strip()}\n"
            "An edit depends on a later commit than the one it was to go to. Nothing was changed\n"
            "and your edits are where they were. Fold less at once (scripts/series fold FILE...),\n"
            "choose another commit (--into), or do this step with git rebase -i in the tree"
        )
    if git(place, "rev-parse", "HEAD^{tree}") != before:
        raise Problem("folding changed the final contents; nothing was changed in the tree")



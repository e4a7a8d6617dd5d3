# SPDX-License-Identifier: BSD-3-Clause
"""check: prove that patches/ and the overlay agree, and that QEMU would take it."""

import os
import re
import shutil
import subprocess
import sys

from .common import BUILD, PATCHES, SOURCES, Problem, git, git_bytes, read, rel, run_git, say
from .export import COVER, cover_letter, format_patches, series_files
from .overlay import overlay_files, overlay_place
from .tree import patch_files, pinned_versions

# Lines that a reviewer is asked to read at once.
PATCH_LIMIT = 900


class Report:
    """One TAP line for each thing proved."""

    def __init__(self):
        self.number = 0
        self.failed = 0

    def result(self, good, name, details=()):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}", flush=True)
        for line in details:
            print(f"# {line}", flush=True)


def check(tree, build=False):
    tree.ensure_pristine()
    report = Report()
    if not patch_files():
        raise Problem("patches/ is empty: nothing to check (scripts/series export first)")
    with tree.worktree("pristine") as place:
        problem = tree.apply_in(place)
        report.result(not problem, f"the series applies to pristine QEMU {tree.version}",
                      (problem or "").splitlines())
        if problem:
            return finish(report)
        check_overlay(report, place)
        if tree.version == pinned_versions()[0]:    # which it was exported from
            check_export(report, place)
        check_sizes(report, place)
        check_style(report, place)
        tip = git(place, "rev-parse", "HEAD")
    if build:
        check_builds(report, tree, tip)
    return finish(report)


def finish(report):
    print(f"1..{report.number}", flush=True)
    word = "holds" if not report.failed else "DOES NOT HOLD"
    passed = report.number - report.failed
    say(f"series check {word}: {passed} of {report.number} good")
    return 1 if report.failed else 0


def check_overlay(report, place):
    files = series_files(place, "pristine")
    overlay = overlay_files()
    wrong = [f"only in the series: {rel(overlay_place(p))}" for p in files if p not in overlay]
    wrong += [f"only in the overlay: {rel(overlay[p])}" for p in overlay if p not in files]
    wrong += [f"differs: {rel(overlay[p])}" for p in files
              if p in overlay and read(overlay[p]) != files[p][0]]
    if wrong:
        wrong.append("scripts/series fold puts the overlay's edits into the series; then export")
    report.result(not wrong, f"the overlay is what the series adds ({len(files)} files)", wrong)


def check_export(report, place):
    new = format_patches(place, "pristine")
    old = {p.name: p.read_bytes() for p in PATCHES.glob("*.patch")}
    wrong = [f"differs: patches/{n}" for n in sorted({*new, *old}) if new.get(n) != old.get(n)]
    if read(COVER) != cover_letter(place, "pristine"):
        wrong.append(f"differs: {rel(COVER)}")
    report.result(not wrong, f"re-export is byte-identical ({len(old)} patches)", wrong)


def hook_lines(place):
    """{upstream file: lines added or changed}; a changed line counts once."""
    counts = {}
    diff = git_bytes(place, "diff", "--no-renames", "--diff-filter=MDT", "-U0", "pristine", "HEAD")
    name = None
    for line in diff.decode(errors="replace").splitlines():
        if line.startswith("diff --git "):
            name = line.split(" b/", 1)[1]
            counts[name] = 0
        hunk = re.match(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line)
        if hunk:
            removed, added = (1 if n is None else int(n) for n in hunk.groups())
            counts[name] += max(removed, added)
    return counts


def check_sizes(report, place):
    """Small patches; which upstream files change, and how much, is reported only."""
    large = []
    for commit in git(place, "rev-list", "--reverse", "pristine..HEAD").split():
        stat = git(place, "show", "--numstat", "--no-renames", "--format=%s", commit).splitlines()
        lines = sum(int(n) for line in stat[2:] for n in line.split("\t")[:2])
        if lines > PATCH_LIMIT:
            large.append(f"{lines} lines: {stat[0]}")
    counts = hook_lines(place)
    report.result(
        not large, f"no patch changes more than {PATCH_LIMIT} lines",
        large + [f"{sum(counts.values())} lines changed in {len(counts)} upstream files:"]
        + [f"{n:4} {name}" for name, n in sorted(counts.items())],
    )


def check_style(report, place):
    """QEMU's own checkpatch.pl on every commit."""
    for commit in git(place, "rev-list", "--reverse", "pristine..HEAD").split():
        subject = git(place, "log", "-1", "--format=%s", commit)
        patch = git_bytes(place, "format-patch", "-1", "--stdout", "--no-renames", commit)
        result = subprocess.run(
            ["perl", "scripts/checkpatch.pl", "-q", "--patch", "-"],
            cwd=place, input=patch, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        text = (result.stdout + result.stderr).decode(errors="replace")
        errors, warnings = len(re.findall(r"^ERROR:", text, re.M)), len(
            re.findall(r"^WARNING:", text, re.M))
        good = not errors and (result.returncode == 0 or warnings > 0)
        report.result(
            good, f"checkpatch: {errors} errors, {warnings} warnings: {subject}",
            [] if good and not warnings else text.splitlines()[:60],
        )


def check_builds(report, tree, tip):
    """Build after each commit, in one build folder, so each is incremental."""
    place, folder = SOURCES / f"check-{tree.version}", BUILD / f"check-{tree.version}"
    if not (place / ".git").exists():
        shutil.rmtree(place, ignore_errors=True)
    run_git(tree.path, "worktree", "prune")
    if not place.exists():
        tree.git("worktree", "add", "-q", "--detach", place, "pristine")
    for commit in git(tree.path, "rev-list", "--reverse", f"pristine..{tip}").split():
        git(place, "checkout", "-q", "-f", "--detach", commit)
        subject = git(place, "log", "-1", "--format=%s")
        say(f"building after: {subject}")
        result = subprocess.run(
            [BUILD.parent / "scripts/build-qemu", place, folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        lines = result.stdout.decode(errors="replace").splitlines()
        report.result(not result.returncode, f"builds: {subject}",
                      lines[-30:] if result.returncode else ())
        if result.returncode:
            break
    sys.stdout.flush()

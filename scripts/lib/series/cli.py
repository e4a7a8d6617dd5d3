# SPDX-License-Identifier: BSD-3-Clause
"""The command line of scripts/series."""

import argparse
import os

from .check import check
from .common import Problem, lock, rel, say
from .export import export, export_from
from .fold import fold
from .tree import Tree, conflicts, imported_trees

DESCRIPTION = """\
Our QEMU code lives in qemu/ and tests/qtest/ as ordinary files; patches/ is the
same code as a series that `git am` applies to a released QEMU. This program
goes back and forth between the two. docs/series.md walks through it.
"""

EPILOG = """\
exit status: 0 done, 1 a problem that the message explains, 2 wrong usage
"""


def parser():
    top = argparse.ArgumentParser(
        prog="scripts/series", description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, text, version=True):
        sub = commands.add_parser(name, help=text, description=text)
        if version:
            sub.add_argument("version", nargs="?", metavar="VERSION",
                             help="a pinned QEMU; default: the first in qemu/SOURCES")
        return sub

    sub = command("import", "make build/src/qemu-VERSION: released source, series, overlay")
    sub.add_argument("--force", action="store_true", help="drop edits and commits in the tree")
    sub.add_argument("--resolve", action="store_true",
                     help="stop in the tree at the first conflict, for git am --continue")
    sub.add_argument("--source", metavar="DIR", default=os.environ.get("QEMU_SRC"),
                     help="a QEMU source tree of yours instead (also $QEMU_SRC); it is copied")

    sub = command("fold", "put edits into the commits that last touched their files", False)
    sub.add_argument("--qemu", metavar="VERSION", help="the imported tree to use")
    sub.add_argument("--into", metavar="TEXT", help="into the one commit with TEXT in its subject")
    sub.add_argument("--new", metavar="MESSAGE",
                     help="files that no commit has touched go into a new commit")
    sub.add_argument("files", nargs="*", metavar="FILE", help="only these (as here or as in QEMU)")

    sub = command("export", "write patches/ and the overlay from the commits of the tree")
    sub.add_argument("--from", dest="gittree", nargs=2, metavar=("GITTREE", "BASE..TIP"),
                     help="from another git tree")
    sub.add_argument("--force", action="store_true",
                     help="with --from: replace overlay files that differ")

    command("status", "what in the imported trees is not in patches/ yet; exits 1 if anything is",
            False)

    sub = command("conflicts", "what in the series does not fit a version, patch by patch;"
                  " exits 1 if anything conflicts")
    sub.add_argument("--source", metavar="DIR", default=os.environ.get("QEMU_SRC"),
                     help="a QEMU source tree of yours instead (also $QEMU_SRC); it is copied")

    sub = command("check", "prove that patches/ and the overlay agree; prints TAP")
    sub.add_argument("--build", action="store_true", help="also build after each patch")
    return top


def status():
    work = [text for tree in imported_trees() for text in tree.unsaved_work()]
    for text in work:
        print(text)
    return 1 if work else 0


def run(args):
    if args.command == "import":
        tree = Tree(args.version, None if args.version else args.source)
        tree.import_series(args.force, args.resolve)
        print(rel(tree.path))
    elif args.command == "fold":
        fold(Tree(args.qemu), args.into, args.new, args.files)
    elif args.command == "export" and args.gittree:
        export_from(*args.gittree, args.force)
    elif args.command == "export":
        export(Tree(args.version))
    elif args.command == "status":
        return status()
    elif args.command == "conflicts":
        return 1 if conflicts(Tree(args.version, None if args.version else args.source)) else 0
    else:
        return check(Tree(args.version), args.build)
    return 0


def main():
    args = parser().parse_args()
    try:
        with lock():
            return run(args)
    except Problem as problem:
        say(f"scripts/series {args.command}: error: {problem}")
    except OSError as problem:
        say(f"scripts/series {args.command}: error: {problem}")
    except KeyboardInterrupt:
        say("interrupted; the next run recovers")
    return 1



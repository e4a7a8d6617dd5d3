# SPDX-License-Identifier: BSD-3-Clause
"""Commands that a document shows, for the test that runs them.

usage: doc_blocks.py extract DOCUMENT FOLDER
       doc_blocks.py matches EXPECTED ACTUAL

A block of commands is one of Markdown, marked "sh". A block marked "text" that
follows it, with nothing between but empty lines, is their standard output: "…"
stands for anything in a line, alone in a line for any lines; spaces count as one.

An HTML comment in the line above a block says what is not run, and why:

    <!-- not run: it needs a second machine -->
    <!-- run by root alone: it changes the user -->

"extract" writes N.sh, N.text and N.why to FOLDER, N counting from 1, and prints a
line for each block: N, its line in the document, and "run", "root" or "skip".
"""

import re
import sys

MARKS = {"not run": "skip", "run by root alone": "root"}


def fenced(lines):
    """(number of the line, language, comment above, text) of each block."""
    start, comment = None, ""
    for number, line in enumerate(lines, 1):
        if start is None:
            if line.startswith("```"):
                start, language, content = number, line[3:].strip(), []
            elif line.strip():
                comment = line.strip()
        elif line.startswith("```"):
            yield start, language, comment, "".join(content)
            start, comment = None, ""
        else:
            content.append(line)


def extract(document, folder):
    with open(document, encoding="utf-8") as file:
        lines = file.readlines()
    count = 0
    commands_end = None  # line of the fence that ended the last block of commands
    for number, language, comment, text in fenced(lines):
        if language == "sh":
            count += 1
            kind, why = "run", ""
            mark = re.fullmatch(r"<!-- ([a-z ]+): (.+) -->", comment)
            if mark and mark.group(1) in MARKS:
                kind, why = MARKS[mark.group(1)], mark.group(2)
            write(folder, count, "sh", text)
            write(folder, count, "why", why)
            print(count, number, kind)
            commands_end = number + text.count("\n") + 1
        elif language == "text" and commands_end is not None:
            if not "".join(lines[commands_end : number - 1]).strip():
                write(folder, count, "text", text)
        if language != "sh":
            commands_end = None


def write(folder, number, kind, text):
    with open(f"{folder}/{number}.{kind}", "w", encoding="utf-8") as file:
        file.write(text)


def pattern(expected):
    """A regular expression for the whole output."""
    parts = []
    for line in expected.splitlines():
        words = " ".join(line.split())
        if words == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(re.escape(words).replace("…", ".*") + r"\n")
    return "".join(parts)


def matches(expected, actual):
    with open(expected, encoding="utf-8") as file:
        wanted = pattern(file.read())
    with open(actual, encoding="utf-8", errors="replace") as file:
        found = "".join(" ".join(line.split()) + "\n" for line in file)
    return re.fullmatch(wanted, found) is not None


def main(command, *words):
    if command == "extract":
        extract(*words)
        return 0
    return 0 if matches(*words) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

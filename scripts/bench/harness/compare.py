# SPDX-License-Identifier: BSD-3-Clause
"""Two results side by side, by ratio."""
from harness.report import number

LITTLE = 1.03   # a smaller difference is not worth a word


def _pairs(before, now):
    """(name, old table, new table, row, contestant) of what both have samples of."""
    for result in now:
        old = before.get(result.name)
        tables = {table.title: table for table in old.tables} if old else {}
        for table in result.tables:
            other = tables.get(table.title)
            if other is None or other.unit != table.unit:
                continue
            for row in table.rows():
                for contestant in table.contestants():
                    if table.of(row, contestant) and other.of(row, contestant):
                        yield result.name, other, table, row, contestant


def _verdict(old, new, row, contestant):
    """A word if the ranges between the quartiles do not even meet."""
    ratio = new.median(row, contestant) / (old.median(row, contestant) or float("nan"))
    (low, high), (old_low, old_high) = (table.quartiles(row, contestant) for table in (new, old))
    if low <= old_high and old_low <= high or 1 / LITTLE < ratio < LITTLE:
        return ""
    return "better" if (ratio > 1) == (new.better == "higher") else "**worse**"


def _relative(old, new, row, contestant):
    """By how much the ratio to the reference has changed, which machines disturb less."""
    if new.reference in (None, contestant):
        return ""
    ratios = [table.ratio(row, contestant, new.reference) for table in (new, old)]
    return f"{ratios[0] / ratios[1]:.2f}" if all(ratios) else ""


def _differences(before, now):
    for part in ("machine", "versions"):
        for key, value in now[part].items():
            if key not in ("MHz", "commit") and before[part].get(key) != value:
                yield f"- {key}: was {before[part].get(key)}, is {value}"


def lines(head_before, before, head_now, now):
    """Before: {name: Result}; now: [Result]."""
    yield f"# Compared with {head_before['started']}, commit {head_before['versions']['commit']}"
    yield ""
    yield "Ratios of medians, now to before. A word stands where the ranges between the quartiles " \
          "do not meet and more than 3 % lie between the medians. The last column is the same " \
          "for the ratio to the table's reference, which depends less on the machine."
    yield ""
    differences = list(_differences(head_before, head_now))
    if differences:
        yield from (*differences, "")
    yield "| benchmark | table | row | contestant | before | now | ratio | | of the ratio |"
    yield "|---|---|---|---|---:|---:|---:|---|---:|"
    for name, old, new, row, contestant in _pairs(before, now):
        medians = old.median(row, contestant), new.median(row, contestant)
        ratio = f"{medians[1] / medians[0]:.2f}" if medians[0] else ""
        yield (f"| {name} | {new.title} | {row} | {contestant} | {number(medians[0])} | "
               f"{number(medians[1])} | {ratio} | {_verdict(old, new, row, contestant)} | "
               f"{_relative(old, new, row, contestant)} |")

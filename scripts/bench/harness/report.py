# SPDX-License-Identifier: BSD-3-Clause
"""The results as Markdown."""


def number(value):
    """Three digits that mean something, or all before the point."""
    if value is None:
        return ""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.{2 if size < 10 else 1}f}" if size >= 0.1 else f"{value:.3g}"


def _cell(table, row, contestant):
    median = table.median(row, contestant)
    if median is None:
        return ""
    first, third = table.quartiles(row, contestant)
    spread = f" ({number(first)} to {number(third)})" if first != third else ""
    ratio = ""
    if table.reference not in (None, contestant):
        value = table.ratio(row, contestant, table.reference)
        ratio = "" if value is None else f", ×{value:.2f}"
    return f"{number(median)}{spread}{ratio}"


def table_lines(table):
    contestants = table.contestants()
    text = f"**{table.title}**: {table.unit}, {table.better} is better"
    if table.reference is not None:
        text += f"; × is the median of the rounds' ratios to {table.reference}"
    yield text
    yield ""
    yield f"| {table.row} | " + " | ".join(contestants) + " |"
    yield "|---" + "|---:" * len(contestants) + "|"
    for row in table.rows():
        yield f"| {row} | " + " | ".join(_cell(table, row, name) for name in contestants) + " |"
    yield ""


def _limit(goal):
    return f"at least {goal['least']}" if goal["least"] is not None else f"at most {goal['most']}"


def goal_lines(goals):
    yield "| goal | limit | seen | |"
    yield "|---|---|---:|---|"
    for goal in goals:
        seen = "not measured" if goal["seen"] is None else f"{goal['seen']:.3g}"
        if goal["seen"] is not None and abs(goal["seen"]) >= 100:
            seen = number(goal["seen"])
        yield f"| {goal['text']} | {_limit(goal)} | {seen} | {'met' if goal['met'] else '**missed**'} |"
    yield ""


def _activity_text(activity):
    pieces = activity.get("cores of others", [])
    if not activity.get("busy"):
        return ""
    return (f"**The machine was busy**: in {activity['busy']} of {len(pieces)} rounds something "
            f"else took up to {max(pieces):.0%} of a core.")


def result_lines(result, plots):
    """Plots: {title of a table: path of its picture}."""
    yield f"## {result.name}: {result.title}"
    yield ""
    for text in (result.text, result.error and f"**Failed**: {result.error}",
                 _activity_text(result.activity)):
        if text:
            yield from (text, "")
    for table in result.tables:
        if table.samples:
            yield from table_lines(table)
            if table.title in plots:
                yield from (f"![{table.title}]({plots[table.title]})", "")
    if result.goals:
        yield from goal_lines(result.goals)
    for skipped in result.skipped:
        yield f"- Not measured: {skipped['what']}: {skipped['why']}"
    for note in result.notes:
        yield f"- {note}"
    yield ""


def document(head, results, plots):
    """Plots: {name of a benchmark: {title: path}}."""
    yield "# Benchmarks"
    yield ""
    yield f"`{head['command']}`, {head['started']}, {head['seconds']:.0f} s. Medians of all " \
          "samples, in brackets the quartiles: half of the samples are between them."
    yield ""
    yield "| | |"
    yield "|---|---|"
    for part in ("machine", "versions"):
        for key, value in head[part].items():
            yield f"| {key} | {value} |"
    yield ""
    for result in results:
        yield from result_lines(result, plots.get(result.name, {}))

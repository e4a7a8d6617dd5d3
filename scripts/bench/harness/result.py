# SPDX-License-Identifier: BSD-3-Clause
"""What a benchmark has measured: every sample, in tables of rows and contestants."""
import math
import statistics


class Table:
    """Samples of one kind. A row is a case, such as a size; its contestants alternate."""

    def __init__(self, title, unit, row, better, reference, plot, log):
        self.title = title
        self.unit = unit
        self.row = row              # what the rows are
        self.better = better        # "higher" or "lower"
        self.reference = reference  # the contestant whose ratio to itself is 1, or None
        self.plot = plot            # "bars", "lines" or None
        self.log = log              # is the scale of the plot logarithmic?
        self.samples = {}           # {contestant: {row: [number]}}

    def add(self, row, contestant, *numbers):
        self.samples.setdefault(contestant, {}).setdefault(str(row), []).extend(
            float(f"{float(number):.6g}") for number in numbers)

    def rows(self):
        return list(dict.fromkeys(row for rows in self.samples.values() for row in rows))

    def contestants(self):
        return list(self.samples)

    def of(self, row, contestant):
        """The samples; none is an empty list."""
        return self.samples.get(contestant, {}).get(str(row), [])

    def median(self, row, contestant):
        samples = self.of(row, contestant)
        return statistics.median(samples) if samples else None

    def quartiles(self, row, contestant):
        """(first, third): half of the samples are between them."""
        samples = self.of(row, contestant)
        if len(samples) < 2:
            return (samples[0], samples[0]) if samples else None
        first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
        return first, third

    def ratios(self, row, contestant, other):
        """Round by round: a machine that changes its speed meanwhile does so for both.

        One, of the medians, where not all rounds have both; none where one is missing.
        """
        mine, others = self.of(row, contestant), self.of(row, other)
        if mine and others and len(mine) != len(others):
            mine, others = [statistics.median(mine)], [statistics.median(others)]
        return [one / two for one, two in zip(mine, others) if two]

    def ratio(self, row, contestant, other):
        """The median of ratios(), or None."""
        ratios = self.ratios(row, contestant, other)
        return statistics.median(ratios) if ratios else None

    def growth(self, contestant):
        """The most per doubling, from one row to the next; rows are numbers. Linear is 2."""
        rows = [int(row) for row in self.rows() if self.of(row, contestant)]
        steps = [(self.median(more, contestant) / self.median(less, contestant))
                 ** (1 / math.log2(more / less)) for less, more in zip(rows, rows[1:])]
        return max(steps, default=None)

    def as_json(self):
        return {name: getattr(self, name) for name in
                ("title", "unit", "row", "better", "reference", "plot", "log", "samples")}

    @classmethod
    def from_json(cls, data):
        table = cls(*(data[name] for name in
                      ("title", "unit", "row", "better", "reference", "plot", "log")))
        table.samples = data["samples"]
        return table


class Result:
    """Of one benchmark."""

    def __init__(self, name, title, text):
        self.name = name
        self.title = title
        self.text = text
        self.tables = []
        self.goals = []     # {"text", "seen", "least" or "most", "met"}
        self.notes = []
        self.skipped = []   # {"what", "why"}
        self.error = None
        self.seconds = 0.0
        self.activity = {}  # see activity.py

    def table(self, title, unit=None, row="", reference=None, better="higher", plot="bars",
              log=False):
        """The table of that title, which is made when its unit is given."""
        for table in self.tables:
            if table.title == title:
                return table
        if unit is None:
            raise KeyError(f"no table '{title}'")
        self.tables.append(Table(title, unit, row, better, reference, plot, log))
        return self.tables[-1]

    def goal(self, text, seen, least=None, most=None):
        """A limit for a number; one that could not be taken (None) is not met."""
        met = seen is not None and (least is None or seen >= least) and \
            (most is None or seen <= most)
        self.goals.append({"text": text, "seen": seen, "least": least, "most": most, "met": met})

    def ratio_goal(self, text, ratios, least=None, most=None):
        """A goal for the median of Table.ratios(); a note tells how far to believe a miss."""
        seen = statistics.median(ratios) if ratios else None
        self.goal(text, seen, least, most)
        if len(ratios) > 3 and not self.goals[-1]["met"]:
            first, _, third = statistics.quantiles(ratios, n=4, method="inclusive")
            error = 0.93 * (third - first) / len(ratios) ** 0.5     # of a median
            self.note(f"{text}: half of the {len(ratios)} ratios are from {first:.3f} to "
                      f"{third:.3f}; the standard error of their median is about {error:.3f}.")

    def note(self, text):
        self.notes.append(text)

    def skip(self, what, why):
        self.skipped.append({"what": what, "why": why})

    def as_json(self):
        data = {name: getattr(self, name) for name in
                ("title", "text", "seconds", "activity", "goals", "notes", "skipped", "error")}
        return {**data, "tables": [table.as_json() for table in self.tables]}

    @classmethod
    def from_json(cls, name, data):
        result = cls(name, data["title"], data["text"])
        for key in ("seconds", "activity", "goals", "notes", "skipped", "error"):
            setattr(result, key, data[key])
        result.tables = [Table.from_json(table) for table in data["tables"]]
        return result

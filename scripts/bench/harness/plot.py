# SPDX-License-Identifier: BSD-3-Clause
"""Plots of tables, as SVG and PNG, with matplotlib."""
import os
import re

import matplotlib
matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "ivshmem"     # the same samples give the same file
matplotlib.rcParams["svg.fonttype"] = "none"        # text, rather than shapes of letters
from matplotlib import pyplot   # noqa: E402  pylint: disable=wrong-import-position

# Okabe and Ito: also for those who do not see all colours.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000", "#F0E442")
MARKERS = "osD^vPX*"


def _spread(table, row, contestant):
    median = table.median(row, contestant)
    first, third = table.quartiles(row, contestant)
    return [[median - first], [third - median]]


def _bars(axes, table):
    rows, contestants = table.rows(), table.contestants()
    width = 0.8 / len(contestants)
    for i, contestant in enumerate(contestants):
        for j, row in enumerate(rows):
            if table.of(row, contestant):
                axes.bar(j + (i + 0.5) * width - 0.4, table.median(row, contestant), width,
                         color=COLOURS[i % len(COLOURS)], yerr=_spread(table, row, contestant),
                         label=contestant, error_kw={"linewidth": 0.8, "capsize": 1.5})
    axes.set_xticks(range(len(rows)), rows)


def _lines(axes, table):
    for i, contestant in enumerate(table.contestants()):
        rows = [row for row in table.rows() if table.of(row, contestant)]
        medians = [table.median(row, contestant) for row in rows]
        quartiles = [table.quartiles(row, contestant) for row in rows]
        places = [float(row.replace(",", "")) for row in rows]
        colour = COLOURS[i % len(COLOURS)]
        axes.plot(places, medians, color=colour, marker=MARKERS[i % len(MARKERS)], markersize=4,
                  label=contestant)
        axes.fill_between(places, [low for low, _ in quartiles], [high for _, high in quartiles],
                          color=colour, alpha=0.2)
    axes.set_xscale("log")
    places = [float(row.replace(",", "")) for row in table.rows()]
    axes.set_xticks(places, table.rows())
    axes.minorticks_off()


def _draw(table):
    figure, axes = pyplot.subplots(figsize=(8, 4), layout="constrained")
    (_lines if table.plot == "lines" else _bars)(axes, table)
    if table.log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_title(table.title, fontsize=10, loc="left")
    axes.set_xlabel(table.row)
    axes.set_ylabel(f"{table.unit} ({table.better} is better)")
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    entries = dict(zip(*reversed(axes.get_legend_handles_labels())))
    axes.legend(entries.values(), entries.keys(), fontsize=8, frameon=False, loc="upper left",
                bbox_to_anchor=(1, 1))
    return figure


def draw(result, folder):
    """{title: name of its SVG file} of the tables that have a plot, in that folder."""
    names = {}
    for table in result.tables:
        if table.plot is None or not table.samples:
            continue
        words = re.sub(r"[^a-z0-9]+", "-", f"{result.name} {table.title}".lower()).strip("-")
        figure = _draw(table)
        for kind in ("svg", "png"):
            figure.savefig(os.path.join(folder, f"{words}.{kind}"), dpi=120,
                           metadata={"Date": None} if kind == "svg" else None)
        pyplot.close(figure)
        names[table.title] = f"{words}.svg"
    return names

# SPDX-License-Identifier: BSD-3-Clause
"""What all benchmarks share: to run them, keep their samples, and show them.

run.py       what a benchmark is given: rounds, cores, programs, hugepages
conversation.py  a program that takes commands
result.py    what it gives back: tables of samples, goals, notes
sharing.py   a host that shares objects
callgrind.py instructions of hot paths, counted
activity.py  was the machine busy with something else meanwhile?
machine.py   what machine, with which versions
report.py    Markdown
plot.py      SVG and PNG
compare.py   two results, by ratio
"""

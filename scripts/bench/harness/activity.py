# SPDX-License-Identifier: BSD-3-Clause
"""Was the machine busy with something else while a benchmark ran?

All processor time, less that of the benchmark and its descendants, is somebody
else's; what the hypervisor took away (steal) counts as well.
"""
import time

import psutil

BUSY = 0.05     # of one core: more than that disturbs


def _spent():
    """(all, ours): seconds of processor time since the start of the machine, of us."""
    times = psutil.cpu_times()
    # User time contains that of guests.
    everybody = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
    ours = 0.0
    me = psutil.Process()
    for process in [me] + me.children(recursive=True):
        try:
            ours += sum(process.cpu_times()[:4])    # with the children that have ended
        except psutil.NoSuchProcess:
            pass
    return everybody, ours


class Activity:
    """Of others, piece by piece; a piece is a round, or a benchmark without rounds."""

    def __init__(self):
        self.pieces = []    # cores that others used
        self._begin()

    def _begin(self):
        self._time = time.monotonic()
        self._all, self._ours = _spent()

    def piece(self):
        """Ends a piece and begins the next one."""
        everybody, ours = _spent()
        elapsed = time.monotonic() - self._time
        if elapsed > 0.2:   # the kernel counts in hundredths of a second
            others = (everybody - self._all - (ours - self._ours)) / elapsed
            self.pieces.append(max(0.0, others))
        self._begin()

    def as_json(self):
        return {"cores of others": [round(piece, 3) for piece in self.pieces],
                "busy": sum(piece > BUSY for piece in self.pieces)}


def busy_now(seconds=1.0):
    """Cores that others use at this moment."""
    activity = Activity()
    time.sleep(seconds)
    activity.piece()
    return activity.pieces[0]

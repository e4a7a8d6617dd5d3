/*
 * Device ivshmem: divide BAR 2 into at most three parts
 *
 *   BAR 2   | chunk |  hole  | chunk |  hole  | ro chunk | ro chunk |  hole  |
 *   parts   |----------- writable ------------|----- read-only -----|-- w. --|
 *
 * Holes next to writable chunks belong to their part, as scratch memory.  A
 * hole between read-only chunks is read-only as well, and one at either end
 * of the BAR becomes a part of scratch memory, if that is not a fourth one.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "files.h"

/* A part for each change between writable and read-only; 0 if too many */
static size_t group_ranges(const ChunkLayout *layout, IvshmemPart *parts)
{
    size_t n = 0;

    for (size_t i = 0; i < layout->nranges; i++) {
        const ChunkRange *range = &layout->ranges[i];

        if (!n || parts[n - 1].readonly != range->readonly) {
            if (n == IVSHMEM_MAX_PARTS) {
                return 0;
            }
            parts[n++] = (IvshmemPart) {
                .readonly = range->readonly,
                .at = range->at,
                .ranges = range,
            };
        }
        parts[n - 1].end = range->at + range->size;
        parts[n - 1].nranges++;
    }
    return n;
}

/* Extend writable parts over the holes next to them */
static void add_holes(IvshmemPart *parts, size_t n, uint64_t end)
{
    for (size_t i = 0; i < n; i++) {
        if (!parts[i].readonly) {
            parts[i].at = i ? parts[i - 1].end : 0;
            parts[i].end = i + 1 < n ? parts[i + 1].at : end;
        }
    }
}

/* Cover the holes at the ends of the BAR that are next to read-only parts */
static size_t cover_ends(IvshmemPart *parts, size_t n, uint64_t end)
{
    if (parts[n - 1].end < end && n < IVSHMEM_MAX_PARTS) {
        parts[n] = (IvshmemPart) { .at = parts[n - 1].end };
        n++;
    }
    parts[n - 1].end = end;
    if (parts[0].at && n < IVSHMEM_MAX_PARTS) {
        memmove(&parts[1], &parts[0], n * sizeof(*parts));
        parts[0] = (IvshmemPart) { .end = parts[1].at };
        n++;
    }
    parts[0].at = 0;
    return n;
}

size_t ivshmem_plan_parts(const ChunkLayout *layout, uint64_t end,
                          IvshmemPart parts[IVSHMEM_MAX_PARTS], Error **errp)
{
    size_t n = group_ranges(layout, parts);

    if (!n) {
        error_setg(errp, "writable and read-only chunks alternate in BAR 2, "
                   "and each change takes a memory slot, of which there are "
                   "%d: place the read-only chunks next to one another",
                   IVSHMEM_MAX_PARTS);
        return 0;
    }
    add_holes(parts, n, end);
    return cover_ends(parts, n, end);
}

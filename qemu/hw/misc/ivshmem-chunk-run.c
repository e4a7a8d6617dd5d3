/*
 * ivshmem chunks: divide them into few runs, and these into RAM blocks
 *
 *   BAR         |rw chunk| hole |rw chunk|fill|rw chunk| hole |ro chunk| hole |
 *   runs        |---0----|      |----------1-----------|      |---2----|
 *
 *   RAM blocks  writable:  |---0----|----------1-----------|
 *               read-only: |---2----|
 *
 * A hole between writable chunks, if there are many, is filled with private
 * memory: a guest that writes there reads it back, as nothing can be trapped
 * within a memory slot.  Between read-only chunks the filling is read-only,
 * and no guest can tell it from a hole.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ivshmem-chunk-layout.h"

static uint64_t hole_before(const IvshmemPlacedChunk *chunk)
{
    return chunk->at - (chunk[-1].at + chunk[-1].size);
}

/* Number of runs that the change between writable and read-only takes */
static size_t count_alternating(const IvshmemLayout *layout)
{
    const IvshmemPlacedChunk *chunks = layout->chunks;
    size_t n = 1;

    for (size_t i = 1; i < layout->nchunks; i++) {
        n += chunks[i].readonly != chunks[i - 1].readonly;
    }
    return n;
}

/*
 * Is the hole before @a better kept than that before @b?  First those between
 * writable chunks, because these differ when filled; then the largest.
 */
static bool better_kept(const IvshmemPlacedChunk *a,
                        const IvshmemPlacedChunk *b)
{
    return a->readonly != b->readonly ? b->readonly : a->fill > b->fill;
}

/* Leave one hole as it is, the first in the BAR among equals */
static void keep_hole(IvshmemLayout *layout)
{
    IvshmemPlacedChunk *best = NULL;

    for (size_t i = 1; i < layout->nchunks; i++) {
        IvshmemPlacedChunk *chunk = &layout->chunks[i];

        if (chunk->fill && (!best || better_kept(chunk, best))) {
            best = chunk;
        }
    }
    if (best) {
        best->fill = 0;
    }
}

/* Have holes within one kind of memory filled, but for @keep of them */
static void choose_filled_holes(IvshmemLayout *layout, size_t keep)
{
    IvshmemPlacedChunk *chunks = layout->chunks;

    for (size_t i = 1; i < layout->nchunks; i++) {
        if (chunks[i].readonly == chunks[i - 1].readonly) {
            chunks[i].fill = hole_before(&chunks[i]);
        }
    }
    while (keep--) {
        keep_hole(layout);
    }
}

static bool starts_run(const IvshmemPlacedChunk *chunk)
{
    return chunk->readonly != chunk[-1].readonly ||
           hole_before(chunk) != chunk->fill;
}

/* Append the run to its block, at an address as aligned as that in the BAR */
static void place_in_block(IvshmemLayout *layout, IvshmemRun *run)
{
    uint64_t *size = &layout->ram_size[run->readonly];

    run->ram = *size + ((run->at - *size) & (layout->align - 1));
    *size = run->ram + run->size;
}

static void make_runs(IvshmemLayout *layout)
{
    const IvshmemPlacedChunk *chunks = layout->chunks;
    size_t next;

    for (size_t i = 0; i < layout->nchunks; i = next) {
        IvshmemRun *run = &layout->runs[layout->nruns++];

        next = i + 1;
        while (next < layout->nchunks && !starts_run(&chunks[next])) {
            next++;
        }
        *run = (IvshmemRun) {
            .first = i,
            .nchunks = next - i,
            .readonly = chunks[i].readonly,
            .at = chunks[i].at,
            .size = chunks[next - 1].at + chunks[next - 1].size - chunks[i].at,
        };
        place_in_block(layout, run);
    }
}

bool ivshmem_layout_plan_runs(IvshmemLayout *layout, Error **errp)
{
    size_t n = count_alternating(layout);

    if (n > IVSHMEM_MAX_ALTERNATING_RUNS) {
        error_setg(errp, "read-only and writable chunks alternate in BAR 2, "
                   "which takes %zu memory slots, and %d is the limit: place "
                   "the read-only chunks next to one another", n,
                   IVSHMEM_MAX_ALTERNATING_RUNS);
        return false;
    }
    choose_filled_holes(layout, IVSHMEM_MAX_RUNS - MIN(n, IVSHMEM_MAX_RUNS));
    layout->runs = g_new0(IvshmemRun, MAX(n, IVSHMEM_MAX_RUNS));
    make_runs(layout);
    return true;
}

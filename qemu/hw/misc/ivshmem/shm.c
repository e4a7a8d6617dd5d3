/*
 * Device ivshmem: chunks as DPDK 1.6 to 16.07 printed them for its QEMU patch
 *
 *   size=S,shm=fd:PATH:OFFSET:LENGTH[:PATH:OFFSET:LENGTH...]
 *
 * The chunks follow one another without gaps; /dev/zero is padding, which takes
 * up space without being a chunk.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "files.h"

/* One PATH:OFFSET:LENGTH; @at is where it starts, and then where it ends */
static bool parse_piece(GStrv elem, uint64_t *at, MemoryChunk *chunk,
                        Error **errp)
{
    chunk->has_at = true;
    chunk->at = *at;
    if (!chunk_set_member(chunk, "file", elem[0], errp) ||
        !chunk_set_member(chunk, "offset", elem[1], errp) ||
        !chunk_set_member(chunk, "size", elem[2], errp)) {
        return false;
    }
    if (uadd64_overflow(chunk->at, chunk->size, at)) {
        error_setg(errp, "the lengths in 'shm' overflow 64 bits");
        return false;
    }
    return true;
}

MemoryChunkList *ivshmem_parse_shm(const char *shm, const char *size,
                                   uint64_t *bar_size, Error **errp)
{
    ERRP_GUARD();
    g_autoptr(MemoryChunkList) list = NULL;
    MemoryChunkList **tail = &list;
    g_auto(GStrv) elems = g_strsplit(shm, ":", -1);
    size_t n = g_strv_length(elems);
    uint64_t value;

    if (n < 4 || n % 3 != 1 || strcmp(elems[0], "fd")) {
        error_setg(errp, "'shm' is not of the form "
                   "fd:PATH:OFFSET:LENGTH[:PATH:OFFSET:LENGTH...]");
        return NULL;
    }
    for (size_t i = 1; i < n; i += 3) {
        g_autoptr(MemoryChunk) chunk = g_new0(MemoryChunk, 1);

        if (!parse_piece(&elems[i], bar_size, chunk, errp)) {
            chunk_error_prepend(errp, i / 3, elems[i]);
            return NULL;
        }
        if (strcmp(chunk->file, "/dev/zero")) {
            QAPI_LIST_APPEND(tail, g_steal_pointer(&chunk));
        }
    }
    if (!size || qemu_strtosz(size, NULL, &value) < 0 ||
        value != *bar_size || !is_power_of_2(value)) {
        error_setg(errp, "'shm' needs 'size', the sum of the lengths in it, "
                   "which is 0x%" PRIx64 " and must be a power of two",
                   *bar_size);
        return NULL;
    }
    if (!list) {
        error_setg(errp, "no chunk in 'shm', which is all padding");
    }
    return g_steal_pointer(&list);
}

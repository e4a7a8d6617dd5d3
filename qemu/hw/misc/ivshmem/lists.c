/*
 * Device ivshmem: chunks as lists in strings
 *
 *   file=A:B,offset=C:D,size=E:F
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "files.h"

/* A list; an element that belongs to a file serves all chunks if it is alone */
typedef struct StringList {
    const char *name;
    bool of_file;
    GStrv elems;
    size_t n;
} StringList;

static const char *get_elem(const StringList *list, size_t i)
{
    if (list->of_file && list->n == 1) {
        i = 0;
    }
    return i < list->n ? list->elems[i] : NULL;
}

static bool set_members(MemoryChunk *chunk, const StringList *lists, size_t n,
                        size_t i, size_t nchunks, Error **errp)
{
    for (size_t l = 0; l < n; l++) {
        const char *elem = get_elem(&lists[l], i);

        if (!elem && lists[l].elems) {
            error_setg(errp, "no element in '%s': it has %zu, but %zu are "
                       "needed, because lists must be of equal length",
                       lists[l].name, lists[l].n, nchunks);
            return false;
        }
        if (elem && !chunk_set_member(chunk, lists[l].name, elem, errp)) {
            return false;
        }
    }
    return true;
}

MemoryChunkList *ivshmem_parse_lists(const IvshmemFiles *f, Error **errp)
{
    ERRP_GUARD();
    StringList lists[] = {
        { "file", true, g_strsplit(f->file, ":", -1) },
        { "offset", false, f->offset ? g_strsplit(f->offset, ":", -1) : NULL },
        { "size", false, f->size ? g_strsplit(f->size, ":", -1) : NULL },
        { "dev", true, f->dev ? g_strsplit(f->dev, ":", -1) : NULL },
        { "inode", true, f->inode ? g_strsplit(f->inode, ":", -1) : NULL },
    };
    g_autoptr(MemoryChunkList) list = NULL;
    MemoryChunkList **tail = &list;
    size_t nchunks = 0;
    bool ok = true;

    for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
        lists[l].n = lists[l].elems ? g_strv_length(lists[l].elems) : 0;
        nchunks = MAX(nchunks, lists[l].n);
    }
    for (size_t i = 0; ok && i < nchunks; i++) {
        MemoryChunk *chunk = g_new0(MemoryChunk, 1);

        QAPI_LIST_APPEND(tail, chunk);
        ok = set_members(chunk, lists, ARRAY_SIZE(lists), i, nchunks, errp);
        if (!ok) {
            chunk_error_prepend(errp, i, get_elem(&lists[0], i));
        }
    }
    for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
        g_strfreev(lists[l].elems);
    }
    return ok ? g_steal_pointer(&list) : NULL;
}

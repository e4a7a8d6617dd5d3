/*
 * ivshmem chunks: lists of them in text
 *
 *   plain:       file=A:B,offset=C:D,size=E:F
 *   historical:  size=S,shm=fd:A:C:E:B:D:F
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "ivshmem-chunk-layout.h"

/* One of the three lists that make up the plain form */
typedef struct PlainList {
    const char *name;
    GStrv elems;                /* NULL if the list was not given */
    size_t n;
} PlainList;

static PlainList plain_list(const char *name, const char *value)
{
    GStrv elems = value ? g_strsplit(value, ":", -1) : NULL;

    return (PlainList) {
        .name = name,
        .elems = elems,
        .n = elems ? g_strv_length(elems) : 0,
    };
}

/* Path of chunk @i, NULL if there is none */
static const char *plain_path(const PlainList *files, size_t i)
{
    return files->elems[files->n == 1 ? 0 : MIN(i, files->n)];
}

static bool check_length(const PlainList *list, const PlainList *files,
                         size_t nchunks, Error **errp)
{
    ERRP_GUARD();

    if (!list->elems || list->n == nchunks || (list == files && list->n == 1)) {
        return true;
    }
    error_setg(errp, "no element in '%s': it has %zu, but %zu are needed, "
               "because lists must be of equal length",
               list->name, list->n, nchunks);
    ivshmem_chunk_error_prepend(errp, list->n, plain_path(files, list->n));
    return false;
}

static bool parse_size(const char *name, const char *elem, uint64_t *value,
                       Error **errp)
{
    if (!*elem) {
        error_setg(errp, "empty element in '%s'", name);
        return false;
    }
    if (qemu_strtosz(elem, NULL, value) < 0) {
        error_setg(errp, "'%s' in '%s' is not a size", elem, name);
        return false;
    }
    return true;
}

static bool parse_list_size(const PlainList *list, size_t i, bool *has,
                            uint64_t *value, Error **errp)
{
    *has = list->elems;
    return !*has || parse_size(list->name, list->elems[i], value, errp);
}

/* Returns NULL on failure */
static IvshmemChunk *parse_chunk(const PlainList *files,
                                 const PlainList *offsets,
                                 const PlainList *sizes, size_t i,
                                 Error **errp)
{
    ERRP_GUARD();
    g_autoptr(IvshmemChunk) chunk = g_new0(IvshmemChunk, 1);

    chunk->file = g_strdup(plain_path(files, i));
    if (!*chunk->file) {
        error_setg(errp, "empty element in '%s'", files->name);
    } else if (parse_list_size(offsets, i, &chunk->has_offset, &chunk->offset,
                               errp) &&
               parse_list_size(sizes, i, &chunk->has_size, &chunk->size,
                               errp)) {
        return g_steal_pointer(&chunk);
    }
    ivshmem_chunk_error_prepend(errp, i, chunk->file);
    return NULL;
}

IvshmemChunkList *ivshmem_chunk_list_parse(const char *file,
                                           const char *offset,
                                           const char *size, Error **errp)
{
    PlainList files = plain_list("file", file);
    PlainList offsets = plain_list("offset", offset);
    PlainList sizes = plain_list("size", size);
    size_t nchunks = MAX(files.n, MAX(offsets.n, sizes.n));
    g_autoptr(IvshmemChunkList) list = NULL;
    IvshmemChunkList **tail = &list;
    bool ok;

    ok = check_length(&files, &files, nchunks, errp) &&
         check_length(&offsets, &files, nchunks, errp) &&
         check_length(&sizes, &files, nchunks, errp);

    for (size_t i = 0; ok && i < nchunks; i++) {
        IvshmemChunk *chunk = parse_chunk(&files, &offsets, &sizes, i, errp);

        if (chunk) {
            QAPI_LIST_APPEND(tail, chunk);
        }
        ok = chunk;
    }

    g_strfreev(files.elems);
    g_strfreev(offsets.elems);
    g_strfreev(sizes.elems);
    return ok ? g_steal_pointer(&list) : NULL;
}

/*
 * One PATH:OFFSET:LENGTH of the historical form; @at is where it goes.
 * /dev/zero is padding: it takes its place, and no chunk comes of it.
 */
static bool parse_shm_elem(GStrv elem, uint64_t *at, IvshmemChunkList ***tail,
                           Error **errp)
{
    uint64_t offset, length, end;
    IvshmemChunk *chunk;

    if (!*elem[0]) {
        error_setg(errp, "empty path in 'shm'");
        return false;
    }
    if (!parse_size("shm", elem[1], &offset, errp) ||
        !parse_size("shm", elem[2], &length, errp)) {
        return false;
    }
    if (uadd64_overflow(*at, length, &end)) {
        error_setg(errp, "the lengths in 'shm' overflow 64 bits");
        return false;
    }
    if (strcmp(elem[0], "/dev/zero")) {
        chunk = g_new0(IvshmemChunk, 1);
        *chunk = (IvshmemChunk) {
            .file = g_strdup(elem[0]),
            .has_offset = true, .offset = offset,
            .has_size = true, .size = length,
            .has_at = true, .at = *at,
        };
        QAPI_LIST_APPEND(*tail, chunk);
    }
    *at = end;
    return true;
}

static bool check_shm_size(const char *size, uint64_t sum, Error **errp)
{
    uint64_t value;

    if (!size) {
        error_setg(errp, "'shm' needs 'size', the sum of the lengths in it");
        return false;
    }
    if (!parse_size("size", size, &value, errp)) {
        return false;
    }
    if (!is_power_of_2(value)) {
        error_setg(errp, "'size' %s is not a power of two", size);
        return false;
    }
    if (value != sum) {
        error_setg(errp, "the lengths in 'shm' amount to 0x%" PRIx64
                   ", and 'size' is 0x%" PRIx64, sum, value);
        return false;
    }
    return true;
}

IvshmemChunkList *ivshmem_chunk_list_parse_shm(const char *shm,
                                               const char *size,
                                               uint64_t *bar_size, Error **errp)
{
    ERRP_GUARD();
    g_autoptr(IvshmemChunkList) list = NULL;
    IvshmemChunkList **tail = &list;
    g_auto(GStrv) elems = g_strsplit(shm, ":", -1);
    size_t n = g_strv_length(elems);
    uint64_t at = 0;

    if (n < 4 || n % 3 != 1 || strcmp(elems[0], "fd")) {
        error_setg(errp, "'shm' is not of the form "
                   "fd:PATH:OFFSET:LENGTH[:PATH:OFFSET:LENGTH...]");
        return NULL;
    }
    for (size_t i = 1; i < n; i += 3) {
        if (!parse_shm_elem(&elems[i], &at, &tail, errp)) {
            ivshmem_chunk_error_prepend(errp, i / 3, elems[i]);
            return NULL;
        }
    }
    if (!check_shm_size(size, at, errp)) {
        return NULL;
    }
    if (!list) {
        error_setg(errp, "no chunk in 'shm', which is all padding");
    }
    *bar_size = at;
    return g_steal_pointer(&list);
}

/*
 * ivshmem chunks: lists of them in text
 *
 * The plain form, file=A:B,offset=C:D,size=E:F, and a file with the typed form
 * in JSON.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-ivshmem.h"
#include "qapi/qobject-input-visitor.h"
#include "qobject/qjson.h"
#include "qobject/qobject.h"
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

static bool parse_size(const PlainList *list, size_t i, uint64_t *value,
                       Error **errp)
{
    if (!*list->elems[i]) {
        error_setg(errp, "empty element in '%s'", list->name);
        return false;
    }
    if (qemu_strtosz(list->elems[i], NULL, value) < 0) {
        error_setg(errp, "'%s' in '%s' is not a size",
                   list->elems[i], list->name);
        return false;
    }
    return true;
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
    chunk->has_offset = offsets->elems;
    chunk->has_size = sizes->elems;

    if (!*chunk->file) {
        error_setg(errp, "empty element in '%s'", files->name);
    } else if (!chunk->has_offset ||
               parse_size(offsets, i, &chunk->offset, errp)) {
        if (!chunk->has_size || parse_size(sizes, i, &chunk->size, errp)) {
            return g_steal_pointer(&chunk);
        }
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

static QObject *load_json(const char *path, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, &gerr)) {
        error_setg(errp, "%s", gerr->message);
        return NULL;
    }
    return qobject_from_json(text, errp);
}

IvshmemChunkList *ivshmem_chunk_list_load(const char *path, Error **errp)
{
    ERRP_GUARD();
    QObject *obj = load_json(path, errp);
    IvshmemChunkList *list = NULL;

    if (obj) {
        Visitor *v = qobject_input_visitor_new(obj);

        visit_type_IvshmemChunkList(v, "chunks", &list, errp);
        visit_free(v);
        qobject_unref(obj);
    }
    if (!*errp && !list) {
        error_setg(errp, "no chunk in it");
    }
    if (*errp) {
        error_prepend(errp, "layout '%s': ", path);
    }
    return list;
}

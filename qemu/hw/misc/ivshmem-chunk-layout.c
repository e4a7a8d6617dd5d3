/*
 * ivshmem chunks: check them against their files and place them in the BAR
 *
 * docs/specs/ivshmem-chunks.rst states the rules.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qapi/error.h"
#include "ivshmem-chunk-layout.h"

void ivshmem_chunk_error_prepend(Error **errp, size_t number, const char *path)
{
    if (path) {
        error_prepend(errp, "chunk %zu ('%s'): ", number, path);
    } else {
        error_prepend(errp, "chunk %zu: ", number);
    }
}

/*
 * The file of the next chunk, opened at most once, or NULL on failure.  Most
 * often it is that of the chunk before.
 */
static const IvshmemFile *open_file(IvshmemLayout *layout, const char *path,
                                    bool readonly, Error **errp)
{
    GHashTable *files = layout->files[readonly];
    const IvshmemPlacedChunk *last = &layout->chunks[layout->nchunks - 1];
    IvshmemFile *file;

    if (layout->nchunks && last->readonly == readonly &&
        !strcmp(last->path, path)) {
        return last->file;
    }
    file = g_hash_table_lookup(files, path);
    if (!file) {
        file = ivshmem_file_open(path, readonly, errp);
        if (file) {
            g_hash_table_insert(files, (char *)path, file);
        }
    }
    return file;
}

static bool check_multiple(const char *name, uint64_t value, uint64_t page_size,
                           Error **errp)
{
    if (value % page_size) {
        error_setg(errp, "'%s' 0x%" PRIx64 " is not a multiple of "
                   "the file's page size 0x%" PRIx64, name, value, page_size);
        return false;
    }
    return true;
}

/* Set the chunk's range in its file */
static bool set_range(IvshmemPlacedChunk *chunk, const IvshmemChunk *given,
                      Error **errp)
{
    const IvshmemFile *file = chunk->file;

    chunk->offset = given->has_offset ? given->offset : 0;
    if (!check_multiple("offset", chunk->offset, file->page_size, errp)) {
        return false;
    }
    if (chunk->offset >= file->size) {
        error_setg(errp, "'offset' 0x%" PRIx64 " reaches past the end "
                   "of the file, whose size is 0x%" PRIx64,
                   chunk->offset, file->size);
        return false;
    }
    chunk->size = given->has_size ? given->size : file->size - chunk->offset;
    if (!check_multiple("size", chunk->size, file->page_size, errp)) {
        return false;
    }
    if (chunk->size == 0) {
        error_setg(errp, "'size' is 0");
        return false;
    }
    if (chunk->size > file->size - chunk->offset) {
        error_setg(errp, "'offset' 0x%" PRIx64 " and 'size' 0x%" PRIx64
                   " reach past the end of the file, whose size is 0x%" PRIx64,
                   chunk->offset, chunk->size, file->size);
        return false;
    }
    return true;
}

/* Set the chunk's place in the BAR; @end is that of the preceding chunk */
static bool set_place(IvshmemPlacedChunk *chunk, const IvshmemChunk *given,
                      uint64_t end, Error **errp)
{
    uint64_t page_size = chunk->file->page_size;
    uint64_t chunk_end;

    if (given->has_at) {
        chunk->at = given->at;
        if (!check_multiple("at", chunk->at, page_size, errp)) {
            return false;
        }
    } else {
        /* wraps around to 0 if there is no such multiple */
        chunk->at = ROUND_UP(end, page_size);
    }
    if ((chunk->at < end && !given->has_at) ||
        uadd64_overflow(chunk->at, chunk->size, &chunk_end)) {
        error_setg(errp, "size 0x%" PRIx64 " at 0x%" PRIx64 " of BAR 2 "
                   "overflows 64 bits", chunk->size,
                   given->has_at ? chunk->at : end);
        return false;
    }
    return true;
}

static bool place_chunk(IvshmemLayout *layout, const IvshmemChunk *given,
                        bool readonly, Error **errp)
{
    ERRP_GUARD();
    size_t number = layout->nchunks;
    IvshmemPlacedChunk *chunk = &layout->chunks[number];
    uint64_t end = number ? chunk[-1].at + chunk[-1].size : 0;

    chunk->number = number;
    chunk->path = given->file;
    chunk->readonly = readonly || given->readonly;
    chunk->file = open_file(layout, given->file, chunk->readonly, errp);
    if (!chunk->file || !set_range(chunk, given, errp) ||
        !set_place(chunk, given, end, errp)) {
        ivshmem_chunk_error_prepend(errp, number, given->file);
        return false;
    }
    layout->align = MAX(layout->align, chunk->file->page_size);
    layout->nchunks++;
    return true;
}

static int compare_at(const void *a, const void *b)
{
    const IvshmemPlacedChunk *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

/* Most often they are in order already */
static void sort_chunks(IvshmemLayout *layout)
{
    IvshmemPlacedChunk *chunks = layout->chunks;

    for (size_t i = 1; i < layout->nchunks; i++) {
        if (chunks[i].at < chunks[i - 1].at) {
            qsort(chunks, layout->nchunks, sizeof(*chunks), compare_at);
            return;
        }
    }
}

static bool check_overlap(const IvshmemLayout *layout, Error **errp)
{
    ERRP_GUARD();

    for (size_t i = 1; i < layout->nchunks; i++) {
        const IvshmemPlacedChunk *a = &layout->chunks[i - 1], *b = a + 1;

        if (b->at - a->at >= a->size) {
            continue;
        }
        if (b->number < a->number) {
            const IvshmemPlacedChunk *tmp = a;

            a = b;
            b = tmp;
        }
        error_setg(errp, "size 0x%" PRIx64 " at 0x%" PRIx64 " of BAR 2 "
                   "overlaps chunk %zu ('%s') of size 0x%" PRIx64
                   " at 0x%" PRIx64, b->size, b->at,
                   a->number, a->path, a->size, a->at);
        ivshmem_chunk_error_prepend(errp, b->number, b->path);
        return false;
    }
    return true;
}

/*
 * Half of the address space is the most that a naturally aligned BAR can
 * have, because the other half holds the guest's RAM.
 */
static bool check_placeable(uint64_t bar_size, unsigned addr_bits, Error **errp)
{
    uint64_t limit = 1ULL << (addr_bits - 1);
    g_autofree char *size = size_to_str(bar_size);
    g_autofree char *max = size_to_str(limit);

    if (bar_size <= limit) {
        return true;
    }
    error_setg(errp, "this machine cannot place a BAR of %s: its CPUs have %u "
               "physical address bits, which allow %s; ask for a smaller one, "
               "or give the CPUs more bits, for example with "
               "-cpu max,phys-bits=N or -cpu host,host-phys-bits=on",
               size, addr_bits, max);
    return false;
}

static bool set_min_bar_size(IvshmemLayout *layout, unsigned addr_bits,
                             Error **errp)
{
    ERRP_GUARD();
    const IvshmemPlacedChunk *last = &layout->chunks[layout->nchunks - 1];
    uint64_t end = last->at + last->size;

    layout->bar_size = pow2ceil(end);
    if (layout->bar_size &&
        check_placeable(layout->bar_size, addr_bits, errp)) {
        return true;
    }
    if (!layout->bar_size) {
        error_setg(errp, "no PCI BAR is that large: lower its 'at' or share "
                   "less");
    }
    error_prepend(errp, "ends at 0x%" PRIx64 " of BAR 2: ", end);
    ivshmem_chunk_error_prepend(errp, last->number, last->path);
    return false;
}

/* Enlarge the BAR to the size that the user asked for */
static bool set_bar_size(IvshmemLayout *layout, uint64_t size,
                         unsigned addr_bits, Error **errp)
{
    ERRP_GUARD();
    bool ok = false;

    if (!is_power_of_2(size)) {
        error_setg(errp, "it is not a power of two");
    } else if (size < layout->bar_size) {
        error_setg(errp, "the chunks need 0x%" PRIx64, layout->bar_size);
    } else {
        ok = check_placeable(size, addr_bits, errp);
    }
    if (!ok) {
        error_prepend(errp, "'bar-size' 0x%" PRIx64 ": ", size);
        return false;
    }
    layout->bar_size = size;
    return true;
}

static GHashTable *new_files(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                 (GDestroyNotify)ivshmem_file_free);
}

IvshmemLayout *ivshmem_layout_new(const IvshmemChunkList *list,
                                  const IvshmemLayoutConfig *config,
                                  Error **errp)
{
    g_autoptr(IvshmemLayout) layout = g_new0(IvshmemLayout, 1);
    size_t n = 0;

    for (const IvshmemChunkList *l = list; l; l = l->next) {
        n++;
    }
    layout->files[false] = new_files();
    layout->files[true] = new_files();
    layout->chunks = g_new0(IvshmemPlacedChunk, n);
    layout->align = QEMU_VMALLOC_ALIGN;

    for (const IvshmemChunkList *l = list; l; l = l->next) {
        if (!place_chunk(layout, l->value, config->readonly, errp)) {
            return NULL;
        }
    }
    sort_chunks(layout);
    if (!check_overlap(layout, errp) ||
        !set_min_bar_size(layout, config->addr_bits, errp) ||
        (config->bar_size && !set_bar_size(layout, config->bar_size,
                                           config->addr_bits, errp)) ||
        !ivshmem_layout_plan_runs(layout, errp)) {
        return NULL;
    }
    return g_steal_pointer(&layout);
}

void ivshmem_layout_close_files(IvshmemLayout *layout)
{
    for (int i = 0; i < ARRAY_SIZE(layout->files); i++) {
        GHashTableIter iter;
        gpointer file;

        g_hash_table_iter_init(&iter, layout->files[i]);
        while (g_hash_table_iter_next(&iter, NULL, &file)) {
            ivshmem_file_close(file);
        }
    }
}

void ivshmem_layout_free(IvshmemLayout *layout)
{
    g_hash_table_destroy(layout->files[false]);
    g_hash_table_destroy(layout->files[true]);
    g_free(layout->chunks);
    g_free(layout->runs);
    g_free(layout);
}

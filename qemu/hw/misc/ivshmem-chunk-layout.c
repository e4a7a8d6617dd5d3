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
#include "qemu/mmap-alloc.h"
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

static void close_file(void *opaque)
{
    IvshmemFile *file = opaque;

    qemu_close(file->fd);
    g_free(file);
}

static bool check_regular(const struct stat *st, Error **errp)
{
    if (S_ISREG(st->st_mode)) {
        return true;
    }
    error_setg(errp, "is %s, need a regular file",
               S_ISDIR(st->st_mode) ? "a directory" :
               S_ISFIFO(st->st_mode) ? "a FIFO" :
               S_ISSOCK(st->st_mode) ? "a socket" : "a device");
    return false;
}

/*
 * Look before opening, because opening a device may have side effects.  A
 * path that cannot be looked at, such as /dev/fdset/1, is left to the caller.
 */
static bool check_path(const char *path, Error **errp)
{
    struct stat st;

    return stat(path, &st) < 0 || check_regular(&st, errp);
}

static bool check_file(IvshmemFile *file, Error **errp)
{
    struct stat st;

    if (fstat(file->fd, &st) < 0) {
        error_setg_errno(errp, errno, "cannot get the file's size");
        return false;
    }
    if (!check_regular(&st, errp)) {
        return false;
    }
    file->size = st.st_size;
    file->page_size = qemu_fd_getpagesize(file->fd);
    if (file->size == 0) {
        error_setg(errp, "the file is empty");
        return false;
    }
    if (file->size % file->page_size) {
        error_setg(errp, "file size 0x%" PRIx64 " is not a multiple of "
                   "the file's page size 0x%" PRIx64,
                   file->size, file->page_size);
        return false;
    }
    return true;
}

/*
 * Returns the file at @path, opened at most once, or NULL on failure.
 * O_NONBLOCK has no effect on regular files, and no other file gets to block.
 */
static const IvshmemFile *open_file(GHashTable *files, const char *path,
                                    Error **errp)
{
    IvshmemFile *file = g_hash_table_lookup(files, path);
    int fd;

    if (file) {
        return file;
    }
    if (!check_path(path, errp)) {
        return NULL;
    }
    fd = qemu_open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, errp);
    if (fd < 0) {
        return NULL;
    }
    file = g_new0(IvshmemFile, 1);
    file->fd = fd;
    if (!check_file(file, errp)) {
        close_file(file);
        return NULL;
    }
    g_hash_table_insert(files, (char *)path, file);
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
                        Error **errp)
{
    ERRP_GUARD();
    size_t number = layout->nchunks;
    IvshmemPlacedChunk *chunk = &layout->chunks[number];
    uint64_t end = number ? chunk[-1].at + chunk[-1].size : 0;

    chunk->number = number;
    chunk->path = given->file;
    chunk->file = open_file(layout->files, given->file, errp);
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
static bool set_bar_size(IvshmemLayout *layout, unsigned addr_bits,
                         Error **errp)
{
    ERRP_GUARD();
    const IvshmemPlacedChunk *last = &layout->chunks[layout->nchunks - 1];
    uint64_t limit = 1ULL << (addr_bits - 1);

    layout->end = last->at + last->size;
    layout->bar_size = pow2ceil(layout->end);
    if (layout->bar_size && layout->bar_size <= limit) {
        return true;
    }
    if (!layout->bar_size) {
        error_setg(errp, "ends at 0x%" PRIx64 " of BAR 2, which no PCI BAR "
                   "can hold: lower its 'at' or share less", layout->end);
    } else {
        g_autofree char *size = size_to_str(layout->bar_size);
        g_autofree char *max = size_to_str(limit);

        error_setg(errp, "ends at 0x%" PRIx64 " of BAR 2, whose size of %s "
                   "this machine cannot place: its CPUs have %u physical "
                   "address bits, which allow %s; lower its 'at', share less, "
                   "or give the CPUs more bits, for example with "
                   "-cpu max,phys-bits=N or -cpu host,host-phys-bits=on",
                   layout->end, size, addr_bits, max);
    }
    ivshmem_chunk_error_prepend(errp, last->number, last->path);
    return false;
}

/* The hole right before a chunk */
typedef struct Hole {
    uint64_t size;
    size_t chunk;
} Hole;

/* Largest hole first; in the order of the BAR among equals */
static int compare_holes(const void *a, const void *b)
{
    const Hole *x = a, *y = b;

    if (x->size != y->size) {
        return x->size > y->size ? -1 : 1;
    }
    return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

/* Have the smallest holes filled, so that IVSHMEM_MAX_RUNS runs remain */
static void choose_filled_holes(IvshmemLayout *layout)
{
    IvshmemPlacedChunk *chunks = layout->chunks;
    g_autofree Hole *holes = g_new(Hole, layout->nchunks);
    size_t n = 0;

    for (size_t i = 1; i < layout->nchunks; i++) {
        uint64_t start = chunks[i - 1].at + chunks[i - 1].size;

        if (chunks[i].at != start) {
            holes[n++] = (Hole) { .size = chunks[i].at - start, .chunk = i };
        }
    }
    qsort(holes, n, sizeof(*holes), compare_holes);
    for (size_t i = IVSHMEM_MAX_RUNS - 1; i < n; i++) {
        chunks[holes[i].chunk].fill = holes[i].size;
    }
}

bool ivshmem_layout_continues_run(const IvshmemLayout *layout, size_t i)
{
    const IvshmemPlacedChunk *chunk = &layout->chunks[i];

    return i < layout->nchunks &&
           chunk[-1].at + chunk[-1].size == chunk->at - chunk->fill;
}

IvshmemLayout *ivshmem_layout_new(const IvshmemChunkList *list,
                                  unsigned addr_bits, Error **errp)
{
    g_autoptr(IvshmemLayout) layout = g_new0(IvshmemLayout, 1);
    size_t n = 0;

    for (const IvshmemChunkList *l = list; l; l = l->next) {
        n++;
    }
    layout->files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                          close_file);
    layout->chunks = g_new0(IvshmemPlacedChunk, n);
    layout->align = QEMU_VMALLOC_ALIGN;

    for (const IvshmemChunkList *l = list; l; l = l->next) {
        if (!place_chunk(layout, l->value, errp)) {
            return NULL;
        }
    }
    qsort(layout->chunks, n, sizeof(*layout->chunks), compare_at);
    if (!check_overlap(layout, errp) ||
        !set_bar_size(layout, addr_bits, errp)) {
        return NULL;
    }
    choose_filled_holes(layout);
    return g_steal_pointer(&layout);
}

void ivshmem_layout_free(IvshmemLayout *layout)
{
    g_hash_table_destroy(layout->files);
    g_free(layout->chunks);
    g_free(layout);
}

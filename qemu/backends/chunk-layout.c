/*
 * Memory chunks: check them against their files and place them
 *
 * docs/system/devices/memory-chunks.rst states the rules.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/sysmacros.h>
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qemu/mmap-alloc.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "system/hostmem-chunks.h"

void chunk_error_prepend(Error **errp, size_t number, const char *path)
{
    if (path) {
        error_prepend(errp, "chunk %zu ('%s'): ", number, path);
    } else {
        error_prepend(errp, "chunk %zu: ", number);
    }
}

/* ---- files ---- */

static char *dax_path(const struct stat *st, const char *name)
{
    return g_strdup_printf("/sys/dev/char/%u:%u/%s",
                           major(st->st_rdev), minor(st->st_rdev), name);
}

/* Is it a DAX device, a character device whose memory can be mapped? */
static bool is_dax(const struct stat *st)
{
    g_autofree char *link = dax_path(st, "subsystem");
    g_autofree char *target = g_file_read_link(link, NULL);

    return S_ISCHR(st->st_mode) && target && g_str_has_suffix(target, "/dax");
}

static bool read_dax(const struct stat *st, const char *name, uint64_t *value,
                     Error **errp)
{
    g_autofree char *path = dax_path(st, name);
    g_autofree char *text = NULL;

    if (g_file_get_contents(path, &text, NULL, NULL) &&
        qemu_strtou64(g_strchomp(text), NULL, 0, value) == 0) {
        return true;
    }
    error_setg(errp, "cannot read the device's %s from %s", name, path);
    return false;
}

static bool check_kind(const struct stat *st, Error **errp)
{
    if (S_ISREG(st->st_mode) || is_dax(st)) {
        return true;
    }
    error_setg(errp, "is neither a regular file nor a DAX device");
    return false;
}

/*
 * Check the kind before opening, because opening a device may have side
 * effects.  What stat(2) does not know, such as /dev/fdset/1, is checked later.
 * O_NONBLOCK has no effect on regular files, and opening no other file blocks.
 */
static int open_path(const char *path, bool readonly, Error **errp)
{
    ERRP_GUARD();
    const int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    struct stat st;
    int fd;

    if (stat(path, &st) == 0 && !check_kind(&st, errp)) {
        return -1;
    }
    /* a descriptor in an fdset for reading and writing serves for reading */
    if (readonly && g_str_has_prefix(path, "/dev/fdset/")) {
        fd = qemu_open(path, flags | O_RDWR, NULL);
        if (fd >= 0) {
            return fd;
        }
    }
    fd = qemu_open(path, flags | (readonly ? O_RDONLY : O_RDWR), errp);
    if (fd < 0 && access(path, W_OK) < 0 && access(path, R_OK) == 0) {
        error_prepend(errp, "is not writable; set 'readonly' to share it "
                      "nevertheless: ");
    }
    return fd;
}

static bool read_attributes(ChunkSource *source, Error **errp)
{
    if (fstat(source->fd, &source->st) < 0) {
        error_setg_errno(errp, errno, "cannot get the file's size");
        return false;
    }
    if (!check_kind(&source->st, errp)) {
        return false;
    }
    if (S_ISCHR(source->st.st_mode)) {
        return read_dax(&source->st, "size", &source->size, errp) &&
               read_dax(&source->st, "align", &source->page_size, errp);
    }
    source->size = source->st.st_size;
    source->page_size = qemu_fd_getpagesize(source->fd);
    return true;
}

static bool check_attributes(const ChunkSource *source, Error **errp)
{
    if (!is_power_of_2(source->page_size) ||
        source->page_size < qemu_real_host_page_size()) {
        error_setg(errp, "invalid alignment 0x%" PRIx64, source->page_size);
    } else if (!source->size) {
        error_setg(errp, "the file is empty");
    } else if (source->size % source->page_size) {
        error_setg(errp, "file size 0x%" PRIx64 " is not a multiple of "
                   "the file's page size 0x%" PRIx64,
                   source->size, source->page_size);
    } else {
        return true;
    }
    return false;
}

static void close_source(ChunkSource *source)
{
    if (source->fd >= 0) {
        qemu_close(source->fd);
        source->fd = -1;
    }
}

static void free_source(void *source)
{
    close_source(source);
    g_free(source);
}

static ChunkSource *open_source(const char *path, bool readonly, Error **errp)
{
    ChunkSource *source = g_new0(ChunkSource, 1);

    source->fd = open_path(path, readonly, errp);
    if (source->fd >= 0 && read_attributes(source, errp) &&
        check_attributes(source, errp)) {
        return source;
    }
    free_source(source);
    return NULL;
}

/* The open file of a chunk, opened once for each access mode */
static const ChunkSource *get_source(ChunkLayout *layout, const char *path,
                                     bool readonly, Error **errp)
{
    GHashTable *sources = layout->sources[readonly];
    ChunkSource *source = g_hash_table_lookup(sources, path);

    if (!source) {
        source = open_source(path, readonly, errp);
        if (source) {
            g_hash_table_insert(sources, (char *)path, source);
        }
    }
    return source;
}

/* ---- ranges ---- */

/* Is it the file that the user meant?  Paths such as /proc/PID/fd/N change. */
static bool check_identity(const ChunkSource *source, const MemoryChunk *chunk,
                           Error **errp)
{
    const struct stat *st = &source->st;

    if (chunk->has_dev != chunk->has_inode) {
        error_setg(errp, "'dev' and 'inode' identify a file together; "
                   "'%s' is missing", chunk->has_dev ? "inode" : "dev");
        return false;
    }
    if (chunk->has_dev &&
        (chunk->dev != st->st_dev || chunk->inode != st->st_ino)) {
        error_setg(errp, "is another file now: expected device %" PRIu64
                   ", inode %" PRIu64 ", found device %" PRIu64 ", inode %"
                   PRIu64 "; the process that shared it may have ended",
                   chunk->dev, chunk->inode, (uint64_t)st->st_dev,
                   (uint64_t)st->st_ino);
        return false;
    }
    return true;
}

static bool check_multiple(const char *name, uint64_t value,
                           const ChunkSource *source, Error **errp)
{
    if (value % source->page_size) {
        error_setg(errp, "'%s' 0x%" PRIx64 " is not a multiple of the file's "
                   "page size 0x%" PRIx64, name, value, source->page_size);
        return false;
    }
    return true;
}

static bool set_file_range(ChunkRange *range, const MemoryChunk *chunk,
                           Error **errp)
{
    const ChunkSource *source = range->source;

    range->offset = chunk->has_offset ? chunk->offset : 0;
    range->size = chunk->has_size ? chunk->size :
                  source->size - MIN(range->offset, source->size);
    if (!check_multiple("offset", range->offset, source, errp) ||
        !check_multiple("size", range->size, source, errp)) {
        return false;
    }
    if (range->offset >= source->size ||
        range->size > source->size - range->offset) {
        error_setg(errp, "'offset' 0x%" PRIx64 " and 'size' 0x%" PRIx64
                   " reach past the end of the file, whose size is 0x%" PRIx64,
                   range->offset, range->size, source->size);
        return false;
    }
    if (!range->size) {
        error_setg(errp, "'size' is 0");
        return false;
    }
    return true;
}

/* Without "at": the next multiple of the page size after the given @end */
static bool set_at(ChunkRange *range, const MemoryChunk *chunk, uint64_t end,
                   Error **errp)
{
    uint64_t range_end;

    range->at = chunk->has_at ? chunk->at :
                ROUND_UP(end, range->source->page_size);
    if (!check_multiple("at", range->at, range->source, errp)) {
        return false;
    }
    if ((!chunk->has_at && range->at < end) ||
        uadd64_overflow(range->at, range->size, &range_end)) {
        error_setg(errp, "size 0x%" PRIx64 " at 0x%" PRIx64
                   " overflows 64 bits", range->size, MAX(range->at, end));
        return false;
    }
    return true;
}

static bool add_range(ChunkLayout *layout, const MemoryChunk *chunk,
                      bool readonly, Error **errp)
{
    ERRP_GUARD();
    ChunkRange *range = &layout->ranges[layout->nranges];
    uint64_t end = layout->nranges ? range[-1].at + range[-1].size : 0;

    range->number = layout->nranges;
    range->path = chunk->file;
    range->readonly = readonly || chunk->readonly;
    range->source = get_source(layout, chunk->file, range->readonly, errp);
    if (!range->source ||
        !check_identity(range->source, chunk, errp) ||
        !set_file_range(range, chunk, errp) ||
        !set_at(range, chunk, end, errp)) {
        chunk_error_prepend(errp, range->number, chunk->file);
        return false;
    }
    layout->nranges++;
    return true;
}

/* ---- layouts ---- */

static int compare_at(const void *a, const void *b)
{
    const ChunkRange *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

static bool check_overlap(const ChunkLayout *layout, Error **errp)
{
    ERRP_GUARD();

    for (size_t i = 1; i < layout->nranges; i++) {
        const ChunkRange *a = &layout->ranges[i - 1], *b = a + 1;

        if (b->at - a->at < a->size) {
            const ChunkRange *early = a->number < b->number ? a : b;
            const ChunkRange *late = early == a ? b : a;

            error_setg(errp, "size 0x%" PRIx64 " at 0x%" PRIx64 " overlaps "
                       "chunk %zu ('%s') of size 0x%" PRIx64 " at 0x%" PRIx64,
                       late->size, late->at, early->number, early->path,
                       early->size, early->at);
            chunk_error_prepend(errp, late->number, late->path);
            return false;
        }
    }
    return true;
}

ChunkLayout *chunk_layout_new(const MemoryChunkList *chunks, bool readonly,
                              Error **errp)
{
    g_autoptr(ChunkLayout) layout = g_new0(ChunkLayout, 1);
    size_t n = 0;

    for (const MemoryChunkList *l = chunks; l; l = l->next) {
        n++;
    }
    for (int i = 0; i < ARRAY_SIZE(layout->sources); i++) {
        layout->sources[i] = g_hash_table_new_full(g_str_hash, g_str_equal,
                                                   NULL, free_source);
    }
    layout->ranges = g_new0(ChunkRange, n);
    for (size_t i = 0; i < n; i++, chunks = chunks->next) {
        if (!add_range(layout, chunks->value, readonly, errp)) {
            return NULL;
        }
    }
    qsort(layout->ranges, n, sizeof(*layout->ranges), compare_at);
    if (!check_overlap(layout, errp)) {
        return NULL;
    }
    layout->end = layout->ranges[n - 1].at + layout->ranges[n - 1].size;
    return g_steal_pointer(&layout);
}

MemoryChunkList *chunk_layout_get_chunks(const ChunkLayout *layout)
{
    MemoryChunkList *list = NULL, **tail = &list;

    for (size_t i = 0; i < layout->nranges; i++) {
        const ChunkRange *range = &layout->ranges[i];
        MemoryChunk *chunk = g_new0(MemoryChunk, 1);

        *chunk = (MemoryChunk) {
            .file = g_strdup(range->path),
            .has_offset = true, .offset = range->offset,
            .has_size = true, .size = range->size,
            .has_at = true, .at = range->at,
            .has_readonly = true, .readonly = range->readonly,
            .has_dev = true, .dev = range->source->st.st_dev,
            .has_inode = true, .inode = range->source->st.st_ino,
        };
        QAPI_LIST_APPEND(tail, chunk);
    }
    return list;
}

static void close_entry(gpointer path, gpointer source, gpointer opaque)
{
    close_source(source);
}

void chunk_layout_close_files(ChunkLayout *layout)
{
    g_hash_table_foreach(layout->sources[false], close_entry, NULL);
    g_hash_table_foreach(layout->sources[true], close_entry, NULL);
}

void chunk_layout_free(ChunkLayout *layout)
{
    g_hash_table_destroy(layout->sources[false]);
    g_hash_table_destroy(layout->sources[true]);
    g_free(layout->ranges);
    g_free(layout);
}

/*
 * ivshmem chunks: map them into host memory, a range for each RAM block
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qemu/madvise.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/boards.h"
#include "ivshmem-chunk-layout.h"
#include "trace.h"

static uint64_t map_size(const IvshmemLayout *layout, bool readonly)
{
    /* whole pages also for a guest whose pages are larger than the host's */
    return ROUND_UP(layout->ram_size[readonly], QEMU_VMALLOC_ALIGN);
}

/* Linux 5.14 has these, and older kernels say that they do not */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0
#endif

/*
 * Address space to leave free on both sides of a block, for the kernel to put
 * there what other threads map while the addresses of the block are free.
 */
#define MARGIN (1 * GiB)

/* A RAM block that is being mapped, from its start on */
typedef struct Block {
    uint8_t *host;
    uint64_t end;               /* of what is mapped */
} Block;

/*
 * Reserve address space, and no memory, at a multiple of @align: a huge page
 * can be mapped by one entry of the guest's second-level page tables only if
 * its addresses in the guest and on the host are aligned alike.
 */
static void *reserve(uint64_t size, uint64_t align, Error **errp)
{
    uint64_t total;
    uint8_t *start, *aligned;
    size_t head;

    if (uadd64_overflow(size, align + 2 * MARGIN, &total) ||
        total > SIZE_MAX) {
        errno = ENOMEM;
        start = MAP_FAILED;
    } else {
        start = mmap(NULL, total, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    if (start == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot reserve 0x%" PRIx64
                         " bytes of address space", size);
        return NULL;
    }
    aligned = (uint8_t *)ROUND_UP((uintptr_t)start + MARGIN, align);
    head = aligned - start;
    munmap(start, head);
    munmap(aligned + size, total - head - size);
    return aligned;
}

/*
 * Number of mappings in this process, 0 if unknown.  Reads piecemeal, because
 * this is called when there may be no memory for megabytes of text.
 */
static unsigned long count_mappings(void)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    unsigned long n = 0;
    char buf[4096];
    ssize_t len;

    if (fd < 0) {
        return 0;
    }
    while ((len = RETRY_ON_EINTR(read(fd, buf, sizeof(buf)))) > 0) {
        for (ssize_t i = 0; i < len; i++) {
            n += buf[i] == '\n';
        }
    }
    close(fd);
    return n;
}

/* Number of mappings that a process may have, 0 if unknown */
static unsigned long max_mappings(void)
{
    g_autofree char *text = NULL;
    const char *end;
    unsigned long max;

    if (!g_file_get_contents("/proc/sys/vm/max_map_count", &text, NULL, NULL) ||
        qemu_strtoul(text, &end, 10, &max) < 0) {
        return 0;
    }
    return max;
}

static void set_map_error(Error **errp, int err,
                          const IvshmemPlacedChunk *chunk)
{
    ERRP_GUARD();
    unsigned long max = max_mappings();
    const unsigned long margin = 16;

    if (err == ENOMEM && max && count_mappings() + margin >= max) {
        error_setg_errno(errp, err, "cannot map it: the process has as many "
                         "mappings as vm.max_map_count (%lu) allows; raise "
                         "it, or share fewer chunks", max);
    } else if (err == ENOMEM &&
               chunk->file->page_size > qemu_real_host_page_size()) {
        error_setg_errno(errp, err, "cannot map it: there may be too few free "
                         "huge pages of 0x%" PRIx64 " bytes",
                         chunk->file->page_size);
    } else if (err == EEXIST) {
        error_setg(errp, "cannot map it: another thread of QEMU has taken the "
                   "addresses meanwhile; try again");
    } else {
        error_setg_errno(errp, err, "cannot map it");
    }
    ivshmem_chunk_error_prepend(errp, chunk->number, chunk->path);
}

static void set_populate_error(Error **errp, int err,
                               const IvshmemPlacedChunk *chunk)
{
    ERRP_GUARD();

    if (err == EINVAL) {
        error_setg(errp, "cannot allocate its memory: 'prealloc' needs "
                   "Linux 5.14 or later on the host");
    } else {
        error_setg_errno(errp, err, "cannot allocate its memory: free %s may "
                         "have run out, or the file was truncated",
                         chunk->file->page_size > qemu_real_host_page_size() ?
                         "huge pages" : "memory, or space in the file system,");
    }
    ivshmem_chunk_error_prepend(errp, chunk->number, chunk->path);
}

/*
 * Number of chunks from @chunk on, of @n, that are neighbours both in one file
 * and in the BAR, so that one mapping of @size bytes covers them.
 */
static size_t merge_chunks(const IvshmemPlacedChunk *chunk, size_t n,
                           uint64_t *size)
{
    size_t i = 1;

    *size = chunk->size;
    while (i < n && chunk[i].file == chunk->file &&
           chunk[i].offset == chunk->offset + *size &&
           chunk[i].at == chunk->at + *size) {
        *size += chunk[i++].size;
    }
    return i;
}

static int protection(bool readonly)
{
    return readonly ? PROT_READ : PROT_READ | PROT_WRITE;
}

/* Map the next @size bytes of the block, whose addresses are free */
static bool map_next(Block *block, uint64_t size, int prot, int flags, int fd,
                     uint64_t offset)
{
    uint8_t *wanted = block->host + block->end;
    uint8_t *host = mmap(wanted, size, prot, flags | MAP_FIXED_NOREPLACE, fd,
                         offset);

    if (host == MAP_FAILED) {
        return false;
    }
    if (host != wanted) {
        /* Linux before 4.17 does not know the flag, and goes elsewhere */
        munmap(host, size);
        errno = EEXIST;
        return false;
    }
    block->end += size;
    return true;
}

/* Map private memory up to @end, where there is no chunk */
static bool map_hole(Block *block, uint64_t end, int prot)
{
    return block->end == end ||
           map_next(block, end - block->end, prot,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Allocate the pages, without changing anything that others may write */
static bool populate(void *host, uint64_t size, const IvshmemPlacedChunk *chunk,
                     Error **errp)
{
    int advice = chunk->readonly ? MADV_POPULATE_READ : MADV_POPULATE_WRITE;

    if (RETRY_ON_EINTR(madvise(host, size, advice)) < 0) {
        set_populate_error(errp, errno, chunk);
        return false;
    }
    return true;
}

static bool map_run(Block *block, const IvshmemLayout *layout,
                    const IvshmemRun *run, bool prealloc, Error **errp)
{
    const IvshmemPlacedChunk *chunks = &layout->chunks[run->first];
    int prot = protection(run->readonly);
    uint64_t size;
    size_t n;

    for (size_t i = 0; i < run->nchunks; i += n) {
        const IvshmemPlacedChunk *chunk = &chunks[i];
        uint64_t start = run->ram + (chunk->at - run->at);

        n = merge_chunks(chunk, run->nchunks - i, &size);
        if (!map_hole(block, start, i ? prot : PROT_NONE) ||
            !map_next(block, size, prot, MAP_SHARED, chunk->file->fd,
                      chunk->offset)) {
            set_map_error(errp, errno, chunk);
            return false;
        }
        if (prealloc && !populate(block->host + start, size, chunk, errp)) {
            return false;
        }
        trace_ivshmem_chunk_map(chunk->number, n, chunk->path, chunk->offset,
                                size, chunk->at, block->host + start,
                                chunk->readonly);
    }
    return true;
}

static bool map_runs(Block *block, const IvshmemLayout *layout, bool readonly,
                     bool prealloc, Error **errp)
{
    for (size_t i = 0; i < layout->nruns; i++) {
        if (layout->runs[i].readonly == readonly &&
            !map_run(block, layout, &layout->runs[i], prealloc, errp)) {
            return false;
        }
    }
    if (!map_hole(block, map_size(layout, readonly), PROT_NONE)) {
        set_map_error(errp, errno, &layout->chunks[layout->nchunks - 1]);
        return false;
    }
    return true;
}

void *ivshmem_layout_reserve(const IvshmemLayout *layout, bool readonly,
                             Error **errp)
{
    return reserve(map_size(layout, readonly), layout->align, errp);
}

/*
 * The reserved addresses are set free first: over a reservation, a mapping
 * costs the kernel a third more, because it splits off a piece each time.
 */
bool ivshmem_layout_map(const IvshmemLayout *layout, bool readonly, void *host,
                        bool prealloc, Error **errp)
{
    Block block = { .host = host };

    munmap(host, map_size(layout, readonly));
    if (!map_runs(&block, layout, readonly, prealloc, errp)) {
        munmap(host, block.end);
        return false;
    }
    if (!machine_dump_guest_core(current_machine)) {
        qemu_madvise(host, map_size(layout, readonly), QEMU_MADV_DONTDUMP);
    }
    return true;
}

void ivshmem_layout_unmap(const IvshmemLayout *layout, bool readonly,
                          void *host)
{
    trace_ivshmem_chunk_unmap(host, map_size(layout, readonly));
    munmap(host, map_size(layout, readonly));
}

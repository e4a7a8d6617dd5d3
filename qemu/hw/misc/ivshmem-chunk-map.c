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

    if (uadd64_overflow(size, align, &total) || total > SIZE_MAX) {
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
    aligned = (uint8_t *)ROUND_UP((uintptr_t)start, align);
    head = aligned - start;
    if (head) {
        munmap(start, head);
    }
    if (total - head > size) {
        munmap(aligned + size, total - head - size);
    }
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

/* Make the holes that are to be filled accessible, the chunks around as well */
static bool fill_holes(uint8_t *base, const IvshmemLayout *layout,
                       const IvshmemRun *run, Error **errp)
{
    const IvshmemPlacedChunk *chunks = &layout->chunks[run->first];
    uint64_t end = 0;

    for (size_t i = 1; i < run->nchunks; i++) {
        end = chunks[i].fill ? chunks[i].at - run->at : end;
    }
    if (end && mprotect(base, end, protection(run->readonly)) < 0) {
        set_map_error(errp, errno, chunks);
        return false;
    }
    return true;
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

static bool map_run(uint8_t *base, const IvshmemLayout *layout,
                    const IvshmemRun *run, bool prealloc, Error **errp)
{
    const IvshmemPlacedChunk *chunks = &layout->chunks[run->first];
    uint64_t size;
    size_t n;

    if (!fill_holes(base, layout, run, errp)) {
        return false;
    }
    for (size_t i = 0; i < run->nchunks; i += n) {
        const IvshmemPlacedChunk *chunk = &chunks[i];
        void *host = base + (chunk->at - run->at);

        n = merge_chunks(chunk, run->nchunks - i, &size);
        if (mmap(host, size, protection(run->readonly), MAP_SHARED | MAP_FIXED,
                 chunk->file->fd, chunk->offset) == MAP_FAILED) {
            set_map_error(errp, errno, chunk);
            return false;
        }
        if (prealloc && !populate(host, size, chunk, errp)) {
            return false;
        }
        trace_ivshmem_chunk_map(chunk->number, n, chunk->path, chunk->offset,
                                size, chunk->at, host, chunk->readonly);
    }
    return true;
}

void *ivshmem_layout_reserve(const IvshmemLayout *layout, bool readonly,
                             Error **errp)
{
    return reserve(map_size(layout, readonly), layout->align, errp);
}

bool ivshmem_layout_map(const IvshmemLayout *layout, bool readonly, void *host,
                        bool prealloc, Error **errp)
{
    uint8_t *base = host;

    for (size_t i = 0; i < layout->nruns; i++) {
        const IvshmemRun *run = &layout->runs[i];

        if (run->readonly == readonly &&
            !map_run(base + run->ram, layout, run, prealloc, errp)) {
            return false;
        }
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

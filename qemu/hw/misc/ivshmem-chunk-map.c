/*
 * ivshmem chunks: map them into one range of host memory
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

uint64_t ivshmem_layout_map_size(const IvshmemLayout *layout)
{
    /* whole pages also for a guest whose pages are larger than the host's */
    return ROUND_UP(layout->end, QEMU_VMALLOC_ALIGN);
}

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

/*
 * Number of chunks from @first on that are neighbours both in one file and in
 * the BAR, so that one mapping of @size bytes covers them.
 */
static size_t merge_chunks(const IvshmemLayout *layout, size_t first,
                           uint64_t *size)
{
    const IvshmemPlacedChunk *chunk = &layout->chunks[first];
    size_t n = 1;

    *size = chunk->size;
    while (first + n < layout->nchunks &&
           chunk[n].file == chunk->file &&
           chunk[n].offset == chunk->offset + *size &&
           chunk[n].at == chunk->at + *size) {
        *size += chunk[n].size;
        n++;
    }
    return n;
}

/*
 * Make the holes that are to be filled accessible.  Takes one call per run
 * and leaves it to map_chunks() to map the chunks over the rest of the run.
 */
static bool fill_holes(uint8_t *base, const IvshmemLayout *layout, Error **errp)
{
    const IvshmemPlacedChunk *chunks = layout->chunks;
    size_t next;

    for (size_t i = 0; i < layout->nchunks; i = next) {
        uint64_t start = chunks[i].at;
        uint64_t end = start;

        for (next = i + 1; ivshmem_layout_continues_run(layout, next); next++) {
            end = chunks[next].fill ? chunks[next].at : end;
        }
        if (end != start &&
            mprotect(base + start, end - start, PROT_READ | PROT_WRITE) < 0) {
            set_map_error(errp, errno, &chunks[i]);
            return false;
        }
    }
    return true;
}

static bool map_chunks(uint8_t *base, const IvshmemLayout *layout, Error **errp)
{
    uint64_t size;
    size_t n;

    for (size_t i = 0; i < layout->nchunks; i += n) {
        const IvshmemPlacedChunk *chunk = &layout->chunks[i];

        n = merge_chunks(layout, i, &size);
        if (mmap(base + chunk->at, size, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_FIXED, chunk->file->fd,
                 chunk->offset) == MAP_FAILED) {
            set_map_error(errp, errno, chunk);
            return false;
        }
    }
    return true;
}

void *ivshmem_layout_map(const IvshmemLayout *layout, Error **errp)
{
    uint64_t size = ivshmem_layout_map_size(layout);
    uint8_t *base = reserve(size, layout->align, errp);

    if (base && (!fill_holes(base, layout, errp) ||
                 !map_chunks(base, layout, errp))) {
        munmap(base, size);
        return NULL;
    }
    return base;
}

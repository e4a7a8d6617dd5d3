/*
 * Memory chunks: ranges of files to be mapped as memory
 *
 *   MemoryChunk   a range of a file, as the user gives it (qapi/qom.json)
 *   ChunkSource   an open file
 *   ChunkRange    a chunk, checked against its file and placed
 *   ChunkLayout   all ranges of a block, or of an address space such as a BAR
 *
 * memory-backend-chunks maps the ranges of a layout, or neighbours among them,
 * and scratch memory between them, as one block of memory.
 *
 * All sizes and offsets are in bytes.  All functions must be called with the
 * BQL held.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SYSTEM_HOSTMEM_CHUNKS_H
#define SYSTEM_HOSTMEM_CHUNKS_H

#include "qapi/qapi-types-qom.h"
#include "qom/object.h"

typedef struct ChunkSource {
    int fd;                     /* -1 once closed */
    struct stat st;
    uint64_t size;
    uint64_t page_size;         /* of the host, the hugetlbfs, or the DAX */
} ChunkSource;

typedef struct ChunkRange {
    size_t number;              /* in the order given, from 0 */
    const char *path;           /* belongs to the MemoryChunk */
    const ChunkSource *source;  /* belongs to the ChunkLayout */
    uint64_t offset;            /* in the file */
    uint64_t size;
    uint64_t at;                /* in the block */
    bool readonly;
} ChunkRange;

typedef struct ChunkLayout {
    GHashTable *sources[2];     /* path to ChunkSource; by read-only */
    ChunkRange *ranges;         /* sorted by @at, without overlap */
    size_t nranges;             /* at least one */
    uint64_t end;               /* of the last range */
} ChunkLayout;

/**
 * chunk_layout_new: Open the files of chunks, check and place the chunks
 * @chunks: not empty; must outlive the layout
 * @readonly: treat all chunks as read-only
 *
 * Files stay open until chunk_layout_close_files().
 *
 * Returns: a layout to be freed by the caller, or NULL with @errp set
 */
ChunkLayout *chunk_layout_new(const MemoryChunkList *chunks, bool readonly,
                              Error **errp);
void chunk_layout_close_files(ChunkLayout *layout);
void chunk_layout_free(ChunkLayout *layout);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChunkLayout, chunk_layout_free)

/* Returns: the ranges as a list with all members set, freed by the caller */
MemoryChunkList *chunk_layout_get_chunks(const ChunkLayout *layout);

/* Add to an error message which chunk it is about; @path may be NULL */
void chunk_error_prepend(Error **errp, size_t number, const char *path);

/**
 * chunk_set_member: Set a member of a chunk from text
 * @key: name of the member
 *
 * Returns: true on success, false with @errp set
 */
bool chunk_set_member(MemoryChunk *chunk, const char *key, const char *value,
                      Error **errp);

/**
 * chunk_list_load: Read chunks from a layout file
 *
 * Returns: a list to be freed by the caller, or NULL with @errp set
 */
MemoryChunkList *chunk_list_load(const char *path, Error **errp);

#define TYPE_MEMORY_BACKEND_CHUNKS "memory-backend-chunks"
OBJECT_DECLARE_SIMPLE_TYPE(HostMemoryBackendChunks, MEMORY_BACKEND_CHUNKS)

/**
 * memory_backend_chunks_set_ranges: Have a backend map part of a layout
 * @backend: not complete yet; used in place of the properties with chunks
 * @ranges: neighbours in a layout whose files are open, all writable or, in
 *          a backend with "readonly", all read-only; used until @backend is
 *          complete
 * @n: number of ranges; 0 for a block of scratch memory
 * @base: where the block starts in the layout
 */
void memory_backend_chunks_set_ranges(HostMemoryBackendChunks *backend,
                                      const ChunkRange *ranges, size_t n,
                                      uint64_t base);

#endif

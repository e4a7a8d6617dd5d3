/*
 * ivshmem chunks: from what the user gave to mapped memory
 *
 * Internal to chunk memory (ivshmem-chunks.c), which runs these steps:
 *
 *   file=, offset=, size=  --parse-->  IvshmemChunkList  (ivshmem-chunk-list.c)
 *   IvshmemChunkList       --place-->  IvshmemLayout   (ivshmem-chunk-layout.c)
 *   IvshmemLayout          ---map--->  host memory        (ivshmem-chunk-map.c)
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_IVSHMEM_CHUNK_LAYOUT_H
#define HW_MISC_IVSHMEM_CHUNK_LAYOUT_H

#include "qapi/qapi-types-ivshmem.h"

/*
 * Number of populated runs, separated by holes, that a BAR may consist of.
 * Each run costs a section in QEMU's memory dispatch, which has room for
 * 4096 of them in all, a KVM memory slot, and a vhost memory region.
 */
#define IVSHMEM_MAX_RUNS 32

/* An open file; all sizes are in bytes */
typedef struct IvshmemFile {
    int fd;
    uint64_t size;
    uint64_t page_size;         /* 4 KiB, or that of the hugetlbfs */
} IvshmemFile;

/* A chunk that has been checked against its file and placed in the BAR */
typedef struct IvshmemPlacedChunk {
    size_t number;              /* in the order given, from 0 */
    const char *path;           /* belongs to the IvshmemChunk */
    const IvshmemFile *file;    /* belongs to the layout */
    uint64_t offset;            /* in the file */
    uint64_t size;
    uint64_t at;                /* in the BAR */
    /*
     * Size of the hole right before this chunk that is to be filled with
     * private memory, so that both sides of it belong to the same run.
     */
    uint64_t fill;
} IvshmemPlacedChunk;

/* Where everything goes */
typedef struct IvshmemLayout {
    GHashTable *files;          /* path to IvshmemFile */
    IvshmemPlacedChunk *chunks; /* sorted by @at */
    size_t nchunks;             /* at least one */
    uint64_t end;               /* of the last chunk in the BAR */
    uint64_t bar_size;          /* a power of two */
    uint64_t align;             /* that a mapping must have on the host */
} IvshmemLayout;

/**
 * ivshmem_chunk_list_parse: Parse the plain form
 * @file: ':'-separated paths
 * @offset: ':'-separated offsets, or NULL
 * @size: ':'-separated sizes, or NULL
 * @errp: set on failure
 *
 * Returns: a list to be freed by the caller, or NULL on failure
 */
IvshmemChunkList *ivshmem_chunk_list_parse(const char *file,
                                           const char *offset,
                                           const char *size, Error **errp);

/**
 * ivshmem_chunk_list_load: Read the typed form from a file
 * @path: file that contains a JSON array of IvshmemChunk
 * @errp: set on failure
 *
 * Returns: a list to be freed by the caller, or NULL on failure
 */
IvshmemChunkList *ivshmem_chunk_list_load(const char *path, Error **errp);

/**
 * ivshmem_layout_new: Open the files, check the chunks and place them
 * @list: the chunks, which must outlive the layout
 * @addr_bits: see ivshmem_chunk_memory_realize()
 * @errp: set on failure
 *
 * The files stay open until the layout is freed.
 *
 * Returns: a layout to be freed by the caller, or NULL on failure
 */
IvshmemLayout *ivshmem_layout_new(const IvshmemChunkList *list,
                                  unsigned addr_bits, Error **errp);

void ivshmem_layout_free(IvshmemLayout *layout);

/**
 * ivshmem_layout_continues_run: Does a chunk belong to the preceding run?
 * @layout: the layout
 * @i: index of the chunk, at least 1; past the end is no chunk
 *
 * Returns: true if the chunk exists and no hole separates it from its
 *          predecessor, or one that is to be filled
 */
bool ivshmem_layout_continues_run(const IvshmemLayout *layout, size_t i);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(IvshmemLayout, ivshmem_layout_free)

/**
 * ivshmem_layout_map_size: Size of the host mapping of a layout, in bytes
 */
uint64_t ivshmem_layout_map_size(const IvshmemLayout *layout);

/**
 * ivshmem_layout_map: Map all chunks of a layout
 * @layout: the layout; its files may be closed afterwards
 * @errp: set on failure
 *
 * Holes that are not filled are reserved but inaccessible.
 *
 * Returns: address of ivshmem_layout_map_size() bytes that the caller must
 *          unmap, or NULL on failure
 */
void *ivshmem_layout_map(const IvshmemLayout *layout, Error **errp);

/**
 * ivshmem_chunk_error_prepend: Say which chunk an error is about
 */
void ivshmem_chunk_error_prepend(Error **errp, size_t number,
                                 const char *path);

#endif /* HW_MISC_IVSHMEM_CHUNK_LAYOUT_H */

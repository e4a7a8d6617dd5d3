/*
 * ivshmem chunks: from what the user gave to mapped memory
 *
 * Internal to chunk memory (ivshmem-chunks.c), which runs these steps:
 *
 *   text              --parse-->  IvshmemChunkList      (ivshmem-chunk-list.c)
 *   a file with JSON  --parse-->  IvshmemChunkList      (ivshmem-chunk-json.c)
 *   IvshmemChunkList  --place-->  chunks in the BAR   (ivshmem-chunk-layout.c)
 *                                 with files open       (ivshmem-chunk-file.c)
 *                     --plan--->  runs in RAM blocks      (ivshmem-chunk-run.c)
 *   IvshmemLayout     --map---->  host memory             (ivshmem-chunk-map.c)
 *
 * All sizes, offsets and places are in bytes.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_IVSHMEM_CHUNK_LAYOUT_H
#define HW_MISC_IVSHMEM_CHUNK_LAYOUT_H

#include "qapi/qapi-types-ivshmem.h"

/*
 * Number of runs that a BAR may consist of.  Each costs a KVM memory slot, a
 * vhost memory region, of which some peers accept eight in all, and a section
 * in QEMU's memory dispatch.
 */
#define IVSHMEM_MAX_RUNS 3

/*
 * The same where read-only and writable chunks alternate.  A run is one or the
 * other, so that there is no way to do with fewer.
 */
#define IVSHMEM_MAX_ALTERNATING_RUNS 32

/* A file */
typedef struct IvshmemFile {
    int fd;                     /* -1 once closed */
    uint64_t size;
    uint64_t page_size;         /* 4 KiB, that of the hugetlbfs, or of DAX */
} IvshmemFile;

/* A chunk that has been checked against its file and placed in the BAR */
typedef struct IvshmemPlacedChunk {
    size_t number;              /* in the order given, from 0 */
    const char *path;           /* belongs to the IvshmemChunk */
    const IvshmemFile *file;    /* belongs to the layout */
    uint64_t offset;            /* in the file */
    uint64_t size;
    uint64_t at;                /* in the BAR */
    bool readonly;
    /*
     * Size of the hole right before this chunk that is to be filled with
     * private memory, so that both sides of it belong to the same run.
     */
    uint64_t fill;
} IvshmemPlacedChunk;

/* A stretch of the BAR that is RAM, either all writable or all read-only */
typedef struct IvshmemRun {
    size_t first;               /* index of the first chunk */
    size_t nchunks;
    bool readonly;
    uint64_t at;                /* in the BAR */
    uint64_t size;
    uint64_t ram;               /* in its RAM block */
} IvshmemRun;

/* What the layout depends on besides the chunks */
typedef struct IvshmemLayoutConfig {
    unsigned addr_bits;         /* see ivshmem_chunk_memory_realize() */
    bool readonly;              /* all chunks are read-only */
    uint64_t bar_size;          /* at least; 0 for as small as possible */
} IvshmemLayoutConfig;

/* Where everything goes */
typedef struct IvshmemLayout {
    GHashTable *files[2];       /* path to IvshmemFile; by read-only */
    IvshmemPlacedChunk *chunks; /* sorted by @at */
    size_t nchunks;             /* at least one */
    IvshmemRun *runs;           /* sorted by @at */
    size_t nruns;
    uint64_t ram_size[2];       /* of the RAM blocks; by read-only */
    uint64_t align;             /* of the RAM blocks on the host */
    uint64_t bar_size;          /* a power of two */
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
 * ivshmem_chunk_list_parse_shm: Parse the form that DPDK 1.6 to 16.07 printed
 * @shm: "fd:PATH:OFFSET:LENGTH[:PATH:OFFSET:LENGTH...]"
 * @size: sum of the lengths, a power of two
 * @bar_size: set to @size
 * @errp: set on failure
 *
 * Returns: a list to be freed by the caller, or NULL on failure
 */
IvshmemChunkList *ivshmem_chunk_list_parse_shm(const char *shm,
                                               const char *size,
                                               uint64_t *bar_size,
                                               Error **errp);

/**
 * ivshmem_file_open: Open a file and find out what can be mapped of it
 * @path: of a regular file or a device DAX
 * @readonly: open it for reading only
 * @errp: set on failure
 *
 * Returns: a file to be freed by the caller, or NULL on failure
 */
IvshmemFile *ivshmem_file_open(const char *path, bool readonly, Error **errp);

/**
 * ivshmem_file_close: Close the descriptor; what is known of the file remains
 */
void ivshmem_file_close(IvshmemFile *file);
void ivshmem_file_free(IvshmemFile *file);

/**
 * ivshmem_layout_new: Open the files, check the chunks and place them
 * @list: the chunks, which must outlive the layout
 * @config: what else the layout depends on
 * @errp: set on failure
 *
 * The files are open, until ivshmem_layout_close_files().
 *
 * Returns: a layout to be freed by the caller, or NULL on failure
 */
IvshmemLayout *ivshmem_layout_new(const IvshmemChunkList *list,
                                  const IvshmemLayoutConfig *config,
                                  Error **errp);

void ivshmem_layout_close_files(IvshmemLayout *layout);
void ivshmem_layout_free(IvshmemLayout *layout);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(IvshmemLayout, ivshmem_layout_free)

/**
 * ivshmem_layout_plan_runs: Divide the chunks of a layout into runs
 * @layout: the layout, whose chunks have been placed
 * @errp: set on failure
 *
 * Sets @runs, @nruns and @ram_size of the layout, and @fill of its chunks.
 *
 * Returns: true on success, false on failure
 */
bool ivshmem_layout_plan_runs(IvshmemLayout *layout, Error **errp);

/**
 * ivshmem_layout_reserve: Reserve host addresses for a RAM block of a layout
 * @layout: the layout
 * @readonly: which of the two blocks; it must not be empty
 * @errp: set on failure
 *
 * Returns: address, to be given to ivshmem_layout_unmap(), or NULL on failure
 */
void *ivshmem_layout_reserve(const IvshmemLayout *layout, bool readonly,
                             Error **errp);

/**
 * ivshmem_layout_map: Map the chunks of a RAM block
 * @layout: the layout, whose files are open
 * @readonly: which of the two blocks
 * @host: its reserved addresses
 * @prealloc: allocate all pages now
 * @errp: set on failure, which leaves the addresses free
 *
 * Parts of the block that belong to no run remain inaccessible.
 *
 * Returns: true on success, false on failure
 */
bool ivshmem_layout_map(const IvshmemLayout *layout, bool readonly, void *host,
                        bool prealloc, Error **errp);

void ivshmem_layout_unmap(const IvshmemLayout *layout, bool readonly,
                          void *host);

/**
 * ivshmem_chunk_error_prepend: Say which chunk an error is about
 */
void ivshmem_chunk_error_prepend(Error **errp, size_t number,
                                 const char *path);

#endif /* HW_MISC_IVSHMEM_CHUNK_LAYOUT_H */

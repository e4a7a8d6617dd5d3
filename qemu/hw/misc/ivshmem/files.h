/*
 * Device ivshmem: the memory, which consists of ranges of files
 *
 * Registers and interrupts are those of the other ivshmem devices, see
 * hw/misc/ivshmem-pci.c.
 *
 *   BAR 2   an I/O region of the BAR's size, for what no part covers
 *    |--    up to three parts, each a memory-backend-chunks
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_IVSHMEM_FILES_H
#define HW_MISC_IVSHMEM_FILES_H

#include "hw/pci/pci.h"
#include "system/hostmem.h"
#include "system/hostmem-chunks.h"

/*
 * Each part takes a KVM memory slot, a memory region of vhost, of which some
 * peers accept eight in all, and a section of QEMU's memory dispatch.
 */
#define IVSHMEM_MAX_PARTS 3

/* Ranges that are neighbours in BAR 2, and scratch memory around them */
typedef struct IvshmemPart {
    bool readonly;
    uint64_t at;                /* in the BAR */
    uint64_t end;
    const ChunkRange *ranges;
    size_t nranges;             /* 0: nothing but scratch memory */
    HostMemoryBackend *backend;
} IvshmemPart;

typedef struct IvshmemFiles {
    /* properties that give the chunks */
    char *file;                 /* lists, separated by ':' */
    char *offset;
    char *size;
    char *dev;
    char *inode;
    MemoryChunkList *chunks;
    char *layout_file;
    char *shm;

    /* other properties */
    uint64_t bar_size;          /* as given; once realized, the actual one */
    bool readonly;
    bool prealloc;

    /* realized state */
    ChunkLayout *layout;        /* NULL if not realized */
    MemoryChunkList *parsed;    /* the chunks, if they were given as text */
    MemoryRegion bar;
    IvshmemPart parts[IVSHMEM_MAX_PARTS];
    size_t nparts;
    Error *migration_blocker;
} IvshmemFiles;

/* Provided by the device */
IvshmemFiles *ivshmem_get_files(Object *obj);

/* Add the properties that are lists: "chunks" and "resolved-layout" */
void ivshmem_files_class_init(ObjectClass *oc);

/**
 * ivshmem_files_realize: Map the files
 *
 * Returns: the region for BAR 2, owned by @dev, or NULL with @errp set
 */
MemoryRegion *ivshmem_files_realize(IvshmemFiles *files, DeviceState *dev,
                                    bool has_server, Error **errp);

/* What still refers to a part of the BAR keeps it mapped */
void ivshmem_files_unrealize(IvshmemFiles *files);

/* Divide BAR 2 into parts.  Returns their number, 0 with @errp set */
size_t ivshmem_plan_parts(const ChunkLayout *layout, uint64_t end,
                          IvshmemPart parts[IVSHMEM_MAX_PARTS], Error **errp);

/* Make chunks of text.  Returns a list, or NULL with @errp set */
MemoryChunkList *ivshmem_parse_lists(const IvshmemFiles *files, Error **errp);
MemoryChunkList *ivshmem_parse_shm(const char *shm, const char *size,
                                   uint64_t *bar_size, Error **errp);

#endif

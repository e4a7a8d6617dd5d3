/*
 * ivshmem chunk memory: ranges of files as one PCI BAR
 *
 * An internal QOM object that belongs to a device, is configured through
 * properties, and provides a memory region to be used as a BAR.
 *
 * Properties, which can be set until the memory is realized:
 *   "file", "offset", "size": ':'-separated lists, the plain form
 *   "chunks": list of IvshmemChunk, the typed form
 *   "layout": path of a file with that list in JSON
 *   "shm", with "size": the historical form
 *   "bar-size": of the region; afterwards it tells the real size
 *   "readonly", "prealloc": see docs/system/devices/ivshmem-file.rst
 *
 * "resolved-layout" tells afterwards what is where, as IvshmemChunkInfo.
 *
 * The object owns its memory regions.  A reference to one of them, which a
 * vCPU or a device model may hold for a while after an unplug, therefore
 * keeps the object and its mappings alive; the last one to go unmaps.
 *
 * All functions must be called with the BQL held.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_IVSHMEM_CHUNKS_H
#define HW_MISC_IVSHMEM_CHUNKS_H

#include "hw/pci/pci.h"
#include "qom/object.h"

#define TYPE_IVSHMEM_CHUNK_MEMORY "ivshmem-chunk-memory"
OBJECT_DECLARE_SIMPLE_TYPE(IvshmemChunkMemory, IVSHMEM_CHUNK_MEMORY)

/**
 * ivshmem_chunk_memory_realize: Map the chunks
 * @mem: the chunk memory, not realized yet
 * @addr_bits: number of bits of a guest-physical address, which limits the
 *             size of the BAR; 64 for no limit but what PCI sets
 * @errp: set on failure; names the chunk at fault
 *
 * No file is left open, and on failure nothing is left mapped.
 *
 * Returns: true on success, false on failure
 */
bool ivshmem_chunk_memory_realize(IvshmemChunkMemory *mem, unsigned addr_bits,
                                  Error **errp);

/**
 * ivshmem_chunk_memory_get_bar: The region that shows all chunks
 * @mem: the chunk memory, realized
 *
 * Returns: a region owned by @mem; its size is a power of two
 */
MemoryRegion *ivshmem_chunk_memory_get_bar(IvshmemChunkMemory *mem);

/**
 * ivshmem_chunk_memory_block_migration: Refuse to migrate from now on
 * @mem: the chunk memory
 * @device: what to call the device in the message
 * @errp: set on failure
 *
 * The memory is shared with processes that stay on this host.
 *
 * Returns: true on success, false on failure
 */
bool ivshmem_chunk_memory_block_migration(IvshmemChunkMemory *mem,
                                          const char *device, Error **errp);

/**
 * ivshmem_chunk_memory_unrealize: Empty the BAR and allow migration again
 * @mem: the chunk memory, realized
 *
 * To be called once the BAR is not shown to the guest any more.  The chunks
 * stay mapped until the object goes away.
 */
void ivshmem_chunk_memory_unrealize(IvshmemChunkMemory *mem);

#endif /* HW_MISC_IVSHMEM_CHUNKS_H */

/*
 * ivshmem chunk memory: ranges of files as one PCI BAR
 *
 *   BAR:  an I/O region of the BAR's size, which shows where nothing else is
 *    |-- run: an alias of a populated part of the RAM block
 *    |-- run ...
 *   RAM:  one block over the host mapping of all chunks, holes included
 *
 * There is one RAM block, and not one per run, because the cost of many grows
 * with the square of their number.  The inaccessible parts of the block are
 * covered by no alias, so that nothing ever accesses them.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-ivshmem.h"
#include "qapi/visitor.h"
#include "qemu/module.h"
#include "migration/blocker.h"
#include "hw/misc/ivshmem-chunks.h"
#include "ivshmem-chunk-layout.h"
#include "trace.h"

struct IvshmemChunkMemory {
    Object parent_obj;

    /* properties */
    char *file;
    char *offset;
    char *size;
    IvshmemChunkList *chunks;
    char *layout;

    /* host mapping, NULL until realized */
    void *host;
    uint64_t host_size;

    MemoryRegion bar;
    MemoryRegion ram;
    MemoryRegion runs[IVSHMEM_MAX_RUNS];
    unsigned nruns;             /* of @runs that are in @bar */

    Error *migration_blocker;
};

static uint64_t hole_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void hole_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static const MemoryRegionOps hole_ops = {
    .read = hole_read,
    .write = hole_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
    .impl = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
};

/* Show the populated parts of the RAM block in the BAR */
static void add_runs(IvshmemChunkMemory *mem, const IvshmemLayout *layout)
{
    const IvshmemPlacedChunk *chunks = layout->chunks;
    size_t next;

    for (size_t i = 0; i < layout->nchunks; i = next) {
        MemoryRegion *run = &mem->runs[mem->nruns++];
        uint64_t start = chunks[i].at;

        next = i + 1;
        while (ivshmem_layout_continues_run(layout, next)) {
            next++;
        }
        memory_region_init_alias(run, OBJECT(mem), "ivshmem-run", &mem->ram,
                                 start, chunks[next - 1].at +
                                        chunks[next - 1].size - start);
        memory_region_add_subregion(&mem->bar, start, run);
    }
}

static void init_regions(IvshmemChunkMemory *mem, const IvshmemLayout *layout)
{
    memory_region_transaction_begin();
    memory_region_init_ram_ptr(&mem->ram, OBJECT(mem), "ivshmem-chunks",
                               layout->end, mem->host);
    memory_region_init_io(&mem->bar, OBJECT(mem), &hole_ops, NULL,
                          "ivshmem-bar2", layout->bar_size);
    add_runs(mem, layout);
    memory_region_transaction_commit();

    trace_ivshmem_chunks_map(mem->host, mem->host_size, layout->nchunks,
                             mem->nruns, layout->bar_size);
}

/* Is just one form of the chunks given? */
static bool check_forms(IvshmemChunkMemory *mem, Error **errp)
{
    bool plain = mem->file || mem->offset || mem->size;

    if (plain + !!mem->chunks + !!mem->layout > 1) {
        error_setg(errp, "'chunks', 'layout', and 'file' with 'offset' and "
                   "'size' cannot be combined: give one form of the three");
        return false;
    }
    if (!mem->chunks && !mem->layout && (!mem->file || !*mem->file)) {
        error_setg(errp, "no chunk given: set 'file', optionally with 'offset' "
                   "and 'size', or a non-empty list 'chunks', or 'layout'");
        return false;
    }
    return true;
}

/*
 * Set *@list to the chunks in whichever form they were given; *@parsed is for
 * the caller to free.
 */
static bool get_chunks(IvshmemChunkMemory *mem, const IvshmemChunkList **list,
                       IvshmemChunkList **parsed, Error **errp)
{
    if (!check_forms(mem, errp)) {
        return false;
    }
    if (mem->layout) {
        *parsed = ivshmem_chunk_list_load(mem->layout, errp);
    } else if (mem->file) {
        *parsed = ivshmem_chunk_list_parse(mem->file, mem->offset, mem->size,
                                           errp);
    }
    *list = mem->chunks ?: *parsed;
    return *list;
}

bool ivshmem_chunk_memory_realize(IvshmemChunkMemory *mem, unsigned addr_bits,
                                  Error **errp)
{
    g_autoptr(IvshmemChunkList) parsed = NULL;
    g_autoptr(IvshmemLayout) layout = NULL;
    const IvshmemChunkList *list;

    assert(!mem->host);
    if (!get_chunks(mem, &list, &parsed, errp)) {
        return false;
    }
    layout = ivshmem_layout_new(list, addr_bits, errp);
    if (!layout) {
        return false;
    }
    mem->host = ivshmem_layout_map(layout, errp);
    if (!mem->host) {
        return false;
    }
    mem->host_size = ivshmem_layout_map_size(layout);
    init_regions(mem, layout);
    return true;
}

MemoryRegion *ivshmem_chunk_memory_get_bar(IvshmemChunkMemory *mem)
{
    assert(mem->host);
    return &mem->bar;
}

bool ivshmem_chunk_memory_block_migration(IvshmemChunkMemory *mem,
                                          const char *device, Error **errp)
{
    error_setg(&mem->migration_blocker, "device '%s' (ivshmem) shares memory "
               "with processes on this host and cannot be migrated or saved: "
               "unplug it first (device_del), and plug one in afterwards",
               device);
    return migrate_add_blocker(&mem->migration_blocker, errp) == 0;
}

void ivshmem_chunk_memory_unrealize(IvshmemChunkMemory *mem)
{
    migrate_del_blocker(&mem->migration_blocker);

    /* a region in another one may reference its owner, hence this object */
    memory_region_transaction_begin();
    while (mem->nruns) {
        memory_region_del_subregion(&mem->bar, &mem->runs[--mem->nruns]);
    }
    memory_region_transaction_commit();
}

static bool check_settable(IvshmemChunkMemory *mem, const char *name,
                           Error **errp)
{
    if (mem->host) {
        error_setg(errp, "'%s' cannot be changed after the device was realized",
                   name);
        return false;
    }
    return true;
}

static void set_string(IvshmemChunkMemory *mem, const char *name, char **field,
                       const char *value, Error **errp)
{
    if (check_settable(mem, name, errp)) {
        g_free(*field);
        *field = g_strdup(value);
    }
}

static char *get_file(Object *obj, Error **errp)
{
    return g_strdup(IVSHMEM_CHUNK_MEMORY(obj)->file);
}

static void set_file(Object *obj, const char *value, Error **errp)
{
    IvshmemChunkMemory *mem = IVSHMEM_CHUNK_MEMORY(obj);

    set_string(mem, "file", &mem->file, value, errp);
}

static char *get_offset(Object *obj, Error **errp)
{
    return g_strdup(IVSHMEM_CHUNK_MEMORY(obj)->offset);
}

static void set_offset(Object *obj, const char *value, Error **errp)
{
    IvshmemChunkMemory *mem = IVSHMEM_CHUNK_MEMORY(obj);

    set_string(mem, "offset", &mem->offset, value, errp);
}

static char *get_size(Object *obj, Error **errp)
{
    return g_strdup(IVSHMEM_CHUNK_MEMORY(obj)->size);
}

static void set_size(Object *obj, const char *value, Error **errp)
{
    IvshmemChunkMemory *mem = IVSHMEM_CHUNK_MEMORY(obj);

    set_string(mem, "size", &mem->size, value, errp);
}

static char *get_layout(Object *obj, Error **errp)
{
    return g_strdup(IVSHMEM_CHUNK_MEMORY(obj)->layout);
}

static void set_layout(Object *obj, const char *value, Error **errp)
{
    IvshmemChunkMemory *mem = IVSHMEM_CHUNK_MEMORY(obj);

    set_string(mem, "layout", &mem->layout, value, errp);
}

static void get_chunk_list(Object *obj, Visitor *v, const char *name,
                           void *opaque, Error **errp)
{
    visit_type_IvshmemChunkList(v, name, &IVSHMEM_CHUNK_MEMORY(obj)->chunks,
                                errp);
}

static void set_chunk_list(Object *obj, Visitor *v, const char *name,
                           void *opaque, Error **errp)
{
    IvshmemChunkMemory *mem = IVSHMEM_CHUNK_MEMORY(obj);
    IvshmemChunkList *list;

    if (check_settable(mem, name, errp) &&
        visit_type_IvshmemChunkList(v, name, &list, errp)) {
        qapi_free_IvshmemChunkList(mem->chunks);
        mem->chunks = list;
    }
}

static void ivshmem_chunk_memory_init(Object *obj)
{
    object_property_add_str(obj, "file", get_file, set_file);
    object_property_set_description(obj, "file",
        "Paths of the files to share, separated by ':'");
    object_property_add_str(obj, "offset", get_offset, set_offset);
    object_property_set_description(obj, "offset",
        "Offsets in the files, separated by ':' (default: 0)");
    object_property_add_str(obj, "size", get_size, set_size);
    object_property_set_description(obj, "size",
        "Sizes to share, separated by ':' (default: up to the file's end)");
    object_property_add(obj, "chunks", "IvshmemChunkList",
                        get_chunk_list, set_chunk_list, NULL, NULL);
    object_property_set_description(obj, "chunks",
        "The same and more as a list, for JSON and QMP");
    object_property_add_str(obj, "layout", get_layout, set_layout);
    object_property_set_description(obj, "layout",
        "Path of a file with that list as a JSON array");
}

static void ivshmem_chunk_memory_finalize(Object *obj)
{
    IvshmemChunkMemory *mem = IVSHMEM_CHUNK_MEMORY(obj);

    if (mem->host) {
        trace_ivshmem_chunks_unmap(mem->host, mem->host_size);
        munmap(mem->host, mem->host_size);
    }
    g_free(mem->file);
    g_free(mem->offset);
    g_free(mem->size);
    qapi_free_IvshmemChunkList(mem->chunks);
    g_free(mem->layout);
}

static const TypeInfo ivshmem_chunk_memory_info = {
    .name              = TYPE_IVSHMEM_CHUNK_MEMORY,
    .parent            = TYPE_OBJECT,
    .instance_size     = sizeof(IvshmemChunkMemory),
    .instance_init     = ivshmem_chunk_memory_init,
    .instance_finalize = ivshmem_chunk_memory_finalize,
};

static void ivshmem_chunk_memory_register_types(void)
{
    type_register_static(&ivshmem_chunk_memory_info);
}

type_init(ivshmem_chunk_memory_register_types)

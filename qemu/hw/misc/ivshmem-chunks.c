/*
 * ivshmem chunk memory: ranges of files as one PCI BAR
 *
 *   BAR:  an I/O region of the BAR's size, which shows where nothing else is
 *    |-- run: an alias of a part of a RAM block
 *    |-- run ...
 *   RAM:  a block with all that is writable, and one with all that is not
 *
 * There are two RAM blocks, and not one per run, because the cost of many
 * grows with the square of their number, and because only a region that is
 * read-only itself, not an alias of it, is safe from DMA.
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

struct IvshmemChunkMemory {
    Object parent_obj;

    /* properties */
    char *file;
    char *offset;
    char *size;
    char *shm;
    IvshmemChunkList *chunks;
    char *layout_file;
    uint64_t bar_size;
    bool readonly;
    bool prealloc;

    IvshmemChunkList *parsed;   /* the chunks if given as text */
    IvshmemLayout *layout;      /* NULL until realized */
    void *host[2];              /* RAM blocks, by read-only; NULL for none */

    MemoryRegion bar;
    MemoryRegion ram[2];
    MemoryRegion *runs;
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

static void init_bar(IvshmemChunkMemory *mem)
{
    const IvshmemLayout *layout = mem->layout;

    memory_region_transaction_begin();
    memory_region_init_io(&mem->bar, OBJECT(mem), &hole_ops, NULL,
                          "ivshmem-bar2", layout->bar_size);
    mem->runs = g_new0(MemoryRegion, layout->nruns);
    while (mem->nruns < layout->nruns) {
        const IvshmemRun *run = &layout->runs[mem->nruns];
        MemoryRegion *alias = &mem->runs[mem->nruns++];

        memory_region_init_alias(alias, OBJECT(mem), "ivshmem-run",
                                 &mem->ram[run->readonly], run->ram, run->size);
        memory_region_add_subregion(&mem->bar, run->at, alias);
    }
    memory_region_transaction_commit();
}

/* Is just one form of the chunks given? */
static bool check_forms(IvshmemChunkMemory *mem, Error **errp)
{
    bool plain = mem->file || mem->offset || (mem->size && !mem->shm);

    if (plain + !!mem->shm + !!mem->chunks + !!mem->layout_file > 1) {
        error_setg(errp, "'chunks', 'layout', 'shm' with 'size', and 'file' "
                   "with 'offset' and 'size' cannot be combined: give one "
                   "form of the four");
        return false;
    }
    if (!mem->chunks && !mem->layout_file && !mem->shm &&
        (!mem->file || !*mem->file)) {
        error_setg(errp, "no chunk given: set 'file', optionally with 'offset' "
                   "and 'size', or a non-empty list 'chunks', or 'layout'");
        return false;
    }
    if (mem->shm && mem->bar_size) {
        error_setg(errp, "'bar-size' cannot be combined with 'shm', whose "
                   "'size' is that of the BAR");
        return false;
    }
    return true;
}

/* The chunks in whichever form they were given, or NULL on failure */
static const IvshmemChunkList *get_chunks(IvshmemChunkMemory *mem,
                                          uint64_t *bar_size, Error **errp)
{
    if (!check_forms(mem, errp)) {
        return NULL;
    }
    if (mem->chunks) {
        return mem->chunks;
    }
    qapi_free_IvshmemChunkList(mem->parsed);
    if (mem->layout_file) {
        mem->parsed = ivshmem_chunk_list_load(mem->layout_file, errp);
    } else if (mem->shm) {
        mem->parsed = ivshmem_chunk_list_parse_shm(mem->shm, mem->size,
                                                   bar_size, errp);
    } else {
        mem->parsed = ivshmem_chunk_list_parse(mem->file, mem->offset,
                                               mem->size, errp);
    }
    return mem->parsed;
}

/*
 * Make the region before the chunks are mapped: QEMU advises the kernel on RAM
 * blocks, to use huge pages, and not to pass them on to child processes, which
 * takes a fifth of the time that a chunk costs, and does nothing for a file.
 */
static bool init_ram(IvshmemChunkMemory *mem, const IvshmemLayout *layout,
                     bool readonly, Error **errp)
{
    MemoryRegion *ram = &mem->ram[readonly];
    void *host = ivshmem_layout_reserve(layout, readonly, errp);

    if (!host) {
        return false;
    }
    memory_region_init_ram_ptr(ram, OBJECT(mem),
                               readonly ? "ivshmem-ro" : "ivshmem-rw",
                               layout->ram_size[readonly], host);
    memory_region_set_readonly(ram, readonly);
    if (!ivshmem_layout_map(layout, readonly, host, mem->prealloc, errp)) {
        object_unparent(OBJECT(ram));
        return false;
    }
    mem->host[readonly] = host;
    return true;
}

static void unmap(IvshmemChunkMemory *mem, const IvshmemLayout *layout)
{
    for (int readonly = 0; readonly < ARRAY_SIZE(mem->host); readonly++) {
        if (mem->host[readonly]) {
            ivshmem_layout_unmap(layout, readonly, mem->host[readonly]);
            mem->host[readonly] = NULL;
        }
    }
}

/* Undo what init_ram() did for a block before it failed for the other */
static void drop_all_ram(IvshmemChunkMemory *mem, const IvshmemLayout *layout)
{
    for (int readonly = 0; readonly < ARRAY_SIZE(mem->ram); readonly++) {
        if (mem->host[readonly]) {
            object_unparent(OBJECT(&mem->ram[readonly]));
        }
    }
    unmap(mem, layout);
}

static bool init_all_ram(IvshmemChunkMemory *mem, const IvshmemLayout *layout,
                         Error **errp)
{
    for (int readonly = 0; readonly < ARRAY_SIZE(mem->ram); readonly++) {
        if (layout->ram_size[readonly] &&
            !init_ram(mem, layout, readonly, errp)) {
            drop_all_ram(mem, layout);
            return false;
        }
    }
    return true;
}

bool ivshmem_chunk_memory_realize(IvshmemChunkMemory *mem, unsigned addr_bits,
                                  Error **errp)
{
    IvshmemLayoutConfig config = {
        .addr_bits = addr_bits,
        .readonly = mem->readonly,
        .bar_size = mem->bar_size,
    };
    g_autoptr(IvshmemLayout) layout = NULL;
    const IvshmemChunkList *list;

    assert(!mem->layout);
    list = get_chunks(mem, &config.bar_size, errp);
    if (!list) {
        return false;
    }
    layout = ivshmem_layout_new(list, &config, errp);
    if (!layout || !init_all_ram(mem, layout, errp)) {
        return false;
    }
    ivshmem_layout_close_files(layout);
    mem->layout = g_steal_pointer(&layout);
    init_bar(mem);
    return true;
}

MemoryRegion *ivshmem_chunk_memory_get_bar(IvshmemChunkMemory *mem)
{
    assert(mem->layout);
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
    if (mem->layout) {
        error_setg(errp, "'%s' cannot be changed after the device was realized",
                   name);
        return false;
    }
    return true;
}

/* A property that is a field of the object: its name, place, and meaning */
typedef struct FieldProperty {
    const char *name;
    size_t offset;
    const char *description;
} FieldProperty;

static const FieldProperty string_properties[] = {
    { "file", offsetof(IvshmemChunkMemory, file),
      "Paths of the files to share, separated by ':'" },
    { "offset", offsetof(IvshmemChunkMemory, offset),
      "Offsets in the files, separated by ':' (default: 0)" },
    { "size", offsetof(IvshmemChunkMemory, size),
      "Sizes to share, separated by ':' (default: up to the file's end); "
      "with 'shm' the sum of all" },
    { "shm", offsetof(IvshmemChunkMemory, shm),
      "fd:PATH:OFFSET:LENGTH..., as DPDK 1.6 to 16.07 printed it" },
    { "layout", offsetof(IvshmemChunkMemory, layout_file),
      "Path of a file with a list 'chunks' as a JSON array" },
};

static const FieldProperty bool_properties[] = {
    { "readonly", offsetof(IvshmemChunkMemory, readonly),
      "The guest cannot write to any chunk (default: off)" },
    { "prealloc", offsetof(IvshmemChunkMemory, prealloc),
      "Allocate all memory before the guest sees it (default: off)" },
};

static void *field_of(Object *obj, const FieldProperty *prop)
{
    return (char *)IVSHMEM_CHUNK_MEMORY(obj) + prop->offset;
}

static void get_string(Object *obj, Visitor *v, const char *name,
                       void *opaque, Error **errp)
{
    visit_type_str(v, name, field_of(obj, opaque), errp);
}

static void set_string(Object *obj, Visitor *v, const char *name,
                       void *opaque, Error **errp)
{
    char **field = field_of(obj, opaque);
    char *value;

    if (check_settable(IVSHMEM_CHUNK_MEMORY(obj), name, errp) &&
        visit_type_str(v, name, &value, errp)) {
        g_free(*field);
        *field = value;
    }
}

static void get_bool(Object *obj, Visitor *v, const char *name,
                     void *opaque, Error **errp)
{
    visit_type_bool(v, name, field_of(obj, opaque), errp);
}

static void set_bool(Object *obj, Visitor *v, const char *name,
                     void *opaque, Error **errp)
{
    if (check_settable(IVSHMEM_CHUNK_MEMORY(obj), name, errp)) {
        visit_type_bool(v, name, field_of(obj, opaque), errp);
    }
}

/* What was asked for, and once that is known, how large the BAR is */
static void get_bar_size(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    IvshmemChunkMemory *mem = IVSHMEM_CHUNK_MEMORY(obj);
    uint64_t size = mem->layout ? mem->layout->bar_size : mem->bar_size;

    visit_type_size(v, name, &size, errp);
}

static void set_bar_size(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    IvshmemChunkMemory *mem = IVSHMEM_CHUNK_MEMORY(obj);
    uint64_t size;

    if (check_settable(mem, name, errp) &&
        visit_type_size(v, name, &size, errp)) {
        mem->bar_size = size;
    }
}

/* In the order of the BAR; no chunk until realized */
static void get_resolved_layout(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    const IvshmemLayout *layout = IVSHMEM_CHUNK_MEMORY(obj)->layout;
    g_autoptr(IvshmemChunkInfoList) list = NULL;
    IvshmemChunkInfoList **tail = &list;

    for (size_t i = 0; layout && i < layout->nchunks; i++) {
        const IvshmemPlacedChunk *chunk = &layout->chunks[i];
        IvshmemChunkInfo *info = g_new0(IvshmemChunkInfo, 1);

        *info = (IvshmemChunkInfo) {
            .file = g_strdup(chunk->path),
            .offset = chunk->offset,
            .size = chunk->size,
            .at = chunk->at,
            .page_size = chunk->file->page_size,
            .readonly = chunk->readonly,
        };
        QAPI_LIST_APPEND(tail, info);
    }
    visit_type_IvshmemChunkInfoList(v, name, &list, errp);
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

static void add_property(Object *obj, const char *name, const char *type,
                         ObjectPropertyAccessor *get,
                         ObjectPropertyAccessor *set, const void *opaque,
                         const char *description)
{
    object_property_add(obj, name, type, get, set, NULL, (void *)opaque);
    object_property_set_description(obj, name, description);
}

static void ivshmem_chunk_memory_init(Object *obj)
{
    for (size_t i = 0; i < ARRAY_SIZE(string_properties); i++) {
        const FieldProperty *prop = &string_properties[i];

        add_property(obj, prop->name, "str", get_string, set_string, prop,
                     prop->description);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bool_properties); i++) {
        const FieldProperty *prop = &bool_properties[i];

        add_property(obj, prop->name, "bool", get_bool, set_bool, prop,
                     prop->description);
    }
    add_property(obj, "chunks", "IvshmemChunkList", get_chunk_list,
                 set_chunk_list, NULL,
                 "The same and more as a list, for JSON and QMP");
    add_property(obj, "bar-size", "size", get_bar_size, set_bar_size, NULL,
                 "Size of BAR 2, a power of two (default: the smallest that "
                 "holds all chunks)");
    add_property(obj, "resolved-layout", "IvshmemChunkInfoList",
                 get_resolved_layout, NULL, NULL,
                 "Where each chunk is in the BAR, and what it shows "
                 "(read-only)");
}

static void ivshmem_chunk_memory_finalize(Object *obj)
{
    IvshmemChunkMemory *mem = IVSHMEM_CHUNK_MEMORY(obj);

    if (mem->layout) {
        unmap(mem, mem->layout);
        ivshmem_layout_free(mem->layout);
    }
    g_free(mem->runs);
    g_free(mem->file);
    g_free(mem->offset);
    g_free(mem->size);
    g_free(mem->shm);
    qapi_free_IvshmemChunkList(mem->chunks);
    qapi_free_IvshmemChunkList(mem->parsed);
    g_free(mem->layout_file);
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

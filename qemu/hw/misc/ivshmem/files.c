/*
 * Device ivshmem: the memory, which consists of ranges of files
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-qom.h"
#include "qapi/visitor.h"
#include "qom/object_interfaces.h"
#include "hw/core/cpu.h"
#include "migration/blocker.h"
#include "files.h"
#include "trace.h"

/*
 * How much of the hole behind the last chunk is memory.  It may be huge, and
 * page tables for what a guest touches cost 2 MiB for each GiB of it.
 */
#define MAX_LAST_HOLE (2 * GiB)

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
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* ---- chunks in the form in which they were given ---- */

static bool check_forms(const IvshmemFiles *f, Error **errp)
{
    bool lists = f->file || f->offset || (f->size && !f->shm) || f->dev ||
                 f->inode;
    bool shm = f->shm;
    bool layout = f->layout_file;

    if (lists + !!f->chunks + layout + shm > 1) {
        error_setg(errp, "'file' with 'offset' and 'size', 'chunks', 'layout', "
                   "and 'shm' with 'size' cannot be combined: give one form "
                   "of the four");
    } else if (!f->chunks && !layout && !shm && (!f->file || !*f->file)) {
        error_setg(errp, "no chunk given: set 'file', optionally with 'offset' "
                   "and 'size', or a non-empty list 'chunks', or 'layout'");
    } else if (shm && f->bar_size) {
        error_setg(errp, "'bar-size' cannot be combined with 'shm', whose "
                   "'size' is that of the BAR");
    } else {
        return true;
    }
    return false;
}

/* Returns NULL on failure */
static const MemoryChunkList *get_chunks(IvshmemFiles *f, Error **errp)
{
    if (!check_forms(f, errp)) {
        return NULL;
    }
    if (f->chunks) {
        return f->chunks;
    }
    f->parsed = f->layout_file ? chunk_list_load(f->layout_file, errp) :
                f->shm ? ivshmem_parse_shm(f->shm, f->size, &f->bar_size, errp)
                       : ivshmem_parse_lists(f, errp);
    return f->parsed;
}

/* ---- BAR 2 ---- */

/* Number of bits of a guest-physical address, 64 if unknown */
static unsigned get_address_bits(void)
{
    uint64_t bits = 0;

    if (first_cpu && object_property_find(OBJECT(first_cpu), "phys-bits")) {
        bits = object_property_get_uint(OBJECT(first_cpu), "phys-bits",
                                        &error_abort);
    }
    return bits ? MIN(bits, 64) : 64;
}

/* Half of the address space contains the guest's RAM, half of it the BAR */
static bool check_placeable(uint64_t bar_size, Error **errp)
{
    unsigned bits = get_address_bits();
    g_autofree char *size = size_to_str(bar_size);
    g_autofree char *max = size_to_str(1ULL << (bits - 1));

    if (bar_size <= 1ULL << (bits - 1)) {
        return true;
    }
    error_setg(errp, "this machine cannot place a BAR of %s: its CPUs have %u "
               "physical address bits, which allow %s; ask for a smaller one, "
               "or give the CPUs more bits, for example with "
               "-cpu max,phys-bits=N or -cpu host,host-phys-bits=on",
               size, bits, max);
    return false;
}

static bool set_bar_size(IvshmemFiles *f, Error **errp)
{
    ERRP_GUARD();
    const ChunkRange *last = &f->layout->ranges[f->layout->nranges - 1];
    uint64_t min = pow2ceil(f->layout->end);

    if (!min) {
        error_setg(errp, "no PCI BAR is that large: lower its 'at' or share "
                   "less");
    } else if (!check_placeable(min, errp)) {
        ;
    } else if (!f->bar_size) {
        f->bar_size = min;
        return true;
    } else if (f->bar_size < min || !is_power_of_2(f->bar_size)) {
        error_setg(errp, "'bar-size' 0x%" PRIx64 " must be a power of two, and "
                   "the chunks need 0x%" PRIx64, f->bar_size, min);
        return false;
    } else {
        return check_placeable(f->bar_size, errp);
    }
    error_prepend(errp, "ends at 0x%" PRIx64 " of BAR 2: ", f->layout->end);
    chunk_error_prepend(errp, last->number, last->path);
    return false;
}

static bool create_backend(IvshmemFiles *f, IvshmemPart *part, Object *owner,
                           Error **errp)
{
    Object *obj = object_new(TYPE_MEMORY_BACKEND_CHUNKS);

    part->backend = MEMORY_BACKEND(obj);
    object_property_add_child(owner, part->readonly ? "ivshmem-ro[*]" :
                              "ivshmem-rw[*]", obj);
    object_unref(obj);
    memory_backend_chunks_set_ranges(MEMORY_BACKEND_CHUNKS(obj), part->ranges,
                                     part->nranges, part->at);
    return object_property_set_uint(obj, "size", part->end - part->at, errp) &&
           object_property_set_bool(obj, "readonly", part->readonly, errp) &&
           object_property_set_bool(obj, "prealloc",
                                    f->prealloc && !part->readonly &&
                                    part->nranges, errp) &&
           user_creatable_complete(USER_CREATABLE(obj), errp);
}

static void init_bar(IvshmemFiles *f, Object *owner)
{
    memory_region_transaction_begin();
    memory_region_init_io(&f->bar, owner, &hole_ops, NULL, "ivshmem-bar2",
                          f->bar_size);
    for (size_t i = 0; i < f->nparts; i++) {
        host_memory_backend_set_mapped(f->parts[i].backend, true);
        memory_region_add_subregion(&f->bar, f->parts[i].at,
            host_memory_backend_get_memory(f->parts[i].backend));
    }
    memory_region_transaction_commit();
}

/* References to the memory, if there are any, keep the backend */
static void delete_backend(IvshmemFiles *f, HostMemoryBackend *backend)
{
    if (host_memory_backend_is_mapped(backend)) {
        memory_region_del_subregion(&f->bar,
                                    host_memory_backend_get_memory(backend));
        host_memory_backend_set_mapped(backend, false);
    }
    object_unparent(OBJECT(backend));
}

/*
 * The files stay on this host, hence the device cannot migrate to another one.
 * A new QEMU on this host maps them again, but would get another ID from an
 * interrupt server than the one that the guest knows.
 */
static bool block_migration(IvshmemFiles *f, const char *name, bool has_server,
                            Error **errp)
{
    Error **reason = &f->migration_blocker;

    error_setg(reason, "device '%s' (ivshmem) shares memory "
               "with processes on this host and cannot be migrated or saved: "
               "unplug it first (device_del), and plug one in afterwards%s",
               name, has_server ? "" : ", or use a CPR mode on this host");
    return !(has_server ? migrate_add_blocker(reason, errp) :
                          migrate_add_blocker_normal(reason, errp));
}

static bool map_files(IvshmemFiles *f, Object *owner, Error **errp)
{
    const MemoryChunkList *chunks = get_chunks(f, errp);
    uint64_t end;

    if (!chunks) {
        return false;
    }
    f->layout = chunk_layout_new(chunks, f->readonly, errp);
    if (!f->layout || !set_bar_size(f, errp)) {
        return false;
    }
    end = MIN(f->bar_size, f->layout->end + MAX_LAST_HOLE);
    f->nparts = ivshmem_plan_parts(f->layout, end, f->parts, errp);
    for (size_t i = 0; i < f->nparts; i++) {
        if (!create_backend(f, &f->parts[i], owner, errp)) {
            return false;
        }
    }
    chunk_layout_close_files(f->layout);
    return f->nparts;
}

MemoryRegion *ivshmem_files_realize(IvshmemFiles *f, DeviceState *dev,
                                    bool has_server, Error **errp)
{
    ERRP_GUARD();
    g_autofree char *name = qdev_get_human_name(dev);

    if (map_files(f, OBJECT(dev), errp) &&
        block_migration(f, name, has_server, errp)) {
        init_bar(f, OBJECT(dev));
        trace_ivshmem_files_plug(name, f->bar_size);
        return &f->bar;
    }
    trace_ivshmem_files_error(name, error_get_pretty(*errp));
    ivshmem_files_unrealize(f);
    return NULL;
}

void ivshmem_files_unrealize(IvshmemFiles *f)
{
    migrate_del_blocker(&f->migration_blocker);
    memory_region_transaction_begin();
    for (size_t i = 0; i < f->nparts && f->parts[i].backend; i++) {
        delete_backend(f, f->parts[i].backend);
        f->parts[i].backend = NULL;
    }
    memory_region_transaction_commit();
    g_clear_pointer(&f->layout, chunk_layout_free);
    g_clear_pointer(&f->parsed, qapi_free_MemoryChunkList);
}

/* ---- properties ---- */

static void get_chunks_prop(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    visit_type_MemoryChunkList(v, name, &ivshmem_get_files(obj)->chunks, errp);
}

static void set_chunks_prop(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    IvshmemFiles *f = ivshmem_get_files(obj);
    MemoryChunkList *list;

    if (f->layout) {
        error_setg(errp, "'%s' cannot be set after it was realized",
                   name);
    } else if (visit_type_MemoryChunkList(v, name, &list, errp)) {
        qapi_free_MemoryChunkList(f->chunks);
        f->chunks = list;
    }
}

static void release_chunks_prop(Object *obj, const char *name, void *opaque)
{
    qapi_free_MemoryChunkList(ivshmem_get_files(obj)->chunks);
}

static void get_layout_prop(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    const ChunkLayout *layout = ivshmem_get_files(obj)->layout;
    g_autoptr(MemoryChunkList) list =
        layout ? chunk_layout_get_chunks(layout) : NULL;

    visit_type_MemoryChunkList(v, name, &list, errp);
}

void ivshmem_files_class_init(ObjectClass *oc)
{
    object_class_property_add(oc, "chunks", "MemoryChunkList",
                              get_chunks_prop, set_chunks_prop,
                              release_chunks_prop, NULL);
    object_class_property_set_description(oc, "chunks",
        "Ranges of files that make up BAR 2, for JSON and QMP");
    object_class_property_add(oc, "resolved-layout", "MemoryChunkList",
                              get_layout_prop, NULL, NULL, NULL);
    object_class_property_set_description(oc, "resolved-layout",
        "What BAR 2 consists of, with nothing left to defaults (read-only)");
}

/*
 * Host memory backend: ranges of files as one block of memory
 *
 * The addresses of the block are reserved first.  Ranges of files, and scratch
 * memory where there are none, are mapped over the reservation, and only then
 * does the block become a memory region, because those who hear of a new
 * region, such as vfio, access its memory at once.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qemu/memfd.h"
#include "qemu/module.h"
#include "qemu/rcu.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-qom.h"
#include "qapi/visitor.h"
#include "qom/object_interfaces.h"
#include "system/hostmem.h"
#include "system/hostmem-chunks.h"
#include "system/system.h"
#include "trace.h"

/*
 * Memory behind all uncovered addresses of a writable block, which show it
 * repeatedly.  Up to this size, uncovered addresses are distinct.
 */
#define SCRATCH_SIZE (4 * MiB)

/* Limits the number of mappings, of which other threads need some, too */
#define MAX_HOLE (64 * GiB)

struct HostMemoryBackendChunks {
    HostMemoryBackend parent_obj;

    /* properties */
    MemoryChunkList *chunks;
    char *layout_file;
    bool readonly;

    /* what to map; not used once the backend is complete */
    ChunkLayout *layout;        /* NULL if a device gives the ranges */
    const ChunkRange *ranges;
    size_t nranges;
    uint64_t base;              /* "at" of the start of the block */
    bool has_ranges;

    /* the mapping */
    uint8_t *host;
    uint64_t reserved;          /* bytes from @host on; 0 if not mapped */
    uint64_t mapped;            /* of these, what has been mapped so far */
    int prot;
    int scratch_fd;             /* -1 if not open */
    uint64_t scratch_used;
};

/* ---- mapping ---- */

/*
 * Reserve addresses, and no memory.  A hugepage takes a single entry in the
 * guest's second-level page tables if its addresses in the guest and on the
 * host are equal modulo its size, hence the alignment.
 */
static bool reserve(HostMemoryBackendChunks *m, uint64_t size, uint64_t align,
                    Error **errp)
{
    uint8_t *start = MAP_FAILED;
    uint64_t total;

    if (!uadd64_overflow(size, 3 * align, &total)) {
        /* whole pages also for a guest with larger pages than the host */
        size = ROUND_UP(size, QEMU_VMALLOC_ALIGN);
        start = mmap(NULL, total, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    if (start == MAP_FAILED) {
        error_setg(errp, "cannot reserve 0x%" PRIx64 " bytes of address space",
                   size);
        return false;
    }
    m->host = (uint8_t *)ROUND_UP((uintptr_t)start, align) + m->base % align;
    m->reserved = size;
    if (m->host > start) {
        munmap(start, m->host - start);
    }
    munmap(m->host + size, start + total - (m->host + size));
    return true;
}

/* Map the next part over the reservation */
static bool map_next(HostMemoryBackendChunks *m, uint64_t size, int prot,
                     int flags, int fd, uint64_t offset)
{
    if (mmap(m->host + m->mapped, size, prot, flags | MAP_FIXED, fd, offset)
        == MAP_FAILED) {
        return false;
    }
    m->mapped += size;
    return true;
}

/* Show the scratch memory up to @end, or zeros if nobody can write there */
static bool map_scratch(HostMemoryBackendChunks *m, uint64_t end, int prot)
{
    if (m->readonly) {
        return map_next(m, end - m->mapped, prot,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    while (m->mapped < end) {
        uint64_t offset = m->scratch_used % SCRATCH_SIZE;
        uint64_t size = MIN(end - m->mapped, SCRATCH_SIZE - offset);

        if (!map_next(m, size, prot, MAP_SHARED, m->scratch_fd, offset)) {
            return false;
        }
        m->scratch_used += size;
    }
    return true;
}

/*
 * Map up to @end where there is no range.  With mem-lock=on, the kernel enters
 * each page of a new mapping in page tables, unless it is not accessible.
 */
static bool map_hole(HostMemoryBackendChunks *m, uint64_t end, Error **errp)
{
    bool locked = should_mlock(mlock_state);
    uint8_t *host = m->host + m->mapped;
    uint64_t size = end - m->mapped;

    if (size > MAX_HOLE) {
        error_setg(errp, "0x%" PRIx64 " bytes without chunks are too many: "
                   "lower 'at' or 'size'", size);
        return false;
    }
    if (size && !m->readonly && m->scratch_fd < 0) {
        m->scratch_fd = qemu_memfd_create("memory-chunks-scratch", SCRATCH_SIZE,
                                          false, 0, 0, errp);
        if (m->scratch_fd < 0) {
            return false;
        }
    }
    if (size && (!map_scratch(m, end, locked ? PROT_NONE : m->prot) ||
                 (locked && (munlock(host, size) < 0 ||
                             mprotect(host, size, m->prot) < 0)))) {
        error_setg_errno(errp, errno, "cannot map memory where there are no "
                         "chunks (is vm.max_map_count large enough?)");
        return false;
    }
    return true;
}

static bool map_file(HostMemoryBackendChunks *m, const ChunkRange *range,
                     uint64_t size, Error **errp)
{
    ERRP_GUARD();
    HostMemoryBackend *backend = MEMORY_BACKEND(m);
    int flags = (backend->share ? MAP_SHARED : MAP_PRIVATE) |
                (backend->reserve ? 0 : MAP_NORESERVE);

    if (map_next(m, size, m->prot, flags, range->source->fd, range->offset)) {
        return true;
    }
    error_setg_errno(errp, errno, "cannot map it (%s)",
                     range->source->page_size > qemu_real_host_page_size() ?
                     "are there enough free hugepages?" :
                     "is vm.max_map_count large enough?");
    chunk_error_prepend(errp, range->number, range->path);
    return false;
}

/*
 * Number of ranges from @range on, of @n, that are neighbours both in one file
 * and in the block, so that one mapping of @size bytes covers them.
 */
static size_t merge_ranges(const ChunkRange *range, size_t n, uint64_t *size)
{
    size_t i = 1;

    *size = range->size;
    while (i < n && range[i].source == range->source &&
           range[i].offset == range->offset + *size &&
           range[i].at == range->at + *size) {
        *size += range[i++].size;
    }
    return i;
}

static bool map_block(HostMemoryBackendChunks *m, Error **errp)
{
    uint64_t size;
    size_t n;

    for (size_t i = 0; i < m->nranges; i += n) {
        const ChunkRange *range = &m->ranges[i];

        n = merge_ranges(range, m->nranges - i, &size);
        if (!map_hole(m, range->at - m->base, errp) ||
            !map_file(m, range, size, errp)) {
            return false;
        }
        trace_hostmem_chunks_map(range->number, n, range->path, range->offset,
                                 size, range->at, m->host + m->mapped - size,
                                 m->readonly);
    }
    return map_hole(m, MEMORY_BACKEND(m)->size, errp);
}

/* ---- allocation ---- */

static bool check_settings(HostMemoryBackend *backend, uint64_t min_size,
                           Error **errp)
{
    if (backend->guest_memfd) {
        error_setg(errp, "files cannot be private memory of a confidential "
                   "guest");
    } else if (backend->size < min_size ||
               !QEMU_IS_ALIGNED(backend->size, qemu_real_host_page_size())) {
        error_setg(errp, "'size' 0x%" PRIx64 " is invalid: the chunks need "
                   "0x%" PRIx64 ", and it must be a multiple of the page size",
                   backend->size, min_size);
    } else {
        return true;
    }
    return false;
}

static bool alloc_block(HostMemoryBackendChunks *m, uint64_t min_size,
                        Error **errp)
{
    HostMemoryBackend *backend = MEMORY_BACKEND(m);
    g_autofree char *name = host_memory_backend_get_name(backend);
    uint64_t align = QEMU_VMALLOC_ALIGN;
    bool ok;

    backend->size = backend->size ?: min_size;
    if (!check_settings(backend, min_size, errp)) {
        return false;
    }
    for (size_t i = 0; i < m->nranges; i++) {
        align = MAX(align, m->ranges[i].source->page_size);
    }
    m->prot = m->readonly ? PROT_READ : PROT_READ | PROT_WRITE;
    m->scratch_fd = -1;
    ok = reserve(m, backend->size, align, errp) && map_block(m, errp);
    if (m->scratch_fd >= 0) {
        close(m->scratch_fd);
    }
    if (ok) {
        memory_region_init_ram_ptr(&backend->mr, OBJECT(m), name,
                                   backend->size, m->host);
        memory_region_set_readonly(&backend->mr, m->readonly);
        backend->mr.align = align;
    }
    return ok;
}

/* The chunks in the form in which the user gave them, NULL on failure */
static const MemoryChunkList *get_chunk_list(HostMemoryBackendChunks *m,
                                             Error **errp)
{
    if (m->chunks && m->layout_file) {
        error_setg(errp, "'chunks' and 'layout' cannot be combined");
        return NULL;
    }
    if (m->layout_file) {
        m->chunks = chunk_list_load(m->layout_file, errp);
    } else if (!m->chunks) {
        error_setg(errp, "no chunk given: set 'chunks' or 'layout'");
    }
    return m->chunks;
}

static bool check_readonly(const ChunkLayout *layout, bool readonly,
                           Error **errp)
{
    ERRP_GUARD();

    for (size_t i = 0; i < layout->nranges; i++) {
        const ChunkRange *range = &layout->ranges[i];

        if (range->readonly != readonly) {
            error_setg(errp, "is read-only, which the backend is as a whole or "
                       "not at all: set its 'readonly'");
            chunk_error_prepend(errp, range->number, range->path);
            return false;
        }
    }
    return true;
}

static bool chunks_backend_alloc(HostMemoryBackend *backend, Error **errp)
{
    HostMemoryBackendChunks *m = MEMORY_BACKEND_CHUNKS(backend);
    bool readonly = m->readonly || !backend->share; /* open the files so */
    const MemoryChunkList *chunks;

    if (m->has_ranges) {
        return alloc_block(m, 0, errp);
    }
    chunks = get_chunk_list(m, errp);
    if (!chunks) {
        return false;
    }
    m->layout = chunk_layout_new(chunks, readonly, errp);
    if (!m->layout || !check_readonly(m->layout, readonly, errp)) {
        return false;
    }
    m->ranges = m->layout->ranges;
    m->nranges = m->layout->nranges;
    return alloc_block(m, m->layout->end, errp);
}

/* Allocate what chunks consist of, and nothing where there are none */
static bool prealloc_ranges(HostMemoryBackendChunks *m, Error **errp)
{
    ERRP_GUARD();
    HostMemoryBackend *backend = MEMORY_BACKEND(m);
    uint64_t size;
    size_t n;

    for (size_t i = 0; i < m->nranges; i += n) {
        const ChunkRange *range = &m->ranges[i];

        n = merge_ranges(range, m->nranges - i, &size);
        if (!qemu_prealloc_mem(range->source->fd,
                               (char *)m->host + (range->at - m->base), size,
                               backend->prealloc_threads,
                               backend->prealloc_context, false, errp)) {
            chunk_error_prepend(errp, range->number, range->path);
            return false;
        }
    }
    return true;
}

static void (*memory_backend_complete)(UserCreatable *uc, Error **errp);

static void chunks_backend_complete(UserCreatable *uc, Error **errp)
{
    ERRP_GUARD();
    HostMemoryBackendChunks *m = MEMORY_BACKEND_CHUNKS(uc);
    HostMemoryBackend *backend = MEMORY_BACKEND(uc);
    bool prealloc = backend->prealloc;

    /* the parent class would allocate the whole block */
    backend->prealloc = false;
    memory_backend_complete(uc, errp);
    backend->prealloc = prealloc;
    if (!*errp && prealloc && m->readonly) {
        error_setg(errp, "'prealloc' cannot be combined with 'readonly': "
                   "who can write to the files must allocate their memory");
    } else if (!*errp && prealloc) {
        prealloc_ranges(m, errp);
    }
    g_clear_pointer(&m->layout, chunk_layout_free);
}

void memory_backend_chunks_set_ranges(HostMemoryBackendChunks *m,
                                      const ChunkRange *ranges, size_t n,
                                      uint64_t base)
{
    m->ranges = ranges;
    m->nranges = n;
    m->base = base;
    m->has_ranges = true;
}

/* ---- properties ---- */

static bool check_settable(Object *obj, const char *name, Error **errp)
{
    if (host_memory_backend_mr_inited(MEMORY_BACKEND(obj))) {
        error_setg(errp, "cannot change property '%s' of %s", name,
                   object_get_typename(obj));
        return false;
    }
    return true;
}

static void get_chunks(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    visit_type_MemoryChunkList(v, name, &MEMORY_BACKEND_CHUNKS(obj)->chunks,
                               errp);
}

static void set_chunks(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    HostMemoryBackendChunks *m = MEMORY_BACKEND_CHUNKS(obj);
    MemoryChunkList *list;

    if (check_settable(obj, name, errp) &&
        visit_type_MemoryChunkList(v, name, &list, errp)) {
        qapi_free_MemoryChunkList(m->chunks);
        m->chunks = list;
    }
}

static char *get_layout(Object *obj, Error **errp)
{
    return g_strdup(MEMORY_BACKEND_CHUNKS(obj)->layout_file);
}

static void set_layout(Object *obj, const char *value, Error **errp)
{
    HostMemoryBackendChunks *m = MEMORY_BACKEND_CHUNKS(obj);

    if (check_settable(obj, "layout", errp)) {
        g_free(m->layout_file);
        m->layout_file = g_strdup(value);
    }
}

static bool get_readonly(Object *obj, Error **errp)
{
    return MEMORY_BACKEND_CHUNKS(obj)->readonly;
}

static void set_readonly(Object *obj, bool value, Error **errp)
{
    if (check_settable(obj, "readonly", errp)) {
        MEMORY_BACKEND_CHUNKS(obj)->readonly = value;
    }
}

static void chunks_backend_init(Object *obj)
{
    MEMORY_BACKEND(obj)->share = true;
}

/* What has to be unmapped once nobody uses the RAM block any more */
typedef struct OldMapping {
    struct rcu_head rcu;
    void *host;
    uint64_t size;
} OldMapping;

static void unmap_block(OldMapping *old)
{
    trace_hostmem_chunks_unmap(old->host, old->size);
    munmap(old->host, old->size);
    g_free(old);
}

static void chunks_backend_finalize(Object *obj)
{
    HostMemoryBackendChunks *m = MEMORY_BACKEND_CHUNKS(obj);

    if (m->reserved) {
        OldMapping *old = g_new0(OldMapping, 1);

        old->host = m->host;
        old->size = m->reserved;
        call_rcu(old, unmap_block, rcu);
    }
    g_clear_pointer(&m->layout, chunk_layout_free);
    qapi_free_MemoryChunkList(m->chunks);
    g_free(m->layout_file);
}

static void chunks_backend_class_init(ObjectClass *oc, const void *data)
{
    UserCreatableClass *ucc = USER_CREATABLE_CLASS(oc);

    MEMORY_BACKEND_CLASS(oc)->alloc = chunks_backend_alloc;
    memory_backend_complete = ucc->complete;
    ucc->complete = chunks_backend_complete;

    object_class_property_add(oc, "chunks", "MemoryChunkList",
                              get_chunks, set_chunks, NULL, NULL);
    object_class_property_set_description(oc, "chunks",
        "Ranges of files that make up the block");
    object_class_property_add_str(oc, "layout", get_layout, set_layout);
    object_class_property_set_description(oc, "layout",
        "Path of a layout file, which lists the chunks");
    object_class_property_add_bool(oc, "readonly", get_readonly, set_readonly);
    object_class_property_set_description(oc, "readonly",
        "Open the files for reading only, and create ROM");
}

static const TypeInfo chunks_backend_info = {
    .name = TYPE_MEMORY_BACKEND_CHUNKS,
    .parent = TYPE_MEMORY_BACKEND,
    .instance_size = sizeof(HostMemoryBackendChunks),
    .instance_init = chunks_backend_init,
    .instance_finalize = chunks_backend_finalize,
    .class_init = chunks_backend_class_init,
};

static void register_types(void)
{
    type_register_static(&chunks_backend_info);
}

type_init(register_types);

/*
 * ivshmem: PCI device that shares files, or ranges of files, with the host
 *
 * Properties:
 *   file, offset, size; chunks; layout; shm: the files, in one form of four
 *   bar-size, readonly, prealloc: how they are shown
 *   subsystem-id: PCI subsystem ID, to tell several devices apart
 *   chardev, vectors, ioeventfd: interrupts, as of ivshmem-doorbell
 *
 * BARs:
 *   0: registers, see docs/specs/ivshmem-spec.rst
 *   1: MSI-X, if there is a chardev
 *   2: shared memory, see docs/specs/ivshmem-chunks.rst
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "qapi/visitor.h"
#include "hw/core/cpu.h"
#include "hw/pci/pci_device.h"
#include "hw/misc/ivshmem-chunks.h"
#include "hw/misc/ivshmem-common.h"
#include "trace.h"

#define TYPE_IVSHMEM "ivshmem"
#define TYPE_IVSHMEM_DOORBELL "ivshmem-doorbell"

/* Name of the child that provides the shared memory */
#define CHUNK_MEMORY "chunk-memory"

static IvshmemChunkMemory *get_memory(PCIDevice *dev)
{
    Object *obj = object_resolve_path_component(OBJECT(dev), CHUNK_MEMORY);

    return IVSHMEM_CHUNK_MEMORY(obj);
}

/* The doorbell without its demand for a server */
static PCIDeviceClass *get_common_class(void)
{
    ObjectClass *doorbell = object_class_by_name(TYPE_IVSHMEM_DOORBELL);

    return PCI_DEVICE_CLASS(object_class_get_parent(doorbell));
}

/* Number of bits of a guest-physical address, 64 if the CPUs do not tell */
static unsigned get_address_bits(void)
{
    uint64_t bits = 0;

    if (first_cpu && object_property_find(OBJECT(first_cpu), "phys-bits")) {
        bits = object_property_get_uint(OBJECT(first_cpu), "phys-bits",
                                        &error_abort);
    }
    return bits ? MIN(bits, 64) : 64;
}

/* Without a server there are no interrupts, hence no vectors */
static bool set_up_vectors(PCIDevice *dev, Error **errp)
{
    Object *obj = OBJECT(dev);
    g_autofree char *chardev = object_property_get_str(obj, "chardev",
                                                       &error_abort);
    uint64_t vectors = object_property_get_uint(obj, "vectors", &error_abort);

    if (chardev && *chardev) {
        if (vectors < 1 || vectors > PCI_MSIX_FLAGS_QSIZE + 1) {
            error_setg(errp, "'vectors' is %" PRIu64 ", must be 1 to %d",
                       vectors, PCI_MSIX_FLAGS_QSIZE + 1);
            return false;
        }
        return true;
    }
    if (vectors > 1) {
        error_setg(errp, "'vectors' needs 'chardev', a connection to an "
                   "ivshmem-server");
        return false;
    }
    return object_property_set_uint(obj, "vectors", 0, errp);
}

static void realize_common(PCIDevice *dev, IvshmemChunkMemory *mem,
                           const char *name, Error **errp)
{
    ERRP_GUARD();

    ivshmem_common_set_bar2(dev, ivshmem_chunk_memory_get_bar(mem));
    get_common_class()->realize(dev, errp);
    if (*errp || !ivshmem_chunk_memory_block_migration(mem, name, errp)) {
        get_common_class()->exit(dev);
        ivshmem_chunk_memory_unrealize(mem);
    }
}

static void set_subsystem_id(PCIDevice *dev)
{
    uint64_t id = object_property_get_uint(OBJECT(dev), "subsystem-id",
                                           &error_abort);

    pci_set_word(dev->config + PCI_SUBSYSTEM_ID, id);
}

static void ivshmem_realize(PCIDevice *dev, Error **errp)
{
    ERRP_GUARD();
    IvshmemChunkMemory *mem = get_memory(dev);
    g_autofree char *name = qdev_get_human_name(DEVICE(dev));

    if (set_up_vectors(dev, errp) &&
        ivshmem_chunk_memory_realize(mem, get_address_bits(), errp)) {
        realize_common(dev, mem, name, errp);
    }
    if (*errp) {
        trace_ivshmem_error(name, error_get_pretty(*errp));
        return;
    }
    set_subsystem_id(dev);
    trace_ivshmem_plug(name,
                       memory_region_size(ivshmem_chunk_memory_get_bar(mem)));
}

static void ivshmem_exit(PCIDevice *dev)
{
    get_common_class()->exit(dev);
    ivshmem_chunk_memory_unrealize(get_memory(dev));
}

static void get_uint16(Object *obj, Visitor *v, const char *name,
                       void *opaque, Error **errp)
{
    visit_type_uint16(v, name, opaque, errp);
}

static void set_uint16(Object *obj, Visitor *v, const char *name,
                       void *opaque, Error **errp)
{
    uint16_t value;

    if (DEVICE(obj)->realized) {
        error_setg(errp, "'%s' cannot be changed after the device was realized",
                   name);
    } else if (visit_type_uint16(v, name, &value, errp)) {
        *(uint16_t *)opaque = value;
    }
}

static void release_uint16(Object *obj, const char *name, void *opaque)
{
    g_free(opaque);
}

static void add_subsystem_id(Object *obj)
{
    uint16_t *id = g_new(uint16_t, 1);

    *id = PCI_SUBDEVICE_ID_QEMU;
    object_property_add(obj, "subsystem-id", "uint16", get_uint16, set_uint16,
                        release_uint16, id);
    object_property_set_description(obj, "subsystem-id",
        "PCI subsystem ID, for the guest to tell several devices apart");
}

static void add_chunk_memory(Object *obj)
{
    static const char *const props[] = {
        "file", "offset", "size", "shm", "chunks", "layout",
        "bar-size", "readonly", "prealloc", "resolved-layout",
    };
    Object *mem = object_new(TYPE_IVSHMEM_CHUNK_MEMORY);

    object_property_add_child(obj, CHUNK_MEMORY, mem);
    for (size_t i = 0; i < ARRAY_SIZE(props); i++) {
        object_property_add_alias(obj, props[i], mem, props[i]);
    }
    object_unref(mem);
}

static void ivshmem_init(Object *obj)
{
    add_chunk_memory(obj);
    add_subsystem_id(obj);
    /* a master is a device that migrates its memory, and this one never is */
    object_property_set_str(obj, "master", "auto", &error_abort);
}

static void ivshmem_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->realize = ivshmem_realize;
    k->exit = ivshmem_exit;
    dc->desc = "Inter-VM shared memory in files";
}

static const TypeInfo ivshmem_info = {
    .name          = TYPE_IVSHMEM,
    .parent        = TYPE_IVSHMEM_DOORBELL,
    .instance_init = ivshmem_init,
    .class_init    = ivshmem_class_init,
};

static void ivshmem_file_register_types(void)
{
    type_register_static(&ivshmem_info);
}

type_init(ivshmem_file_register_types)

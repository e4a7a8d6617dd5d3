/*
 * ivshmem: PCI device that shares files, or ranges of files, with the host
 *
 * Properties:
 *   file, offset, size: ':'-separated lists, the plain form
 *   chunks: list of IvshmemChunk, the typed form
 *
 * BARs:
 *   0: registers, see docs/specs/ivshmem-spec.rst
 *   2: shared memory, see docs/specs/ivshmem-chunks.rst
 *
 * There are no interrupts.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "hw/core/cpu.h"
#include "hw/pci/pci_device.h"
#include "hw/misc/ivshmem-chunks.h"
#include "hw/misc/ivshmem-common.h"

#define TYPE_IVSHMEM "ivshmem"

/* Name of the child that provides the shared memory */
#define CHUNK_MEMORY "chunk-memory"

static IvshmemChunkMemory *get_memory(PCIDevice *dev)
{
    Object *obj = object_resolve_path_component(OBJECT(dev), CHUNK_MEMORY);

    return IVSHMEM_CHUNK_MEMORY(obj);
}

static PCIDeviceClass *get_common_class(void)
{
    return PCI_DEVICE_CLASS(object_class_by_name(TYPE_IVSHMEM_COMMON));
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

static void ivshmem_realize(PCIDevice *dev, Error **errp)
{
    ERRP_GUARD();
    IvshmemChunkMemory *mem = get_memory(dev);
    g_autofree char *name = qdev_get_human_name(DEVICE(dev));

    if (!ivshmem_chunk_memory_realize(mem, get_address_bits(), errp)) {
        return;
    }
    if (ivshmem_chunk_memory_block_migration(mem, name, errp)) {
        ivshmem_common_set_bar2(dev, ivshmem_chunk_memory_get_bar(mem));
        get_common_class()->realize(dev, errp);
    }
    if (*errp) {
        ivshmem_chunk_memory_unrealize(mem);
    }
}

static void ivshmem_exit(PCIDevice *dev)
{
    get_common_class()->exit(dev);
    ivshmem_chunk_memory_unrealize(get_memory(dev));
}

static void ivshmem_init(Object *obj)
{
    static const char *const props[] = {
        "file", "offset", "size", "chunks", "layout",
    };
    Object *mem = object_new(TYPE_IVSHMEM_CHUNK_MEMORY);

    object_property_add_child(obj, CHUNK_MEMORY, mem);
    for (size_t i = 0; i < ARRAY_SIZE(props); i++) {
        object_property_add_alias(obj, props[i], mem, props[i]);
    }
    object_unref(mem);
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
    .parent        = TYPE_IVSHMEM_COMMON,
    .instance_init = ivshmem_init,
    .class_init    = ivshmem_class_init,
};

static void ivshmem_file_register_types(void)
{
    type_register_static(&ivshmem_info);
}

type_init(ivshmem_file_register_types)

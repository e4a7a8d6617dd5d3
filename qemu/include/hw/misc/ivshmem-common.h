/*
 * ivshmem: what the PCI devices of this name have in common
 *
 * The abstract type "ivshmem-common" implements the registers in BAR 0 and
 * registers the shared memory as BAR 2.  Where the shared memory comes from
 * is up to the concrete device.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_IVSHMEM_COMMON_H
#define HW_MISC_IVSHMEM_COMMON_H

#include "hw/pci/pci.h"

#define TYPE_IVSHMEM_COMMON "ivshmem-common"

/**
 * ivshmem_common_set_bar2: Provide the memory behind BAR 2
 * @dev: a device of a subclass of %TYPE_IVSHMEM_COMMON
 * @bar2: the region to register as BAR 2; its size is a power of two
 *
 * A subclass calls this in its realize method before it calls the one of
 * %TYPE_IVSHMEM_COMMON, which then looks for neither a memory backend nor a
 * server.
 *
 * The subclass keeps @bar2 with everything behind it: the common code neither
 * migrates it, nor unmaps or closes anything when the device is unplugged.
 * @bar2 must stay valid until the device's exit method has returned.
 */
void ivshmem_common_set_bar2(PCIDevice *dev, MemoryRegion *bar2);

#endif /* HW_MISC_IVSHMEM_COMMON_H */

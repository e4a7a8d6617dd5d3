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

/**
 * ivshmem_common_set_bar2: Provide the memory behind BAR 2
 * @dev: a device of a subclass of ivshmem-common
 * @bar2: the region to register as BAR 2; its size is a power of two
 *
 * A subclass calls this in its realize method before it calls the one of
 * ivshmem-common, which then looks for no memory backend.  If there is a
 * server, it is asked for interrupts only: memory that it sends is ignored.
 *
 * The subclass keeps @bar2 with everything behind it: the common code neither
 * migrates it, nor unmaps or closes anything when the device is unplugged.
 * @bar2 must stay valid until the device's exit method has returned.
 *
 * If realize fails, the subclass calls the exit method, which copes with a
 * device that is realized in part.
 */
void ivshmem_common_set_bar2(PCIDevice *dev, MemoryRegion *bar2);

#endif /* HW_MISC_IVSHMEM_COMMON_H */

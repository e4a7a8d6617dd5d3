/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What BAR 2 of a PCI device is mapped from: /dev/ivshmem/ADDRESS of the kernel
 * module ivshmem_wb where that is loaded, else resource2 in sysfs.  Thread-safe.
 *
 * The first mapping of a page decides on the memory type of all: every mapping
 * must be made through here.
 */
#ifndef IVSHMEM_WINDOW_H
#define IVSHMEM_WINDOW_H

#include <stdint.h>

#include "format.h"

/** Where Linux has a folder for each PCI device. */
#define SYSFS_PCI "/sys/bus/pci/devices"

/**
 * Open BAR 2.
 *
 * @param name
 *   Address, as 0000:00:04.0.
 * @param[out] size
 *   Bytes of the BAR.
 * @return
 *   A descriptor to be closed by the caller, to be mapped with MAP_SHARED at
 *   offsets in the BAR; or why it cannot be opened.
 */
int ivshmem_window_open(const char *name, uint64_t *size,
			struct ivshmem_error *err);

/** The memory type of mappings of such a descriptor, as Linux calls it. */
const char *ivshmem_window_memory_type(int fd);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which files this process has mapped, for memory whose descriptors the EAL
 * does not tell.
 */
#ifndef IVSHMEM_MAPS_H
#define IVSHMEM_MAPS_H

#include "process_maps.h"

/**
 * Find the file that is mapped shared, to be read and written, at an address.
 *
 * Legacy memory is mapped once, when the EAL starts.  So the kernel is asked
 * again only about addresses that were not mapped before; the caller checks
 * that the file is there.  Not thread-safe.
 *
 * @return
 *   Valid until the next call; NULL if no file is mapped shared there, or
 *   /proc/self/maps cannot be read.
 */
const struct ivshmem_mapping *ivshmem_maps_find(uint64_t address);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which files this process has mapped, for memory whose descriptors the EAL
 * does not tell.
 */
#ifndef IVSHMEM_MAPS_H
#define IVSHMEM_MAPS_H

#include <stdint.h>
#include <sys/types.h>

/** A file that is mapped shared, as a line of /proc/self/maps tells. */
struct ivshmem_mapping {
	uint64_t start;
	uint64_t end;    /**< first byte behind it */
	uint64_t offset; /**< of `start` in the file */
	dev_t dev;
	ino_t ino;
	char *path;      /**< as the kernel tells it: it may name no file any
			  *  more, or another one */
};

/**
 * Find what is mapped at an address.
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

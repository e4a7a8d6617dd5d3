/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a process has mapped, from /proc/PID/maps.  No global state;
 * thread-safe for distinct arguments.
 */
#ifndef IVSHMEM_PROCESS_MAPS_H
#define IVSHMEM_PROCESS_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vec.h"

/** A range of addresses. */
struct ivshmem_mapping {
	uint64_t start;
	uint64_t end;    /**< first byte behind it */
	uint64_t offset; /**< of `start` in the file */
	dev_t dev;
	ino_t ino;       /**< 0: no file */
	char perms[5];   /**< "rw-s" */
	char *path;      /**< as the kernel tells it: it may name no file any
			  *  more, or another one; "[heap]", or "" */
};

/** Called with each in the order of addresses, which is gone afterwards; other
 *  than 0 ends the walk. */
typedef int (*ivshmem_mapping_visit)(const struct ivshmem_mapping *mapping,
				     void *arg);

/**
 * Visit all mappings of a process.
 *
 * @param pid
 *   0: this process.
 * @return
 *   0, what the visit returned, or a negative errno if /proc/PID/maps cannot be
 *   read.
 */
int ivshmem_mappings_walk(pid_t pid, ivshmem_mapping_visit visit, void *arg);

/**
 * Copy the mappings of a process that are wanted.
 *
 * @param[out] mappings
 *   struct ivshmem_mapping, to be released with ivshmem_mappings_free(); empty
 *   on failure.
 * @return
 *   0 or a negative errno.
 */
int ivshmem_mappings_read(pid_t pid,
			  bool (*wanted)(const struct ivshmem_mapping *mapping),
			  struct ivshmem_vec *mappings);
void ivshmem_mappings_free(struct ivshmem_vec *mappings);

/**
 * The first mapping of this process that has an address of [start, end).
 *
 * @param[out] mapping
 *   With `path` for its path.
 * @param[out] path
 *   `size` bytes; a longer one is cut.
 * @return
 *   False if there is none, or /proc/self/maps cannot be read.
 */
bool ivshmem_mappings_overlap(uint64_t start, uint64_t end,
			      struct ivshmem_mapping *mapping, char *path,
			      size_t size);

#endif

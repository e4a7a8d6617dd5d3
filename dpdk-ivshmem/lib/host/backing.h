/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files behind the EAL's memory, in each of its memory modes.
 */
#ifndef IVSHMEM_BACKING_H
#define IVSHMEM_BACKING_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"

/** Pages that follow one another in memory and in one file. */
struct ivshmem_backing {
	uint64_t address;     /**< of the first page */
	uint64_t length;      /**< bytes, whole pages */
	uint64_t file_offset; /**< of the first page */
	uint64_t page_size;   /**< bytes */
	int fd;               /**< of the file; -1: the EAL tells none */
	char path[PATH_MAX];  /**< that QEMU can open while this process lives */
};

/**
 * Check that memory can be shared: all of it is memory that the EAL manages
 * and holds, with a file behind it.
 *
 * Its cost does not depend on the length where the EAL has one file per kind
 * of memory, and is small per page otherwise.
 *
 * @param what
 *   For messages: "ring 'r'".
 * @return
 *   0, -EFAULT (no memory of the EAL, or freed), -ENOTSUP (external memory, or
 *   no file behind it).
 */
int ivshmem_backing_check(const void *address, size_t length, const char *what,
			  struct ivshmem_error *err);

/**
 * Find the file behind a page, and how many pages up to `end` follow it there.
 *
 * @param address
 *   Somewhere in memory that ivshmem_backing_check() accepted, and that is
 *   pinned since.
 * @param end
 *   Ditto: the first byte behind what is wanted.
 * @param[in,out] backing
 *   At first with -1 as `fd`; or what was found before for the same purpose:
 *   where it is the same file, the kernel is not asked for its name again.
 * @return
 *   0 or as ivshmem_backing_check().
 */
int ivshmem_backing_find(uint64_t address, uint64_t end,
			 struct ivshmem_backing *backing,
			 struct ivshmem_error *err);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DPDK_IVSHMEM_PROCESS_MAPS_H
#define DPDK_IVSHMEM_PROCESS_MAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** A range of a process' addresses with a file behind it. */
struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset; /**< in the file, of start */
	dev_t device;
	ino_t inode;
	bool is_memzones; /**< the table of an EAL's memzones */
};

/** In the order of addresses. */
struct maps {
	struct mapping *list;
	uint32_t n;
};

/**
 * Read /proc/PID/maps.
 *
 * @return
 *   0, to be released with free(list), or a negative errno.
 */
int maps_read(struct maps *maps, pid_t pid);

/** True if all of [address, address + length) is that piece of that file. */
bool maps_hold(const struct maps *maps, uint64_t address, uint64_t length,
	       dev_t device, ino_t inode, uint64_t file_offset);

#endif

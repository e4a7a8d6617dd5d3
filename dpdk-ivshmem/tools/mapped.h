/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a process has mapped the memory that metadata lists: the one evidence
 * that a path below /proc, or a name that was used again, still names that file.
 */
#ifndef IVSHMEM_TOOL_MAPPED_H
#define IVSHMEM_TOOL_MAPPED_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "format.h"
#include "vec.h"

/**
 * Read the mappings of files of a process.
 *
 * @param[out] maps
 *   struct ivshmem_mapping, to be released with ivshmem_mappings_free(); empty
 *   on failure.
 * @return
 *   0 or a negative errno.
 */
int mapped_read(pid_t pid, struct ivshmem_vec *maps);

/** True if all of the chunk is mapped at its address, from that file. */
bool mapped_has(const struct ivshmem_vec *maps,
		const struct rte_ivshmem_chunk *chunk, const struct stat *file);

#endif

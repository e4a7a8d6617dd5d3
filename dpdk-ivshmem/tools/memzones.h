/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DPDK_IVSHMEM_MEMZONES_H
#define DPDK_IVSHMEM_MEMZONES_H

#include "audit.h"
#include "target.h"

/**
 * Copy the memzones of the host that owns metadata from the table which its
 * EAL keeps in a file: that which the owner has mapped, or else the one in the
 * runtime folder that the metadata lies in.
 *
 * The table is believed only if it has a memzone that the metadata shares: a
 * file of that name may be that of a later process.
 *
 * @param[out] zones
 *   To be released with free().
 * @return
 *   Their number, or negative with the reason in err.
 */
int64_t memzones_read(const struct target *target,
		      struct ivshmem_neighbour **zones,
		      struct ivshmem_error *err);

#endif

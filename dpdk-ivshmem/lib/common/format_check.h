/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IVSHMEM_FORMAT_CHECK_H
#define IVSHMEM_FORMAT_CHECK_H

#include "format.h"

/**
 * Check what the tables say: ranges without overflow or overlap, names, and
 * references from one table to another.
 *
 * @return
 *   0, -EINVAL with the reason in err, or -ENOMEM.
 */
int ivshmem_metadata_check(const struct ivshmem_metadata *md,
			   uint64_t bar_size, struct ivshmem_error *err);

#endif

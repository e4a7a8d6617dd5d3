/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of DPDK's heap that stays allocated while guests see it, also when
 * the application frees it meanwhile.
 *
 * Called with the lock of metadata.c held, and not after rte_eal_cleanup().
 */
#ifndef IVSHMEM_HOLD_H
#define IVSHMEM_HOLD_H

#include "format.h"

struct rte_memzone;

/**
 * Keep a block of the heap from being freed; counted.
 *
 * @param block
 *   What rte_malloc() returned, or where a memzone begins.
 * @param owner
 *   The memzone that goes away when the application frees the block: the block
 *   itself, or that of the object which the block belongs to.
 * @return
 *   0 or -ENOMEM.
 */
int ivshmem_hold(void *block, const struct rte_memzone *owner,
		 struct ivshmem_error *err);

/** Undo ivshmem_hold(); the last time frees what the application freed. */
void ivshmem_release(void *block);

#endif

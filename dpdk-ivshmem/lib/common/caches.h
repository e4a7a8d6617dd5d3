/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The per-lcore caches of shared mempools.
 *
 * They lie in the pool's own memory, an array indexed by lcore id:
 *
 *     memzone of the pool
 *     +--------------+---------+---------+-- --+-----------+--------------+
 *     | rte_mempool  | lcore 0 | lcore 1 | ... | the last  | private data |
 *     +--------------+---------+---------+-- --+-----------+--------------+
 *        constant      what threads with that id write       see below
 *
 * Two processes whose threads have the same id would both change one cache.
 * So whoever attaches takes private pages for all of the array, but for pages
 * that hold another shared object besides.  What such a page has of the array
 * is shared.  The rest of the pool's memory does not change once the pool is
 * shared, and may be a copy; private data of the application may change
 * (RTE_IVSHMEM_OBJECT_OWN_DATA) and counts as another object.
 *
 * Thread-safe; knows nothing of DPDK.
 */
#ifndef IVSHMEM_CACHES_H
#define IVSHMEM_CACHES_H

#include <stdbool.h>

#include "format.h"

/** The caches of one pool that has some and that guests may write. */
struct ivshmem_caches {
	const struct rte_ivshmem_object *pool;
	uint64_t start;         /**< address of the cache of lcore 0 */
	uint64_t size;          /**< of one cache, bytes */
	uint32_t n;             /**< caches, one for each possible lcore id */
	uint64_t private_start; /**< whole pages that may be private; */
	uint64_t private_end;   /**< none if both are equal */
};

/** A mapping has the pages of its file: those of a process on the host. */
#define IVSHMEM_FILE_PAGES 0

/**
 * Find the caches of all pools.
 *
 * @param page_size
 *   Granularity of a mapping in bytes, power of two; IVSHMEM_FILE_PAGES: that
 *   of the chunk in which the caches lie.
 * @param[out] caches
 *   New memory, to be released with free(), sorted by private_start; the
 *   private pages do not overlap.  NULL if there are none.
 * @return
 *   0, -ENOMEM, or -EINVAL if a pool is too small for its caches or overlaps
 *   another one.
 */
int ivshmem_caches_find(const struct ivshmem_metadata *md, uint64_t page_size,
			struct ivshmem_caches **caches, uint32_t *n,
			struct ivshmem_error *err);

/** May the threads of `lcore_id` use the pool, whoever else has that id? */
bool ivshmem_cache_is_private(const struct ivshmem_caches *caches,
			      uint32_t lcore_id);

#endif

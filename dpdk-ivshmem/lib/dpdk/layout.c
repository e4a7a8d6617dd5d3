/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>

#include <rte_config.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "layout.h"

/* The option that puts an IOVA into each mbuf changed its name in 23.03. */
#if defined(RTE_IOVA_IN_MBUF)
#define IOVA_IN_MBUF RTE_IOVA_IN_MBUF
#elif defined(RTE_IOVA_AS_PA)
#define IOVA_IN_MBUF RTE_IOVA_AS_PA
#else
#define IOVA_IN_MBUF 1
#endif

#define AT(item) [RTE_IVSHMEM_LAYOUT_##item]

const uint32_t ivshmem_layout[RTE_IVSHMEM_LAYOUT_N] = {
	AT(sizeof_pointer) = sizeof(void *),
	AT(cache_line_size) = RTE_CACHE_LINE_SIZE,
	AT(max_lcore) = RTE_MAX_LCORE,
	AT(max_memzone_name) = RTE_MEMZONE_NAMESIZE,
	AT(ring_size) = sizeof(struct rte_ring),
	AT(ring_memzone) = offsetof(struct rte_ring, memzone),
	AT(ring_prod) = offsetof(struct rte_ring, prod),
	AT(ring_cons) = offsetof(struct rte_ring, cons),
	AT(mempool_size) = sizeof(struct rte_mempool),
	AT(mempool_pool_data) = offsetof(struct rte_mempool, pool_data),
	AT(mempool_mz) = offsetof(struct rte_mempool, mz),
	AT(mempool_ops_index) = offsetof(struct rte_mempool, ops_index),
	AT(mempool_local_cache) = offsetof(struct rte_mempool, local_cache),
	AT(mempool_mem_list) = offsetof(struct rte_mempool, mem_list),
	AT(mempool_cache_size) = sizeof(struct rte_mempool_cache),
	AT(mempool_cache_objs) = offsetof(struct rte_mempool_cache, objs),
	AT(mempool_objhdr_size) = sizeof(struct rte_mempool_objhdr),
	AT(mempool_memhdr_size) = sizeof(struct rte_mempool_memhdr),
	AT(memzone_size) = sizeof(struct rte_memzone),
	AT(memzone_addr) = offsetof(struct rte_memzone, addr),
	AT(mbuf_size) = sizeof(struct rte_mbuf),
	AT(mbuf_next) = offsetof(struct rte_mbuf, next),
	AT(mbuf_pool) = offsetof(struct rte_mbuf, pool),
	AT(mbuf_dynfield1) = offsetof(struct rte_mbuf, dynfield1),
	AT(mbuf_iova_in_mbuf) = IOVA_IN_MBUF,
};

static const char *const item_names[RTE_IVSHMEM_LAYOUT_N] = {
#define ITEM_NAME(item) #item,
	RTE_IVSHMEM_LAYOUT_ITEMS(ITEM_NAME)
};

int ivshmem_layout_check(const struct ivshmem_metadata *md,
			 struct ivshmem_error *err)
{
	if (md->n_layout < RTE_IVSHMEM_LAYOUT_N)
		return ivshmem_fail(err, -EINVAL,
			"the host tells %u layout items, %u are needed: update the host's library",
			md->n_layout, RTE_IVSHMEM_LAYOUT_N);
	for (uint32_t i = 0; i < RTE_IVSHMEM_LAYOUT_N; i++)
		if (md->layout[i] != ivshmem_layout[i])
			return ivshmem_fail(err, -EINVAL,
				"layout differs: %s is %u on the host (%s) and %u here: use a DPDK built with the same options",
				item_names[i], md->layout[i], md->dpdk_version,
				ivshmem_layout[i]);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mempool out of three blocks of pages, each of which is released by
 * rte_mempool_free() as the part of an ordinary pool that it stands for:
 *
 *   memzone MP_NAME     the pool, its caches and private data
 *   memzone RG_MP_NAME  ring MP_NAME of free objects
 *   rte_malloc() block  +--------------+-------------------------------+
 *                       | chunk header | objects                       |
 *                       +--------------+-------------------------------+
 *
 * DPDK allocates a chunk header among other things with rte_malloc() and
 * releases it with rte_free().  Here it lies in the block itself, which goes
 * away with it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_eal.h>
#include <rte_eal_memconfig.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "alloc.h"
#include "rte_ivshmem.h"
#include "tailq.h"

static struct rte_mempool *fail_pool(struct rte_mempool *mp, int ret)
{
	rte_mempool_free(mp);
	rte_errno = -ret;
	return NULL;
}

/* An empty pool, in pages that it shares with others, that nobody looks up. */
static struct rte_mempool *create_unnamed(unsigned int n, unsigned int elt_size,
					  unsigned int cache_size,
					  unsigned int private_data_size,
					  int socket_id, unsigned int flags)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *mp;

	snprintf(name, sizeof(name), "ivshmem-new-%d", rte_gettid());
	mp = rte_mempool_create_empty(name, n, elt_size, cache_size,
				      private_data_size, socket_id, flags);
	/* DPDK rounds up, past UINT_MAX to 0. */
	if (mp != NULL && (mp->elt_size < elt_size ||
			   mp->private_data_size < private_data_size))
		return fail_pool(mp, -EINVAL);
	return mp;
}

static const struct rte_memzone *reserve_for(const struct rte_mempool *mp,
					     const char *name)
{
	char mz_name[RTE_MEMZONE_NAMESIZE];
	int len = snprintf(mz_name, sizeof(mz_name), RTE_MEMPOOL_MZ_FORMAT,
			   name);

	if (len < 0 || (size_t)len >= sizeof(mz_name) ||
	    strlen(name) >= sizeof(mp->name)) {
		rte_errno = ENAMETOOLONG;
		return NULL;
	}
	return rte_ivshmem_memzone_reserve(mz_name, mp->mz->len, mp->socket_id,
					   0);
}

/* The same empty pool, in a memzone and with a name of its own. */
static struct rte_mempool *move_empty(struct rte_mempool *old, const char *name,
				      const struct rte_memzone *mz)
{
	struct rte_mempool *mp = mz->addr;
	const struct rte_memzone *old_mz = old->mz;

	/* Those who walk over all pools must not see half of this. */
	rte_mcfg_mempool_write_lock();
	memcpy(mp, old, old_mz->len);
	snprintf(mp->name, sizeof(mp->name), "%s", name);
	mp->mz = mz;
	mp->local_cache = RTE_PTR_ADD(mp, RTE_MEMPOOL_HEADER_SIZE(mp, 0));
	STAILQ_INIT(&mp->elt_list);
	STAILQ_INIT(&mp->mem_list);
	ivshmem_tailq_replace(IVSHMEM_MEMPOOL_TAILQ, old, mp);
	rte_mcfg_mempool_write_unlock();
	rte_memzone_free(old_mz);
	return mp;
}

static struct rte_mempool *create_empty(const char *name, unsigned int n,
					unsigned int elt_size,
					unsigned int cache_size,
					unsigned int private_data_size,
					int socket_id, unsigned int flags)
{
	const struct rte_memzone *mz;
	struct rte_mempool *mp;

	if (name == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	mp = create_unnamed(n, elt_size, cache_size, private_data_size,
			    socket_id, flags);
	if (mp == NULL)
		return NULL;
	mz = reserve_for(mp, name);
	return mz != NULL ? move_empty(mp, name, mz) :
			    fail_pool(mp, -rte_errno);
}

/* The kinds of ring among the mempool ops, as rte_mempool_create() chooses. */
static const struct {
	const char *ops;
	unsigned int ring_flags;
} ring_kinds[2][2] = { /* [RTE_MEMPOOL_F_SP_PUT][RTE_MEMPOOL_F_SC_GET] */
	{ { "ring_mp_mc", 0 }, { "ring_mp_sc", RING_F_SC_DEQ } },
	{ { "ring_sp_mc", RING_F_SP_ENQ },
	  { "ring_sp_sc", RING_F_SP_ENQ | RING_F_SC_DEQ } },
};

static int add_ring(struct rte_mempool *mp)
{
	int sp = (mp->flags & RTE_MEMPOOL_F_SP_PUT) != 0;
	int sc = (mp->flags & RTE_MEMPOOL_F_SC_GET) != 0;
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;
	int ret = rte_mempool_set_ops_byname(mp, ring_kinds[sp][sc].ops, NULL);

	if (ret != 0)
		return ret;
	ret = snprintf(name, sizeof(name), RTE_MEMPOOL_MZ_FORMAT, mp->name);
	if (ret < 0 || (size_t)ret >= sizeof(name))
		return -ENAMETOOLONG;
	r = rte_ivshmem_ring_create(name, rte_align32pow2(mp->size + 1),
				    mp->socket_id,
				    ring_kinds[sp][sc].ring_flags);
	if (r == NULL)
		return -rte_errno;
	mp->pool_data = r;
	/* Or populating would create another one. */
	mp->flags |= RTE_MEMPOOL_F_POOL_CREATED;
	return 0;
}

/* Where the objects begin in their block. */
#define OBJECTS_OFFSET RTE_ALIGN_CEIL(sizeof(struct rte_mempool_memhdr), \
				      (size_t)RTE_MEMPOOL_ALIGN)

/*
 * Replace the chunk headers by one in front of the objects.  With physical
 * addresses there may be one per page: together they have none, while each
 * object knows its own.
 */
static void merge_chunks(struct rte_mempool *mp, char *block, size_t size)
{
	struct rte_mempool_memhdr *merged = (struct rte_mempool_memhdr *)block;
	struct rte_mempool_memhdr_list old = STAILQ_HEAD_INITIALIZER(old);
	struct rte_mempool_memhdr *header;

	rte_mcfg_mempool_write_lock();
	STAILQ_CONCAT(&old, &mp->mem_list);
	*merged = *STAILQ_FIRST(&old);
	if (merged->len < size - OBJECTS_OFFSET)
		merged->iova = RTE_BAD_IOVA;
	/* What has no room for an object was no chunk. */
	merged->addr = block + OBJECTS_OFFSET;
	merged->len = size - OBJECTS_OFFSET;
	STAILQ_INSERT_TAIL(&mp->mem_list, merged, next);
	mp->nb_mem_chunks = 1;
	while ((header = STAILQ_FIRST(&old)) != NULL) {
		STAILQ_REMOVE_HEAD(&old, next);
		rte_free(header);
	}
	rte_mcfg_mempool_write_unlock();
}

/* Bytes for all objects, none of which crosses a page; 0: they may. */
static ssize_t objects_size(struct rte_mempool *mp, size_t *page)
{
	size_t least, align;
	int ret = rte_mempool_get_page_size(mp, page);

	if (ret != 0)
		return ret;
	return rte_mempool_op_calc_mem_size_default(mp, mp->size,
			*page != 0 ? rte_bsf64(*page) : 0, &least, &align);
}

static int add_objects(struct rte_mempool *mp)
{
	size_t size, page;
	ssize_t ret = objects_size(mp, &page);
	char *block;

	if (ret < 0)
		return (int)ret;
	size = OBJECTS_OFFSET + (size_t)ret;
	block = ivshmem_pages_malloc("IVSHMEM_OBJECTS", &size, mp->socket_id);
	if (block == NULL)
		return -ENOMEM;
	ret = rte_mempool_populate_virt(mp, block + OBJECTS_OFFSET,
					size - OBJECTS_OFFSET, page, NULL,
					NULL);
	if (ret <= 0) {
		rte_free(block);
		return ret < 0 ? (int)ret : -ENOMEM;
	}
	merge_chunks(mp, block, size);
	/* No room: objects larger than what is contiguous for a device. */
	return mp->populated_size == mp->size ? 0 : -ENOMEM;
}

static struct rte_mempool *complete(struct rte_mempool *mp)
{
	int ret = add_ring(mp);

	if (ret == 0)
		ret = add_objects(mp);
	return ret == 0 ? mp : fail_pool(mp, ret);
}

struct rte_mempool *rte_ivshmem_mempool_create(const char *name, unsigned int n,
					       unsigned int elt_size,
					       unsigned int cache_size,
					       unsigned int private_data_size,
					       int socket_id,
					       unsigned int flags)
{
	struct rte_mempool *mp = create_empty(name, n, elt_size, cache_size,
					      private_data_size, socket_id,
					      flags);

	return mp != NULL ? complete(mp) : NULL;
}

struct rte_mempool *rte_ivshmem_pktmbuf_pool_create(const char *name,
						    unsigned int n,
						    unsigned int cache_size,
						    uint16_t priv_size,
						    uint16_t data_room_size,
						    int socket_id)
{
	struct rte_pktmbuf_pool_private private = {
		.mbuf_data_room_size = data_room_size,
		.mbuf_priv_size = priv_size,
	};
	unsigned int elt_size = (unsigned int)sizeof(struct rte_mbuf) +
				priv_size + data_room_size;
	struct rte_mempool *mp;

	if (priv_size % RTE_MBUF_PRIV_ALIGN != 0) {
		rte_errno = EINVAL;
		return NULL;
	}
	mp = create_empty(name, n, elt_size, cache_size, sizeof(private),
			  socket_id, 0);
	if (mp == NULL)
		return NULL;
	/* Drivers look at it as soon as the pool has its objects. */
	rte_pktmbuf_pool_init(mp, &private);
	mp = complete(mp);
	if (mp != NULL)
		rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	return mp;
}

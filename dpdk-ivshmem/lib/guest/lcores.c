/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private caches of shared mempools, by lcore id.
 *
 * A private cache is zero at first, which DPDK takes for one that holds nothing
 * and has no room.  The cache of an lcore is made ready when that id comes into
 * use, and what it holds is given back when the id goes out of use.
 */
#include <errno.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_memory.h>
#include <rte_mempool.h>

#include "guest.h"

static struct rte_mempool_cache *cache_of(const struct ivshmem_caches *caches,
					  uint32_t lcore_id)
{
	return (void *)(uintptr_t)(caches->start + caches->size * lcore_id);
}

static bool listed(const struct ivshmem_metadata *md, uint32_t lcore_id)
{
	for (uint32_t i = 0; i < md->n_lcores; i++)
		if (md->lcores[i] == lcore_id)
			return true;
	return false;
}

/*
 * Whose cache is shared with somebody?  In a VM just those at the ends of the
 * array are, where the host's ids are not all: another VM may have the same.
 * A process on the host maps whole hugepages; it has to trust the list.
 */
static bool allowed(const struct ivshmem_device *device,
		    const struct ivshmem_caches *caches, uint32_t lcore_id)
{
	return ivshmem_cache_is_private(caches, lcore_id) ||
	       (!device->is_pci && !listed(&device->md, lcore_id));
}

static const struct ivshmem_caches *
find_refusal(const struct ivshmem_device *device, uint32_t lcore_id)
{
	for (uint32_t i = 0; i < device->n_caches; i++)
		if (!allowed(device, &device->caches[i], lcore_id))
			return &device->caches[i];
	return NULL;
}

/* As DPDK makes them, which depends on its version. */
static int prepare(const struct ivshmem_caches *caches, uint32_t lcore_id)
{
	struct rte_mempool_cache *cache = cache_of(caches, lcore_id);
	struct rte_mempool_cache *sample;

	if (!ivshmem_cache_is_private(caches, lcore_id))
		return 0;
	sample = rte_mempool_cache_create(caches->pool->cache_size,
					  SOCKET_ID_ANY);
	if (sample == NULL)
		return -1;
	cache->size = sample->size;
	cache->flushthresh = sample->flushthresh;
	cache->len = 0;
	rte_mempool_cache_free(sample);
	return 0;
}

/* Called by the EAL for each lcore, now and when a thread registers. */
static int lcore_starts(unsigned int lcore_id, void *arg)
{
	const struct ivshmem_device *device = arg;
	int ret = find_refusal(device, lcore_id) != NULL ? -1 : 0;

	for (uint32_t i = 0; i < device->n_caches && ret == 0; i++)
		ret = prepare(&device->caches[i], lcore_id);
	return ret;
}

/* The pool must still be what it was: DPDK jumps by its index of ops. */
static void flush(const struct ivshmem_device *device, uint32_t i,
		  uint32_t lcore_id)
{
	const struct ivshmem_caches *caches = &device->caches[i];
	struct rte_mempool *mp = (void *)(uintptr_t)caches->pool->address;
	const struct rte_ivshmem_ops *ops =
		&device->md.ops[caches->pool->ops];

	if ((uint32_t)mp->ops_index == ops->index)
		rte_mempool_cache_flush(cache_of(caches, lcore_id), mp);
}

/* Called by the EAL when an id goes out of use, and for each at the end. */
static void lcore_ends(unsigned int lcore_id, void *arg)
{
	const struct ivshmem_device *device = arg;

	if (ivshmem_is_gone(device))
		return;
	for (uint32_t i = 0; i < device->n_caches; i++)
		flush(device, i, lcore_id);
}

static uint32_t first_allowed(const struct ivshmem_device *device)
{
	uint32_t id = 0;

	while (id < RTE_MAX_LCORE && find_refusal(device, id) != NULL)
		id++;
	return id;
}

static int refuse(const struct ivshmem_device *device, uint32_t lcore_id,
		  const struct ivshmem_caches *caches,
		  struct ivshmem_error *err)
{
	uint32_t other = first_allowed(device);
	const char *name = caches->pool->name;

	if (other < RTE_MAX_LCORE)
		return ivshmem_fail(err, -EBUSY,
			"mempool '%s' has a cache per lcore id, and that of id %u is shared with other processes: start this program with other ids, for example --lcores %u@0, or create the pool with rte_ivshmem_pktmbuf_pool_create() or a cache of 0",
			name, lcore_id, other);
	return ivshmem_fail(err, -EBUSY,
		"mempool '%s' has a cache per lcore id, and all of them are shared with other processes: create the pool with rte_ivshmem_pktmbuf_pool_create() or a cache of 0",
		name);
}

int ivshmem_guard_lcores(struct ivshmem_device *device,
			 struct ivshmem_error *err)
{
	if (device->n_caches == 0)
		return 0;
	for (uint32_t id = 0; id < RTE_MAX_LCORE; id++) {
		const struct ivshmem_caches *caches =
			rte_eal_lcore_role(id) == ROLE_OFF ? NULL :
			find_refusal(device, id);

		if (caches != NULL)
			return refuse(device, id, caches, err);
	}
	device->lcore_callback = rte_lcore_callback_register("ivshmem",
					lcore_starts, lcore_ends, device);
	if (device->lcore_callback == NULL)
		return ivshmem_fail(err, -ENOMEM,
			"the caches of its pools cannot be prepared: give this program more memory (-m)");
	return 0;
}

void ivshmem_release_lcores(struct ivshmem_device *device)
{
	if (device->lcore_callback != NULL)
		rte_lcore_callback_unregister(device->lcore_callback);
	device->lcore_callback = NULL;
}

static bool is_idle(uint32_t lcore_id)
{
	if (lcore_id == rte_lcore_id())
		return true;
	return rte_eal_lcore_role(lcore_id) == ROLE_RTE &&
	       lcore_id != rte_get_main_lcore() &&
	       rte_eal_get_lcore_state(lcore_id) == WAIT;
}

void ivshmem_flush_idle_lcores(struct ivshmem_device *device)
{
	if (device->lcore_callback == NULL)
		return;
	for (uint32_t id = 0; id < RTE_MAX_LCORE; id++)
		if (is_idle(id))
			lcore_ends(id, device);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an object consists of.
 *
 *   memzone   its bytes
 *   ring      the memzone that holds it
 *   mempool   the memzone that holds it (header, caches, private data), each
 *             memory chunk with the chunk's header, and the memzone of its
 *             pool_data (the ring or stack of free objects)
 *
 * Each memzone is listed, also the implied ones: shared objects point to the
 * host's private descriptor of their memzone, and the guest makes a copy of it.
 */
#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "host.h"

static struct rte_ivshmem_object *find_object(const struct ivshmem_host *host,
					      uint32_t type, const char *name)
{
	struct rte_ivshmem_object *objects = host->objects.data;

	for (uint32_t i = 0; i < host->objects.n; i++)
		if (objects[i].type == type &&
		    strcmp(objects[i].name, name) == 0)
			return &objects[i];
	return NULL;
}

static int append_object(struct ivshmem_host *host,
			 struct rte_ivshmem_object *object, const char *name,
			 struct ivshmem_error *err)
{
	snprintf(object->name, sizeof(object->name), "%s", name);
	if (ivshmem_vec_append(&host->objects, object, 1, sizeof(*object)) != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	return 0;
}

static int append_memzone(struct ivshmem_host *host,
			  const struct rte_memzone *mz, uint32_t flags,
			  struct ivshmem_error *err)
{
	struct rte_ivshmem_object object = {
		.type = RTE_IVSHMEM_MEMZONE,
		.flags = flags,
		.address = mz->addr_64,
		.length = mz->len,
		.memzone = (uintptr_t)mz,
		.hugepage_sz = mz->hugepage_sz,
		.socket_id = mz->socket_id,
		.mz_flags = mz->flags,
	};
	char what[64];
	int ret;

	snprintf(what, sizeof(what), "memzone '%s'", mz->name);
	ret = ivshmem_add_range(host, mz->addr, mz->len, what, err);
	return ret != 0 ? ret : append_object(host, &object, mz->name, err);
}

/* A memzone that another object needs; it may be listed already. */
static int imply_memzone(struct ivshmem_host *host,
			 const struct rte_memzone *mz,
			 struct ivshmem_error *err)
{
	if (find_object(host, RTE_IVSHMEM_MEMZONE, mz->name) != NULL)
		return 0;
	return append_memzone(host, mz, RTE_IVSHMEM_OBJECT_IMPLIED, err);
}

int ivshmem_add_memzone(struct ivshmem_host *host, const struct rte_memzone *mz,
			struct ivshmem_error *err)
{
	struct rte_ivshmem_object *known;

	if (rte_memzone_lookup(mz->name) != mz)
		return ivshmem_fail(err, -ENOENT,
			"memzone '%.31s' is not one that rte_memzone_lookup() knows",
			mz->name);
	known = find_object(host, RTE_IVSHMEM_MEMZONE, mz->name);
	if (known == NULL)
		return append_memzone(host, mz, 0, err);
	if (!(known->flags & RTE_IVSHMEM_OBJECT_IMPLIED))
		return ivshmem_fail(err, -EEXIST,
			"memzone '%s' is shared by '%s' already", mz->name,
			host->name);
	known->flags &= ~RTE_IVSHMEM_OBJECT_IMPLIED;
	return 0;
}

/** Search for the memzone that holds an address. */
struct memzone_search {
	const void *address;
	const struct rte_memzone *found;
};

static void match_memzone(const struct rte_memzone *mz, void *arg)
{
	struct memzone_search *search = arg;

	if (search->address >= mz->addr &&
	    search->address < RTE_PTR_ADD(mz->addr, mz->len))
		search->found = mz;
}

static const struct rte_memzone *memzone_of(const void *address)
{
	struct memzone_search search = { .address = address };

	rte_memzone_walk(match_memzone, &search);
	return search.found;
}

int ivshmem_add_ring(struct ivshmem_host *host, const struct rte_ring *r,
		     struct ivshmem_error *err)
{
	struct rte_ivshmem_object object = {
		.type = RTE_IVSHMEM_RING,
		.address = (uintptr_t)r,
	};
	int ret;

	if (rte_ring_lookup(r->name) != r || r->memzone == NULL)
		return ivshmem_fail(err, -ENOENT,
			"ring '%.31s' is not one that rte_ring_create() made",
			r->name);
	if (find_object(host, RTE_IVSHMEM_RING, r->name) != NULL)
		return ivshmem_fail(err, -EEXIST,
			"ring '%s' is shared by '%s' already", r->name,
			host->name);
	object.length = r->memzone->len -
			RTE_PTR_DIFF(r, r->memzone->addr);
	ret = imply_memzone(host, r->memzone, err);
	return ret != 0 ? ret : append_object(host, &object, r->name, err);
}

/** State of the walk over a mempool's memory chunks. */
struct mempool_walk {
	struct ivshmem_host *host;
	struct ivshmem_error *err;
	const char *what;
	int ret;
};

static void add_memory_chunk(struct rte_mempool *mp __rte_unused, void *opaque,
			     struct rte_mempool_memhdr *memhdr,
			     unsigned int index __rte_unused)
{
	struct mempool_walk *walk = opaque;
	const struct rte_memzone *mz = memzone_of(memhdr->addr);

	if (walk->ret == 0)
		walk->ret = ivshmem_add_range(walk->host, memhdr,
				sizeof(*memhdr), walk->what, walk->err);
	if (walk->ret == 0)
		walk->ret = ivshmem_add_range(walk->host, memhdr->addr,
				memhdr->len, walk->what, walk->err);
	if (walk->ret == 0 && mz != NULL)
		walk->ret = imply_memzone(walk->host, mz, walk->err);
}

/* Index in the table of ops of what the pool uses. */
static int intern_ops(struct ivshmem_host *host, const struct rte_mempool *mp,
		      uint32_t *index, struct ivshmem_error *err)
{
	const struct rte_ivshmem_ops *table = host->ops.data;
	struct rte_ivshmem_ops ops = { .index = (uint32_t)mp->ops_index };

	for (*index = 0; *index < host->ops.n; (*index)++)
		if (table[*index].index == ops.index)
			return 0;
	snprintf(ops.name, sizeof(ops.name), "%s",
		 rte_mempool_get_ops(mp->ops_index)->name);
	if (ivshmem_vec_append(&host->ops, &ops, 1, sizeof(ops)) != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	return 0;
}

/* The ring or stack of free objects. */
static int add_pool_data(struct ivshmem_host *host,
			 const struct rte_mempool *mp,
			 struct ivshmem_error *err)
{
	const struct rte_memzone *mz = memzone_of(mp->pool_data);

	if (mz == NULL)
		return ivshmem_fail(err, -ENOTSUP,
			"mempool '%s': its ops '%s' keep free objects outside memzones; use ring_mp_mc or stack",
			mp->name, rte_mempool_get_ops(mp->ops_index)->name);
	return imply_memzone(host, mz, err);
}

static int add_pool_memory(struct ivshmem_host *host,
			   const struct rte_mempool *mp,
			   struct ivshmem_error *err)
{
	char what[64];
	struct mempool_walk walk = {
		.host = host, .err = err, .what = what,
	};

	snprintf(what, sizeof(what), "mempool '%s'", mp->name);
	/* The walk changes nothing, but the API is not const. */
	rte_mempool_mem_iter((struct rte_mempool *)(uintptr_t)mp,
			     add_memory_chunk, &walk);
	return walk.ret;
}

int ivshmem_add_mempool(struct ivshmem_host *host, const struct rte_mempool *mp,
			struct ivshmem_error *err)
{
	struct rte_ivshmem_object object = {
		.type = RTE_IVSHMEM_MEMPOOL,
		.address = (uintptr_t)mp,
		.cache_size = mp->cache_size,
	};
	int ret;

	if (rte_mempool_lookup(mp->name) != mp)
		return ivshmem_fail(err, -ENOENT,
			"mempool '%.31s' is not one that rte_mempool_lookup() knows",
			mp->name);
	if (find_object(host, RTE_IVSHMEM_MEMPOOL, mp->name) != NULL)
		return ivshmem_fail(err, -EEXIST,
			"mempool '%s' is shared by '%s' already", mp->name,
			host->name);
	if (mp->populated_size < mp->size)
		return ivshmem_fail(err, -ENOTSUP,
			"mempool '%s' has %u of %u objects: populate it first",
			mp->name, mp->populated_size, mp->size);
	object.length = mp->mz->len - RTE_PTR_DIFF(mp, mp->mz->addr);
	ret = imply_memzone(host, mp->mz, err);
	if (ret == 0)
		ret = add_pool_data(host, mp, err);
	if (ret == 0)
		ret = add_pool_memory(host, mp, err);
	if (ret == 0)
		ret = intern_ops(host, mp, &object.ops, err);
	return ret != 0 ? ret : append_object(host, &object, mp->name, err);
}

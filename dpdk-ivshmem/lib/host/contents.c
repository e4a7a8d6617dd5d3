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
 *
 * Pointers of the application are checked before anything is read through
 * them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "backing.h"
#include "memzones.h"
#include "objects.h"

static int fill_memzone(struct ivshmem_object *object,
			const struct rte_memzone *mz, struct ivshmem_error *err)
{
	int ret;

	object->wire.address = mz->addr_64;
	object->wire.length = mz->len;
	object->wire.memzone = (uintptr_t)mz;
	object->wire.hugepage_sz = mz->hugepage_sz;
	object->wire.socket_id = mz->socket_id;
	object->wire.mz_flags = mz->flags;
	ret = ivshmem_object_add_range(object, mz->addr_64, mz->len, err);
	return ret != 0 ? ret :
	       ivshmem_object_hold(object, mz->addr, mz, err);
}

/* The memzone's entry: a new one, or the one that other objects imply. */
static int get_memzone(struct ivshmem_host *host, const struct rte_memzone *mz,
		       struct ivshmem_object **result,
		       struct ivshmem_error *err)
{
	struct ivshmem_object *object =
		ivshmem_object_find(host, RTE_IVSHMEM_MEMZONE, mz);
	int ret;

	if (object != NULL && (object->wire.address != mz->addr_64 ||
			       strcmp(object->wire.name, mz->name) != 0))
		return ivshmem_fail(err, -EEXIST,
			"memzone '%s' took the descriptor of '%s', which was freed and is still shared by '%s': remove that first",
			mz->name, object->wire.name, host->name);
	if (object != NULL) {
		*result = object;
		return 0;
	}
	ret = ivshmem_object_new(host, RTE_IVSHMEM_MEMZONE, mz, mz->name, false,
				 &object, err);
	if (ret != 0)
		return ret;
	ret = fill_memzone(object, mz, err);
	if (ret != 0)
		ivshmem_object_drop(host, object);
	else
		*result = object;
	return ret;
}

static int need_memzone(struct ivshmem_host *host, struct ivshmem_object *user,
			const struct rte_memzone *mz, struct ivshmem_error *err)
{
	struct ivshmem_object *memzone;
	int ret = get_memzone(host, mz, &memzone, err);

	if (ret != 0)
		return ret;
	ret = ivshmem_object_need(user, memzone, err);
	if (ret != 0 && memzone->readers == 0 && memzone->writers == 0)
		ivshmem_object_drop(host, memzone);
	return ret;
}

int ivshmem_add_memzone(struct ivshmem_host *host, const void *pointer,
			bool readonly, struct ivshmem_error *err)
{
	const struct rte_memzone *mz = pointer;
	struct ivshmem_object *object;
	int ret;

	if (!ivshmem_memzone_exists(mz))
		return ivshmem_fail(err, -ENOENT,
			"%p is no memzone of this process", pointer);
	ret = get_memzone(host, mz, &object, err);
	if (ret != 0)
		return ret;
	if (object->asked)
		return ivshmem_fail(err, -EEXIST,
			"memzone '%s' is shared by '%s' already", mz->name,
			host->name);
	object->asked = true;
	object->readonly = readonly;
	ivshmem_object_use(object, readonly);
	return 0;
}

/* The name and numbers of a ring, whatever memory this is. */
static bool looks_like_ring(const struct rte_ring *r)
{
	return r->name[0] != '\0' &&
	       memchr(r->name, '\0', sizeof(r->name)) != NULL &&
	       r->size != 0 && (r->size & r->mask) == 0 &&
	       r->mask == r->size - 1 && r->capacity <= r->mask;
}

/* A ring that DPDK made begins its memzone; others lie somewhere in one. */
static const struct rte_memzone *memzone_of_ring(const struct rte_ring *r)
{
	const struct rte_memzone *mz = r->memzone;

	if (!looks_like_ring(r))
		return NULL;
	if (mz == NULL)
		return ivshmem_memzone_of(r, sizeof(*r), NULL);
	return ivshmem_memzone_exists(mz) && mz->addr == r ? mz : NULL;
}

static int fill_ring(struct ivshmem_host *host, struct ivshmem_object *object,
		     const struct rte_ring *r, const struct rte_memzone *mz,
		     struct ivshmem_error *err)
{
	ssize_t size = rte_ring_get_memsize(r->size);

	object->asked = true;
	object->wire.address = (uintptr_t)r;
	object->wire.length = mz->len - RTE_PTR_DIFF(r, mz->addr);
	if (size < 0 || (uint64_t)size > object->wire.length)
		return ivshmem_fail(err, -EFAULT,
			"ring '%s' leaves its memzone '%s'", object->wire.name,
			mz->name);
	if (r->memzone == NULL)
		object->wire.length = (uint64_t)size;
	return need_memzone(host, object, mz, err);
}

/*
 * Before anything is read through the pointer of a ring or mempool.  -ENOTSUP:
 * DPDK's, but with no file; the memzone, if any, gives its name away.
 */
static int check_readable(const void *pointer, size_t length, const char *type,
			  struct ivshmem_error *err)
{
	const struct rte_memzone *mz;
	char what[64];
	int ret = ivshmem_backing_check(pointer, length, type, err);

	if (ret != -ENOTSUP)
		return ret;
	mz = ivshmem_memzone_of(pointer, length, NULL);
	if (mz == NULL)
		return ret;
	snprintf(what, sizeof(what), "%s in memzone '%s'", type, mz->name);
	return ivshmem_backing_check(pointer, length, what, err);
}

int ivshmem_add_ring(struct ivshmem_host *host, const void *pointer,
		     bool readonly, struct ivshmem_error *err)
{
	const struct rte_ring *r = pointer;
	const struct rte_memzone *mz = NULL;
	struct ivshmem_object *object;
	int ret = check_readable(r, sizeof(*r), "ring", err);

	if (ret == -ENOTSUP)
		return ret;
	if (ret == 0)
		mz = memzone_of_ring(r);
	if (mz == NULL)
		return ivshmem_fail(err, -ENOENT,
			"%p is no ring in a memzone of this process", pointer);
	ret = ivshmem_object_new(host, RTE_IVSHMEM_RING, r, r->name, readonly,
				 &object, err);
	if (ret != 0)
		return ret;
	ret = fill_ring(host, object, r, mz, err);
	if (ret != 0)
		ivshmem_object_drop(host, object);
	return ret;
}

/** State of the walk over a mempool's memory chunks. */
struct mempool_walk {
	struct ivshmem_host *host;
	struct ivshmem_object *object;
	struct ivshmem_error *err;
	int ret;
};

/* The objects: in a memzone mostly, else somewhere in the EAL's memory. */
static int add_chunk_memory(struct mempool_walk *walk,
			    const struct rte_mempool_memhdr *memhdr)
{
	const struct rte_memzone *mz =
		ivshmem_memzone_of(memhdr->addr, memhdr->len, memhdr->opaque);

	if (mz != NULL)
		return need_memzone(walk->host, walk->object, mz, walk->err);
	return ivshmem_object_add_range(walk->object, (uintptr_t)memhdr->addr,
					memhdr->len, walk->err);
}

/* rte_malloc() gave the header, alone or with the objects behind it. */
static void add_memory_chunk(struct rte_mempool *mp, void *opaque,
			     struct rte_mempool_memhdr *memhdr,
			     unsigned int index __rte_unused)
{
	struct mempool_walk *walk = opaque;

	if (walk->ret == 0)
		walk->ret = ivshmem_object_add_range(walk->object,
				(uintptr_t)memhdr,
				RTE_CACHE_LINE_ROUNDUP(sizeof(*memhdr)),
				walk->err);
	if (walk->ret == 0)
		walk->ret = ivshmem_object_hold(walk->object, memhdr, mp->mz,
						walk->err);
	if (walk->ret == 0)
		walk->ret = add_chunk_memory(walk, memhdr);
}

/* The ring or stack of free objects; a ring knows its memzone. */
static int add_pool_data(struct mempool_walk *walk,
			 const struct rte_mempool *mp)
{
	const struct rte_ring *r = mp->pool_data;
	const struct rte_memzone *mz = NULL;

	if (ivshmem_backing_check(r, sizeof(*r), "pool data", walk->err) == 0)
		mz = ivshmem_memzone_of(r, 1, r->memzone);
	if (mz == NULL)
		return ivshmem_fail(walk->err, -ENOTSUP,
			"mempool '%s': its ops '%s' keep free objects outside memzones; use ring_mp_mc or stack",
			mp->name, rte_mempool_get_ops(mp->ops_index)->name);
	return need_memzone(walk->host, walk->object, mz, walk->err);
}

/*
 * Does the private data hold more than what DPDK keeps there for mbufs, which
 * never changes?
 */
static bool has_own_data(const struct rte_mempool *mp)
{
	const struct rte_pktmbuf_pool_private *mbuf_data =
		RTE_PTR_ADD(mp, RTE_MEMPOOL_HEADER_SIZE(mp, mp->cache_size));

	if (mp->private_data_size == 0)
		return false;
	return mp->private_data_size > RTE_ALIGN_CEIL(sizeof(*mbuf_data),
						      RTE_MEMPOOL_ALIGN) ||
	       mp->elt_size != sizeof(struct rte_mbuf) +
			       mbuf_data->mbuf_priv_size +
			       mbuf_data->mbuf_data_room_size;
}

static int fill_mempool(struct ivshmem_host *host,
			struct ivshmem_object *object,
			const struct rte_mempool *mp, struct ivshmem_error *err)
{
	struct mempool_walk walk = {
		.host = host, .object = object, .err = err,
	};

	object->asked = true;
	object->wire.address = (uintptr_t)mp;
	object->wire.length = mp->mz->len;
	object->wire.cache_size = mp->cache_size;
	object->wire.flags = has_own_data(mp) ? RTE_IVSHMEM_OBJECT_OWN_DATA : 0;
	object->ops_index = (uint32_t)mp->ops_index;
	walk.ret = need_memzone(host, object, mp->mz, err);
	if (walk.ret == 0)
		walk.ret = add_pool_data(&walk, mp);
	/* The walk changes nothing, but the API is not const. */
	if (walk.ret == 0)
		rte_mempool_mem_iter((struct rte_mempool *)(uintptr_t)mp,
				     add_memory_chunk, &walk);
	return walk.ret;
}

static bool is_mempool(const struct rte_mempool *mp)
{
	return ivshmem_memzone_exists(mp->mz) && mp->mz->addr == mp &&
	       memchr(mp->name, '\0', sizeof(mp->name)) != NULL &&
	       (uint32_t)mp->ops_index < rte_mempool_ops_table.num_ops;
}

int ivshmem_add_mempool(struct ivshmem_host *host, const void *pointer,
			bool readonly, struct ivshmem_error *err)
{
	const struct rte_mempool *mp = pointer;
	struct ivshmem_object *object;
	int ret = check_readable(mp, sizeof(*mp), "mempool", err);

	if (ret == -ENOTSUP)
		return ret;
	if (ret != 0 || !is_mempool(mp))
		return ivshmem_fail(err, -ENOENT,
			"%p is no mempool of this process", pointer);
	if (mp->populated_size < mp->size)
		return ivshmem_fail(err, -ENOTSUP,
			"mempool '%s' has %u of %u objects: populate it first",
			mp->name, mp->populated_size, mp->size);
	ret = ivshmem_object_new(host, RTE_IVSHMEM_MEMPOOL, mp, mp->name,
				 readonly, &object, err);
	if (ret != 0)
		return ret;
	ret = fill_mempool(host, object, mp, err);
	if (ret != 0)
		ivshmem_object_drop(host, object);
	return ret;
}

int ivshmem_remove(struct ivshmem_host *host, enum rte_ivshmem_object_type type,
		   const void *pointer, struct ivshmem_error *err)
{
	struct ivshmem_object *object =
		ivshmem_object_find(host, type, pointer);

	if (object == NULL || !object->asked)
		return ivshmem_fail(err, -ENOENT,
			"'%s' does not share %p%s", host->name, pointer,
			object != NULL ? " by name: another object needs it" :
			"");
	if (type != RTE_IVSHMEM_MEMZONE) {
		ivshmem_object_drop(host, object);
		return 0;
	}
	object->asked = false;
	ivshmem_object_unuse(host, object, object->readonly);
	return 0;
}

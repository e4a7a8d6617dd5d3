/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects that the ordinary lookups find.
 *
 * Memzones: an ordinary memzone is reserved and its descriptor made to point
 * to the shared bytes.  Rings and mempools: an entry in the EAL's tailq.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_eal_memconfig.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "guest.h"
#include "mbuf_dyn.h"
#include "tailq.h"

RTE_IVSHMEM_ASSERT(RTE_MEMZONE_NAMESIZE == RTE_IVSHMEM_OBJ_NAME_LEN);

static void *object_pointer(const struct rte_ivshmem_object *object)
{
	return (void *)(uintptr_t)object->address;
}

/** The metadata, and where the descriptors of its memzones are, sorted. */
struct contents {
	const struct ivshmem_metadata *md;
	uint64_t *descriptors;
	uint32_t n;
};

static int compare_addresses(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int list_descriptors(const struct ivshmem_metadata *md,
			    struct contents *contents)
{
	contents->md = md;
	contents->n = 0;
	contents->descriptors = calloc((size_t)md->n_objects + 1,
				       sizeof(*contents->descriptors));
	if (contents->descriptors == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < md->n_objects; i++)
		if (md->objects[i].type == RTE_IVSHMEM_MEMZONE)
			contents->descriptors[contents->n++] =
				md->objects[i].memzone;
	qsort(contents->descriptors, contents->n,
	      sizeof(*contents->descriptors), compare_addresses);
	return 0;
}

/* True if some shared memzone has its host descriptor at `pointer`. */
static bool known_descriptor(const struct contents *contents,
			     const void *pointer)
{
	uint64_t address = (uintptr_t)pointer;

	return bsearch(&address, contents->descriptors, contents->n,
		       sizeof(address), compare_addresses) != NULL;
}

/*
 * The memory may be that of another generation; the metadata is checked.  A
 * ring that the host put into a memzone itself has no descriptor.
 */
static bool ring_matches(const struct contents *contents,
			 const struct rte_ivshmem_object *object)
{
	const struct rte_ring *ring = object_pointer(object);
	struct rte_ring copy;

	if (object->length < sizeof(copy) ||
	    object->address % RTE_CACHE_LINE_SIZE != 0)
		return false;
	memcpy(&copy, ring, sizeof(copy));
	return strncmp(copy.name, object->name, sizeof(copy.name)) == 0 &&
	       copy.size != 0 && copy.mask == copy.size - 1 &&
	       copy.capacity <= copy.mask &&
	       rte_ring_get_memsize(copy.size) > 0 &&
	       (uint64_t)rte_ring_get_memsize(copy.size) <= object->length &&
	       (copy.memzone == NULL ||
		known_descriptor(contents, copy.memzone));
}

static bool mempool_matches(const struct contents *contents,
			    const struct rte_ivshmem_object *object)
{
	const struct rte_mempool *mp = object_pointer(object);
	struct rte_mempool copy;

	if (object->length < sizeof(copy) ||
	    object->address % RTE_CACHE_LINE_SIZE != 0)
		return false;
	memcpy(&copy, mp, sizeof(copy));
	return strncmp(copy.name, object->name, sizeof(copy.name)) == 0 &&
	       (uint32_t)copy.ops_index ==
	       contents->md->ops[object->ops].index &&
	       copy.cache_size == object->cache_size &&
	       known_descriptor(contents, copy.mz);
}

static bool name_taken(const struct rte_ivshmem_object *object)
{
	switch (object->type) {
	case RTE_IVSHMEM_MEMZONE:
		return rte_memzone_lookup(object->name) != NULL;
	case RTE_IVSHMEM_RING:
		return rte_ring_lookup(object->name) != NULL;
	case RTE_IVSHMEM_MEMPOOL:
		return rte_mempool_lookup(object->name) != NULL;
	default:
		return false;
	}
}

static int check_object(const struct contents *contents,
			const struct rte_ivshmem_object *object,
			struct ivshmem_error *err)
{
	bool matches = true;

	if (name_taken(object))
		return ivshmem_fail(err, -EEXIST,
			"the name '%s' is in use here already: rename the object on one side",
			object->name);
	if (object->type == RTE_IVSHMEM_RING)
		matches = ring_matches(contents, object);
	else if (object->type == RTE_IVSHMEM_MEMPOOL)
		matches = mempool_matches(contents, object);
	if (!matches)
		return ivshmem_fail(err, -ESTALE,
			"the memory at 0x%" PRIx64 " does not hold '%s': the host has exited or restarted; give this side the new device",
			object->address, object->name);
	return 0;
}

static int insert_memzone(const struct rte_ivshmem_object *object)
{
	const struct rte_memzone *reserved =
		rte_memzone_reserve(object->name, RTE_CACHE_LINE_SIZE,
				    SOCKET_ID_ANY, 0);
	struct rte_memzone *mz = (struct rte_memzone *)(uintptr_t)reserved;

	if (mz == NULL)
		return -rte_errno;
	/* The line that was reserved stays allocated: 64 bytes each. */
	mz->addr_64 = object->address;
	mz->len = object->length;
	mz->iova = rte_eal_iova_mode() == RTE_IOVA_VA ?
		   (rte_iova_t)object->address : RTE_BAD_IOVA;
	mz->hugepage_sz = object->hugepage_sz;
	mz->socket_id = object->socket_id;
	mz->flags = object->mz_flags;
	return 0;
}

static const char *tailq_of(uint32_t type)
{
	return type == RTE_IVSHMEM_RING ? IVSHMEM_RING_TAILQ :
					  IVSHMEM_MEMPOOL_TAILQ;
}

static int insert_entry(const struct rte_ivshmem_object *object)
{
	int ret;

	rte_mcfg_mempool_write_lock();
	ret = ivshmem_tailq_insert(tailq_of(object->type),
				   object_pointer(object));
	rte_mcfg_mempool_write_unlock();
	return ret;
}

static void remove_entry(const struct rte_ivshmem_object *object)
{
	rte_mcfg_mempool_write_lock();
	ivshmem_tailq_remove(tailq_of(object->type), object_pointer(object));
	rte_mcfg_mempool_write_unlock();
}

/* An address of NULL hides a descriptor from every lookup and from free. */
static void remove_memzone(const struct rte_ivshmem_object *object)
{
	const struct rte_memzone *mz = rte_memzone_lookup(object->name);

	if (mz != NULL)
		((struct rte_memzone *)(uintptr_t)mz)->addr = NULL;
}

static void remove_first(const struct ivshmem_metadata *md, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct rte_ivshmem_object *object = &md->objects[i];

		if (object->type == RTE_IVSHMEM_MEMZONE)
			remove_memzone(object);
		else if (object->type != RTE_IVSHMEM_PART)
			remove_entry(object);
	}
}

static int insert_all(const struct ivshmem_metadata *md,
		      struct ivshmem_error *err)
{
	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *object = &md->objects[i];
		int ret = 0;

		if (object->type == RTE_IVSHMEM_MEMZONE)
			ret = insert_memzone(object);
		else if (object->type != RTE_IVSHMEM_PART)
			ret = insert_entry(object);
		if (ret != 0) {
			remove_first(md, i);
			return ivshmem_fail(err, ret,
				"'%s' cannot be registered: %s: give this program more memory (-m)",
				object->name, strerror(-ret));
		}
	}
	return 0;
}

static int check_objects(const struct ivshmem_metadata *md,
			 struct ivshmem_error *err)
{
	struct contents contents;
	int ret = 0;

	if (list_descriptors(md, &contents) != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < md->n_objects && ret == 0; i++)
		ret = check_object(&contents, &md->objects[i], err);
	free(contents.descriptors);
	return ret;
}

int ivshmem_insert_objects(const struct ivshmem_metadata *md,
			   struct ivshmem_error *err)
{
	int ret = check_objects(md, err);

	if (ret == 0)
		ret = ivshmem_mbuf_dyn_register(md, err);
	return ret != 0 ? ret : insert_all(md, err);
}

static const char *cached_pool(const struct ivshmem_metadata *md)
{
	for (uint32_t i = 0; i < md->n_objects; i++)
		if (md->objects[i].type == RTE_IVSHMEM_MEMPOOL &&
		    md->objects[i].cache_size > 0)
			return md->objects[i].name;
	return NULL;
}

/* Called by the EAL for each lcore, now and when a thread registers. */
static int lcore_starts(unsigned int lcore_id, void *arg)
{
	const struct ivshmem_metadata *md = arg;

	for (uint32_t i = 0; i < md->n_lcores; i++)
		if (md->lcores[i] == lcore_id)
			return -1;
	return 0;
}

static uint32_t first_free_lcore(const struct ivshmem_metadata *md)
{
	uint32_t id = RTE_MAX_LCORE / 2;

	while (id < RTE_MAX_LCORE - 1 &&
	       lcore_starts(id, (void *)(uintptr_t)md) != 0)
		id++;
	return id;
}

int ivshmem_guard_lcores(struct ivshmem_device *device,
			 struct ivshmem_error *err)
{
	struct ivshmem_metadata *md = &device->md;
	const char *pool = cached_pool(md);

	if (pool == NULL)
		return 0;
	for (uint32_t id = 0; id < RTE_MAX_LCORE; id++)
		if (rte_eal_lcore_role(id) != ROLE_OFF &&
		    lcore_starts(id, md) != 0)
			return ivshmem_fail(err, -EBUSY,
				"lcore id %u is used by the host and here, and mempool '%s' has a cache per lcore id that both would change: start this program with other ids, for example --lcores %u@0, or create the pool with a cache of 0",
				id, pool, first_free_lcore(md));
	device->lcore_guard = rte_lcore_callback_register("ivshmem",
					lcore_starts, NULL, md);
	if (device->lcore_guard == NULL)
		return ivshmem_fail(err, -ENOMEM,
				    "the lcore callback cannot be registered");
	return 0;
}

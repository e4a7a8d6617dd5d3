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
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "guest.h"
#include "mbuf_dyn.h"
#include "sort.h"
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
	ivshmem_sort(contents->descriptors, contents->n,
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
	       (copy.cache_size == 0 || (uintptr_t)copy.local_cache ==
		object->address + RTE_MEMPOOL_HEADER_SIZE(mp, 0)) &&
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
			const struct rte_ivshmem_object *object, bool insert,
			struct ivshmem_error *err)
{
	bool matches = true;

	if (insert && name_taken(object))
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

int ivshmem_check_objects(const struct ivshmem_device *device, bool insert,
			  struct ivshmem_error *err)
{
	const struct ivshmem_metadata *md = &device->md;
	struct contents contents;
	int ret = 0;

	if (list_descriptors(md, &contents) != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < md->n_objects && ret == 0; i++)
		ret = check_object(&contents, &md->objects[i], insert, err);
	free(contents.descriptors);
	return ret;
}

/*
 * A name costs a cache line, so that the descriptor is one of the EAL's; what
 * was reserved is kept, to be freed in the end.
 */
static int insert_memzone(const struct rte_ivshmem_object *object,
			  void **reserved)
{
	const struct rte_memzone *found =
		rte_memzone_reserve(object->name, RTE_CACHE_LINE_SIZE,
				    SOCKET_ID_ANY, 0);
	struct rte_memzone *mz = (struct rte_memzone *)(uintptr_t)found;

	if (mz == NULL)
		return -rte_errno;
	*reserved = mz->addr;
	mz->addr_64 = object->address;
	mz->len = object->length;
	mz->iova = rte_eal_iova_mode() == RTE_IOVA_VA ?
		   (rte_iova_t)object->address : RTE_BAD_IOVA;
	mz->hugepage_sz = object->hugepage_sz;
	mz->socket_id = object->socket_id;
	mz->flags = object->mz_flags;
	return 0;
}

/* The application may have freed the descriptor, and even used its name. */
static void remove_memzone(const struct rte_ivshmem_object *object,
			   void *reserved)
{
	const struct rte_memzone *found = rte_memzone_lookup(object->name);
	struct rte_memzone *mz = (struct rte_memzone *)(uintptr_t)found;

	if (mz == NULL || mz->addr_64 != object->address) {
		rte_free(reserved);
		return;
	}
	mz->addr = reserved;
	mz->len = RTE_CACHE_LINE_SIZE;
	rte_memzone_free(mz);
}

static const char *tailq_of(uint32_t type)
{
	return type == RTE_IVSHMEM_RING ? IVSHMEM_RING_TAILQ :
					  IVSHMEM_MEMPOOL_TAILQ;
}

static int insert_entry(uint32_t type, void *object)
{
	int ret;

	rte_mcfg_mempool_write_lock();
	ret = ivshmem_tailq_insert(tailq_of(type), object);
	rte_mcfg_mempool_write_unlock();
	return ret;
}

int ivshmem_insert_pool(void *pool)
{
	return insert_entry(RTE_IVSHMEM_MEMPOOL, pool);
}

static void remove_entry(const struct rte_ivshmem_object *object)
{
	rte_mcfg_mempool_write_lock();
	ivshmem_tailq_remove(tailq_of(object->type), object_pointer(object));
	rte_mcfg_mempool_write_unlock();
}

static void remove_first(struct ivshmem_device *device, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct rte_ivshmem_object *object =
			&device->md.objects[i];

		if (object->type == RTE_IVSHMEM_MEMZONE)
			remove_memzone(object, device->reserved[i]);
		else if (object->type != RTE_IVSHMEM_PART)
			remove_entry(object);
	}
	free(device->reserved);
	device->reserved = NULL;
}

static int insert_all(struct ivshmem_device *device, struct ivshmem_error *err)
{
	const struct ivshmem_metadata *md = &device->md;

	device->reserved = calloc((size_t)md->n_objects + 1,
				  sizeof(*device->reserved));
	if (device->reserved == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *object = &md->objects[i];
		int ret = 0;

		if (object->type == RTE_IVSHMEM_MEMZONE)
			ret = insert_memzone(object, &device->reserved[i]);
		else if (object->type != RTE_IVSHMEM_PART)
			ret = insert_entry(object->type,
					   object_pointer(object));
		if (ret != 0) {
			remove_first(device, i);
			return ivshmem_fail(err, ret,
				"'%s' cannot be registered: %s: give this program more memory (-m)",
				object->name, strerror(-ret));
		}
	}
	return 0;
}

int ivshmem_insert_objects(struct ivshmem_device *device,
			   struct ivshmem_error *err)
{
	int ret = ivshmem_mbuf_dyn_register(&device->md, err);

	return ret != 0 ? ret : insert_all(device, err);
}

void ivshmem_remove_objects(struct ivshmem_device *device)
{
	if (device->reserved != NULL)
		remove_first(device, device->md.n_objects);
}

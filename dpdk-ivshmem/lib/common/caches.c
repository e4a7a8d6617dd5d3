/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/param.h>

#include "caches.h"

/** Bytes of an object, and how far objects up to this one reach. */
struct extent {
	uint64_t start;
	uint64_t end;
	uint64_t reach; /**< highest end of those sorted before, and of this */
};

/** All objects, sorted by their start. */
struct extents {
	struct extent *items;
	uint32_t n;
};

static int compare_starts(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int list_extents(const struct ivshmem_metadata *md,
			struct extents *extents)
{
	uint64_t reach = 0;

	extents->n = md->n_objects;
	extents->items = calloc((size_t)md->n_objects + 1,
				sizeof(*extents->items));
	if (extents->items == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];

		extents->items[i].start = o->address;
		extents->items[i].end = o->address + o->length;
	}
	qsort(extents->items, extents->n, sizeof(*extents->items),
	      compare_starts);
	for (uint32_t i = 0; i < extents->n; i++) {
		reach = MAX(reach, extents->items[i].end);
		extents->items[i].reach = reach;
	}
	return 0;
}

/* Does some object have a byte in [start, end)? */
static bool occupied(const struct extents *extents, uint64_t start,
		     uint64_t end)
{
	uint32_t low = 0, high = extents->n;

	if (start >= end)
		return false;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (extents->items[middle].start < end)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && extents->items[low - 1].reach > start;
}

static bool has_caches(const struct rte_ivshmem_object *o)
{
	return o->type == RTE_IVSHMEM_MEMPOOL && o->cache_size > 0 &&
	       !(o->flags & RTE_IVSHMEM_OBJECT_READONLY);
}

static int locate(const struct ivshmem_metadata *md,
		  const struct rte_ivshmem_object *pool,
		  struct ivshmem_caches *caches, struct ivshmem_error *err)
{
	uint64_t header = md->layout[RTE_IVSHMEM_LAYOUT_sizeof_mempool];

	caches->pool = pool;
	caches->size = md->layout[RTE_IVSHMEM_LAYOUT_sizeof_cache];
	caches->n = md->layout[RTE_IVSHMEM_LAYOUT_max_lcore];
	caches->start = pool->address + header;
	if (caches->size == 0 || caches->n == 0 || header > pool->length ||
	    caches->n > (pool->length - header) / caches->size)
		return ivshmem_fail(err, -EINVAL,
			"mempool '%s': %" PRIu64 " bytes do not hold %u caches of %"
			PRIu64, pool->name, pool->length, caches->n,
			caches->size);
	return 0;
}

/* The pages of the array, less the first and last one if they are not ours. */
static void choose_pages(const struct extents *extents, uint64_t page_size,
			 struct ivshmem_caches *caches)
{
	const struct rte_ivshmem_object *pool = caches->pool;
	uint64_t end = caches->start + caches->size * caches->n;
	uint64_t first = caches->start & ~(page_size - 1);
	uint64_t last = (end + page_size - 1) & ~(page_size - 1);
	/* With private data that may change, whatever is behind the caches. */
	uint64_t constant = pool->flags & RTE_IVSHMEM_OBJECT_OWN_DATA ?
			    end : pool->address + pool->length;

	if (occupied(extents, first, pool->address))
		first += page_size;
	if (occupied(extents, constant, last))
		last -= page_size;
	caches->private_start = first;
	caches->private_end = MAX(first, last);
}

static int compare_pages(const void *a, const void *b)
{
	const struct ivshmem_caches *x = a, *y = b;

	return x->private_start < y->private_start ? -1 :
	       x->private_start > y->private_start;
}

static int check_apart(const struct ivshmem_caches *caches, uint32_t n,
		       struct ivshmem_error *err)
{
	for (uint32_t i = 1; i < n; i++)
		if (caches[i - 1].private_end > caches[i].private_start)
			return ivshmem_fail(err, -EINVAL,
				"mempools '%s' and '%s' overlap",
				caches[i - 1].pool->name, caches[i].pool->name);
	return 0;
}

static int find_all(const struct ivshmem_metadata *md, uint64_t page_size,
		    const struct extents *extents,
		    struct ivshmem_caches *caches, uint32_t *n,
		    struct ivshmem_error *err)
{
	for (uint32_t i = 0; i < md->n_objects; i++) {
		int ret;

		if (!has_caches(&md->objects[i]))
			continue;
		ret = locate(md, &md->objects[i], &caches[*n], err);
		if (ret != 0)
			return ret;
		choose_pages(extents, page_size, &caches[(*n)++]);
	}
	qsort(caches, *n, sizeof(*caches), compare_pages);
	return check_apart(caches, *n, err);
}

static uint32_t count_pools(const struct ivshmem_metadata *md)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < md->n_objects; i++)
		n += has_caches(&md->objects[i]);
	return n;
}

int ivshmem_caches_find(const struct ivshmem_metadata *md, uint64_t page_size,
			struct ivshmem_caches **caches, uint32_t *n,
			struct ivshmem_error *err)
{
	uint32_t pools = count_pools(md);
	struct extents extents;
	int ret;

	*caches = NULL;
	*n = 0;
	if (pools == 0)
		return 0;
	if (md->n_layout <= RTE_IVSHMEM_LAYOUT_sizeof_cache)
		return ivshmem_fail(err, -EINVAL,
				    "the layout does not tell of caches");
	if (list_extents(md, &extents) != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	*caches = calloc(pools, sizeof(**caches));
	ret = *caches == NULL ?
		ivshmem_fail(err, -ENOMEM, "out of memory") :
		find_all(md, page_size, &extents, *caches, n, err);
	free(extents.items);
	if (ret != 0) {
		free(*caches);
		*caches = NULL;
		*n = 0;
	}
	return ret;
}

uint64_t ivshmem_largest_page(const struct ivshmem_metadata *md)
{
	uint64_t largest = RTE_IVSHMEM_PAGE_SIZE;

	for (uint32_t i = 0; i < md->n_chunks; i++)
		largest = MAX(largest, md->chunks[i].page_size);
	return largest;
}

bool ivshmem_cache_is_private(const struct ivshmem_caches *caches,
			      uint32_t lcore_id)
{
	uint64_t start = caches->start + caches->size * lcore_id;

	return lcore_id < caches->n && start >= caches->private_start &&
	       start + caches->size <= caches->private_end;
}

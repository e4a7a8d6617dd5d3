/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/param.h>

#include "caches.h"
#include "sort.h"

/** Bytes of an object or of a chunk. */
struct extent {
	uint64_t start;
	uint64_t end;
	uint64_t reach; /**< highest end of those sorted before, and of this */
	uint64_t page;  /**< chunks: of the file */
};

/** All objects, or all chunks, sorted by their start. */
struct extents {
	struct extent *items;
	uint32_t n;
};

/** Where everything lies. */
struct places {
	struct extents objects;
	struct extents chunks;
	uint64_t page_size; /**< IVSHMEM_FILE_PAGES: of the chunk */
};

static int compare_starts(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int new_extents(struct extents *extents, uint32_t n)
{
	extents->n = n;
	extents->items = calloc((size_t)n + 1, sizeof(*extents->items));
	return extents->items != NULL ? 0 : -ENOMEM;
}

static void sort_extents(struct extents *extents)
{
	uint64_t reach = 0;

	ivshmem_sort(extents->items, extents->n, sizeof(*extents->items),
	      compare_starts);
	for (uint32_t i = 0; i < extents->n; i++) {
		reach = MAX(reach, extents->items[i].end);
		extents->items[i].reach = reach;
	}
}

static int list_places(const struct ivshmem_metadata *md, uint64_t page_size,
		       struct places *places)
{
	*places = (struct places){ .page_size = page_size };
	if (new_extents(&places->objects, md->n_objects) != 0 ||
	    new_extents(&places->chunks, md->n_chunks) != 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];

		places->objects.items[i].start = o->address;
		places->objects.items[i].end = o->address + o->length;
	}
	for (uint32_t i = 0; i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *c = &md->chunks[i];

		places->chunks.items[i].start = c->address;
		places->chunks.items[i].end = c->address + c->length;
		places->chunks.items[i].page = c->page_size;
	}
	sort_extents(&places->objects);
	sort_extents(&places->chunks);
	return 0;
}

static void free_places(struct places *places)
{
	free(places->objects.items);
	free(places->chunks.items);
}

/* How many start in front of the address. */
static uint32_t count_before(const struct extents *extents, uint64_t address)
{
	uint32_t low = 0, high = extents->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (extents->items[middle].start < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Does some object have a byte in [start, end)? */
static bool occupied(const struct places *places, uint64_t start, uint64_t end)
{
	uint32_t n = count_before(&places->objects, end);

	return start < end && n > 0 &&
	       places->objects.items[n - 1].reach > start;
}

/* The granularity of mappings there. */
static uint64_t page_at(const struct places *places, uint64_t address)
{
	uint32_t n;

	if (places->page_size != IVSHMEM_FILE_PAGES)
		return places->page_size;
	n = count_before(&places->chunks, address + 1);
	return n > 0 ? places->chunks.items[n - 1].page :
		       RTE_IVSHMEM_PAGE_SIZE;
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
static void choose_pages(const struct places *places,
			 struct ivshmem_caches *caches)
{
	const struct rte_ivshmem_object *pool = caches->pool;
	uint64_t end = caches->start + caches->size * caches->n;
	uint64_t first_page = page_at(places, caches->start);
	uint64_t last_page = page_at(places, end - 1);
	uint64_t first = caches->start & ~(first_page - 1);
	uint64_t last = (end + last_page - 1) & ~(last_page - 1);
	/* With private data that may change, whatever is behind the caches. */
	uint64_t constant = pool->flags & RTE_IVSHMEM_OBJECT_OWN_DATA ?
			    end : pool->address + pool->length;

	if (occupied(places, first, pool->address))
		first += first_page;
	if (occupied(places, constant, last))
		last -= last_page;
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

static int find_all(const struct ivshmem_metadata *md,
		    const struct places *places,
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
		choose_pages(places, &caches[(*n)++]);
	}
	ivshmem_sort(caches, *n, sizeof(*caches), compare_pages);
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
	struct places places;
	int ret;

	*caches = NULL;
	*n = 0;
	if (pools == 0)
		return 0;
	if (md->n_layout <= RTE_IVSHMEM_LAYOUT_sizeof_cache)
		return ivshmem_fail(err, -EINVAL,
				    "the layout does not tell of caches");
	ret = list_places(md, page_size, &places);
	*caches = ret == 0 ? calloc(pools, sizeof(**caches)) : NULL;
	ret = *caches == NULL ?
		ivshmem_fail(err, -ENOMEM, "out of memory") :
		find_all(md, &places, *caches, n, err);
	free_places(&places);
	if (ret != 0) {
		free(*caches);
		*caches = NULL;
		*n = 0;
	}
	return ret;
}

bool ivshmem_cache_is_private(const struct ivshmem_caches *caches,
			      uint32_t lcore_id)
{
	uint64_t start = caches->start + caches->size * lcore_id;

	return lcore_id < caches->n && start >= caches->private_start &&
	       start + caches->size <= caches->private_end;
}

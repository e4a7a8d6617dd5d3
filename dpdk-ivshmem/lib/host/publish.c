/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From what was added to what guests read: the pages of all objects, neighbours
 * merged, each at the BAR offset that the device will give it (docs: QEMU's
 * ivshmem, "guest-visible layout").
 *
 * Read-only pages come first, behind the metadata, which is read-only as well:
 * each change between the two kinds costs a guest a memory slot.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include "backing.h"
#include "host.h"
#include "layout.h"
#include "mbuf_dyn.h"
#include "sort.h"

/** Whole pages that guests see, [start, end). */
struct pages {
	uint64_t start;
	uint64_t end;
	const struct ivshmem_object *object; /**< the first one there */
};

/** All pages of one kind. */
struct page_set {
	struct pages *pages;
	uint32_t n;
};

/** True if guests see the object's memory so. */
static bool is_seen(const struct ivshmem_object *object, bool readonly)
{
	if (object->wire.type == RTE_IVSHMEM_MEMZONE)
		return (readonly ? object->readers : object->writers) > 0;
	return object->readonly == readonly;
}

static uint32_t count_ranges(const struct ivshmem_host *host)
{
	const struct ivshmem_object *object;
	uint32_t n = 0;

	TAILQ_FOREACH(object, &host->objects, next)
		n += object->ranges.n;
	return n;
}

static int compare_pages(const void *a, const void *b)
{
	const struct pages *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void merge_pages(struct page_set *set)
{
	uint32_t last = 0;

	ivshmem_sort(set->pages, set->n, sizeof(*set->pages), compare_pages);
	for (uint32_t i = 1; i < set->n; i++)
		if (set->pages[i].start > set->pages[last].end)
			set->pages[++last] = set->pages[i];
		else
			set->pages[last].end = RTE_MAX(set->pages[last].end,
						       set->pages[i].end);
	set->n = set->n > 0 ? last + 1 : 0;
}

/* What was made one after the other often lies on the same pages. */
static void add_pages(struct page_set *set, const struct pages *pages)
{
	const struct pages *last = set->n > 0 ? &set->pages[set->n - 1] : NULL;

	if (last == NULL || pages->start < last->start ||
	    pages->end > last->end)
		set->pages[set->n++] = *pages;
}

static void add_ranges(struct page_set *set,
		       const struct ivshmem_object *object)
{
	const struct ivshmem_range *ranges = object->ranges.data;

	for (uint32_t i = 0; i < object->ranges.n; i++) {
		const struct ivshmem_range *r = &ranges[i];

		add_pages(set, &(struct pages){
			.start = RTE_ALIGN_FLOOR(r->address, r->page_size),
			.end = RTE_ALIGN_CEIL(r->address + r->length,
					      r->page_size),
			.object = object,
		});
	}
}

static int collect_pages(const struct ivshmem_host *host, bool readonly,
			 struct page_set *set)
{
	const struct ivshmem_object *object;

	set->n = 0;
	set->pages = calloc((size_t)count_ranges(host) + 1,
			    sizeof(*set->pages));
	if (set->pages == NULL)
		return -ENOMEM;
	TAILQ_FOREACH(object, &host->objects, next)
		if (is_seen(object, readonly))
			add_ranges(set, object);
	merge_pages(set);
	return 0;
}

/* Both sets are sorted and do not overlap in themselves. */
static int check_kinds(const struct page_set *readonly,
		       const struct page_set *writable,
		       struct ivshmem_error *err)
{
	uint32_t w = 0;

	for (uint32_t r = 0; r < readonly->n; r++) {
		const struct pages *pages = &readonly->pages[r];

		while (w < writable->n && writable->pages[w].end <= pages->start)
			w++;
		if (w < writable->n && writable->pages[w].start < pages->end)
			return ivshmem_fail(err, -EBUSY,
				"read-only '%s' shares a page with '%s', which guests may change: allocate it with rte_ivshmem_memzone_reserve() and its like, or remove one",
				pages->object->wire.name,
				writable->pages[w].object->wire.name);
	}
	return 0;
}

/** The chunks and paths that grow while pages are looked up. */
struct builder {
	struct ivshmem_vec chunks; /**< struct rte_ivshmem_chunk */
	struct ivshmem_vec paths;  /**< bytes */
};

static struct rte_ivshmem_chunk *last_chunk(const struct builder *b)
{
	struct rte_ivshmem_chunk *chunks = b->chunks.data;

	return b->chunks.n > 0 ? &chunks[b->chunks.n - 1] : NULL;
}

/* Offset of the path in the table; chunks mostly share the last one. */
static int intern_path(struct builder *b, const char *path, uint32_t *offset)
{
	const struct rte_ivshmem_chunk *last = last_chunk(b);

	if (last != NULL &&
	    strcmp((const char *)b->paths.data + last->path, path) == 0) {
		*offset = last->path;
		return 0;
	}
	*offset = b->paths.n;
	return ivshmem_vec_append(&b->paths, path, (uint32_t)strlen(path) + 1,
				  1);
}

static int append_chunk(struct builder *b,
			const struct ivshmem_backing *backing, uint32_t flags)
{
	struct rte_ivshmem_chunk *last = last_chunk(b);
	struct rte_ivshmem_chunk chunk = {
		.address = backing->address,
		.length = backing->length,
		.file_offset = backing->file_offset,
		.page_size = backing->page_size,
		.flags = flags,
	};

	if (intern_path(b, backing->path, &chunk.path) != 0)
		return -ENOMEM;
	if (last != NULL && last->path == chunk.path && last->flags == flags &&
	    last->page_size == chunk.page_size &&
	    last->address + last->length == chunk.address &&
	    last->file_offset + last->length == chunk.file_offset) {
		last->length += chunk.length;
		return 0;
	}
	return ivshmem_vec_append(&b->chunks, &chunk, 1, sizeof(chunk));
}

static int append_pages(struct builder *b, const struct page_set *set,
			uint32_t flags, struct ivshmem_error *err)
{
	struct ivshmem_backing backing = { .fd = -1 };

	for (uint32_t i = 0; i < set->n; i++) {
		uint64_t at = set->pages[i].start, end = set->pages[i].end;

		for (; at < end; at = backing.address + backing.length) {
			int ret = ivshmem_backing_find(at, end, &backing, err);

			if (ret != 0)
				return ret;
			if (append_chunk(b, &backing, flags) != 0)
				return ivshmem_fail(err, -ENOMEM,
						    "out of memory");
		}
	}
	return 0;
}

/* Chunk 0 is the metadata; its length is not known yet. */
static int append_metadata(struct builder *b, const struct ivshmem_host *host)
{
	struct ivshmem_backing backing = {
		.page_size = RTE_IVSHMEM_PAGE_SIZE,
	};

	snprintf(backing.path, sizeof(backing.path), "%s", host->file.path);
	return append_chunk(b, &backing, RTE_IVSHMEM_CHUNK_METADATA |
			    RTE_IVSHMEM_CHUNK_READONLY);
}

static int build_chunks(struct builder *b, const struct ivshmem_host *host,
			const struct page_set *readonly,
			const struct page_set *writable,
			struct ivshmem_error *err)
{
	int ret = check_kinds(readonly, writable, err);

	if (ret != 0)
		return ret;
	if (append_metadata(b, host) != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	ret = append_pages(b, readonly, RTE_IVSHMEM_CHUNK_READONLY, err);
	return ret != 0 ? ret : append_pages(b, writable, 0, err);
}

static int list_chunks(const struct ivshmem_host *host,
		       struct ivshmem_metadata *md, struct ivshmem_error *err)
{
	struct page_set readonly = { 0 }, writable = { 0 };
	struct builder b = { 0 };
	int ret;

	if (collect_pages(host, true, &readonly) != 0 ||
	    collect_pages(host, false, &writable) != 0)
		ret = ivshmem_fail(err, -ENOMEM, "out of memory");
	else
		ret = build_chunks(&b, host, &readonly, &writable, err);
	free(readonly.pages);
	free(writable.pages);
	md->chunks = b.chunks.data;
	md->n_chunks = b.chunks.n;
	md->paths = b.paths.data;
	md->n_paths = b.paths.n;
	return ret;
}

static void place_chunks(struct ivshmem_metadata *md, uint64_t metadata_length)
{
	uint64_t offset = 0;

	md->chunks[0].length = metadata_length;
	for (uint32_t i = 0; i < md->n_chunks; i++) {
		struct rte_ivshmem_chunk *chunk = &md->chunks[i];

		offset = RTE_ALIGN_CEIL(offset, chunk->page_size);
		chunk->bar_offset = offset;
		offset += chunk->length;
	}
}

/* Every id that an EAL or registered thread holds may use a pool's cache. */
static int list_lcores(struct ivshmem_metadata *md)
{
	md->lcores = calloc(RTE_MAX_LCORE, sizeof(*md->lcores));
	if (md->lcores == NULL)
		return -ENOMEM;
	for (uint32_t id = 0; id < RTE_MAX_LCORE; id++)
		if (rte_eal_lcore_role(id) != ROLE_OFF)
			md->lcores[md->n_lcores++] = id;
	return 0;
}

/* Index in the table of ops of what the pool uses; there are at most 16. */
static uint32_t intern_ops(struct ivshmem_metadata *md, uint32_t index)
{
	struct rte_ivshmem_ops *ops;
	uint32_t i;

	for (i = 0; i < md->n_ops; i++)
		if (md->ops[i].index == index)
			return i;
	ops = &md->ops[md->n_ops++];
	ops->index = index;
	snprintf(ops->name, sizeof(ops->name), "%s",
		 rte_mempool_get_ops((int)index)->name);
	return i;
}

static void list_parts(struct ivshmem_metadata *md,
		       const struct ivshmem_object *pool, uint32_t flags)
{
	const struct ivshmem_range *ranges = pool->ranges.data;

	for (uint32_t i = 0; i < pool->ranges.n; i++) {
		struct rte_ivshmem_object *part =
			&md->objects[md->n_objects++];

		memcpy(part->name, pool->wire.name, sizeof(part->name));
		part->type = RTE_IVSHMEM_PART;
		part->flags = flags | RTE_IVSHMEM_OBJECT_IMPLIED;
		part->address = ranges[i].address;
		part->length = ranges[i].length;
	}
}

static void list_object(struct ivshmem_metadata *md,
			const struct ivshmem_object *object)
{
	struct rte_ivshmem_object *wire = &md->objects[md->n_objects++];
	uint32_t readonly = is_seen(object, false) ? 0 :
			    RTE_IVSHMEM_OBJECT_READONLY;

	*wire = object->wire;
	wire->flags |= readonly | (object->asked ? 0 :
				   RTE_IVSHMEM_OBJECT_IMPLIED);
	if (wire->type != RTE_IVSHMEM_MEMPOOL)
		return;
	wire->ops = intern_ops(md, object->ops_index);
	list_parts(md, object, readonly);
}

static int list_objects(const struct ivshmem_host *host,
			struct ivshmem_metadata *md)
{
	const struct ivshmem_object *object;

	md->objects = calloc((size_t)host->n_objects + count_ranges(host) + 1,
			     sizeof(*md->objects));
	md->ops = calloc(RTE_MEMPOOL_MAX_OPS_IDX, sizeof(*md->ops));
	if (md->objects == NULL || md->ops == NULL)
		return -ENOMEM;
	TAILQ_FOREACH(object, &host->objects, next)
		list_object(md, object);
	return 0;
}

static void fill(const struct ivshmem_host *host, uint64_t generation,
		 uint32_t state, struct ivshmem_metadata *md)
{
	snprintf(md->name, sizeof(md->name), "%s", host->name);
	snprintf(md->dpdk_version, sizeof(md->dpdk_version), "%s",
		 rte_version());
	md->generation = generation;
	md->state = state;
	md->heartbeat = ivshmem_heartbeat_now();
	md->layout = (uint32_t *)(uintptr_t)ivshmem_layout;
	md->n_layout = RTE_IVSHMEM_LAYOUT_N;
}

static int build(const struct ivshmem_host *host, struct ivshmem_metadata *md,
		 struct ivshmem_error *err)
{
	uint64_t length;
	int ret;

	if (list_lcores(md) != 0 || list_objects(host, md) != 0 ||
	    ivshmem_mbuf_dyn_list(&md->dyns, &md->n_dyns) != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	ret = list_chunks(host, md, err);
	if (ret != 0)
		return ret;
	length = ivshmem_file_length(md);
	if (length == 0)
		return ivshmem_fail(err, -E2BIG,
			"metadata '%s' would be larger than 1 GiB", host->name);
	place_chunks(md, length);
	return 0;
}

int ivshmem_publish_build(const struct ivshmem_host *host, uint64_t generation,
			  uint32_t state, struct ivshmem_metadata *md,
			  struct ivshmem_error *err)
{
	int ret;

	memset(md, 0, sizeof(*md));
	fill(host, generation, state, md);
	ret = build(host, md, err);
	if (ret != 0)
		ivshmem_published_free(md);
	return ret;
}

void ivshmem_published_free(struct ivshmem_metadata *md)
{
	free(md->chunks);
	free(md->objects);
	free(md->lcores);
	free(md->ops);
	free(md->paths);
	free(md->dyns);
	memset(md, 0, sizeof(*md));
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "format_check.h"
#include "sort.h"

/* User space of a 64-bit process, without the pages that catch NULL. */
#define ADDRESS_MIN UINT64_C(0x10000)
#define ADDRESS_MAX (UINT64_C(1) << 47)

/** A half-open range [start, end), and the entry that it belongs to. */
struct range {
	uint64_t start;
	uint64_t end;
	uint32_t entry;
};

static bool name_ok(const char *name, size_t size)
{
	return name[0] != '\0' && memchr(name, '\0', size) != NULL;
}

static bool in_user_space(uint64_t address, uint64_t length)
{
	return address >= ADDRESS_MIN && address < ADDRESS_MAX &&
	       length <= ADDRESS_MAX - address;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorts; returns the index of a range that overlaps its successor, or -1. */
static int64_t find_overlap(struct range *ranges, uint32_t n)
{
	ivshmem_sort(ranges, n, sizeof(*ranges), compare_ranges);
	for (uint32_t i = 1; i < n; i++)
		if (ranges[i - 1].end > ranges[i].start)
			return i - 1;
	return -1;
}

static int check_chunk(const struct ivshmem_metadata *md, uint32_t i,
		       uint64_t bar_size, struct ivshmem_error *err)
{
	const struct rte_ivshmem_chunk *c = &md->chunks[i];
	bool is_metadata = c->flags & RTE_IVSHMEM_CHUNK_METADATA;

	if (c->page_size < RTE_IVSHMEM_PAGE_SIZE ||
	    (c->page_size & (c->page_size - 1)) != 0)
		return ivshmem_fail(err, -EINVAL,
			"chunk %u: page size %" PRIu64, i, c->page_size);
	if (c->length == 0 ||
	    (c->address | c->length | c->bar_offset | c->file_offset) &
	    (c->page_size - 1))
		return ivshmem_fail(err, -EINVAL,
			"chunk %u: address 0x%" PRIx64 ", length 0x%" PRIx64
			" or offsets are not multiples of the page size", i,
			c->address, c->length);
	if (c->bar_offset > bar_size || c->length > bar_size - c->bar_offset)
		return ivshmem_fail(err, -EINVAL,
			"chunk %u: 0x%" PRIx64 " bytes at BAR offset 0x%" PRIx64
			" leave the BAR of 0x%" PRIx64, i, c->length,
			c->bar_offset, bar_size);
	if (c->length > UINT64_MAX - c->file_offset)
		return ivshmem_fail(err, -EINVAL,
			"chunk %u: file offset 0x%" PRIx64 " overflows", i,
			c->file_offset);
	if (is_metadata != (i == 0) || is_metadata != (c->address == 0) ||
	    (is_metadata && c->bar_offset != 0))
		return ivshmem_fail(err, -EINVAL,
			"chunk %u: only chunk 0, at BAR offset 0, is the metadata", i);
	if (!is_metadata && !in_user_space(c->address, c->length))
		return ivshmem_fail(err, -EINVAL,
			"chunk %u: 0x%" PRIx64 " bytes at 0x%" PRIx64
			" are not user space", i, c->length, c->address);
	if (c->path >= md->n_paths)
		return ivshmem_fail(err, -EINVAL,
			"chunk %u: its path is outside the table", i);
	return 0;
}

static int check_overlaps(const struct ivshmem_metadata *md,
			  struct range *by_bar, struct range *by_address,
			  struct ivshmem_error *err)
{
	int64_t bad;

	for (uint32_t i = 0; i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *c = &md->chunks[i];

		by_bar[i] = (struct range){ c->bar_offset,
			c->bar_offset + c->length, i };
		by_address[i] = (struct range){ c->address,
			c->address + (i == 0 ? 0 : c->length), i };
	}
	bad = find_overlap(by_bar, md->n_chunks);
	if (bad >= 0)
		return ivshmem_fail(err, -EINVAL,
			"chunks %u and %u overlap in the BAR",
			by_bar[bad].entry, by_bar[bad + 1].entry);
	bad = find_overlap(by_address, md->n_chunks);
	if (bad >= 0)
		return ivshmem_fail(err, -EINVAL,
			"chunks %u and %u overlap in the address space",
			by_address[bad].entry, by_address[bad + 1].entry);
	return 0;
}

/* The last range that starts at or before the address; ranges are sorted. */
static uint32_t range_before(const struct range *ranges, uint32_t n,
			     uint64_t address)
{
	uint32_t low = 0, high = n;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges[middle].start <= address)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static bool touches(const struct range *ranges, uint32_t n, uint64_t start,
		    uint64_t end)
{
	uint32_t i = range_before(ranges, n, end - 1);

	return ranges[i].start < end && ranges[i].end > start;
}

/* Chunks that follow one another without a gap count as one. */
static bool covered(const struct range *ranges, uint32_t n, uint64_t start,
		    uint64_t end)
{
	uint32_t i = range_before(ranges, n, start);

	while (start < end) {
		if (i >= n || ranges[i].start > start || ranges[i].end <= start)
			return false;
		start = ranges[i++].end;
	}
	return true;
}

static int check_memzone(const struct rte_ivshmem_object *o,
			 const struct range *by_address, uint32_t n_chunks,
			 struct ivshmem_error *err)
{
	/* 128 bytes: more than any struct rte_memzone has. */
	if (!in_user_space(o->memzone, 128) ||
	    touches(by_address, n_chunks, o->memzone, o->memzone + 128))
		return ivshmem_fail(err, -EINVAL,
			"memzone '%s': its descriptor at 0x%" PRIx64
			" is not private memory of the host", o->name,
			o->memzone);
	return 0;
}

static int check_object(const struct ivshmem_metadata *md, uint32_t i,
			const struct range *by_address,
			struct ivshmem_error *err)
{
	const struct rte_ivshmem_object *o = &md->objects[i];

	if (!name_ok(o->name, sizeof(o->name)))
		return ivshmem_fail(err, -EINVAL, "object %u: bad name", i);
	if (o->type < RTE_IVSHMEM_MEMZONE || o->type > RTE_IVSHMEM_PART)
		return ivshmem_fail(err, -EINVAL,
			"object '%s': type %u is unknown", o->name, o->type);
	if (o->length == 0 || !in_user_space(o->address, o->length) ||
	    !covered(by_address, md->n_chunks, o->address,
		     o->address + o->length))
		return ivshmem_fail(err, -EINVAL,
			"object '%s': 0x%" PRIx64 " bytes at 0x%" PRIx64
			" do not lie in the chunks", o->name, o->length,
			o->address);
	if (o->type == RTE_IVSHMEM_MEMPOOL && o->ops >= md->n_ops)
		return ivshmem_fail(err, -EINVAL,
			"mempool '%s': ops %u of %u", o->name, o->ops,
			md->n_ops);
	if (o->type == RTE_IVSHMEM_MEMZONE)
		return check_memzone(o, by_address, md->n_chunks, err);
	return 0;
}

/** An object, and a number that is the same for those of one type and name. */
struct name_hash {
	uint32_t hash;
	const struct rte_ivshmem_object *object;
};

/* Names are rarely looked at: a hostile writer cannot make this slow. */
static int compare_names(const void *a, const void *b)
{
	const struct name_hash *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (x->object->type != y->object->type)
		return x->object->type < y->object->type ? -1 : 1;
	return strcmp(x->object->name, y->object->name);
}

/* Parts are left out: they bear the name of their pool. */
static uint32_t hash_names(const struct ivshmem_metadata *md,
			   struct name_hash *names)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];

		if (o->type != RTE_IVSHMEM_PART)
			names[n++] = (struct name_hash){
				ivshmem_crc32c(o->type, o->name,
					       strlen(o->name)), o };
	}
	ivshmem_sort(names, n, sizeof(*names), compare_names);
	return n;
}

static int check_duplicates(const struct ivshmem_metadata *md,
			    struct ivshmem_error *err)
{
	struct name_hash *names;
	uint32_t n;
	int ret = 0;

	names = calloc((size_t)md->n_objects + 1, sizeof(*names));
	if (names == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	n = hash_names(md, names);
	for (uint32_t i = 1; i < n && ret == 0; i++)
		if (compare_names(&names[i - 1], &names[i]) == 0)
			ret = ivshmem_fail(err, -EINVAL,
				"two objects are called '%s'",
				names[i].object->name);
	free(names);
	return ret;
}

static int check_objects(const struct ivshmem_metadata *md,
			 const struct range *by_address,
			 struct ivshmem_error *err)
{
	for (uint32_t i = 0; i < md->n_objects; i++) {
		int ret = check_object(md, i, by_address, err);

		if (ret != 0)
			return ret;
	}
	return check_duplicates(md, err);
}

static int check_ops(const struct ivshmem_metadata *md,
		     struct ivshmem_error *err)
{
	for (uint32_t i = 0; i < md->n_ops; i++)
		if (!name_ok(md->ops[i].name, sizeof(md->ops[i].name)))
			return ivshmem_fail(err, -EINVAL,
					    "mempool ops %u: bad name", i);
	return 0;
}

static int check_dyns(const struct ivshmem_metadata *md,
		      struct ivshmem_error *err)
{
	for (uint32_t i = 0; i < md->n_dyns; i++) {
		const struct rte_ivshmem_dyn *d = &md->dyns[i];

		if (!name_ok(d->name, sizeof(d->name)) ||
		    (d->kind != RTE_IVSHMEM_DYNFIELD &&
		     d->kind != RTE_IVSHMEM_DYNFLAG))
			return ivshmem_fail(err, -EINVAL,
				"dynamic mbuf entry %u: bad name or kind", i);
	}
	return 0;
}

static int check_rest(const struct ivshmem_metadata *md,
		      struct ivshmem_error *err)
{
	if (md->fingerprint != ivshmem_crc32c(0, md->layout,
			(size_t)md->n_layout * sizeof(*md->layout)))
		return ivshmem_fail(err, -EINVAL,
			"the fingerprint is not that of the layout table");
	if (md->n_paths == 0 || md->paths[md->n_paths - 1] != '\0')
		return ivshmem_fail(err, -EINVAL,
				    "the table of paths is not terminated");
	return 0;
}

int ivshmem_metadata_check(const struct ivshmem_metadata *md,
			   uint64_t bar_size, struct ivshmem_error *err)
{
	struct range *ranges;
	int ret = check_rest(md, err);

	if (ret == 0 && md->n_chunks == 0)
		ret = ivshmem_fail(err, -EINVAL, "no chunks");
	for (uint32_t i = 0; i < md->n_chunks && ret == 0; i++)
		ret = check_chunk(md, i, bar_size, err);
	if (ret == 0)
		ret = check_ops(md, err);
	if (ret == 0)
		ret = check_dyns(md, err);
	if (ret != 0)
		return ret;

	ranges = calloc((size_t)md->n_chunks * 2, sizeof(*ranges));
	if (ranges == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	ret = check_overlaps(md, ranges, ranges + md->n_chunks, err);
	if (ret == 0)
		ret = check_objects(md, ranges + md->n_chunks, err);
	free(ranges);
	return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "format.h"
#include "format_check.h"

#define MIN_HEADER_SIZE sizeof(struct rte_ivshmem_header)

/** A word of memory whose declared type is something else. */
typedef uint64_t __attribute__((may_alias)) any_word;

/* Plain memcpy() could read a byte twice; the writer may be hostile. */
static void copy_once(void *to, const volatile void *from, size_t len)
{
	const volatile any_word *word = from;
	any_word *out = to;
	size_t n = len / sizeof(*word);

	for (size_t i = 0; i < n; i++)
		out[i] = word[i];
	for (size_t i = n * sizeof(*word); i < len; i++)
		((uint8_t *)to)[i] = ((const volatile uint8_t *)from)[i];
}

static int check_version(const struct rte_ivshmem_header *h,
			 struct ivshmem_error *err)
{
	if (h->magic != RTE_IVSHMEM_MAGIC)
		return ivshmem_fail(err, -ENOENT,
			"no DPDK metadata (magic 0x%" PRIx64 ")", h->magic);
	if (h->major != RTE_IVSHMEM_VERSION_MAJOR)
		return ivshmem_fail(err, -ENOTSUP,
			"metadata version %u.%u, this library reads %u.x: update the older side",
			h->major, h->minor, RTE_IVSHMEM_VERSION_MAJOR);
	return 0;
}

static int too_few(size_t bytes, struct ivshmem_error *err)
{
	return ivshmem_fail(err, -ENOENT,
		"%zu bytes are too few for DPDK metadata", bytes);
}

static int check_sizes(const struct rte_ivshmem_header *h, size_t available,
		       struct ivshmem_error *err)
{
	if (h->header_size < MIN_HEADER_SIZE || h->header_size % 8 != 0 ||
	    h->header_size > h->total_size)
		return ivshmem_fail(err, -EINVAL, "header size %u is bad",
				    h->header_size);
	if (h->total_size > available || h->total_size > RTE_IVSHMEM_TOTAL_MAX)
		return ivshmem_fail(err, -EINVAL,
			"metadata of %" PRIu64 " bytes is truncated: %zu are there",
			h->total_size, available);
	if (h->n_tables < RTE_IVSHMEM_N_TABLES ||
	    h->n_tables > (h->header_size - offsetof(struct rte_ivshmem_header,
						     tables)) /
			  sizeof(struct rte_ivshmem_table))
		return ivshmem_fail(err, -EINVAL, "%u tables do not fit the header",
				    h->n_tables);
	return 0;
}

/* They may change at any moment, so the checksum does not cover them. */
static int check_checksum(struct rte_ivshmem_header *h,
			  struct ivshmem_error *err)
{
	uint32_t state = h->state, stored = h->checksum, computed;
	uint64_t heartbeat = h->heartbeat;

	h->state = 0;
	h->heartbeat = 0;
	h->checksum = 0;
	computed = ivshmem_crc32c(0, h, h->total_size);
	h->state = state;
	h->heartbeat = heartbeat;
	h->checksum = stored;
	if (computed != stored)
		return ivshmem_fail(err, -EINVAL,
			"checksum 0x%08x does not match the contents (0x%08x)",
			stored, computed);
	return 0;
}

/* Take the shared bytes over into new private memory, once. */
static int copy_image(const volatile void *shared, size_t available,
		      struct rte_ivshmem_header **image,
		      struct ivshmem_error *err)
{
	struct rte_ivshmem_header head;
	int ret;

	if (available < sizeof(head))
		return too_few(available, err);
	copy_once(&head, shared, sizeof(head));
	ret = check_version(&head, err);
	if (ret == 0)
		ret = check_sizes(&head, available, err);
	if (ret != 0)
		return ret;
	*image = malloc(head.total_size);
	if (*image == NULL)
		return ivshmem_fail(err, -ENOMEM, "no memory for %" PRIu64
				    " bytes of metadata", head.total_size);
	copy_once(*image, shared, head.total_size);
	/* The sizes must hold for the copy; what was read before is no matter. */
	ret = check_version(*image, err);
	if (ret == 0)
		ret = check_sizes(*image, head.total_size, err);
	if (ret == 0 && (*image)->total_size != head.total_size)
		ret = ivshmem_fail(err, -EINVAL,
				   "metadata changes while it is read");
	if (ret != 0)
		free(*image);
	return ret;
}

static int check_table(const struct rte_ivshmem_header *h, unsigned int i,
		       uint32_t min_entry, struct ivshmem_error *err)
{
	const struct rte_ivshmem_table *t = &h->tables[i];
	uint64_t bytes = (uint64_t)t->count * t->entry_size;

	/* Only the path table has entries of one byte; others stay aligned. */
	if (t->entry_size < min_entry ||
	    (min_entry >= 4 && t->entry_size % 4 != 0) ||
	    (min_entry >= 8 && t->entry_size % 8 != 0) ||
	    (min_entry == 1 && t->entry_size != 1))
		return ivshmem_fail(err, -EINVAL,
			"table %u: entries of %u bytes", i, t->entry_size);
	if (t->offset % 8 != 0 || t->offset < h->header_size ||
	    t->offset > h->total_size || bytes > h->total_size - t->offset)
		return ivshmem_fail(err, -EINVAL,
			"table %u: %u entries of %u bytes at %" PRIu64
			" leave the %" PRIu64 " bytes of metadata",
			i, t->count, t->entry_size, t->offset, h->total_size);
	return 0;
}

/* Tables lie one after the other, in the order of their numbers. */
static int check_tables(const struct rte_ivshmem_header *h,
			struct ivshmem_error *err)
{
	static const uint32_t min_entry[RTE_IVSHMEM_N_TABLES] = {
		[RTE_IVSHMEM_CHUNKS] = sizeof(struct rte_ivshmem_chunk),
		[RTE_IVSHMEM_OBJECTS] = sizeof(struct rte_ivshmem_object),
		[RTE_IVSHMEM_LCORES] = sizeof(uint32_t),
		[RTE_IVSHMEM_OPS] = sizeof(struct rte_ivshmem_ops),
		[RTE_IVSHMEM_DYN] = sizeof(struct rte_ivshmem_dyn),
		[RTE_IVSHMEM_LAYOUT] = sizeof(uint32_t),
		[RTE_IVSHMEM_PATHS] = 1,
	};
	uint64_t end = h->header_size;

	for (unsigned int i = 0; i < RTE_IVSHMEM_N_TABLES; i++) {
		int ret = check_table(h, i, min_entry[i], err);

		if (ret != 0)
			return ret;
		if (h->tables[i].offset < end)
			return ivshmem_fail(err, -EINVAL,
				"table %u at %" PRIu64 " overlaps the one before",
				i, h->tables[i].offset);
		end = h->tables[i].offset + (uint64_t)h->tables[i].count *
		      h->tables[i].entry_size;
	}
	return 0;
}

/*
 * Bring entries of a newer minor version to our entry size, in place: an entry
 * never grows, and entry i never moves past entry i + 1.
 */
static void *compact_table(struct rte_ivshmem_header *h, unsigned int i,
			   uint32_t our_size)
{
	char *base = (char *)h + h->tables[i].offset;
	uint32_t step = h->tables[i].entry_size;

	if (step != our_size)
		for (uint64_t e = 1; e < h->tables[i].count; e++)
			memmove(base + e * our_size, base + e * step, our_size);
	return base;
}

static int take_name(char *to, const char *from, size_t size, const char *what,
		     struct ivshmem_error *err)
{
	if (memchr(from, '\0', size) == NULL)
		return ivshmem_fail(err, -EINVAL, "%s is not terminated", what);
	memcpy(to, from, size);
	return 0;
}

static int take_header(struct rte_ivshmem_header *h,
		       struct ivshmem_metadata *md, struct ivshmem_error *err)
{
	int ret;

	if (h->state < RTE_IVSHMEM_BUILDING || h->state > RTE_IVSHMEM_CLOSING)
		return ivshmem_fail(err, -EINVAL, "state %u is unknown",
				    h->state);
	ret = take_name(md->name, h->name, sizeof(h->name), "the name", err);
	if (ret == 0)
		ret = take_name(md->dpdk_version, h->dpdk_version,
				sizeof(h->dpdk_version), "the DPDK version",
				err);
	md->state = h->state;
	md->generation = h->generation;
	md->heartbeat = h->heartbeat;
	md->total_size = h->total_size;
	md->fingerprint = h->fingerprint;
	return ret;
}

static void take_tables(struct rte_ivshmem_header *h,
			struct ivshmem_metadata *md)
{
	md->chunks = compact_table(h, RTE_IVSHMEM_CHUNKS, sizeof(*md->chunks));
	md->objects = compact_table(h, RTE_IVSHMEM_OBJECTS,
				    sizeof(*md->objects));
	md->lcores = compact_table(h, RTE_IVSHMEM_LCORES, sizeof(*md->lcores));
	md->ops = compact_table(h, RTE_IVSHMEM_OPS, sizeof(*md->ops));
	md->dyns = compact_table(h, RTE_IVSHMEM_DYN, sizeof(*md->dyns));
	md->layout = compact_table(h, RTE_IVSHMEM_LAYOUT, sizeof(*md->layout));
	md->paths = compact_table(h, RTE_IVSHMEM_PATHS, 1);
	md->n_chunks = h->tables[RTE_IVSHMEM_CHUNKS].count;
	md->n_objects = h->tables[RTE_IVSHMEM_OBJECTS].count;
	md->n_lcores = h->tables[RTE_IVSHMEM_LCORES].count;
	md->n_ops = h->tables[RTE_IVSHMEM_OPS].count;
	md->n_dyns = h->tables[RTE_IVSHMEM_DYN].count;
	md->n_layout = h->tables[RTE_IVSHMEM_LAYOUT].count;
	md->n_paths = h->tables[RTE_IVSHMEM_PATHS].count;
}

/* Of the image in md->storage, which has been copied and whose sizes hold. */
static int decode_storage(uint64_t bar_size, struct ivshmem_metadata *md,
			  struct ivshmem_error *err)
{
	struct rte_ivshmem_header *image = md->storage;
	int ret = check_checksum(image, err);

	if (ret == 0)
		ret = check_tables(image, err);
	if (ret == 0)
		ret = take_header(image, md, err);
	if (ret == 0) {
		take_tables(image, md);
		ret = ivshmem_metadata_check(md, bar_size, err);
	}
	if (ret != 0)
		ivshmem_metadata_free(md);
	return ret;
}

int ivshmem_metadata_decode(const volatile void *shared, size_t available,
			    uint64_t bar_size, struct ivshmem_metadata *md,
			    struct ivshmem_error *err)
{
	struct rte_ivshmem_header *image;
	int ret;

	memset(md, 0, sizeof(*md));
	ret = copy_image(shared, available, &image, err);
	if (ret != 0)
		return ret;
	md->storage = image;
	return decode_storage(bar_size, md, err);
}

int ivshmem_metadata_take(void *image, size_t size, struct ivshmem_metadata *md,
			  struct ivshmem_error *err)
{
	int ret;

	memset(md, 0, sizeof(*md));
	if (size < sizeof(struct rte_ivshmem_header))
		ret = too_few(size, err);
	else
		ret = check_version(image, err);
	if (ret == 0)
		ret = check_sizes(image, size, err);
	if (ret != 0) {
		free(image);
		return ret;
	}
	md->storage = image;
	return decode_storage(UINT64_MAX, md, err);
}

void ivshmem_metadata_free(struct ivshmem_metadata *md)
{
	free(md->storage);
	memset(md, 0, sizeof(*md));
}

const char *ivshmem_chunk_path(const struct ivshmem_metadata *md,
			       const struct rte_ivshmem_chunk *chunk)
{
	return md->paths + chunk->path;
}

uint64_t ivshmem_bar_size(const struct ivshmem_metadata *md)
{
	uint64_t size = RTE_IVSHMEM_PAGE_SIZE, end = 0;

	for (uint32_t i = 0; i < md->n_chunks; i++)
		if (md->chunks[i].bar_offset + md->chunks[i].length > end)
			end = md->chunks[i].bar_offset + md->chunks[i].length;
	while (size < end && size <= UINT64_MAX / 2)
		size *= 2;
	return size;
}

uint64_t ivshmem_chunk_bytes(const struct ivshmem_metadata *md)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < md->n_chunks; i++)
		bytes += md->chunks[i].length;
	return bytes;
}

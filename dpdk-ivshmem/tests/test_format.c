/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire format without DPDK: what is good comes through, nothing else. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "sample.h"
#include "tap.h"

#define BAR_SIZE UINT64_C(0x800000)
#define RANDOM_IMAGES 20000

static struct ivshmem_metadata md;
static struct ivshmem_error err;

static void *encode(size_t *size)
{
	void *image = NULL;

	*size = ivshmem_metadata_size(&md);
	if (ivshmem_metadata_encode(&md, &image) != 0)
		bail_out("encoding failed");
	return image;
}

static int decode(const void *image, size_t size)
{
	struct ivshmem_metadata out;
	int ret = ivshmem_metadata_decode(image, size, BAR_SIZE, &out, &err);

	ivshmem_metadata_free(&out);
	return ret;
}

/* Encode md as it is now, and expect a refusal that says `reason`. */
static void refused(const char *what, const char *reason)
{
	size_t size;
	void *image = encode(&size);
	int ret = decode(image, size);

	check(ret == -EINVAL && strstr(err.text, reason) != NULL,
	      "refuses %s (%d: %s)", what, ret, err.text);
	free(image);
	sample_metadata(&md);
}

typedef uint32_t (*crc_fn)(uint32_t crc, const void *data, size_t len);

static void test_crc(crc_fn crc32c, const char *how)
{
	uint8_t bytes[200];
	bool agree = true;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 151);
	/* The check value of RFC 3720 and of every CRC catalogue. */
	check(crc32c(0, "123456789", 9) == 0xe3069283,
	      "CRC-32C of \"123456789\", %s", how);
	check(crc32c(crc32c(0, "1234", 4), "56789", 5) == 0xe3069283,
	      "CRC-32C in two parts, %s", how);
	for (size_t len = 1; agree && len < sizeof(bytes); len++) {
		uint32_t crc = 7;

		for (size_t i = 0; i < len; i++)
			crc = crc32c(crc, &bytes[i], 1);
		agree = crc == crc32c(7, bytes, len) &&
			crc == ivshmem_crc32c_by_tables(7, bytes, len);
	}
	check(agree, "eight bytes at once count as eight single ones, %s", how);
}

static void test_round_trip(void)
{
	struct ivshmem_metadata out;
	size_t size;
	void *image = encode(&size);
	int ret = ivshmem_metadata_decode(image, size, BAR_SIZE, &out, &err);

	if (check(ret == 0, "accepts good metadata (%d)", ret)) {
		check(strcmp(out.name, "sample") == 0 && out.generation == 42 &&
		      out.state == RTE_IVSHMEM_READY, "header comes through");
		check(out.n_chunks == 3 && memcmp(out.chunks, md.chunks,
		      3 * sizeof(*md.chunks)) == 0, "chunks come through");
		check(out.n_objects == 4 && memcmp(out.objects, md.objects,
		      4 * sizeof(*md.objects)) == 0, "objects come through");
		check(out.n_lcores == 2 && out.lcores[1] == 3 &&
		      out.n_layout == 3 && out.layout[2] == 128 &&
		      out.n_ops == 1 && out.ops[0].index == 2 &&
		      out.n_dyns == 1 && out.dyns[0].position == 88,
		      "lcores, layout, ops and dynamic fields come through");
		check(strcmp(ivshmem_chunk_path(&out, &out.chunks[2]),
			     "/hp/b") == 0, "paths come through");
	}
	ivshmem_metadata_free(&out);
	check(out.storage == NULL, "freed metadata is empty");
	free(image);
}

static void test_sizes(void)
{
	size_t size;
	char *image = encode(&size);
	bool all = true;

	for (size_t cut = 0; cut < size; cut++) {
		/* An own block of just that size, so that ASan sees a read
		 * past its end. */
		char *copy = malloc(cut + 1);

		memcpy(copy, image, cut);
		if (decode(copy, cut) == 0)
			all = false;
		free(copy);
	}
	check(all, "refuses metadata truncated at any of %zu lengths", size);
	free(image);
}

/*
 * Also a flipped `state`: 2 becomes 0, 3, 6, ... of which only 3 is a state. Any
 * `heartbeat` is good.
 */
static void test_bits(void)
{
	size_t size, accepted = 0;
	uint8_t *image = encode(&size);

	for (size_t bit = 0; bit < size * 8; bit++) {
		image[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		accepted += decode(image, size) == 0;
		image[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	check(accepted == 1 + 64, "refuses each flipped bit of %zu bytes but those of the heartbeat and the one that makes `ready` `closing`",
	      size);
	free(image);
}

static void test_foreign(void)
{
	static const char zero[8192];
	size_t size;
	struct rte_ivshmem_header *header = encode(&size);

	check(decode(zero, sizeof(zero)) == -ENOENT,
	      "memory without magic is somebody else's");
	check(decode(zero, 8) == -ENOENT, "so are eight bytes");
	header->major++;
	seal(header, size);
	check(decode(header, size) == -ENOTSUP && strstr(err.text, "2.0"),
	      "refuses a newer major version (%s)", err.text);
	free(header);
}

/* A writer of version 1.7: longer header, one more table, longer entries. */
static void test_newer_minor(void)
{
	enum { EXTRA = 64, GROWTH = 16 };
	struct ivshmem_metadata out;
	size_t size, new_size;
	struct rte_ivshmem_header *old = encode(&size), *new;
	const struct rte_ivshmem_table *from = &old->tables[0];
	struct rte_ivshmem_table *to;

	new_size = size + EXTRA + (size_t)from->count * GROWTH;
	new = calloc(1, new_size);
	memcpy(new, old, sizeof(*old));
	new->minor = 7;
	new->header_size += EXTRA;
	new->n_tables++;
	new->total_size = new_size;
	to = &new->tables[0];
	to->offset += EXTRA;
	to->entry_size += GROWTH;
	for (uint32_t i = 0; i < from->count; i++)
		memcpy((char *)new + to->offset + (size_t)i * to->entry_size,
		       (char *)old + from->offset + (size_t)i *
		       from->entry_size, from->entry_size);
	for (int i = 1; i < RTE_IVSHMEM_N_TABLES; i++)
		new->tables[i].offset += EXTRA + (uint64_t)from->count * GROWTH;
	memcpy((char *)new + new->tables[1].offset,
	       (char *)old + old->tables[1].offset,
	       size - old->tables[1].offset);
	seal(new, new_size);
	check(ivshmem_metadata_decode(new, new_size, BAR_SIZE, &out,
				      &err) == 0 &&
	      out.n_chunks == 3 &&
	      memcmp(out.chunks, md.chunks, 3 * sizeof(*md.chunks)) == 0 &&
	      strcmp(ivshmem_chunk_path(&out, &out.chunks[1]), "/hp/a") == 0,
	      "reads a newer minor version with longer entries (%s)",
	      err.text);
	ivshmem_metadata_free(&out);
	free(old);
	free(new);
}

static void test_chunks(void)
{
	md.n_chunks = 0;
	refused("metadata without chunks", "no chunks");
	md.chunks[1].page_size = 3000;
	refused("a page size that is no power of two", "page size 3000");
	md.chunks[1].page_size = 2048;
	refused("a page size below 4 KiB", "page size 2048");
	md.chunks[1].length = 0;
	refused("an empty chunk", "chunk 1");
	md.chunks[1].length = 0x1000;
	refused("a length that is no multiple of the page", "multiples");
	md.chunks[2].bar_offset += 0x1000;
	refused("a BAR offset between pages", "multiples");
	md.chunks[2].bar_offset = BAR_SIZE;
	refused("a chunk behind the BAR", "leave the BAR");
	md.chunks[2].bar_offset = UINT64_MAX - 0x1fffff;
	refused("a BAR offset that overflows", "leave the BAR");
	md.chunks[2].bar_offset = md.chunks[1].bar_offset;
	refused("chunks that overlap in the BAR", "overlap in the BAR");
	md.chunks[2].address = md.chunks[1].address;
	refused("chunks that overlap in memory", "overlap in the address");
	md.chunks[2].address = UINT64_MAX - 0x1fffff;
	refused("an address that overflows", "not user space");
	md.chunks[2].address = UINT64_C(0xffff800000000000);
	refused("an address of the kernel", "not user space");
	md.chunks[2].file_offset = UINT64_MAX - 0x1fffff;
	refused("a file offset that overflows", "overflows");
	md.chunks[2].path = md.n_paths;
	refused("a path outside the table", "path");
	md.chunks[1].flags |= RTE_IVSHMEM_CHUNK_METADATA;
	refused("a second metadata chunk", "only chunk 0");
	md.chunks[0].address = 0x100000000;
	refused("metadata with an address", "only chunk 0");
}

static void test_chunk_sums(void)
{
	const uint64_t mib = UINT64_C(1) << 20;

	check(ivshmem_chunk_bytes(&md) == 4 * mib + 4096,
	      "the bytes of all chunks, with the metadata");
	check(ivshmem_bar_size(&md) == 8 * mib,
	      "a BAR of 8 MiB for chunks that end at 6 MiB");
	md.chunks[1].bar_offset = 6 * mib;
	check(ivshmem_bar_size(&md) == 8 * mib,
	      "and at 8 MiB, in any order");
	md.chunks[1].bar_offset = 8 * mib;
	check(ivshmem_bar_size(&md) == 16 * mib, "and one of 16 MiB beyond");
	md.n_chunks = 1;
	check(ivshmem_bar_size(&md) == 4096, "and of a page at least");
	md.chunks[0].length = UINT64_MAX - 4095;
	check(ivshmem_bar_size(&md) == UINT64_C(1) << 63,
	      "no power of two is larger than 2^63");
	sample_metadata(&md);
}

static void test_objects(void)
{
	md.objects[1].name[0] = '\0';
	refused("an object without name", "bad name");
	memset(md.objects[1].name, 'x', sizeof(md.objects[1].name));
	refused("a name that is not terminated", "bad name");
	strcpy(md.objects[2].name, md.objects[0].name);
	refused("two objects of one name", "two objects");
	md.objects[1].type = 9;
	refused("an unknown type", "type 9");
	md.objects[1].length = 0;
	refused("an empty object", "do not lie in the chunks");
	md.objects[1].length = UINT64_MAX;
	refused("a length that overflows", "do not lie in the chunks");
	md.objects[1].address = 0x1001fff80;
	refused("an object that begins before its chunk",
		"do not lie in the chunks");
	md.objects[3].length = 4 << 20;
	refused("an object that ends behind its chunk",
		"do not lie in the chunks");
	md.chunks[2].address += 2 << 20;
	refused("an object with a gap in it", "do not lie in the chunks");
	md.objects[3].ops = 1;
	refused("a pool with unknown ops", "ops 1 of 1");
	md.objects[0].memzone = 0x100200000;
	refused("a memzone descriptor in shared memory", "private memory");
	md.objects[0].memzone = 0x100200000 - 64;
	refused("a memzone descriptor that reaches into it", "private memory");
	md.objects[0].memzone = 8;
	refused("a memzone descriptor at NULL", "private memory");
}

static void test_rest(void)
{
	size_t size;
	struct rte_ivshmem_header *header;

	memset(md.ops[0].name, 'x', sizeof(md.ops[0].name));
	refused("ops whose name is not terminated", "bad name");
	md.dyns[0].kind = 3;
	refused("an unknown kind of dynamic area", "bad name or kind");
	md.n_paths--;
	refused("paths that are not terminated", "not terminated");
	md.n_paths = 0;
	refused("metadata without paths", "path");

	header = encode(&size);
	header->fingerprint ^= 1;
	seal(header, size);
	check(decode(header, size) == -EINVAL &&
	      strstr(err.text, "fingerprint") != NULL,
	      "refuses a fingerprint that is not the layout's");
	free(header);
}

/* Break one field of a header whose checksum fits. */
#define REFUSES(what, change) do { \
	size_t size_; \
	struct rte_ivshmem_header *h = encode(&size_); \
	change; \
	seal(h, size_); \
	check(decode(h, size_) == -EINVAL, "refuses " what " (%s)", \
	      err.text); \
	free(h); \
} while (0)

static void test_header(void)
{
	REFUSES("a header that is too small", h->header_size = 128);
	REFUSES("a header larger than all", h->header_size = 1u << 31);
	REFUSES("too few tables", h->n_tables = 2);
	REFUSES("more tables than the header holds", h->n_tables = 99);
	REFUSES("an unknown state", h->state = 7);
	REFUSES("a table inside the header", h->tables[1].offset = 64);
	REFUSES("a table behind the end", h->tables[1].offset = size_ + 8);
	REFUSES("a table offset that overflows",
		h->tables[1].offset = UINT64_MAX - 7);
	REFUSES("an odd table offset", h->tables[1].offset += 4);
	REFUSES("tables that overlap",
		h->tables[2].offset = h->tables[1].offset);
	REFUSES("a count that overflows", h->tables[0].count = UINT32_MAX);
	REFUSES("entries that are too small", h->tables[0].entry_size = 40);
	REFUSES("entries of no size", h->tables[2].entry_size = 0);
	REFUSES("entries that lose their alignment",
		h->tables[0].entry_size += 4);
	REFUSES("a name that is not terminated",
		memset(h->name, 'x', sizeof(h->name)));
}

/* Same seed, same images: a failure can be repeated. */
static void test_random(void)
{
	uint32_t seed = 20261122;
	size_t size, accepted = 0;
	uint8_t *image = encode(&size), *copy = malloc(size);

	for (int i = 0; i < RANDOM_IMAGES; i++) {
		memcpy(copy, image, size);
		for (int n = 0; n < 1 + i % 4; n++) {
			seed = seed * 1664525 + 1013904223;
			copy[16 + (seed >> 8) % (size - 16)] =
				(uint8_t)(seed >> 24);
		}
		seal(copy, size);
		accepted += decode(copy, size) == 0;
	}
	/* Some change only a generation or a name; those are good. */
	check(accepted < RANDOM_IMAGES,
	      "survives %d changed images with good checksums (%zu accepted)",
	      RANDOM_IMAGES, accepted);
	free(copy);
	free(image);
}

int main(void)
{
	sample_metadata(&md);
	test_crc(ivshmem_crc32c, "as this processor can");
	test_crc(ivshmem_crc32c_by_tables, "by tables");
	test_round_trip();
	test_sizes();
	test_bits();
	test_foreign();
	test_newer_minor();
	test_header();
	test_chunks();
	test_chunk_sums();
	test_objects();
	test_rest();
	test_random();
	return tap_end();
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "audit.h"
#include "sample.h"
#include "tap.h"

#define SPACE 512 /* addresses of the random cases */

/* What a walk reported, byte by byte: 0 nothing, 1 nameless, 2 + memzone. */
struct map {
	unsigned char at[SPACE];
	uint64_t bytes;
	uint64_t last;
	bool in_order;
};

static void mark(const struct ivshmem_exposed *exposed, void *arg)
{
	struct map *map = arg;

	map->in_order = map->in_order && exposed->address >= map->last;
	map->last = exposed->address + exposed->length;
	for (uint64_t a = exposed->address; a < map->last; a++)
		map->at[a] = exposed->name == NULL ?
			1 : (unsigned char)(2 + exposed->name[0]);
	map->bytes += exposed->length;
}

static void random_range(uint64_t *address, uint64_t *length, unsigned int max)
{
	*address = (uint64_t)rand() % SPACE;
	*length = (uint64_t)rand() % max;
	if (*length > SPACE - *address)
		*length = SPACE - *address;
}

/* The same by looking at each byte. */
static void expect(struct map *map, const struct ivshmem_metadata *md,
		   const struct ivshmem_neighbour *zones, uint32_t n)
{
	memset(map, 0, sizeof(*map));
	for (uint32_t i = 0; i < md->n_chunks; i++)
		memset(map->at + md->chunks[i].address, 1,
		       md->chunks[i].length);
	for (uint32_t i = 0; i < n; i++)
		for (uint64_t a = 0; a < zones[i].length; a++)
			if (map->at[zones[i].address + a] == 1)
				map->at[zones[i].address + a] = 2;
	for (uint32_t i = 0; i < md->n_objects; i++)
		memset(map->at + md->objects[i].address, 0,
		       md->objects[i].length);
	for (unsigned int a = 0; a < SPACE; a++)
		map->bytes += map->at[a] != 0;
}

static bool same(const struct map *found, const struct map *wanted)
{
	for (unsigned int a = 0; a < SPACE; a++) {
		unsigned int kind = found->at[a] > 2 ? 2 : found->at[a];

		if (kind != wanted->at[a])
			return false;
	}
	return found->in_order && found->bytes == wanted->bytes;
}

static bool random_case(void)
{
	struct rte_ivshmem_chunk chunks[6] = { 0 };
	struct rte_ivshmem_object objects[8] = { 0 };
	struct ivshmem_neighbour zones[8] = { 0 };
	struct ivshmem_metadata md = {
		.chunks = chunks,
		.n_chunks = (uint32_t)rand() % 7,
		.objects = objects,
	};
	uint32_t n = (uint32_t)rand() % 9, wanted = (uint32_t)rand() % 9;
	struct map found = { .in_order = true }, expected;
	struct ivshmem_error err;
	uint64_t bytes;

	for (uint32_t i = 0; i < md.n_chunks; i++)
		random_range(&chunks[i].address, &chunks[i].length, 150);
	/* Decoding grants that an object lies in chunks. */
	for (uint32_t i = 0; i < wanted && md.n_chunks > 0; i++) {
		const struct rte_ivshmem_chunk *c =
			&chunks[(uint32_t)rand() % md.n_chunks];
		struct rte_ivshmem_object *o = &objects[md.n_objects];

		if (c->length == 0)
			continue;
		o->address = c->address + (uint64_t)rand() % c->length;
		o->length = (uint64_t)rand() %
			    (c->address + c->length - o->address) + 1;
		o->type = 1 + (uint32_t)rand() % 4;
		md.n_objects++;
	}
	for (uint32_t i = 0; i < n; i++) {
		random_range(&zones[i].address, &zones[i].length, 100);
		zones[i].name[0] = (char)('a' + i);
	}
	expect(&expected, &md, zones, n);
	return ivshmem_audit(&md, zones, n, mark, &found, &bytes, &err) == 0 &&
	       bytes == found.bytes && same(&found, &expected);
}

static void test_random(void)
{
	unsigned int good = 0, cases = 20000;

	srand(1);
	for (unsigned int i = 0; i < cases; i++)
		good += random_case();
	check(good == cases,
	      "%u random layouts: the same as looking at every byte", cases);
}

static void test_lines(void)
{
	/* Unsorted, one over the other, not terminated, past the end. */
	struct ivshmem_neighbour zones[] = {
		{ .name = "wraps", .address = 0x1005ffff0,
		  .length = UINT64_MAX },
		{ .name = "shared", .address = 0x100200080, .length = 0x1000 },
		{ .address = 0x100300000, .length = 0x100 },
		{ .name = "inside", .address = 0x100300010, .length = 0x10 },
		{ .name = "empty", .address = 0x100310000 },
	};
	static const char wanted[] =
		"0x000100200000          128 bytes  in no memzone\n"
		"0x000100201080      1044352 bytes  in no memzone\n"
		"0x000100300000          256 bytes  memzone "
		"'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'\n"
		"0x000100300100       982784 bytes  in no memzone\n"
		"0x000100410000      2031600 bytes  in no memzone\n"
		"0x0001005ffff0           16 bytes  memzone 'wraps'\n";
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	uint64_t bytes, counted;
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	memset(zones[2].name, 'x', sizeof(zones[2].name));
	sample_metadata(&md);
	check(ivshmem_audit(&md, zones, 5, ivshmem_audit_print, f, &bytes,
			    &err) == 0, "the sample is looked through");
	fclose(f);
	if (!check(strcmp(text, wanted) == 0,
		   "a line for each piece, by name of the memzone"))
		fprintf(stderr, "%s", text);
	free(text);
	check(bytes == 2 * UINT64_C(0x200000) - 0x1000 - 0x20000,
	      "their sum is what the chunks have beyond the objects");
	check(ivshmem_audit(&md, NULL, 0, NULL, NULL, &counted, &err) == 0 &&
	      counted == bytes, "counting needs neither names nor a visitor");
}

static void test_parts(void)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	uint64_t before, after;

	sample_metadata(&md);
	ivshmem_audit(&md, NULL, 0, NULL, NULL, &before, &err);
	md.objects[1].type = RTE_IVSHMEM_PART;
	md.objects[1].address = 0x100300000;
	ivshmem_audit(&md, NULL, 0, NULL, NULL, &after, &err);
	check(after == before - 0x1000, "a part of a mempool counts as shared");
	md.n_chunks = 1;
	md.n_objects = 0;
	check(ivshmem_audit(&md, NULL, 0, NULL, NULL, &after, &err) == 0 &&
	      after == 0, "the metadata itself exposes nothing");
}

int main(void)
{
	test_random();
	test_lines();
	test_parts();
	return tap_end();
}

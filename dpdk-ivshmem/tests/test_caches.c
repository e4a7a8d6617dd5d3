/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which pages of which pools can be private: no DPDK, no memory, numbers only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "caches.h"
#include "sample.h"
#include "tap.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define BASE UINT64_C(0x100000000)

/* As DPDK has them: 128 caches of 12,352 bytes behind a header of 192. */
#define HEADER 192
#define CACHE 12352
#define LCORES 128
#define ARRAY ((uint64_t)CACHE * LCORES)
#define POOL (HEADER + ARRAY + 128) /* with private data */

#define MAX_OBJECTS 30000

static struct rte_ivshmem_object objects[MAX_OBJECTS];
static struct rte_ivshmem_chunk chunks[8];
static uint32_t layout[RTE_IVSHMEM_LAYOUT_N];
static struct ivshmem_metadata md;

/* Nothing is shared but one chunk of 1 GiB. */
static void reset(uint64_t page_size)
{
	memset(objects, 0, sizeof(objects));
	memset(chunks, 0, sizeof(chunks));
	memset(&md, 0, sizeof(md));
	layout[RTE_IVSHMEM_LAYOUT_sizeof_mempool] = HEADER;
	layout[RTE_IVSHMEM_LAYOUT_sizeof_cache] = CACHE;
	layout[RTE_IVSHMEM_LAYOUT_max_lcore] = LCORES;
	chunks[0].page_size = RTE_IVSHMEM_PAGE_SIZE;
	chunks[1] = (struct rte_ivshmem_chunk){
		.address = BASE, .length = 1024 * MIB, .page_size = page_size,
	};
	md.chunks = chunks;
	md.n_chunks = 2;
	md.objects = objects;
	md.layout = layout;
	md.n_layout = RTE_IVSHMEM_LAYOUT_N;
}

static struct rte_ivshmem_object *add(uint32_t type, uint64_t offset,
				      uint64_t length)
{
	struct rte_ivshmem_object *o = &objects[md.n_objects++];

	o->type = type;
	o->address = BASE + offset;
	o->length = length;
	snprintf(o->name, sizeof(o->name), "o%u", md.n_objects - 1);
	return o;
}

/* A pool, in a memzone as always. */
static struct rte_ivshmem_object *add_pool(uint64_t offset, uint64_t length)
{
	struct rte_ivshmem_object *o;

	add(RTE_IVSHMEM_MEMZONE, offset, length);
	o = add(RTE_IVSHMEM_MEMPOOL, offset, length);
	o->cache_size = 32;
	return o;
}

/** What a search gave. */
struct found {
	int ret;
	struct ivshmem_caches *caches;
	uint32_t n;
	struct ivshmem_error err;
};

static struct found *find(uint64_t page_size)
{
	static struct found found;

	free(found.caches);
	memset(&found, 0, sizeof(found));
	found.ret = ivshmem_caches_find(&md, page_size, &found.caches, &found.n,
					&found.err);
	return &found;
}

/* One pool, private from `start` to `end`, counted from BASE. */
static bool is(const struct found *found, uint64_t start, uint64_t end)
{
	if (found->ret == 0 && found->n == 1 &&
	    found->caches->private_start == BASE + start &&
	    found->caches->private_end == BASE + end)
		return true;
	printf("# %d %s", found->ret, found->err.text);
	if (found->n > 0)
		printf(" 0x%" PRIx64 "-0x%" PRIx64,
		       found->caches->private_start - BASE,
		       found->caches->private_end - BASE);
	putchar('\n');
	return false;
}

static bool refused(const struct found *found, int ret, const char *says)
{
	return found->ret == ret && found->caches == NULL && found->n == 0 &&
	       strstr(found->err.text, says) != NULL;
}

static void test_none(void)
{
	struct rte_ivshmem_object *pool;

	reset(4 * KIB);
	add(RTE_IVSHMEM_MEMZONE, 0, POOL);
	add(RTE_IVSHMEM_RING, 0, POOL);
	check(find(4 * KIB)->ret == 0 && find(4 * KIB)->caches == NULL,
	      "what is no pool has no caches");
	pool = add_pool(4 * MIB, POOL);
	pool->cache_size = 0;
	check(find(4 * KIB)->n == 0, "nor has a pool without");
	pool->cache_size = 32;
	pool->flags = RTE_IVSHMEM_OBJECT_READONLY;
	check(find(4 * KIB)->n == 0, "nor one that is only read");
	md.n_layout = RTE_IVSHMEM_LAYOUT_sizeof_cache;
	check(find(4 * KIB)->ret == 0, "then the layout does not matter");
	pool->flags = 0;
	check(refused(find(4 * KIB), -EINVAL, "does not tell of caches"),
	      "else a layout that ends too early is refused");
}

static void test_alone(uint64_t page)
{
	uint64_t end = (HEADER + ARRAY + page - 1) / page * page;

	reset(page);
	add_pool(0, POOL);
	check(is(find(page), 0, end), "pages of %" PRIu64
	      " KiB: a pool alone on its pages has all of them", page / KIB);
	check(ivshmem_cache_is_private(find(page)->caches, 0) &&
	      ivshmem_cache_is_private(find(page)->caches, LCORES - 1) &&
	      !ivshmem_cache_is_private(find(page)->caches, LCORES) &&
	      !ivshmem_cache_is_private(find(page)->caches, UINT32_MAX),
	      "and private caches for all lcores that there are");
}

/* The pool begins in the middle of its first page and so ends in one. */
static void test_neighbours(uint64_t page)
{
	uint64_t offset = page / 2, start = offset + HEADER;
	uint64_t end = start + ARRAY;
	uint64_t last = (end + page - 1) / page * page;
	struct found *found;

	reset(page);
	add_pool(offset, POOL);
	add(RTE_IVSHMEM_RING, offset - 128, 128);
	check(is(find(page), page, last < page ? page : last),
	      "pages of %" PRIu64 " KiB: a neighbour in front keeps the first page",
	      page / KIB);
	found = find(page);
	check(!ivshmem_cache_is_private(found->caches, 0),
	      "and the cache of lcore 0");
	check(ivshmem_cache_is_private(found->caches, LCORES - 1) ==
	      (start + CACHE * (LCORES - 1) >= page),
	      "and that of the last one only if it lies there");

	reset(page);
	add_pool(offset, POOL);
	add(RTE_IVSHMEM_RING, offset + POOL, 1);
	last -= offset + POOL < last ? page : 0;
	check(is(find(page), 0, last),
	      "a neighbour behind keeps the last page");
	add(RTE_IVSHMEM_PART, offset + POOL + page, 128);
	check(is(find(page), 0, last), "one on the next page keeps nothing");
}

static void test_own_data(void)
{
	uint64_t end = HEADER + ARRAY;
	uint64_t last = (end + 4095) / 4096 * 4096;
	struct rte_ivshmem_object *pool;

	reset(4 * KIB);
	pool = add_pool(0, POOL);
	pool->flags = RTE_IVSHMEM_OBJECT_OWN_DATA;
	check(is(find(4 * KIB), 0, end < last ? last - 4096 : last),
	      "private data that may change is a neighbour");
	pool->length = end;
	objects[0].length = end;
	check(is(find(4 * KIB), 0, last), "if there is some");
}

static void test_hostile(void)
{
	reset(4 * KIB);
	add_pool(0, POOL);
	add_pool(ARRAY / 2, POOL);
	check(refused(find(4 * KIB), -EINVAL, "overlap"),
	      "pools that overlap are refused");
	reset(4 * KIB);
	add_pool(0, POOL);
	add_pool(0, POOL);
	check(refused(find(4 * KIB), -EINVAL, "overlap"),
	      "and two at one place");
	reset(4 * KIB);
	add_pool(0, HEADER + ARRAY - 1);
	check(refused(find(4 * KIB), -EINVAL, "do not hold"),
	      "a pool too small for its caches is refused");
	reset(4 * KIB);
	add_pool(0, HEADER - 1);
	check(refused(find(4 * KIB), -EINVAL, "do not hold"),
	      "and one too small for its header");
	reset(4 * KIB);
	add_pool(0, POOL);
	layout[RTE_IVSHMEM_LAYOUT_max_lcore] = UINT32_MAX;
	layout[RTE_IVSHMEM_LAYOUT_sizeof_cache] = UINT32_MAX;
	check(refused(find(4 * KIB), -EINVAL, "do not hold"),
	      "and counts whose product overflows");
	layout[RTE_IVSHMEM_LAYOUT_sizeof_cache] = 0;
	check(refused(find(4 * KIB), -EINVAL, "do not hold"),
	      "and caches of no size");
	reset(4 * KIB);
	add_pool(0, POOL);
	add(RTE_IVSHMEM_RING, 64 * KIB, 128);
	check(is(find(4 * KIB), 0, (HEADER + ARRAY + 4095) / 4096 * 4096),
	      "an object inside the array keeps nothing");
	/* The last addresses that metadata may have. */
	reset(4 * KIB);
	add_pool(0, POOL);
	objects[0].address = objects[1].address = (UINT64_C(1) << 47) - POOL;
	check(find(4 * KIB)->ret == 0 && find(4 * KIB)->caches->private_end <=
	      UINT64_C(1) << 47, "the end of user space is no end of numbers");
}

/* A process maps each file by its own pages. */
static void test_mixed_pages(void)
{
	uint64_t end = (HEADER + ARRAY + 4095) / 4096 * 4096;

	reset(4 * KIB);
	chunks[2] = (struct rte_ivshmem_chunk){
		.address = BASE + 1024 * MIB, .length = 1024 * MIB,
		.page_size = 1024 * MIB,
	};
	md.n_chunks = 3;
	add_pool(512 * MIB, POOL);
	check(is(find(IVSHMEM_FILE_PAGES), 512 * MIB, 512 * MIB + end),
	      "a pool has the pages of its own chunk, not the largest ones");
	reset(4 * KIB);
	chunks[1].length = 1 * MIB;
	chunks[2] = (struct rte_ivshmem_chunk){
		.address = BASE + MIB, .length = 32 * MIB,
		.page_size = 1 * MIB,
	};
	md.n_chunks = 3;
	add_pool(MIB - 8192, POOL);
	check(is(find(IVSHMEM_FILE_PAGES), MIB - 8192, 3 * MIB),
	      "also one that lies in two chunks");
	add(RTE_IVSHMEM_RING, 3 * MIB - 128, 128);
	check(is(find(IVSHMEM_FILE_PAGES), MIB - 8192, 2 * MIB),
	      "with a neighbour on a page of the second one");
}

/* By looking at each object for each page. */
static bool page_is_free(const struct rte_ivshmem_object *pool, uint64_t page,
			 uint64_t size)
{
	uint64_t end = pool->flags & RTE_IVSHMEM_OBJECT_OWN_DATA ?
		       pool->address + HEADER + ARRAY :
		       pool->address + pool->length;

	for (uint32_t i = 0; i < md.n_objects; i++) {
		uint64_t low = objects[i].address;
		uint64_t high = low + objects[i].length;

		if ((low < page + size && high > page && low < pool->address &&
		     high > page) ||
		    (high > end && high > page && low < page + size &&
		     end < page + size))
			return false;
	}
	return true;
}

static bool as_slowly_found(const struct ivshmem_caches *c, uint64_t size)
{
	uint64_t first = c->start / size * size;
	uint64_t last = (c->start + ARRAY - 1) / size * size;

	for (uint64_t page = first; page <= last; page += size) {
		bool is_private = page >= c->private_start &&
				  page < c->private_end;

		if (is_private != page_is_free(c->pool, page, size))
			return false;
	}
	return c->private_start >= first && c->private_end <= last + size;
}

/* Pools one behind the other, with gaps and small objects in some. */
static void test_random(uint64_t page, unsigned int seed)
{
	uint64_t at = 0;
	struct found *found;
	bool good = true;

	srand(seed);
	reset(page);
	for (int i = 0; i < 200; i++) {
		struct rte_ivshmem_object *pool = add_pool(at, POOL);

		pool->flags = rand() % 4 == 0 ? RTE_IVSHMEM_OBJECT_OWN_DATA : 0;
		at += POOL + (uint64_t)(rand() % 5) * 1024;
		if (rand() % 2 == 0) {
			add(RTE_IVSHMEM_RING, at, 128);
			at += 128 + (uint64_t)(rand() % 4) * 2048;
		}
	}
	found = find(page);
	for (uint32_t i = 0; i < found->n; i++)
		good = as_slowly_found(&found->caches[i], page) && good;
	check(found->ret == 0 && found->n == 200 && good,
	      "pages of %" PRIu64 " KiB, seed %u: 200 pools as an exhaustive search has them",
	      page / KIB, seed);
}

static void test_many(void)
{
	struct timespec begin, end;
	struct found *found;
	bool apart = true;
	double seconds;

	reset(4 * KIB);
	/* Backwards, as the EAL's heap gives them. */
	for (uint32_t i = MAX_OBJECTS / 2; i-- > 0;)
		add_pool(i * (POOL + 1024), POOL);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	found = find(IVSHMEM_FILE_PAGES);
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = (double)(end.tv_sec - begin.tv_sec) +
		  (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	for (uint32_t i = 1; i < found->n; i++)
		apart = apart && found->caches[i - 1].private_end <=
				 found->caches[i].private_start;
	check(found->ret == 0 && found->n == MAX_OBJECTS / 2 && apart,
	      "%u pools are sorted and apart", found->n);
	printf("# found in %.4f s\n", seconds);
	/* A search of each pool in all objects takes minutes. */
	check(seconds < 5, "and found quickly");
}

int main(void)
{
	static const uint64_t pages[] = { 4 * KIB, 2 * MIB };

	test_none();
	for (int i = 0; i < 2; i++) {
		test_alone(pages[i]);
		test_neighbours(pages[i]);
		for (unsigned int seed = 1; seed <= 5; seed++)
			test_random(pages[i], seed);
	}
	test_own_data();
	test_hostile();
	test_mixed_pages();
	test_many();
	return tap_end();
}

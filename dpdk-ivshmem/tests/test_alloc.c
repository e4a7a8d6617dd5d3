/* SPDX-License-Identifier: BSD-3-Clause */
/* Allocation with pages of its own. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "eal.h"
#include "rte_ivshmem.h"
#include "tap.h"

#define ANY SOCKET_ID_ANY
#define SMALL_OBJECTS 64

/** What the EAL puts in front of what it hands out. */
#define EAL_HEADER 128

/* ---- pages of its own ---------------------------------------------------- */

/** Pages that belong to an object. */
struct pages {
	uintptr_t start;
	uintptr_t end;
};

static struct pages owned[16];
static unsigned int n_owned;
static unsigned int intruders;

static bool whole_pages(const void *address, size_t len)
{
	uint64_t page = rte_mem_virt2memseg_list(address)->page_sz;

	return (uintptr_t)address % page == 0 && len % page == 0 && len > 0;
}

static void own(const void *address, size_t len, const char *what)
{
	check(whole_pages(address, len), "%s takes whole pages (%zu bytes)",
	      what, len);
	owned[n_owned++] = (struct pages){ (uintptr_t)address,
					   (uintptr_t)address + len };
}

static bool is_owned(uintptr_t start)
{
	for (unsigned int i = 0; i < n_owned; i++)
		if (start >= owned[i].start && start < owned[i].end)
			return true;
	return false;
}

static void meets_nothing(const void *address, size_t len)
{
	uintptr_t start = (uintptr_t)address - EAL_HEADER;
	uintptr_t end = (uintptr_t)address + len;

	for (unsigned int i = 0; i < n_owned; i++)
		intruders += start < owned[i].end && end > owned[i].start;
}

static void visit_memzone(const struct rte_memzone *mz,
			  void *arg __rte_unused)
{
	if (!is_owned(mz->addr_64))
		meets_nothing(mz->addr, mz->len);
}

static void own_mempool(struct rte_mempool *mp)
{
	const struct rte_ring *r = mp->pool_data;
	struct rte_mempool_memhdr *chunk = STAILQ_FIRST(&mp->mem_list);
	char *end = (char *)chunk->addr + chunk->len;

	own(mp->mz->addr, mp->mz->len, "the pool");
	own(r->memzone->addr, r->memzone->len, "its ring");
	own(chunk, (size_t)(end - (char *)chunk), "its objects");
	check(mp->nb_mem_chunks == 1 && chunk->mp == mp &&
	      chunk->addr > (void *)chunk,
	      "the chunk's header lies in front of the objects");
}

/* Ordinary allocations, which the EAL would put on any page with room. */
static void surround(void)
{
	void *bytes[SMALL_OBJECTS];
	struct rte_ring *rings[SMALL_OBJECTS];
	const struct rte_memzone *zones[SMALL_OBJECTS];
	char name[16];

	for (unsigned int i = 0; i < SMALL_OBJECTS; i++) {
		snprintf(name, sizeof(name), "small%u", i);
		bytes[i] = rte_malloc(NULL, 1 + i * 97, 0);
		rings[i] = rte_ring_create(name, 1u << (i % 8), ANY, 0);
		zones[i] = rte_memzone_reserve(name, 1 + i * 1000, ANY, 0);
		if (bytes[i] == NULL || rings[i] == NULL || zones[i] == NULL)
			bail_out("no memory for small objects");
		meets_nothing(bytes[i], 1 + i * 97);
	}
	rte_memzone_walk(visit_memzone, NULL);
	for (unsigned int i = 0; i < SMALL_OBJECTS; i++) {
		rte_free(bytes[i]);
		rte_ring_free(rings[i]);
		rte_memzone_free(zones[i]);
	}
}

static bool pages_overlap(void)
{
	for (unsigned int i = 0; i < n_owned; i++)
		for (unsigned int j = 0; j < i; j++)
			if (owned[i].start < owned[j].end &&
			    owned[j].start < owned[i].end)
				return true;
	return false;
}

static void test_pages(void)
{
	const struct rte_memzone *mz =
		rte_ivshmem_memzone_reserve("own-zone", 10000, ANY, 0);
	struct rte_ring *r = rte_ivshmem_ring_create("own-ring", 64, ANY, 0);
	struct rte_mempool *cached = rte_ivshmem_pktmbuf_pool_create(
		"own-mbufs", 1023, 32, 0, RTE_MBUF_DEFAULT_BUF_SIZE, ANY);
	struct rte_mempool *plain = rte_ivshmem_mempool_create("own-pool", 100,
						200, 0, 24, ANY, 0);

	if (mz == NULL || r == NULL || cached == NULL || plain == NULL)
		bail_out(rte_strerror(rte_errno));
	own(mz->addr, mz->len, "a memzone");
	own(r->memzone->addr, r->memzone->len, "a ring");
	own_mempool(cached);
	own_mempool(plain);
	check(!pages_overlap(), "no two have a page in common");
	surround();
	check(intruders == 0, "nothing else lies on their pages (%u)",
	      intruders);
	rte_mempool_free(plain);
	rte_mempool_free(cached);
	rte_ring_free(r);
	rte_memzone_free(mz);
	n_owned = 0;
}

/* ---- objects that work --------------------------------------------------- */

static bool is_zero(const struct rte_memzone *mz)
{
	for (size_t i = 0; i < mz->len; i++)
		if (((const char *)mz->addr)[i] != 0)
			return false;
	return true;
}

static void test_memzone(void)
{
	const struct rte_memzone *mz, *again;

	mz = rte_ivshmem_memzone_reserve("zone", 1, ANY,
					 RTE_MEMZONE_IOVA_CONTIG);
	if (mz == NULL)
		bail_out(rte_strerror(rte_errno));
	check(rte_memzone_lookup("zone") == mz && mz->len == mz->hugepage_sz,
	      "a memzone of 1 byte has a page");
	check(rte_mem_virt2iova(mz->addr) == mz->iova,
	      "it is contiguous for devices");
	memset(mz->addr, 0x5a, mz->len);
	rte_memzone_free(mz);
	again = rte_ivshmem_memzone_reserve("zone", 1, ANY, 0);
	check(again != NULL && is_zero(again),
	      "nothing of a memzone that was freed is left on the page");
	rte_memzone_free(again);
	mz = rte_ivshmem_memzone_reserve("long", 0, ANY, 0);
	check(mz != NULL && whole_pages(mz->addr, mz->len),
	      "a length of 0 gets the longest piece (%zu KiB)",
	      mz != NULL ? mz->len >> 10 : 0);
	rte_memzone_free(mz);
}

static void test_ring(void)
{
	struct rte_ring *r = rte_ivshmem_ring_create("ring", 5, ANY,
						     RING_F_EXACT_SZ);
	void *five[5] = { r, r, r, r, r };

	check(r != NULL && rte_ring_lookup("ring") == r &&
	      rte_ring_get_capacity(r) == 5 &&
	      rte_memzone_lookup("RG_ring") == r->memzone,
	      "a ring is found by its name");
	check(rte_ring_enqueue_bulk(r, five, 5, NULL) == 5 &&
	      rte_ring_enqueue(r, r) < 0 && rte_ring_count(r) == 5 &&
	      rte_ring_dequeue_bulk(r, five, 5, NULL) == 5,
	      "it holds what it says");
	rte_ring_free(r);
	check(rte_ring_lookup("ring") == NULL &&
	      rte_memzone_lookup("RG_ring") == NULL, "freed, it is gone");
}

static void check_mbuf(struct rte_mempool *mp, void *failures, void *object,
		       unsigned int index __rte_unused)
{
	const char *reason;
	struct rte_mbuf *m = object;

	rte_mbuf_refcnt_set(m, 1);
	*(unsigned int *)failures += m->pool != mp || rte_mbuf_check(m, 1,
								     &reason);
	*(unsigned int *)failures += rte_mempool_virt2iova(m) !=
		rte_mem_virt2iova(m);
}

static bool can_be_emptied(struct rte_mempool *mp)
{
	void **objects = calloc(mp->size, sizeof(*objects));
	unsigned int n = 0;
	bool full;

	while (n < mp->size && rte_mempool_get(mp, &objects[n]) == 0)
		n++;
	full = n == mp->size && rte_mempool_empty(mp);
	while (n > 0)
		rte_mempool_put(mp, objects[--n]);
	free(objects);
	return full && rte_mempool_full(mp);
}

static void test_mbufs(void)
{
	struct rte_mempool *mp = rte_ivshmem_pktmbuf_pool_create("mbufs", 1023,
						32, 64, 2176, ANY);
	struct rte_mempool *plain = rte_pktmbuf_pool_create("plain", 1023, 32,
						64, 2176, ANY);
	struct rte_pktmbuf_pool_private *mine, *theirs;
	unsigned int failures = 0, n;
	FILE *null = fopen("/dev/null", "w");

	if (mp == NULL || plain == NULL)
		bail_out(rte_strerror(rte_errno));
	mine = rte_mempool_get_priv(mp);
	theirs = rte_mempool_get_priv(plain);
	check(memcmp(mine, theirs, sizeof(*mine)) == 0 &&
	      mp->elt_size == plain->elt_size &&
	      mp->header_size == plain->header_size &&
	      mp->trailer_size == plain->trailer_size &&
	      mp->flags == plain->flags && mp->size == plain->size &&
	      mp->private_data_size == plain->private_data_size &&
	      mp->socket_id == plain->socket_id,
	      "a pool of mbufs has the properties of an ordinary one");
	check(rte_mempool_lookup("mbufs") == mp && rte_mempool_full(mp) &&
	      strcmp(rte_mempool_get_ops(mp->ops_index)->name,
		     "ring_mp_mc") == 0, "it is found by its name, and full");
	n = rte_mempool_obj_iter(mp, check_mbuf, &failures);
	check(n == 1023 && failures == 0, "its mbufs are sane");
	check(can_be_emptied(mp), "it can be emptied and filled");
	rte_mempool_audit(mp);
	rte_mempool_list_dump(null);
	fclose(null);
	rte_mempool_free(plain);
	rte_mempool_free(mp);
	check(rte_mempool_lookup("mbufs") == NULL, "freed, it is gone");
}

/* As rte_mempool_create() chooses, for each combination. */
static void test_flags(void)
{
	static const unsigned int flags[] = {
		0, RTE_MEMPOOL_F_SP_PUT, RTE_MEMPOOL_F_SC_GET,
		RTE_MEMPOOL_F_SP_PUT | RTE_MEMPOOL_F_SC_GET,
		RTE_MEMPOOL_F_NO_CACHE_ALIGN, RTE_MEMPOOL_F_NO_SPREAD,
		RTE_MEMPOOL_F_NO_IOVA_CONTIG,
	};

	for (unsigned int i = 0; i < RTE_DIM(flags); i++) {
		struct rte_mempool *mp = rte_ivshmem_mempool_create("mine",
					100, 33, 0, 0, ANY, flags[i]);
		struct rte_mempool *plain = rte_mempool_create("plain", 100,
					33, 0, 0, NULL, NULL, NULL, NULL, ANY,
					flags[i]);

		check(mp != NULL && mp->ops_index == plain->ops_index &&
		      mp->flags == plain->flags &&
		      mp->elt_size == plain->elt_size && can_be_emptied(mp) &&
		      ((struct rte_ring *)mp->pool_data)->flags ==
		      ((struct rte_ring *)plain->pool_data)->flags,
		      "flags 0x%x give what rte_mempool_create() gives",
		      flags[i]);
		rte_mempool_free(plain);
		rte_mempool_free(mp);
	}
}

static void test_sizes(void)
{
	static const unsigned int sizes[] = {
		0, 1, 63, 64, 65, 1000, 2048, 4000, 4096, 5000, 70000, 900000,
	};

	for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
		unsigned int n = RTE_MIN(1000u, 4000000 / (sizes[i] + 1));
		struct rte_mempool *mp = rte_ivshmem_mempool_create("sized", n,
						sizes[i], 0, 0, ANY, 0);

		check(mp != NULL && can_be_emptied(mp),
		      "a pool of %u objects of %u bytes works", n,
		      sizes[i]);
		rte_mempool_free(mp);
	}
}

/* With physical addresses, none fits on what the header leaves of a page. */
static void test_object_per_page(void)
{
	unsigned int header = sizeof(struct rte_mempool_objhdr);
	struct rte_mempool *mp = rte_ivshmem_mempool_create("whole", 2,
		(2 << 20) - RTE_CACHE_LINE_ROUNDUP(header), 0, 0, ANY,
		RTE_MEMPOOL_F_NO_SPREAD);

	if (mp == NULL)
		bail_out(rte_strerror(rte_errno));
	own_mempool(mp);
	check(can_be_emptied(mp), "a pool of objects of 2 MiB each works");
	rte_mempool_free(mp);
	n_owned = 0;
}

/* Shared, they show guests themselves and nothing else. */
static void test_audit(void)
{
	const struct rte_memzone *mz =
		rte_ivshmem_memzone_reserve("zone", 10000, ANY, 0);
	struct rte_ring *r = rte_ivshmem_ring_create("ring", 64, ANY, 0);
	struct rte_mempool *mp = rte_ivshmem_pktmbuf_pool_create("mbufs", 1023,
						32, 0, 2176, ANY);
	int64_t beyond;

	if (rte_ivshmem_metadata_create("md") != 0 ||
	    rte_ivshmem_metadata_add_memzone(mz, "md") != 0 ||
	    rte_ivshmem_metadata_add_ring_readonly(r, "md") != 0 ||
	    rte_ivshmem_metadata_add_mempool(mp, "md") != 0)
		bail_out(rte_strerror(rte_errno));
	beyond = rte_ivshmem_metadata_audit(stderr, "md");
	check(beyond == 0, "guests see %d bytes beyond", (int)beyond);
	rte_ivshmem_metadata_destroy("md");
	rte_mempool_free(mp);
	rte_ring_free(r);
	rte_memzone_free(mz);
}

/* ---- refusals ------------------------------------------------------------ */

/* Both failed alike; *mine is rte_errno after the call to be judged. */
#define SAME(mine, theirs, what) do { \
	const void *mine_, *theirs_; \
	int mine_errno_, theirs_errno_; \
	rte_errno = 0; \
	mine_ = (mine); \
	mine_errno_ = rte_errno; \
	rte_errno = 0; \
	theirs_ = (theirs); \
	theirs_errno_ = rte_errno; \
	check(mine_ == NULL && theirs_ == NULL && \
	      mine_errno_ == theirs_errno_, "refuses %s as DPDK does (%s)", \
	      what, rte_strerror(mine_errno_)); \
} while (0)

#define REFUSES(call, error, what) do { \
	const void *result_; \
	int errno_; \
	rte_errno = 0; \
	result_ = (call); \
	errno_ = rte_errno; \
	check(result_ == NULL && errno_ == (error), "refuses %s (%s)", what, \
	      rte_strerror(errno_)); \
} while (0)

static char long_name[] = "0123456789012345678901234567890123456789";

static void test_memzone_errors(void)
{
	const struct rte_memzone *mz = rte_memzone_reserve("taken", 1, ANY, 0);

#define ZONE_ERROR(what, ...) \
	SAME(rte_ivshmem_memzone_reserve(__VA_ARGS__), \
	     rte_memzone_reserve(__VA_ARGS__), what)
	ZONE_ERROR("a name that is taken", "taken", 64, ANY, 0);
	ZONE_ERROR("a memzone's long name", long_name, 64, ANY, 0);
	ZONE_ERROR("an unknown socket", "z", 64, 9999, 0);
	ZONE_ERROR("all memory", "z", SIZE_MAX, ANY, 0);
	ZONE_ERROR("nearly all memory", "z", SIZE_MAX - 4000, ANY, 0);
	ZONE_ERROR("half of all memory", "z", SIZE_MAX / 2, ANY, 0);
	ZONE_ERROR("pages that this machine lacks", "z", 64, ANY,
		   RTE_MEMZONE_16GB);
	ZONE_ERROR("unknown flags", "z", 64, ANY, 0x80000000);
#undef ZONE_ERROR
	REFUSES(rte_ivshmem_memzone_reserve(NULL, 64, ANY, 0), EINVAL,
		"a memzone without a name");
	rte_memzone_free(mz);
}

static void test_ring_errors(void)
{
	struct rte_ring *r = rte_ring_create("taken", 4, ANY, 0);

#define RING_ERROR(what, ...) \
	SAME(rte_ivshmem_ring_create(__VA_ARGS__), \
	     rte_ring_create(__VA_ARGS__), what)
	RING_ERROR("a ring's name that is taken", "taken", 64, ANY, 0);
	RING_ERROR("a ring's long name", long_name, 64, ANY, 0);
	RING_ERROR("a ring of 3", "r", 3, ANY, 0);
	RING_ERROR("too large a ring", "r", 1u << 31, ANY, 0);
	RING_ERROR("a ring without memory for it", "r", 1u << 30, ANY, 0);
	RING_ERROR("a ring on an unknown socket", "r", 64, 9999, 0);
#undef RING_ERROR
	REFUSES(rte_ivshmem_ring_create(NULL, 64, ANY, 0), EINVAL,
		"a ring without a name");
	/* DPDK makes rings of these that destroy memory. */
	REFUSES(rte_ivshmem_ring_create("r", 0, ANY, 0), EINVAL,
		"a ring of 0");
	REFUSES(rte_ivshmem_ring_create("r", UINT32_MAX, ANY, RING_F_EXACT_SZ),
		EINVAL, "a ring whose size overflows");
	REFUSES(rte_ivshmem_ring_create("r", 64, ANY, 0x8000), EINVAL,
		"a ring's unknown flags");
	rte_ring_free(r);
}

static void test_mempool_errors(void)
{
	struct rte_mempool *mp = rte_mempool_create_empty("taken", 4, 64, 0, 0,
							  ANY, 0);

#define POOL_ERROR(what, name, n, size, cache, private, socket, flags) \
	SAME(rte_ivshmem_mempool_create(name, n, size, cache, private, \
					socket, flags), \
	     rte_mempool_create(name, n, size, cache, private, NULL, NULL, \
				NULL, NULL, socket, flags), what)
	POOL_ERROR("a pool's name that is taken", "taken", 64, 64, 0, 0, ANY,
		   0);
	POOL_ERROR("a pool's long name", "01234567890123456789012345", 64, 64,
		   0, 0, ANY, 0);
	POOL_ERROR("a pool's name without room for a memzone's", long_name, 64,
		   64, 0, 0, ANY, 0);
	POOL_ERROR("a pool of 0", "p", 0, 64, 0, 0, ANY, 0);
	POOL_ERROR("a cache larger than the pool", "p", 64, 64, 65, 0, ANY, 0);
	POOL_ERROR("too large a cache", "p", 4096, 64, 4000, 0, ANY, 0);
	POOL_ERROR("a pool's unknown flags", "p", 64, 64, 0, 0, ANY, 0x8000);
	POOL_ERROR("DPDK's own flags", "p", 64, 64, 0, 0, ANY,
		   RTE_MEMPOOL_F_POOL_CREATED);
	POOL_ERROR("a pool on an unknown socket", "p", 64, 64, 0, 0, 9999, 0);
#undef POOL_ERROR
	SAME(rte_ivshmem_pktmbuf_pool_create("p", 64, 0, 3, 2048, ANY),
	     rte_pktmbuf_pool_create("p", 64, 0, 3, 2048, ANY),
	     "private data that is not aligned");
	SAME(rte_ivshmem_pktmbuf_pool_create("taken", 64, 0, 0, 2048, ANY),
	     rte_pktmbuf_pool_create("taken", 64, 0, 0, 2048, ANY),
	     "an mbuf pool's name that is taken");
	REFUSES(rte_ivshmem_mempool_create(NULL, 64, 64, 0, 0, ANY, 0), EINVAL,
		"a pool without a name");
	REFUSES(rte_ivshmem_pktmbuf_pool_create(NULL, 64, 0, 0, 64, ANY),
		EINVAL, "an mbuf pool without a name");
	REFUSES(rte_ivshmem_mempool_create("p", 10000000, 64, 0, 0, ANY, 0),
		ENOMEM, "a pool without memory for its objects");
	/* DPDK makes pools of these that destroy memory. */
	REFUSES(rte_ivshmem_mempool_create("p", UINT32_MAX, 64, 0, 0, ANY, 0),
		EINVAL, "a pool whose ring overflows");
	REFUSES(rte_ivshmem_mempool_create("p", 64, UINT32_MAX, 0, 0, ANY, 0),
		EINVAL, "objects whose size overflows");
	REFUSES(rte_ivshmem_mempool_create("p", 64, 64, 0, UINT32_MAX, ANY, 0),
		EINVAL, "private data whose size overflows");
	rte_mempool_free(mp);
}

/* ---- nothing is left ----------------------------------------------------- */

/** What an allocation may leave behind. */
struct usage {
	size_t bytes;
	unsigned int elements;
	unsigned int memzones;
	unsigned int pools;
};

static void count_memzone(const struct rte_memzone *mz __rte_unused, void *n)
{
	++*(unsigned int *)n;
}

static void count_mempool(struct rte_mempool *mp __rte_unused, void *n)
{
	++*(unsigned int *)n;
}

static struct usage measure(void)
{
	struct rte_malloc_socket_stats stats;
	struct usage usage = { 0 };

	rte_malloc_get_socket_stats(0, &stats);
	usage.bytes = stats.heap_allocsz_bytes;
	usage.elements = stats.alloc_count;
	rte_memzone_walk(count_memzone, &usage.memzones);
	rte_mempool_walk(count_mempool, &usage.pools);
	return usage;
}

static bool is_as_before(const struct usage *before)
{
	struct usage now = measure();

	return now.bytes == before->bytes &&
	       now.elements == before->elements &&
	       now.memzones == before->memzones && now.pools == before->pools;
}

static void test_leaks(void)
{
	struct usage before = measure();
	unsigned int failures = 0;

	for (unsigned int i = 0; i < 200; i++) {
		const struct rte_memzone *mz =
			rte_ivshmem_memzone_reserve("again", 5000, ANY, 0);
		struct rte_ring *r = rte_ivshmem_ring_create("again", 512, ANY,
							     0);
		struct rte_mempool *mp = rte_ivshmem_pktmbuf_pool_create(
			"again", 511, i % 64, 0, 2176, ANY);

		failures += mz == NULL || r == NULL || mp == NULL;
		rte_mempool_free(mp);
		rte_ring_free(r);
		rte_memzone_free(mz);
	}
	check(failures == 0 && is_as_before(&before),
	      "200 times, all that was allocated is free again");
}

static bool create_pool(void)
{
	struct rte_mempool *mp = rte_ivshmem_pktmbuf_pool_create("scarce", 63,
						8, 0, 2176, ANY);

	rte_mempool_free(mp);
	return mp != NULL;
}

static bool create_ring(void)
{
	struct rte_ring *r = rte_ivshmem_ring_create("scarce", 1024, ANY, 0);

	rte_ring_free(r);
	return r != NULL;
}

/** All memory but one place. */
struct hogs {
	void *pieces[4096];
	unsigned int n;
};

static void take_all(struct hogs *hogs)
{
	for (size_t size = 16 << 20; size >= 64; size /= 2)
		while (hogs->n < RTE_DIM(hogs->pieces)) {
			void *piece = rte_malloc(NULL, size, 0);

			if (piece == NULL)
				break;
			hogs->pieces[hogs->n++] = piece;
		}
}

static void free_all(struct hogs *hogs)
{
	while (hogs->n > 0)
		rte_free(hogs->pieces[--hogs->n]);
}

/* The one free place grows until it suffices: each step fails at some size. */
static void grow_until(bool (*create)(void), const char *what)
{
	static struct hogs hogs;
	unsigned int failures = 0, leaks = 0, others = 0;
	bool created = false;

	for (size_t size = 128; !created && size < 8 << 20;
	     size += size / 64 + 64) {
		void *place = rte_malloc(NULL, size, 0);
		struct usage before;

		take_all(&hogs);
		rte_free(place);
		before = measure();
		rte_errno = 0;
		created = create();
		failures += !created;
		others += !created && rte_errno != ENOMEM;
		leaks += !is_as_before(&before);
		free_all(&hogs);
	}
	check(created && failures > 1 && others == 0,
	      "%s fails with ENOMEM until there is room (%u times)", what,
	      failures);
	check(leaks == 0, "and leaves nothing");
}

static void test_exhaustion(const char *mode)
{
	/* With hugepages the EAL would take all that this machine has. */
	if (has_hugepages(mode))
		return;
	grow_until(create_ring, "a ring");
	grow_until(create_pool, "a pool");
}

/* The memory stays while guests see it, and goes with the metadata. */
static void test_freed_while_shared(void)
{
	struct usage before = measure();
	struct rte_mempool *mp = rte_ivshmem_pktmbuf_pool_create("mbufs", 1023,
						32, 0, 2176, ANY);

	if (rte_ivshmem_metadata_create("md") != 0 ||
	    rte_ivshmem_metadata_add_mempool(mp, "md") != 0)
		bail_out(rte_strerror(rte_errno));
	rte_mempool_free(mp);
	check(measure().bytes > before.bytes &&
	      rte_mempool_lookup("mbufs") == NULL,
	      "a pool that is freed while it is shared keeps its memory");
	rte_ivshmem_metadata_destroy("md");
	check(is_as_before(&before), "which is free when nobody shares it");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "no-huge";
	size_t size;
	char *log;
	FILE *stream = open_memstream(&log, &size);

	start_host(mode);
	rte_openlog_stream(stream);
	test_pages();
	test_memzone();
	test_ring();
	test_mbufs();
	test_flags();
	test_sizes();
	test_object_per_page();
	test_audit();
	test_memzone_errors();
	test_ring_errors();
	test_mempool_errors();
	test_leaks();
	test_exhaustion(mode);
	rte_openlog_stream(NULL);
	fclose(stream);
	/* rte_free() complains there of what was not allocated. */
	check(strstr(log, "EAL: ") == NULL, "the EAL logs no error");
	free(log);
	test_freed_while_shared();
	return tap_end();
}

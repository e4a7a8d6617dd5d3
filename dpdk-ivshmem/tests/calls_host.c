/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host of guests.sh.  Arguments: those of the EAL, `--`, and the name of the
 * metadata, which its objects' names begin with as well; with a second word
 * it registers no dynamic mbuf field and flag.  Prints "ready", and for each line
 * on its standard input what the word there asks for:
 *
 *   check   "whole", or what has changed in the objects
 *   count   how many mbufs the pool with a cache has
 *
 * until standard input closes.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include <rte_ivshmem.h>

#include "calls.h"

/** A memzone, a ring and a pool. */
struct trio {
	const struct rte_memzone *zone;
	struct rte_ring *ring;
	struct rte_mempool *pool;
};

static struct trio own, plain, readonly;
static struct rte_mempool *stack;
static char names[16][32];

/* The prefix and `rest`, in memory that stays. */
static const char *named(const char *prefix, const char *rest)
{
	static int next;
	char *name = names[next++ % 16];

	snprintf(name, sizeof(names[0]), "%s%s", prefix, rest);
	return name;
}

static bool fill(const struct trio *trio)
{
	if (trio->zone == NULL || trio->ring == NULL || trio->pool == NULL)
		return false;
	memset(trio->zone->addr, CALLS_BYTE, CALLS_ZONE_SIZE);
	for (uintptr_t i = 1; i <= CALLS_RING_USED; i++)
		rte_ring_enqueue(trio->ring, (void *)i);
	return true;
}

static bool create_own(struct trio *trio, const char *name, unsigned int cache)
{
	trio->zone = rte_ivshmem_memzone_reserve(named(name, "_z"),
						 CALLS_ZONE_SIZE, SOCKET_ID_ANY,
						 0);
	trio->ring = rte_ivshmem_ring_create(name, CALLS_RING_SLOTS,
					     SOCKET_ID_ANY, 0);
	trio->pool = rte_ivshmem_pktmbuf_pool_create(name, CALLS_MBUFS, cache,
						     0, 512, SOCKET_ID_ANY);
	return fill(trio);
}

static bool create_plain(struct trio *trio, const char *name)
{
	trio->zone = rte_memzone_reserve(named(name, "_z"), CALLS_ZONE_SIZE,
					 SOCKET_ID_ANY, 0);
	trio->ring = rte_ring_create(name, CALLS_RING_SLOTS, SOCKET_ID_ANY, 0);
	trio->pool = rte_pktmbuf_pool_create(name, CALLS_MBUFS, 0, 0, 512,
					     SOCKET_ID_ANY);
	return fill(trio);
}

static bool register_dynamic(const char *prefix)
{
	struct rte_mbuf_dynfield field = { .size = 4, .align = 4 };
	struct rte_mbuf_dynflag flag = { .flags = 0 };

	snprintf(field.name, sizeof(field.name), "%s" CALLS_FIELD, prefix);
	snprintf(flag.name, sizeof(flag.name), "%s" CALLS_FLAG, prefix);
	return rte_mbuf_dynfield_register(&field) >= 0 &&
	       rte_mbuf_dynflag_register(&flag) >= 0;
}

static bool create(const char *prefix, bool dynamic)
{
	stack = rte_pktmbuf_pool_create_by_ops(named(prefix, CALLS_STACK),
					       CALLS_MBUFS, 0, 0, 512,
					       SOCKET_ID_ANY, "stack");
	return (!dynamic || register_dynamic(prefix)) &&
	       create_own(&own, named(prefix, CALLS_OWN), CALLS_CACHE) &&
	       create_own(&readonly, named(prefix, CALLS_READ), 0) &&
	       create_plain(&plain, named(prefix, CALLS_PLAIN)) &&
	       stack != NULL;
}

static bool share_trio(const struct trio *trio, const char *name)
{
	return rte_ivshmem_metadata_add_memzone(trio->zone, name) == 0 &&
	       rte_ivshmem_metadata_add_ring(trio->ring, name) == 0 &&
	       rte_ivshmem_metadata_add_mempool(trio->pool, name) == 0;
}

static bool share(const char *name)
{
	static char text[65536];

	return rte_ivshmem_metadata_create(name) == 0 &&
	       share_trio(&own, name) && share_trio(&plain, name) &&
	       rte_ivshmem_metadata_add_memzone_readonly(readonly.zone,
							 name) == 0 &&
	       rte_ivshmem_metadata_add_ring_readonly(readonly.ring,
						      name) == 0 &&
	       rte_ivshmem_metadata_add_mempool_readonly(readonly.pool,
							 name) == 0 &&
	       rte_ivshmem_metadata_add_mempool(stack, name) == 0 &&
	       rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						     name) == 0;
}

static bool pool_works(struct rte_mempool *pool)
{
	static struct rte_mbuf *mbufs[CALLS_MBUFS];

	if (rte_mempool_avail_count(pool) != CALLS_MBUFS ||
	    rte_mempool_lookup(pool->name) != pool ||
	    STAILQ_EMPTY(&pool->mem_list) || STAILQ_EMPTY(&pool->elt_list))
		return false;
	/* In one go, which passes the cache by. */
	if (rte_pktmbuf_alloc_bulk(pool, mbufs, CALLS_MBUFS) != 0)
		return false;
	rte_mempool_put_bulk(pool, (void **)mbufs, CALLS_MBUFS);
	for (unsigned int i = 0; i < CALLS_MBUFS; i++)
		if (mbufs[i]->pool != pool || rte_mbuf_refcnt_read(mbufs[i]) != 1)
			return false;
	rte_mempool_audit(pool);
	return true;
}

static bool ring_works(struct rte_ring *ring)
{
	for (uintptr_t i = 1; i <= CALLS_RING_USED; i++) {
		void *message = NULL;

		if (rte_ring_dequeue(ring, &message) != 0 ||
		    message != (void *)i ||
		    rte_ring_enqueue(ring, message) != 0)
			return false;
	}
	return rte_ring_count(ring) == CALLS_RING_USED &&
	       rte_ring_lookup(ring->name) == ring;
}

static bool zone_works(const struct rte_memzone *zone)
{
	const uint8_t *bytes = zone->addr;

	for (unsigned int i = 0; i < CALLS_ZONE_SIZE; i++)
		if (bytes[i] != CALLS_BYTE)
			return false;
	return rte_memzone_lookup(zone->name) == zone &&
	       rte_malloc_validate(zone->addr, NULL) == 0;
}

static const char *check_trio(const struct trio *trio)
{
	if (!zone_works(trio->zone))
		return trio->zone->name;
	if (!ring_works(trio->ring) ||
	    rte_malloc_validate(trio->ring, NULL) != 0)
		return trio->ring->name;
	return pool_works(trio->pool) ? NULL : trio->pool->name;
}

static void check_all(void)
{
	const char *bad = check_trio(&own);

	if (bad == NULL)
		bad = check_trio(&plain);
	if (bad == NULL)
		bad = check_trio(&readonly);
	if (bad == NULL && !pool_works(stack))
		bad = stack->name;
	printf(bad == NULL ? "whole\n" : "damaged: %s\n", bad);
}

int main(int argc, char **argv)
{
	char line[64];
	int parsed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0 || argc - parsed < 2)
		return EXIT_FAILURE;
	if (!create(argv[parsed + 1], argc - parsed == 2) ||
	    !share(argv[parsed + 1])) {
		fprintf(stderr, "nothing is shared: %s\n",
			rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "check\n") == 0)
			check_all();
		else
			printf("%u\n", rte_mempool_avail_count(own.pool));
	}
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}

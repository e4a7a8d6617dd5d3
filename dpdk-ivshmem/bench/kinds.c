/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>
#include <rte_version.h>

#include "kinds.h"
#include "program.h"
#include "rte_ivshmem.h"

#define RING_COUNT 64

double spent(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static const char *name_of(unsigned int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "object-%u", i);
	return name;
}

static const void *create_ring(unsigned int i)
{
	return rte_ring_create(name_of(i), RING_COUNT, SOCKET_ID_ANY, 0);
}

static const void *create_pool(unsigned int i)
{
	return rte_pktmbuf_pool_create(name_of(i), 63, 0, 0, 256,
				       SOCKET_ID_ANY);
}

static const void *create_memzone(unsigned int i)
{
	return rte_memzone_reserve(name_of(i), 4096, SOCKET_ID_ANY, 0);
}

/* ---- rings in a memzone -------------------------------------------------- */

static char *zone;

static void reserve_zone(unsigned int n)
{
	const struct rte_memzone *mz = rte_memzone_reserve("zone",
		n * (size_t)rte_ring_get_memsize(RING_COUNT), SOCKET_ID_ANY, 0);

	must(mz != NULL, "zone");
	zone = mz->addr;
}

static const void *init_ring(unsigned int i)
{
	void *ring = zone + i * (size_t)rte_ring_get_memsize(RING_COUNT);

	return rte_ring_init(ring, name_of(i), RING_COUNT, 0) == 0 ? ring : NULL;
}

/* ---- a pool in pieces ---------------------------------------------------- */

/* The EAL puts small blocks, such as the headers of chunks, into the holes. */
#define PIECE 4096
#define PIECE_ALIGN 16384

static struct rte_mempool *pool;
static void **pieces;

static void create_empty_pool(unsigned int n)
{
	pool = rte_mempool_create_empty("pieces", n, 2048, 0, 0, SOCKET_ID_ANY,
					0);
	must(pool != NULL &&
	     rte_mempool_set_ops_byname(pool, "ring_mp_mc", NULL) == 0, "pool");
	pieces = calloc(n, sizeof(*pieces));
	must(pieces != NULL, "pieces");
	for (unsigned int i = 0; i < n; i++) {
		pieces[i] = rte_malloc("piece", PIECE, PIECE_ALIGN);
		must(pieces[i] != NULL, "piece");
	}
}

static const void *add_piece(unsigned int i)
{
	return rte_mempool_populate_iova(pool, pieces[i], RTE_BAD_IOVA, PIECE,
					 NULL, NULL) == 1 ? pool : NULL;
}

/* -------------------------------------------------------------------------- */

static int add_ring(const void *object, const char *md_name)
{
	return rte_ivshmem_metadata_add_ring(object, md_name);
}

static int add_pool(const void *object, const char *md_name)
{
	return rte_ivshmem_metadata_add_mempool(object, md_name);
}

static int add_memzone(const void *object, const char *md_name)
{
	return rte_ivshmem_metadata_add_memzone(object, md_name);
}

static const struct kind kinds[] = {
	{ "rings", NULL, create_ring, add_ring, false },
	{ "memzones", NULL, create_memzone, add_memzone, false },
	{ "pools", NULL, create_pool, add_pool, false },
	{ "rings in a memzone", reserve_zone, init_ring, add_ring, false },
	{ "pool in pieces", create_empty_pool, add_piece, add_pool, true },
};

const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < RTE_DIM(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

void allow_many_memzones(void)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
	must(rte_memzone_max_set(3 * KINDS_MOST) == 0, "memzones");
#endif
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The role of the source.  The pattern to copy: packets leave over one ring and
 * *come back over another*, so that the side that allocates also frees.  The
 * per-lcore cache of the pool is then used by one side only, which is both
 * correct and several times faster than freeing on another side; and no other
 * side, whatever happens to it, can leave the pool in the middle of an operation.
 */
#ifndef DEMO_SOURCE_H
#define DEMO_SOURCE_H

#include <rte_mbuf.h>

#include "demo_place.h"

/* Packets that may travel at once. */
#define DEMO_POOL_SIZE 4095 /* mbufs; 2^n - 1 wastes the least memory */
#define DEMO_WINDOW (DEMO_POOL_SIZE + 1)

struct demo_source {
	const struct demo_place *place;
	struct rte_mempool *pool;
	uint64_t pause; /* milliseconds after each burst */
	struct demo_tally messages;
	struct demo_tally packets;

	uint64_t sent; /* of this phase */
	/* Which buffer packet number n travels in, at n % DEMO_WINDOW.  Just
	 * that one must come back; nothing else is touched or freed. */
	struct rte_mbuf *travelling[DEMO_WINDOW];
	/* Filled, but not yet accepted by the ring. */
	struct rte_mbuf *pending[DEMO_BURST];
	unsigned int pending_count;
};

/* Until all has come back; 0, or as demo_watch_check().  `source` begins as
 * place, pool and pause, and zeros.  Afterwards all buffers that came back are
 * in the pool, none in a cache. */
int demo_source_run(struct demo_source *source);

#endif /* DEMO_SOURCE_H */

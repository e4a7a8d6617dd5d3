/* SPDX-License-Identifier: BSD-3-Clause */
/* Hot paths of a process that is attached. */
#include <stdint.h>

#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "instructions.h"
#include "program.h"
#include "rte_ivshmem_guest.h"

/* ---- attaching ----------------------------------------------------------- */

static void attach(const char *name)
{
	must(rte_ivshmem_attach(file_of(name)) == 0, "attach");
}

static void detach(const char *name)
{
	must(rte_ivshmem_detach(file_of(name), 0) == 0, "detach");
}

static void attach_rings(void)
{
	attach(RINGS_FILE);
}

static void detach_rings(void)
{
	detach(RINGS_FILE);
}

static void attach_chunks(void)
{
	attach(CHUNKS_FILE);
}

static void detach_chunks(void)
{
	detach(CHUNKS_FILE);
}

static void ask_state(void)
{
	const char *device = file_of(DATA_FILE);
	struct rte_ivshmem_info info;

	for (unsigned int i = 0; i < ROUNDS; i++)
		must(rte_ivshmem_info_get(device, &info) == 0 &&
		     info.state == RTE_IVSHMEM_HOST_LIVE, "state");
}

static void count_attach(void)
{
	/* Once before: what is prepared with the first device. */
	attach(DATA_FILE);
	detach(DATA_FILE);
	count("attach, per ring", OBJECTS, attach_rings);
	count("detach, per ring", OBJECTS, detach_rings);
	count("attach, per chunk", OBJECTS, attach_chunks);
	count("detach, per chunk", OBJECTS, detach_chunks);
}

/* ---- rings --------------------------------------------------------------- */

static struct rte_ring *sp_sc, *mp_mc, *there, *back;
static void *objects[BURST];

static inline void enqueue(struct rte_ring *r, void *const *from)
{
	must(rte_ring_enqueue_burst(r, from, BURST, NULL) == BURST, "enqueue");
}

static inline void dequeue(struct rte_ring *r, void **to)
{
	must(rte_ring_dequeue_burst(r, to, BURST, NULL) == BURST, "dequeue");
}

static void use_sp_sc(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		enqueue(sp_sc, objects);
		dequeue(sp_sc, objects);
	}
}

static void use_mp_mc(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		enqueue(mp_mc, objects);
		dequeue(mp_mc, objects);
	}
}

static void use_single(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++)
		must(rte_ring_enqueue(sp_sc, objects[0]) == 0 &&
		     rte_ring_dequeue(sp_sc, &objects[0]) == 0, "one object");
}

/* ---- pools --------------------------------------------------------------- */

static struct rte_mempool *cached, *bare;

static inline void use_pool(struct rte_mempool *mp)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		must(rte_mempool_get_bulk(mp, objects, BURST) == 0, "get");
		rte_mempool_put_bulk(mp, objects, BURST);
	}
}

static void use_cached(void)
{
	use_pool(cached);
}

static void use_bare(void)
{
	use_pool(bare);
}

/* ---- packets ------------------------------------------------------------- */

/** What a producer writes at least, and a consumer reads. */
static void write_packets(struct rte_mbuf **mbufs, uint64_t first)
{
	for (unsigned int i = 0; i < BURST; i++) {
		mbufs[i]->pkt_len = mbufs[i]->data_len = 64;
		*rte_pktmbuf_mtod(mbufs[i], uint64_t *) = first + i;
	}
}

static void read_packets(struct rte_mbuf *const *mbufs, uint64_t first)
{
	for (unsigned int i = 0; i < BURST; i++)
		must(mbufs[i]->data_len == 64 &&
		     *rte_pktmbuf_mtod(mbufs[i], uint64_t *) == first + i,
		     "packets");
}

/* Both sides of the exchange, one after the other. */
static void return_packets(void)
{
	struct rte_mbuf *mbufs[BURST];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		dequeue(back, (void **)mbufs);
		write_packets(mbufs, i);
		enqueue(there, (void **)mbufs);
		dequeue(there, (void **)mbufs);
		read_packets(mbufs, i);
		enqueue(back, (void **)mbufs);
	}
}

static void free_packets(void)
{
	struct rte_mbuf *mbufs[BURST];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		must(rte_pktmbuf_alloc_bulk(cached, mbufs, BURST) == 0,
		     "alloc");
		write_packets(mbufs, i);
		enqueue(there, (void **)mbufs);
		dequeue(there, (void **)mbufs);
		read_packets(mbufs, i);
		rte_pktmbuf_free_bulk(mbufs, BURST);
	}
}

static void count_packets(void)
{
	struct rte_mbuf *mbufs[BURST];

	must(rte_pktmbuf_alloc_bulk(cached, mbufs, BURST) == 0, "alloc");
	enqueue(back, (void **)mbufs);
	count("packet and return ring, per mbuf", ROUNDS * BURST,
	      return_packets);
	dequeue(back, (void **)mbufs);
	rte_pktmbuf_free_bulk(mbufs, BURST);
	count("packet and consumer frees, per mbuf", ROUNDS * BURST,
	      free_packets);
}

static void find_objects(void)
{
	sp_sc = rte_ring_lookup(RING_SP_SC);
	mp_mc = rte_ring_lookup(RING_MP_MC);
	there = rte_ring_lookup(RING_THERE);
	back = rte_ring_lookup(RING_BACK);
	cached = rte_mempool_lookup(POOL_CACHED);
	bare = rte_mempool_lookup(POOL_BARE);
	must(sp_sc != NULL && mp_mc != NULL && there != NULL && back != NULL &&
	     cached != NULL && bare != NULL, "lookup");
}

void count_guest(void)
{
	count_attach();
	attach(DATA_FILE);
	count("state of the host", ROUNDS, ask_state);
	find_objects();
	count("ring SP/SC, burst 32, per object", ROUNDS * BURST, use_sp_sc);
	count("ring MP/MC, burst 32, per object", ROUNDS * BURST, use_mp_mc);
	count("ring SP/SC, burst 1, per object", ROUNDS, use_single);
	count("pool with cache, burst 32, per object", ROUNDS * BURST,
	      use_cached);
	count("pool without cache, burst 32, per object", ROUNDS * BURST,
	      use_bare);
	count_packets();
	detach(DATA_FILE);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who owns which mbuf: what stress_host.c and stress_guest.c do with one pool.
 *
 * Each mbuf has a word in a shared memzone that names its owner.  A thread
 * that takes an mbuf from the pool must find it free there; one that gives it
 * back must find itself.  So an mbuf that two caches hold shows at once,
 * whoever holds them.
 *
 *     pool --take--> mine --send--> travelling --receive--> mine --give--> pool
 */
#ifndef IVSHMEM_STRESS_H
#define IVSHMEM_STRESS_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#define STRESS_ZONE "st_control"
#define STRESS_POOL "st_pool"
#define STRESS_RING "st_ring%u" /* what is sent to that party */

#define STRESS_MBUFS 2047
#define STRESS_CACHE 64
#define STRESS_PRIVATE 64 /* bytes in each mbuf, that begin with its number */
#define STRESS_RING_SLOTS 256
#define STRESS_PARTIES 4 /* the host, and guests */

/** Owners that are no threads. */
enum { STRESS_FREE, STRESS_TRAVELS, STRESS_FIRST_THREAD };

/** What the threads of one party did. */
struct stress_counts {
	alignas(64) uint64_t taken;
	uint64_t given;
	uint64_t received;   /**< from other parties, and given back here */
	uint64_t registered; /**< threads that became lcores */
};

/** The shared memzone. */
struct stress_control {
	uint32_t here; /**< parties that have begun; a party's number */
	uint32_t left; /**< guests that give nothing and take nothing more */
	uint32_t go;
	uint32_t stop;
	uint32_t faults; /**< owners that were not who they should be */
	struct stress_counts counts[STRESS_PARTIES];
	alignas(64) uint32_t owner[STRESS_MBUFS];
};

/** One process. */
struct stress {
	struct stress_control *control;
	struct rte_mempool *pool;
	struct rte_ring *rings[STRESS_PARTIES];
	uint32_t party;
};

/** The number of an mbuf, STRESS_MBUFS if it is none of the pool's. */
uint32_t stress_number(const struct stress *stress, const void *m);

/** Take over an mbuf from `old`, or report that it had another owner. */
bool stress_pass(const struct stress *stress, const void *m, uint32_t old,
		 uint32_t owner);

/**
 * Find the objects, begin as another party, and wait until all may go.
 *
 * @return
 *   False if there are none.
 */
bool stress_join(struct stress *stress);

/**
 * Work on all lcores, and with threads that register and leave, until
 * control->stop; returns when no thread has an mbuf any more.
 */
void stress_work(struct stress *stress);

#endif

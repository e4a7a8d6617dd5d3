/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the programs of the benchmark guest-exchange agree on: the objects, the orders
 * that the host program gives, and the content of every item.
 *
 * Stations: the host program, two VMs, and a process of the host that has attached the
 * device as a VM does.  Any two of them work on the same objects, one pair at a time:
 *
 *     host program                         the two stations of an order
 *     ------------                         ----------------------------
 *     order                         ---->  each: ready
 *     begin, and look at the clock  ---->  source and sink exchange all items
 *     look at the clock             <----  each: done, so many items were right
 *     count the mbufs in the pool   <----  each: idle, nothing is in its cache
 *
 * The clock is the host's, whoever exchanges.
 */
#ifndef BENCH_EXCHANGE_H
#define BENCH_EXCHANGE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#define EXCHANGE_ZONE "exchange_zone"
#define EXCHANGE_POOL "exchange_pool"
#define EXCHANGE_POOL_SIZE 8191U
#define EXCHANGE_CACHE 512U /* mbufs of each program */
#define EXCHANGE_BURST_MAX 256U
#define EXCHANGE_TRAVELLING_MAX 4096U
#define EXCHANGE_LINE 64

/* Two rings of each size: there, from source to sink, and back. */
#define EXCHANGE_RING_SIZES 3
static const unsigned int exchange_ring_slots[EXCHANGE_RING_SIZES] = {
	256, 1024, 8192
};

enum exchange_kind {
	EXCHANGE_MESSAGES, /* words; the sink checks each and answers it */
	EXCHANGE_RETURN,   /* mbufs that come back by the other ring */
	EXCHANGE_FREE,     /* mbufs that the sink frees, all from one pool */
	EXCHANGE_END,      /* programs: leave */
};

enum exchange_station {
	EXCHANGE_HOST,
	EXCHANGE_VM1,
	EXCHANGE_VM2,
	EXCHANGE_PROCESS,
	EXCHANGE_STATIONS
};

struct exchange_order {
	uint32_t kind;
	uint32_t burst; /* at most EXCHANGE_BURST_MAX */
	uint32_t rings; /* index of their size */
	uint32_t travelling; /* mbufs, with EXCHANGE_RETURN: a power of 2 below the slots */
	uint32_t source; /* station */
	uint32_t sink;
	uint64_t items;
};

/* Numbers of orders begin with 1.  Release and acquire order throughout. */
struct exchange_zone {
	_Alignas(EXCHANGE_LINE) uint32_t number; /* of the order below */
	struct exchange_order order;

	_Alignas(EXCHANGE_LINE) uint32_t begin; /* number of the order to begin */

	struct {
		_Alignas(EXCHANGE_LINE) uint32_t attached;
		uint32_t ready; /* number of the order */
		uint32_t done;
		uint32_t idle;
		uint64_t right; /* items */
	} station[EXCHANGE_STATIONS];
};

static_assert(sizeof(struct exchange_zone) == (2 + EXCHANGE_STATIONS) * EXCHANGE_LINE,
	      "layout");

/* One program's view. */
struct exchange {
	struct exchange_zone *zone;
	struct rte_mempool *pool;
	struct rte_ring *there[EXCHANGE_RING_SIZES];
	struct rte_ring *back[EXCHANGE_RING_SIZES];
	unsigned int station;
};

static inline uint32_t exchange_get(const uint32_t *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

static inline void exchange_set(uint32_t *to, uint32_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

/* Seconds since some point of time. */
double exchange_now(void);

/* Names of the rings of a size; each in a buffer of its own. */
const char *exchange_there_name(unsigned int size);
const char *exchange_back_name(unsigned int size);

/* The part of this station in the latest order, from "ready" on. */
void exchange_take_part(const struct exchange *exchange, uint32_t number);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Source and sink of an exchange, the same in all programs. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include "bench_exchange.h"
#include "program.h"

#define PATIENCE 20 /* seconds without an item */
#define EMPTY_POLLS_PER_LOOK (1U << 20) /* at the clock */

#define WORDS 8U /* 64 bytes */
#define LENGTH (WORDS * sizeof(uint64_t))

/* Odd, so that 2^64 numbers give as many values. */
#define STEP UINT64_C(0x9e3779b97f4a7c15)

double exchange_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *ring_name(char *text, size_t size, const char *way,
			     unsigned int index)
{
	snprintf(text, size, "exchange_%s_%u", way, exchange_ring_slots[index]);
	return text;
}

const char *exchange_there_name(unsigned int size)
{
	static char text[RTE_RING_NAMESIZE];

	return ring_name(text, sizeof(text), "there", size);
}

const char *exchange_back_name(unsigned int size)
{
	static char text[RTE_RING_NAMESIZE];

	return ring_name(text, sizeof(text), "back", size);
}

/* ---- waiting ---------------------------------------------------------------- */

struct patience {
	unsigned int empty;
	double end;
};

/* After a poll that gave so many items; false if there were none for too long. */
static inline bool patient(struct patience *patience, unsigned int items)
{
	if (likely(items != 0)) {
		patience->empty = 0;
		return true;
	}
	if (++patience->empty % EMPTY_POLLS_PER_LOOK != 0)
		return true;
	if (patience->empty == EMPTY_POLLS_PER_LOOK)
		patience->end = exchange_now() + PATIENCE;
	return exchange_now() < patience->end;
}

static inline unsigned int least(uint64_t a, uint64_t b)
{
	return (unsigned int)RTE_MIN(a, b);
}

/* ---- messages --------------------------------------------------------------- */

static inline uint64_t message(uint64_t number)
{
	return (number + 1) * STEP;
}

static inline uint64_t answer(uint64_t value)
{
	return ~value;
}

static void send_messages(struct rte_ring *ring, uint64_t first,
			  unsigned int count)
{
	void *items[EXCHANGE_BURST_MAX];

	for (unsigned int i = 0; i < count; i++)
		items[i] = (void *)(uintptr_t)message(first + i);
	must(rte_ring_enqueue_bulk(ring, items, count, NULL) == count,
		      "a ring without room");
}

/* Never more under way than one ring holds, so that the other one has room too. */
static uint64_t source_of_messages(const struct exchange *x,
				   const struct exchange_order *order)
{
	struct rte_ring *there = x->there[order->rings];
	struct rte_ring *back = x->back[order->rings];
	uint64_t sent = 0, received = 0, right = 0;
	struct patience patience = { 0 };
	void *items[EXCHANGE_BURST_MAX];
	unsigned int n;

	do {
		uint64_t wrong = 0;

		n = least(order->items - sent, order->burst);
		n = least(n, rte_ring_get_capacity(there) - (sent - received));
		send_messages(there, sent, n);
		sent += n;
		n = rte_ring_dequeue_burst(back, items, order->burst, NULL);
		for (unsigned int i = 0; i < n; i++)
			wrong |= (uintptr_t)items[i] ^
				 answer(message(received + i));
		received += n;
		right += wrong == 0 ? n : 0;
	} while (received < order->items && patient(&patience, n));
	return right;
}

static uint64_t sink_of_messages(const struct exchange *x,
				 const struct exchange_order *order)
{
	struct rte_ring *there = x->there[order->rings];
	struct rte_ring *back = x->back[order->rings];
	uint64_t received = 0, right = 0;
	struct patience patience = { 0 };
	void *items[EXCHANGE_BURST_MAX];
	unsigned int n;

	do {
		uint64_t wrong = 0;

		n = rte_ring_dequeue_burst(there, items, order->burst, NULL);
		for (unsigned int i = 0; i < n; i++) {
			uint64_t value = (uintptr_t)items[i];

			wrong |= value ^ message(received + i);
			items[i] = (void *)(uintptr_t)answer(value);
		}
		rte_ring_enqueue_bulk(back, items, n, NULL);
		received += n;
		right += wrong == 0 ? n : 0;
	} while (received < order->items && patient(&patience, n));
	return right;
}

/* ---- mbufs ------------------------------------------------------------------ */

/* All words of all packets are different, and so is each from what was there before. */
static inline void fill(struct rte_mbuf *m, uint64_t number)
{
	uint64_t *words = rte_pktmbuf_mtod(m, uint64_t *);
	uint64_t word = number * WORDS * STEP;

	m->data_len = LENGTH;
	m->pkt_len = LENGTH;
	for (unsigned int i = 0; i < WORDS; i++)
		words[i] = word += STEP;
}

/* Zero if its length and its 64 bytes are those of that number. */
static inline uint64_t check(const struct rte_mbuf *m, uint64_t number)
{
	const uint64_t *words = rte_pktmbuf_mtod(m, const uint64_t *);
	uint64_t word = number * WORDS * STEP;
	uint64_t wrong = m->pkt_len ^ LENGTH;

	for (unsigned int i = 0; i < WORDS; i++)
		wrong |= words[i] ^ (word += STEP);
	return wrong;
}

static uint64_t check_all(struct rte_mbuf *const *mbufs, unsigned int count,
			  uint64_t first)
{
	uint64_t wrong = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (i + 1 < count)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + 1], void *));
		wrong |= check(mbufs[i], first + i);
	}
	return wrong;
}

/* The mbufs travel in a circle: the one of number i is at place i & mask. */
static uint64_t source_with_return(const struct exchange *x,
				   const struct exchange_order *order)
{
	struct rte_ring *there = x->there[order->rings];
	struct rte_ring *back = x->back[order->rings];
	struct rte_mbuf *circle[EXCHANGE_TRAVELLING_MAX];
	struct rte_mbuf *items[EXCHANGE_BURST_MAX];
	const unsigned int travelling = order->travelling;
	const uint64_t mask = travelling - 1;
	uint64_t sent = 0, received = 0, right = 0;
	struct patience patience = { 0 };
	unsigned int n;

	must(rte_pktmbuf_alloc_bulk(x->pool, circle, travelling) == 0,
		      "rte_pktmbuf_alloc_bulk");
	do {
		struct rte_mbuf **first = &circle[sent & mask];
		uintptr_t wrong = 0;

		n = least(order->items - sent, order->burst);
		n = least(n, travelling - (sent - received));
		n = least(n, travelling - (sent & mask)); /* to the array's end */
		for (unsigned int i = 0; i < n; i++)
			fill(first[i], sent + i);
		must(rte_ring_enqueue_bulk(there, (void **)first, n,
						    NULL) == n,
			      "a ring without room");
		sent += n;
		n = rte_ring_dequeue_burst(back, (void **)items, order->burst,
					   NULL);
		for (unsigned int i = 0; i < n; i++)
			wrong |= (uintptr_t)items[i] ^
				 (uintptr_t)circle[(received + i) & mask];
		received += n;
		right += wrong == 0 ? n : 0;
	} while (received < order->items && patient(&patience, n));
	rte_pktmbuf_free_bulk(circle, travelling);
	return right;
}

static uint64_t source_without_return(const struct exchange *x,
				      const struct exchange_order *order)
{
	struct rte_ring *there = x->there[order->rings];
	struct rte_mbuf *items[EXCHANGE_BURST_MAX];
	struct patience patience = { 0 };
	uint64_t sent = 0;
	unsigned int n;

	do {
		n = least(order->items - sent, order->burst);
		n = least(n, rte_ring_free_count(there));
		if (n != 0 && rte_pktmbuf_alloc_bulk(x->pool, items, n) != 0)
			n = 0;
		for (unsigned int i = 0; i < n; i++)
			fill(items[i], sent + i);
		rte_ring_enqueue_bulk(there, (void **)items, n, NULL);
		sent += n;
	} while (sent < order->items && patient(&patience, n));
	return sent;
}

/* Sends them back, or frees them. */
static uint64_t sink_of_packets(const struct exchange *x,
				const struct exchange_order *order)
{
	struct rte_ring *there = x->there[order->rings];
	struct rte_ring *back = order->kind == EXCHANGE_RETURN ?
				x->back[order->rings] : NULL;
	uint64_t received = 0, right = 0;
	struct patience patience = { 0 };
	struct rte_mbuf *items[EXCHANGE_BURST_MAX];
	unsigned int n;

	do {
		uint64_t wrong;

		n = rte_ring_dequeue_burst(there, (void **)items, order->burst,
					   NULL);
		wrong = check_all(items, n, received);
		if (back != NULL)
			rte_ring_enqueue_bulk(back, (void **)items, n, NULL);
		else
			rte_pktmbuf_free_bulk(items, n);
		received += n;
		right += wrong == 0 ? n : 0;
	} while (received < order->items && patient(&patience, n));
	return right;
}

/* ---- orders ----------------------------------------------------------------- */

typedef uint64_t (*work_t)(const struct exchange *x,
			   const struct exchange_order *order);

static work_t work_of(const struct exchange_order *order, bool source)
{
	switch (order->kind) {
	case EXCHANGE_MESSAGES:
		return source ? source_of_messages : sink_of_messages;
	case EXCHANGE_RETURN:
		return source ? source_with_return : sink_of_packets;
	default:
		return source ? source_without_return : sink_of_packets;
	}
}

void exchange_take_part(const struct exchange *x, uint32_t number)
{
	struct exchange_zone *zone = x->zone;
	struct exchange_order order = zone->order;
	bool source = order.source == x->station;

	must(order.burst <= EXCHANGE_BURST_MAX &&
		      order.rings < EXCHANGE_RING_SIZES &&
		      order.travelling <= EXCHANGE_TRAVELLING_MAX &&
		      (order.travelling & (order.travelling - 1)) == 0, "order");
	exchange_set(&zone->station[x->station].ready, number);
	while (exchange_get(&zone->begin) != number)
		rte_pause();
	zone->station[x->station].right = work_of(&order, source)(x, &order);
	exchange_set(&zone->station[x->station].done, number);
	rte_mempool_cache_flush(NULL, x->pool);
	exchange_set(&zone->station[x->station].idle, number);
}

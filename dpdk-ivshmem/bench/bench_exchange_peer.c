/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VM's part in the benchmark guest-exchange, or that of a process of the host: an
 * ordinary DPDK program that looks its objects up by name.
 *
 * usage: bench-exchange-peer EAL-OPTION... -- STATION
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memzone.h>

#include "bench_exchange.h"
#include "bench_tlb.h"
#include "program.h"

/* Microseconds between looks for an order: others exchange meanwhile, on this core too. */
#define LOOK_EVERY 10000

static void find(struct exchange *x)
{
	const struct rte_memzone *mz = rte_memzone_lookup(EXCHANGE_ZONE);

	must(mz != NULL, EXCHANGE_ZONE);
	x->zone = mz->addr;
	x->pool = rte_mempool_lookup(EXCHANGE_POOL);
	must(x->pool != NULL, EXCHANGE_POOL);
	for (unsigned int i = 0; i < EXCHANGE_RING_SIZES; i++) {
		x->there[i] = rte_ring_lookup(exchange_there_name(i));
		must(x->there[i] != NULL, exchange_there_name(i));
		x->back[i] = rte_ring_lookup(exchange_back_name(i));
		must(x->back[i] != NULL, exchange_back_name(i));
	}
}

static void grow_tlb(struct rte_mempool *pool, void *context,
		     struct rte_mempool_memhdr *chunk, unsigned int index)
{
	RTE_SET_USED(pool);
	RTE_SET_USED(context);
	RTE_SET_USED(index);
	bench_grow_tlb(chunk->addr, chunk->len);
}

static void follow_orders(const struct exchange *x)
{
	const struct exchange_order *order = &x->zone->order;
	uint32_t before = 0;

	for (;;) {
		uint32_t number = exchange_get(&x->zone->number);

		if (number == before) {
			usleep(LOOK_EVERY);
			continue;
		}
		before = number;
		if (order->kind == EXCHANGE_END)
			return;
		if (order->source != x->station && order->sink != x->station)
			continue;
		rte_mempool_mem_iter(x->pool, grow_tlb, NULL);
		exchange_take_part(x, number);
	}
}

int main(int argc, char **argv)
{
	struct exchange x = { 0 };
	int parsed = rte_eal_init(argc, argv);

	must(parsed >= 0, "the EAL");
	x.station = parsed + 2 == argc ? (unsigned int)atoi(argv[parsed + 1]) : 0;
	if (x.station == EXCHANGE_HOST || x.station >= EXCHANGE_STATIONS) {
		fprintf(stderr, "usage: bench-exchange-peer EAL-OPTION... -- STATION\n");
		return 2;
	}
	find(&x);
	exchange_set(&x.zone->station[x.station].attached, 1);
	follow_orders(&x);
	rte_eal_cleanup();
	return 0;
}

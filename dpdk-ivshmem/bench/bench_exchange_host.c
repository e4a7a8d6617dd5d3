/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host program of the benchmark guest-exchange: shares the objects, says who
 * exchanges what, takes part itself, and prints a sample of each.
 *
 * usage: bench-exchange-host EAL-OPTION... -- DEVICE-FILE ROUNDS MILLISECONDS
 *
 * The device is for both VMs, and for the process.  A sample takes about so many
 * milliseconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>
#include <rte_pause.h>

#include <rte_ivshmem.h>

#include "bench_exchange.h"
#include "program.h"

#define METADATA "exchange"
#define BOOT_LIMIT 300 /* seconds until all stations are there */
#define ORDER_LIMIT 60 /* seconds; a station gives up before */
/* Microseconds between looks at the stations: of a sample, few; but VMs share the core. */
#define SHORT_LOOK 500

#define FIRST_ITEMS 65536U /* of the sample that tells how many a sample needs */
#define ITEMS_UNIT 256U

struct pair {
	const char *name;
	unsigned int source, sink;
};

static const struct pair pairs[] = {
	{ "host to VM", EXCHANGE_HOST, EXCHANGE_VM1 },
	{ "VM to host", EXCHANGE_VM1, EXCHANGE_HOST },
	{ "VM to VM", EXCHANGE_VM1, EXCHANGE_VM2 },
	{ "host to process", EXCHANGE_HOST, EXCHANGE_PROCESS },
};

struct row {
	const char *table;
	unsigned int kind, number; /* as printed */
	unsigned int burst, rings, travelling;
};

#define TABLE_MESSAGES "Messages there and back"
#define TABLE_RETURN "64-byte mbufs, return ring"
#define TABLE_FREE "64-byte mbufs, freed by the consumer"
#define TABLE_SLOTS "Messages there and back, burst 32, by size of the rings"
#define TABLE_TRAVELLING "64-byte mbufs, return ring, burst 32, by mbufs under way"

static const struct row rows[] = {
	{ TABLE_MESSAGES, EXCHANGE_MESSAGES, 8, 8, 1, 0 },
	{ TABLE_MESSAGES, EXCHANGE_MESSAGES, 32, 32, 1, 0 },
	{ TABLE_MESSAGES, EXCHANGE_MESSAGES, 256, 256, 1, 0 },
	{ TABLE_RETURN, EXCHANGE_RETURN, 8, 8, 1, 512 },
	{ TABLE_RETURN, EXCHANGE_RETURN, 32, 32, 1, 512 },
	{ TABLE_RETURN, EXCHANGE_RETURN, 256, 256, 1, 512 },
	{ TABLE_FREE, EXCHANGE_FREE, 8, 8, 1, 0 },
	{ TABLE_FREE, EXCHANGE_FREE, 32, 32, 1, 0 },
	{ TABLE_FREE, EXCHANGE_FREE, 256, 256, 1, 0 },
	{ TABLE_SLOTS, EXCHANGE_MESSAGES, 256, 32, 0, 0 },
	{ TABLE_SLOTS, EXCHANGE_MESSAGES, 1024, 32, 1, 0 },
	{ TABLE_SLOTS, EXCHANGE_MESSAGES, 8192, 32, 2, 0 },
	{ TABLE_TRAVELLING, EXCHANGE_RETURN, 64, 32, 2, 64 },
	{ TABLE_TRAVELLING, EXCHANGE_RETURN, 256, 32, 2, 256 },
	{ TABLE_TRAVELLING, EXCHANGE_RETURN, 1024, 32, 2, 1024 },
	{ TABLE_TRAVELLING, EXCHANGE_RETURN, 4096, 32, 2, 4096 },
};

static uint64_t items_of[RTE_DIM(rows)][RTE_DIM(pairs)];

/* ---- sharing ---------------------------------------------------------------- */

static struct rte_ring *make_ring(const char *name, unsigned int slots)
{
	struct rte_ring *ring = rte_ivshmem_ring_create(name, slots, SOCKET_ID_ANY,
							RING_F_SP_ENQ |
							RING_F_SC_DEQ);

	must(ring != NULL, name);
	must(rte_ivshmem_metadata_add_ring(ring, METADATA) == 0, name);
	return ring;
}

static void make_objects(struct exchange *x)
{
	const struct rte_memzone *mz;

	must(rte_ivshmem_metadata_create(METADATA) == 0, METADATA);
	mz = rte_ivshmem_memzone_reserve(EXCHANGE_ZONE, sizeof(*x->zone),
					 SOCKET_ID_ANY, 0);
	must(mz != NULL &&
		      rte_ivshmem_metadata_add_memzone(mz, METADATA) == 0,
		      EXCHANGE_ZONE);
	x->zone = mz->addr;
	*x->zone = (struct exchange_zone){ 0 };
	x->pool = rte_ivshmem_pktmbuf_pool_create(EXCHANGE_POOL,
			EXCHANGE_POOL_SIZE, EXCHANGE_CACHE, 0,
			RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	must(x->pool != NULL &&
		      rte_ivshmem_metadata_add_mempool(x->pool, METADATA) == 0,
		      EXCHANGE_POOL);
	for (unsigned int i = 0; i < EXCHANGE_RING_SIZES; i++) {
		x->there[i] = make_ring(exchange_there_name(i),
					exchange_ring_slots[i]);
		x->back[i] = make_ring(exchange_back_name(i),
				       exchange_ring_slots[i]);
	}
}

/* Whoever waits for the file finds it complete. */
static void write_device(const char *path)
{
	static char text[65536];
	char part[4096];
	FILE *f;

	must(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
							    METADATA) == 0,
		      METADATA);
	snprintf(part, sizeof(part), "%s.part", path);
	f = fopen(part, "w");
	must(f != NULL && fprintf(f, "%s\n", text) > 0 &&
		      fclose(f) == 0 && rename(part, path) == 0, path);
}

/* ---- orders ----------------------------------------------------------------- */

static void wait_for(const uint32_t *flag, uint32_t value, bool asleep,
		     double limit, const char *what)
{
	double end = exchange_now() + limit;

	while (exchange_get(flag) != value) {
		if (asleep)
			usleep(SHORT_LOOK);
		else
			rte_pause();
		must(exchange_now() < end, what);
	}
}

static void give(struct exchange_zone *zone, struct exchange_order order)
{
	zone->order = order;
	exchange_set(&zone->number, zone->number + 1);
}

static void check(const struct exchange *x, const struct exchange_order *order)
{
	uint64_t source = x->zone->station[order->source].right;
	uint64_t sink = x->zone->station[order->sink].right;

	if (source == order->items && sink == order->items &&
	    rte_mempool_avail_count(x->pool) == EXCHANGE_POOL_SIZE)
		return;
	fprintf(stderr, "error: of %" PRIu64 " items, %" PRIu64 " and %" PRIu64
		" were right; in the pool are %u of %u mbufs\n", order->items,
		source, sink, rte_mempool_avail_count(x->pool),
		EXCHANGE_POOL_SIZE);
	exit(EXIT_FAILURE);
}

/* Seconds that the exchange took. */
static double exchange(const struct exchange *x,
		       const struct exchange_order *order)
{
	struct exchange_zone *zone = x->zone;
	unsigned int ends[] = { order->source, order->sink };
	bool host = order->source == EXCHANGE_HOST ||
		    order->sink == EXCHANGE_HOST;
	double start, seconds;
	uint32_t number;

	give(zone, *order);
	number = zone->number;
	for (unsigned int i = 0; i < RTE_DIM(ends); i++)
		if (ends[i] != EXCHANGE_HOST)
			wait_for(&zone->station[ends[i]].ready, number, true,
				 ORDER_LIMIT, "a station does not begin");
	start = exchange_now();
	exchange_set(&zone->begin, number);
	if (host)
		exchange_take_part(x, number);
	for (unsigned int i = 0; i < RTE_DIM(ends); i++)
		wait_for(&zone->station[ends[i]].done, number, !host,
			 ORDER_LIMIT, "a station does not end");
	seconds = exchange_now() - start;
	for (unsigned int i = 0; i < RTE_DIM(ends); i++)
		wait_for(&zone->station[ends[i]].idle, number, true,
			 ORDER_LIMIT, "a station does not end");
	check(x, order);
	return seconds;
}

/* ---- samples ---------------------------------------------------------------- */

/* Million items a second. */
static double sample(const struct exchange *x, unsigned int row,
		     unsigned int pair, uint64_t items)
{
	struct exchange_order order = {
		.kind = rows[row].kind,
		.burst = rows[row].burst,
		.rings = rows[row].rings,
		.travelling = rows[row].travelling,
		.source = pairs[pair].source,
		.sink = pairs[pair].sink,
		.items = items,
	};

	return (double)items / 1e6 / exchange(x, &order);
}

static void find_items(const struct exchange *x, double seconds)
{
	for (unsigned int row = 0; row < RTE_DIM(rows); row++)
		for (unsigned int pair = 0; pair < RTE_DIM(pairs); pair++) {
			double rate = sample(x, row, pair, FIRST_ITEMS) * 1e6;
			uint64_t units = (uint64_t)(rate * seconds) / ITEMS_UNIT;

			items_of[row][pair] = (units + 1) * ITEMS_UNIT;
		}
}

static void take_round(const struct exchange *x)
{
	for (unsigned int row = 0; row < RTE_DIM(rows); row++)
		for (unsigned int pair = 0; pair < RTE_DIM(pairs); pair++) {
			double rate = sample(x, row, pair, items_of[row][pair]);

			printf("sample|%s|%u|%s|%.3f\n", rows[row].table,
			       rows[row].number, pairs[pair].name, rate);
		}
}

int main(int argc, char **argv)
{
	struct exchange x = { .station = EXCHANGE_HOST };
	int parsed = rte_eal_init(argc, argv);

	must(parsed >= 0, "the EAL");
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (parsed + 4 != argc) {
		fprintf(stderr, "usage: bench-exchange-host EAL-OPTION... -- "
			"DEVICE-FILE ROUNDS MILLISECONDS\n");
		return 2;
	}
	make_objects(&x);
	write_device(argv[parsed + 1]);
	for (unsigned int i = EXCHANGE_HOST + 1; i < EXCHANGE_STATIONS; i++)
		wait_for(&x.zone->station[i].attached, 1, true, BOOT_LIMIT,
			 "a station is not there");
	find_items(&x, atoi(argv[parsed + 3]) / 1e3);
	for (int round = atoi(argv[parsed + 2]); round > 0; round--)
		take_round(&x);
	give(x.zone, (struct exchange_order){ .kind = EXCHANGE_END });
	rte_eal_cleanup();
	return 0;
}

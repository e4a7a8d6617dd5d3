/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings and mempools of one process, used by a thread of it, by a secondary process
 * and by a process that has attached them: scripts/bench/benchmarks/rings.py starts
 * this program in each of the three roles.
 *
 * usage: bench-rings EAL-ARGUMENTS -- host|peer
 *
 * A host makes and shares the objects; a peer looks them up, and does not care how
 * they came to be there.  Both read commands, a line each:
 *
 *   consume RING BURST COUNT
 *          take so many items from the ring, and check each: says "consuming" first,
 *          in the end the seconds from the first burst to the last
 *   exchange POOL BULK COUNT
 *          get objects from the pool and put them back, so many in all: says the
 *          seconds
 *   produce RING BURST COUNT
 *          put so many items into the ring, numbered from 0 on: says nothing
 *
 * What is measured runs on the last lcore: in a host that is a thread of its own,
 * beside the one that produces.  A process without work sleeps.  Anything that goes
 * wrong ends the process.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include "program.h"
#include "rte_ivshmem.h"

#define METADATA "rings"
#define SLOTS 4096 /* as in DPDK's ring_perf_autotest */
#define MOST_BURST 256U
/* A multiple of each burst, and so is each COUNT: then bursts begin where a cache
 * line begins, always.  Where they do not, a pool may be slower by a third. */
#define OBJECTS (8192U - MOST_BURST)
#define OBJECT_SIZE 64U
#define CACHE 256U
#define LIMIT_S 60 /* for one command, however slow the machine */

/** A command. */
struct work {
	const char *what;
	char name[32];
	unsigned int burst;
	uint64_t count;
};

/* At the same place within a page in each process: addresses that agree in their
 * last 12 bits can slow each other down. */
static void *produced[MOST_BURST] __rte_aligned(4096);
static void *consumed[MOST_BURST] __rte_aligned(4096);
static void *all_objects[OBJECTS];

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench-rings: not so: %s\n", what);
	exit(EXIT_FAILURE);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

static void say_seconds(double seconds)
{
	char text[32];

	snprintf(text, sizeof(text), "%.9f", seconds);
	say(text);
}

/* ---- rings ------------------------------------------------------------------ */

static void __rte_noinline put_items(struct rte_ring *ring, unsigned int burst,
				     uint64_t count)
{
	for (uint64_t number = 0; number < count; number += burst) {
		for (unsigned int i = 0; i < burst; i++)
			produced[i] = (void *)(uintptr_t)(number + i);
		while (rte_ring_enqueue_bulk(ring, produced, burst, NULL) == 0)
			rte_pause();
	}
}

/* The items from `number` up to `end`; 0 if each was what it should be. */
static uint64_t __rte_noinline take_items(struct rte_ring *ring,
					  unsigned int burst, uint64_t number,
					  uint64_t end)
{
	uint64_t wrong = 0;

	for (; number < end; number += burst) {
		while (rte_ring_dequeue_bulk(ring, consumed, burst, NULL) == 0)
			rte_pause();
		for (unsigned int i = 0; i < burst; i++)
			wrong |= (uintptr_t)consumed[i] ^ (number + i);
	}
	return wrong;
}

static struct rte_ring *find_ring(const struct work *work)
{
	struct rte_ring *ring = rte_ring_lookup(work->name);

	must(ring != NULL, work->name);
	return ring;
}

static void produce(const struct work *work)
{
	put_items(find_ring(work), work->burst, work->count);
}

static void consume(const struct work *work)
{
	struct rte_ring *ring = find_ring(work);
	double begin, end;
	uint64_t wrong;

	say("consuming");
	wrong = take_items(ring, work->burst, 0, work->burst);
	begin = now();
	wrong |= take_items(ring, work->burst, work->burst, work->count);
	end = now();
	check(wrong == 0 && rte_ring_empty(ring),
	      "all items have come, in order, and no others");
	say_seconds(end - begin);
}

/* ---- mempools --------------------------------------------------------------- */

static void __rte_noinline get_and_put(struct rte_mempool *mp,
				       unsigned int bulk, uint64_t count)
{
	for (uint64_t n = 0; n < count; n += bulk) {
		check(rte_mempool_get_bulk(mp, consumed, bulk) == 0,
		      "the pool has objects");
		rte_mempool_put_bulk(mp, consumed, bulk);
	}
}

/* Each is there, and once. */
static void check_objects(struct rte_mempool *mp)
{
	uint64_t wrong = 0;

	check(rte_mempool_avail_count(mp) == OBJECTS, "all objects are back");
	check(rte_mempool_generic_get(mp, all_objects, OBJECTS, NULL) == 0,
	      "all objects can be taken");
	for (unsigned int i = 0; i < OBJECTS; i++)
		*(uint64_t *)all_objects[i] = i;
	for (unsigned int i = 0; i < OBJECTS; i++)
		wrong |= *(uint64_t *)all_objects[i] ^ i;
	check(wrong == 0, "no object is given twice");
	rte_mempool_generic_put(mp, all_objects, OBJECTS, NULL);
}

static void exchange(const struct work *work)
{
	struct rte_mempool *mp = rte_mempool_lookup(work->name);
	struct rte_mempool_cache *cache;
	double begin, end;

	must(mp != NULL, work->name);
	get_and_put(mp, work->burst, OBJECTS);
	begin = now();
	get_and_put(mp, work->burst, work->count);
	end = now();
	cache = rte_mempool_default_cache(mp, rte_lcore_id());
	if (cache != NULL)
		rte_mempool_cache_flush(cache, mp);
	check_objects(mp);
	say_seconds(end - begin);
}

/* ---- commands --------------------------------------------------------------- */

static const struct command {
	const char *what;
	void (*run)(const struct work *work);
} commands[] = {
	{ "consume", consume },
	{ "exchange", exchange },
	{ "produce", produce },
};

static int run_work(void *arg)
{
	const struct work *work = arg;

	for (size_t i = 0; i < RTE_DIM(commands); i++)
		if (strcmp(commands[i].what, work->what) == 0)
			commands[i].run(work);
	alarm(0);
	return 0;
}

static bool parse(char *line, struct work *work)
{
	char what[16];

	if (sscanf(line, "%15s %31s %u %" SCNu64, what, work->name,
		   &work->burst, &work->count) != 4 ||
	    work->burst == 0 || work->burst > MOST_BURST)
		return false;
	work->what = NULL;
	for (size_t i = 0; i < RTE_DIM(commands); i++)
		if (strcmp(commands[i].what, what) == 0)
			work->what = commands[i].what;
	return work->what != NULL;
}

static void start_work(const struct work *work)
{
	static struct work measured;
	unsigned int worker = rte_get_next_lcore(LCORE_ID_ANY, 1, 0);

	if (worker == RTE_MAX_LCORE || strcmp(work->what, "produce") == 0) {
		run_work((void *)(uintptr_t)work);
		return;
	}
	rte_eal_wait_lcore(worker);
	measured = *work;
	check(rte_eal_remote_launch(run_work, &measured, worker) == 0,
	      "the thread waits for work");
}

static void obey(void)
{
	struct work work;
	char line[128];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		check(parse(line, &work), "each command is known");
		alarm(LIMIT_S);
		start_work(&work);
	}
	rte_eal_mp_wait_lcore();
}

/* ---- set-up ----------------------------------------------------------------- */

static void share_ring(const char *name, unsigned int flags)
{
	struct rte_ring *ring = rte_ring_create(name, SLOTS, SOCKET_ID_ANY,
						flags);

	must(ring != NULL, name);
	must(rte_ivshmem_metadata_add_ring(ring, METADATA) == 0, name);
}

/* With pages of its own: then each process has caches of its own. */
static void share_pool(const char *name, unsigned int cache)
{
	struct rte_mempool *mp =
		rte_ivshmem_mempool_create(name, OBJECTS, OBJECT_SIZE, cache, 0,
					   SOCKET_ID_ANY, 0);

	must(mp != NULL, name);
	must(rte_ivshmem_metadata_add_mempool(mp, METADATA) == 0, name);
}

static void share_all(void)
{
	static char text[1 << 16];

	must(rte_ivshmem_metadata_create(METADATA) == 0, "metadata");
	share_ring("sp_sc", RING_F_SP_ENQ | RING_F_SC_DEQ);
	share_ring("mp_mc", 0);
	share_pool("cached", CACHE);
	share_pool("uncached", 0);
	must(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						   METADATA) == 0, "publish");
}

int main(int argc, char **argv)
{
	int parsed = rte_eal_init(argc, argv);

	must(parsed >= 0, "rte_eal_init");
	argv += parsed + 1;
	argc -= parsed + 1;
	check(argc == 1, "behind -- is one word: host or peer");
	if (strcmp(argv[0], "host") == 0)
		share_all();
	say("ready");
	obey();
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}

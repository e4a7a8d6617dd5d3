/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of the stress test.  Arguments: those of the EAL, `--`, and
 *
 *   NAME SECONDS GUESTS [DEVICE-FILE]
 *
 * It shares a pool with a cache under NAME, waits for so many guests, works
 * with them, and counts all mbufs when they have gone.  Exit status 0: each was
 * found once.  DEVICE-FILE gets the argument for QEMU.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pthread.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_memzone.h>

#include <rte_ivshmem.h>

#include "stress.h"

#define LIMIT 120 /* seconds for a guest to come or to go; VMs are slow */

struct host {
	struct stress stress;
	uint32_t seconds;
	uint32_t guests;
};

static void number_mbuf(struct rte_mempool *mp __rte_unused,
			void *arg __rte_unused, void *m, unsigned int i)
{
	*(uint32_t *)rte_mbuf_to_priv(m) = i;
}

static bool create_objects(void)
{
	const struct rte_memzone *zone = rte_ivshmem_memzone_reserve(
			STRESS_ZONE, sizeof(struct stress_control),
			SOCKET_ID_ANY, 0);
	struct rte_mempool *pool = rte_ivshmem_pktmbuf_pool_create(STRESS_POOL,
			STRESS_MBUFS, STRESS_CACHE, STRESS_PRIVATE, 256,
			SOCKET_ID_ANY);
	char name[RTE_RING_NAMESIZE];

	if (zone == NULL || pool == NULL)
		return false;
	memset(zone->addr, 0, sizeof(struct stress_control));
	rte_mempool_obj_iter(pool, number_mbuf, NULL);
	for (uint32_t i = 0; i < STRESS_PARTIES; i++) {
		snprintf(name, sizeof(name), STRESS_RING, i);
		if (rte_ivshmem_ring_create(name, STRESS_RING_SLOTS,
					    SOCKET_ID_ANY, 0) == NULL)
			return false;
	}
	return true;
}

static bool write_device(const char *name, const char *file)
{
	static char text[65536];
	FILE *f;

	if (rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  name) != 0)
		return false;
	if (file == NULL)
		return true;
	f = fopen(file, "w");
	return f != NULL && fputs(text, f) >= 0 && fclose(f) == 0;
}

static bool share_objects(const char *name, const char *file)
{
	char ring[RTE_RING_NAMESIZE];

	if (rte_ivshmem_metadata_create(name) != 0 ||
	    rte_ivshmem_metadata_add_memzone(rte_memzone_lookup(STRESS_ZONE),
					     name) != 0 ||
	    rte_ivshmem_metadata_add_mempool(rte_mempool_lookup(STRESS_POOL),
					     name) != 0)
		return false;
	for (uint32_t i = 0; i < STRESS_PARTIES; i++) {
		snprintf(ring, sizeof(ring), STRESS_RING, i);
		if (rte_ivshmem_metadata_add_ring(rte_ring_lookup(ring),
						  name) != 0)
			return false;
	}
	return write_device(name, file);
}

/* For a guest that is to use the same caches. */
static void tell_caches(const struct rte_mempool *mp)
{
	size_t page = 4096, offset = 0;
	uintptr_t start = RTE_ALIGN_FLOOR((uintptr_t)mp, page);
	uintptr_t end = RTE_ALIGN_CEIL((uintptr_t)mp->local_cache +
				       RTE_MAX_LCORE * sizeof(*mp->local_cache),
				       page);
	const struct rte_memseg *ms = rte_mem_virt2memseg(mp, NULL);
	int fd = rte_memseg_get_fd(ms);

	if (fd >= 0 && rte_memseg_get_fd_offset(ms, &offset) == 0)
		printf("caches: /proc/%d/fd/%d %zu 0x%zx %zu\n", getpid(), fd,
		       offset + (start - ms->addr_64), (size_t)start,
		       (size_t)(end - start));
}

static bool within(const struct host *host, uint32_t limit,
		   bool (*reached)(const struct host *host))
{
	time_t deadline = time(NULL) + (time_t)limit;
	const useconds_t interval = 10000;

	while (!reached(host) && time(NULL) < deadline)
		usleep(interval);
	return reached(host);
}

static bool all_here(const struct host *host)
{
	return __atomic_load_n(&host->stress.control->here, __ATOMIC_ACQUIRE) ==
	       host->guests + 1;
}

static bool has_fault(const struct host *host)
{
	return host->stress.control->faults > 0;
}

static bool all_left(const struct host *host)
{
	return __atomic_load_n(&host->stress.control->left, __ATOMIC_ACQUIRE) ==
	       host->guests || has_fault(host);
}

static bool is_whole(const struct host *host)
{
	return rte_mempool_avail_count(host->stress.pool) == STRESS_MBUFS ||
	       has_fault(host);
}

static bool never(const struct host *host)
{
	return has_fault(host);
}

static void *stop_in_time(void *arg)
{
	struct host *host = arg;

	within(host, host->seconds, never);
	__atomic_store_n(&host->stress.control->stop, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* What nobody received, and what this process's caches hold. */
static void gather(const struct stress *stress)
{
	void *m = NULL;

	for (uint32_t i = 0; i < STRESS_PARTIES; i++)
		while (rte_ring_dequeue(stress->rings[i], &m) == 0)
			if (stress_pass(stress, m, STRESS_TRAVELS,
					STRESS_FREE))
				rte_pktmbuf_free(m);
	for (unsigned int id = 0; id < RTE_MAX_LCORE; id++)
		rte_mempool_cache_flush(rte_mempool_default_cache(stress->pool,
								  id),
					stress->pool);
}

/* Past all caches: each mbuf once. */
static uint32_t count_once(const struct stress *stress)
{
	static void *mbufs[STRESS_MBUFS];
	static uint8_t seen[STRESS_MBUFS + 1];
	uint32_t n = 0, once = 0;

	while (n < STRESS_MBUFS &&
	       rte_mempool_ops_dequeue_bulk(stress->pool, &mbufs[n], 1) == 0)
		n++;
	for (uint32_t i = 0; i < n; i++)
		seen[stress_number(stress, mbufs[i])]++;
	for (uint32_t i = 0; i < STRESS_MBUFS; i++)
		once += seen[i] == 1 &&
			stress->control->owner[i] == STRESS_FREE;
	return once;
}

static bool print_totals(const struct host *host, uint32_t once)
{
	const struct stress_control *control = host->stress.control;
	struct stress_counts all = { 0 };

	for (uint32_t i = 0; i <= host->guests; i++) {
		const struct stress_counts *c = &control->counts[i];

		printf("party %u: %" PRIu64 " taken, %" PRIu64 " given back, %"
		       PRIu64 " of another party's, %" PRIu64
		       " threads registered\n", i, c->taken, c->given,
		       c->received, c->registered);
		all.taken += c->taken;
		all.received += c->received;
		all.registered += c->registered;
	}
	printf("total: %u s, %u parties, %u mbufs: %" PRIu64 " taken, %"
	       PRIu64 " given back by another party, %" PRIu64
	       " threads registered, %u owned twice, %u lost\n", host->seconds,
	       host->guests + 1, STRESS_MBUFS, all.taken, all.received,
	       all.registered, control->faults, STRESS_MBUFS - once);
	return control->faults == 0 && once == STRESS_MBUFS;
}

static bool run(struct host *host)
{
	pthread_t timer;
	uint32_t once;

	if (!within(host, LIMIT, all_here)) {
		printf("host: %u parties of %u have come\n",
		       host->stress.control->here, host->guests + 1);
		return false;
	}
	__atomic_store_n(&host->stress.control->go, 1, __ATOMIC_RELEASE);
	if (pthread_create(&timer, NULL, stop_in_time, host) != 0)
		return false;
	stress_work(&host->stress);
	pthread_join(timer, NULL);
	if (!within(host, LIMIT, all_left))
		printf("host: a guest has not ended\n");
	if (!has_fault(host))
		gather(&host->stress);
	/* Guests give back what their caches hold when they end. */
	if (!within(host, LIMIT, is_whole))
		printf("host: %u of %u mbufs have returned\n",
		       rte_mempool_avail_count(host->stress.pool),
		       STRESS_MBUFS);
	once = has_fault(host) ? 0 : count_once(&host->stress);
	return print_totals(host, once);
}

static bool start(struct host *host, int argc, char **argv)
{
	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: stress-host EAL-OPTIONS -- NAME SECONDS GUESTS [DEVICE-FILE]\n");
		return false;
	}
	host->seconds = (uint32_t)strtoul(argv[2], NULL, 10);
	host->guests = (uint32_t)strtoul(argv[3], NULL, 10);
	if (host->guests >= STRESS_PARTIES || !create_objects()) {
		fprintf(stderr, "nothing is made: %s\n",
			rte_strerror(rte_errno));
		return false;
	}
	/* The host is party 0, and need not wait for itself. */
	((struct stress_control *)rte_memzone_lookup(STRESS_ZONE)->addr)->go = 1;
	if (!stress_join(&host->stress))
		return false;
	host->stress.control->go = 0;
	if (!share_objects(argv[1], argc > 4 ? argv[4] : NULL)) {
		fprintf(stderr, "nothing is shared: %s\n",
			rte_strerror(rte_errno));
		return false;
	}
	tell_caches(host->stress.pool);
	printf("ready\n");
	return true;
}

int main(int argc, char **argv)
{
	static struct host host;
	bool good;
	int parsed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0)
		return EXIT_FAILURE;
	good = start(&host, argc - parsed, argv + parsed) && run(&host);
	rte_eal_cleanup();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of tests/e2e/restart.sh and plug_at_run_time.sh.  Arguments: those of
 * the EAL, `--`, the name of the metadata and the number of this life.
 *
 * It shares two rings, a pool and a memzone, prints QMP's line to plug the
 * device, the one to unplug it, and the dump; then it answers packets, and says
 * when the first one of a guest came.  At SIGUSR1 it shares one memzone more, in
 * a new generation; at SIGTERM it ends in order.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include <rte_ivshmem.h>

#include "restart_protocol.h"

/** What is shared, and how often it was used. */
struct host {
	const char *name;
	uint64_t life;
	const struct rte_memzone *zone;
	struct rte_ring *to_host, *to_guest;
	struct rte_mempool *pool;
	uint32_t answered;
};

static volatile sig_atomic_t stop_asked, more_asked;

static void ask_to_stop(int signum)
{
	(void)signum;
	stop_asked = 1;
}

static void ask_for_more(int signum)
{
	(void)signum;
	more_asked = 1;
}

static bool create_objects(struct host *host)
{
	uint64_t *words;

	host->zone = rte_memzone_reserve(RESTART_ZONE, RESTART_ZONE_WORDS *
					 sizeof(uint64_t), SOCKET_ID_ANY, 0);
	host->to_host = rte_ring_create(RESTART_TO_HOST, RESTART_RING_SLOTS,
					SOCKET_ID_ANY, 0);
	host->to_guest = rte_ring_create(RESTART_TO_GUEST, RESTART_RING_SLOTS,
					 SOCKET_ID_ANY, 0);
	host->pool = rte_pktmbuf_pool_create(RESTART_POOL, RESTART_POOL_SIZE,
					     RESTART_CACHE, 0,
					     RTE_MBUF_DEFAULT_BUF_SIZE,
					     SOCKET_ID_ANY);
	if (host->zone == NULL || host->to_host == NULL ||
	    host->to_guest == NULL || host->pool == NULL)
		return false;
	words = host->zone->addr;
	for (unsigned int i = 0; i < RESTART_ZONE_WORDS; i++)
		words[i] = restart_zone_word(host->life, i);
	return true;
}

static bool print_line(const struct host *host, enum rte_ivshmem_form form)
{
	char text[65536];

	if (rte_ivshmem_metadata_device_generate(text, sizeof(text), host->name,
						 form) < 0)
		return false;
	puts(text);
	return true;
}

static bool share_objects(const struct host *host)
{
	return rte_ivshmem_metadata_create(host->name) == 0 &&
	       rte_ivshmem_metadata_add_memzone(host->zone, host->name) == 0 &&
	       rte_ivshmem_metadata_add_ring(host->to_host, host->name) == 0 &&
	       rte_ivshmem_metadata_add_ring(host->to_guest, host->name) == 0 &&
	       rte_ivshmem_metadata_add_mempool(host->pool, host->name) == 0 &&
	       print_line(host, RTE_IVSHMEM_FORM_QMP_ADD) &&
	       print_line(host, RTE_IVSHMEM_FORM_QMP_DEL) &&
	       rte_ivshmem_metadata_dump(stdout, host->name) == 0;
}

/* Of the clock that all programs of this machine share. */
static void print_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("first packet at %lld.%06ld\n", (long long)now.tv_sec,
	       now.tv_nsec / 1000);
}

/* A guest begins to count at 0 each time it starts. */
static bool answer(struct host *host, struct rte_mbuf *m)
{
	uint64_t *words = rte_pktmbuf_mtod(m, uint64_t *);

	if (restart_packet_is(words, host->life, 0, false)) {
		host->answered = 0;
		print_time();
	}
	if (!restart_packet_is(words, host->life, host->answered, false)) {
		printf("packet %u is wrong: %#llx\n", host->answered,
		       (unsigned long long)words[0]);
		return false;
	}
	host->answered++;
	for (unsigned int i = 0; i < RESTART_WORDS; i++)
		words[i] = ~words[i];
	return rte_ring_enqueue(host->to_guest, m) == 0;
}

static bool share_more(const struct host *host)
{
	const struct rte_memzone *zone =
		rte_memzone_reserve(RESTART_MORE, 1, SOCKET_ID_ANY, 0);

	return rte_ivshmem_metadata_add_memzone(zone, host->name) == 0 &&
	       print_line(host, RTE_IVSHMEM_FORM_QMP_DEL) &&
	       puts("more is shared") >= 0;
}

static bool serve(struct host *host)
{
	const useconds_t poll_interval = 200; /* microseconds */

	while (!stop_asked) {
		void *m = NULL;

		if (more_asked) {
			more_asked = 0;
			if (!share_more(host))
				return false;
		}
		if (rte_ring_dequeue(host->to_host, &m) != 0)
			usleep(poll_interval);
		else if (!answer(host, m))
			return false;
	}
	return true;
}

static bool run(struct host *host, int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: restart-host EAL-OPTIONS -- NAME LIFE\n");
		return false;
	}
	host->name = argv[1];
	host->life = strtoull(argv[2], NULL, 10);
	if (!create_objects(host) || !share_objects(host)) {
		fprintf(stderr, "nothing is shared: %s\n",
			rte_strerror(rte_errno));
		return false;
	}
	printf("life %s is shared\n", argv[2]);
	return serve(host);
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
	/* Behind the EAL, which does not care for them. */
	signal(SIGTERM, ask_to_stop);
	signal(SIGINT, ask_to_stop);
	signal(SIGUSR1, ask_for_more);
	good = run(&host, argc - parsed, argv + parsed);
	rte_eal_cleanup();
	printf("ended in order\n");
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest of tests/e2e/restart.sh, which knows nothing of our library.
 * Arguments: those of the EAL, `--`, and
 *
 *   work   send packets to the host and check each answer
 *   stay   the same; then at each SIGUSR1 look at all objects, until SIGTERM
 *
 * It prints a line when packets or a look were good, else what is wrong, and
 * ends then.
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "restart_protocol.h"

#define PACKETS 2000
#define LIMIT 20 /* seconds for an answer */

struct guest {
	uint64_t life; /* that the memory is of */
	const struct rte_memzone *zone;
	struct rte_ring *to_host, *to_guest;
	struct rte_mempool *pool;
};

static bool wrong(const char *what)
{
	printf("wrong: %s\n", what);
	return false;
}

static bool find_objects(struct guest *guest)
{
	guest->zone = rte_memzone_lookup(RESTART_ZONE);
	guest->to_host = rte_ring_lookup(RESTART_TO_HOST);
	guest->to_guest = rte_ring_lookup(RESTART_TO_GUEST);
	guest->pool = rte_mempool_lookup(RESTART_POOL);
	if (guest->zone == NULL || guest->to_host == NULL ||
	    guest->to_guest == NULL || guest->pool == NULL)
		return wrong("objects are not found");
	guest->life = *(const uint64_t *)guest->zone->addr;
	return true;
}

static bool send_packet(const struct guest *guest, uint32_t number)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(guest->pool);
	uint64_t *words;

	if (m == NULL)
		return wrong("the pool is empty");
	words = (uint64_t *)(void *)rte_pktmbuf_append(m,
			RESTART_WORDS * sizeof(words[0]));
	for (unsigned int i = 0; i < RESTART_WORDS; i++)
		words[i] = restart_word(guest->life, number, i);
	return rte_ring_enqueue(guest->to_host, m) == 0 ||
	       wrong("the ring to the host is full");
}

static bool receive_answer(const struct guest *guest, uint32_t number)
{
	time_t deadline = time(NULL) + LIMIT;
	void *m = NULL;
	bool good;

	while (rte_ring_dequeue(guest->to_guest, &m) != 0) {
		if (time(NULL) > deadline)
			return wrong("the host does not answer");
		sched_yield();
	}
	good = restart_packet_is(rte_pktmbuf_mtod((struct rte_mbuf *)m,
						  uint64_t *),
				 guest->life, number, true);
	rte_pktmbuf_free(m);
	return good || wrong("another answer than due");
}

static bool work(const struct guest *guest)
{
	for (uint32_t done = 0, sent = 0; done < PACKETS; done++) {
		for (; sent < done + 32 && sent < PACKETS; sent++)
			if (!send_packet(guest, sent))
				return false;
		if (!receive_answer(guest, done))
			return false;
	}
	printf("life %" PRIu64 ": %d packets there and back\n", guest->life,
	       PACKETS);
	return true;
}

static bool zone_is_good(const struct guest *guest)
{
	const volatile uint64_t *words = guest->zone->addr;

	for (unsigned int i = 0; i < RESTART_ZONE_WORDS; i++)
		if (words[i] != restart_zone_word(guest->life, i))
			return wrong("the memzone has changed");
	return true;
}

/* Nobody else uses the pool now. */
static bool pool_is_good(const struct guest *guest)
{
	struct rte_mbuf *mbufs[RESTART_POOL_SIZE];

	if (rte_mempool_avail_count(guest->pool) != RESTART_POOL_SIZE ||
	    rte_pktmbuf_alloc_bulk(guest->pool, mbufs, RESTART_POOL_SIZE) != 0)
		return wrong("buffers are missing");
	for (unsigned int i = 0; i < RESTART_POOL_SIZE; i++)
		memset(rte_pktmbuf_mtod(mbufs[i], void *), 0x5a, 64);
	rte_pktmbuf_free_bulk(mbufs, RESTART_POOL_SIZE);
	return true;
}

static bool look(const struct guest *guest, unsigned int number)
{
	if (!zone_is_good(guest) || !pool_is_good(guest))
		return false;
	if (!rte_ring_empty(guest->to_host) || !rte_ring_empty(guest->to_guest))
		return wrong("a ring is not empty");
	printf("look %u: life %" PRIu64 "\n", number, guest->life);
	return true;
}

static bool stay(const struct guest *guest)
{
	unsigned int looks = 0;
	sigset_t set;
	int signum;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	while (sigwait(&set, &signum) == 0 && signum == SIGUSR1)
		if (!look(guest, ++looks))
			return false;
	return true;
}

/* Signals may come before they are waited for. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	struct guest guest;
	bool good, stays;
	int parsed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	block_signals();
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0)
		return EXIT_FAILURE;
	stays = argc - parsed > 1 && strcmp(argv[parsed + 1], "stay") == 0;
	good = find_objects(&guest) && work(&guest) &&
	       (!stays || stay(&guest));
	rte_eal_cleanup();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

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
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "restart_packets.h"
#include "restart_protocol.h"

#define PACKETS 2000
#define AHEAD 32 /* of the answers */

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
	good = find_objects(&guest) &&
	       exchange(&guest, PACKETS, AHEAD) &&
	       (!stays || stay(&guest));
	rte_eal_cleanup();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

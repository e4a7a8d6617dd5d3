/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of the benchmark guest-network: shares, gives the orders, prints samples.
 *
 * usage: bench-network-host EAL-ARGUMENTS -- DEVICE-FILE [PATH=WHERE]...
 *
 *   split, packed, testpmd  a port
 *   loopback                anything: it is measured
 *   tcp                     the guest's IPv4 address
 *   vsock                   the guest's context id
 *
 * It reads commands, one a line, and prints "done" behind what each has printed:
 *
 *   own MILLISECONDS        samples of all paths to bench-network-guest
 *   testpmd MILLISECONDS    samples of those to testpmd, which receives
 *   totals                  how many packets were sent to testpmd
 *   end
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>

#include <rte_ivshmem.h>

#include "bench_network.h"
#include "program.h"

#define PATIENCE 20 /* seconds for what is on its way */
#define LOOK_US 100

static const char *const contestants[NETWORK_PATHS] = {
	[NETWORK_RETURN] = "ivshmem, return ring",
	[NETWORK_FREE] = "ivshmem, receiver frees",
	[NETWORK_SPLIT] = "vhost-user, split ring",
	[NETWORK_PACKED] = "vhost-user, packed ring",
	[NETWORK_TESTPMD] = "vhost-user, packed ring",
	[NETWORK_TESTPMD_RING] = "ivshmem, net_ring",
	[NETWORK_TCP] = "TCP over virtio-net",
	[NETWORK_VSOCK] = "vsock",
	[NETWORK_LOOPBACK] = "vsock_loopback in the guest",
};

/* ---- what is shared --------------------------------------------------------- */

static bool share_ring(const char *name)
{
	struct rte_ring *ring = rte_ring_create(name, NETWORK_SLOTS,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);

	return ring != NULL &&
	       rte_ivshmem_metadata_add_ring(ring, NETWORK_NAME) == 0;
}

static bool share_zone(void)
{
	const struct rte_memzone *mz = rte_memzone_reserve_aligned(NETWORK_ZONE,
		sizeof(struct network_zone), SOCKET_ID_ANY, 0, NETWORK_LINE);

	if (mz == NULL)
		return false;
	memset(mz->addr, 0, sizeof(struct network_zone));
	return rte_ivshmem_metadata_add_memzone(mz, NETWORK_NAME) == 0;
}

static bool share_pool(void)
{
	struct rte_mempool *pool = rte_ivshmem_pktmbuf_pool_create(NETWORK_POOL,
		NETWORK_POOL_SIZE, NETWORK_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
		SOCKET_ID_ANY);

	return pool != NULL &&
	       rte_ivshmem_metadata_add_mempool(pool, NETWORK_NAME) == 0;
}

/* A driver of a port opens all that it might use. */
static struct rte_ring *share_testpmd_rings(void)
{
	char name[RTE_RING_NAMESIZE];

	for (unsigned int i = 0; i < RTE_PMD_RING_MAX_RX_RINGS; i++) {
		snprintf(name, sizeof(name), NETWORK_TESTPMD_RINGS, i);
		must(share_ring(name), name);
	}
	snprintf(name, sizeof(name), NETWORK_TESTPMD_RINGS, 0U);
	return rte_ring_lookup(name);
}

static void write_device(const char *path)
{
	static char text[65536];
	FILE *f;

	must(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
			NETWORK_NAME) == 0, "the device string");
	f = fopen(path, "w");
	must(f != NULL && fprintf(f, "%s\n", text) > 0 &&
		     fclose(f) == 0, path);
}

static void share(void)
{
	must(rte_ivshmem_metadata_create(NETWORK_NAME) == 0 &&
		     share_ring(NETWORK_TO_GUEST) &&
		     share_ring(NETWORK_TO_HOST) && share_ring(NETWORK_BACK) &&
		     share_zone() && share_pool(), "nothing is shared");
}

/* ---- orders ----------------------------------------------------------------- */

static struct network_zone *zone;
static volatile sig_atomic_t alarms;

/* The first alarm ends the sample; no other one is to come. */
static void on_alarm(int signum)
{
	static const char text[] = "error: items were lost, or are late\n";

	(void)signum;
	if (alarms++ == 0) {
		network_set(&zone->stop, zone->number);
	} else {
		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
		_exit(EXIT_FAILURE);
	}
}

/* None: 0 ms. */
static void set_alarm(unsigned int ms)
{
	struct itimerval timer = {
		.it_value = { .tv_sec = ms / 1000,
			      .tv_usec = ms % 1000 * 1000 },
		.it_interval = { .tv_sec = PATIENCE },
	};

	alarms = 0;
	must(setitimer(ITIMER_REAL, &timer, NULL) == 0, "setitimer");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The guest has written the number of the order there. */
static void wait_for(const uint32_t *word, bool sleeping)
{
	while (network_get(word) != zone->number)
		if (sleeping)
			usleep(LOOK_US);
}

/* The mbufs that travel are the guest's to take, or are all back. */
static void fill_return_ring(const struct network *network)
{
	struct rte_mbuf *mbufs[NETWORK_TRAVELLING];

	must(rte_pktmbuf_alloc_bulk(network->pool[NETWORK_RETURN],
					    mbufs, NETWORK_TRAVELLING) == 0 &&
		     rte_ring_enqueue_bulk(network->back, (void **)mbufs,
					   NETWORK_TRAVELLING, NULL) != 0,
		     "the return ring");
}

static void empty_return_ring(const struct network *network)
{
	struct rte_mbuf *mbufs[NETWORK_TRAVELLING];

	must(rte_ring_dequeue_bulk(network->back, (void **)mbufs,
					   NETWORK_TRAVELLING, NULL) != 0,
		     "mbufs are not back");
	rte_pktmbuf_free_bulk(mbufs, NETWORK_TRAVELLING);
}

/* Items that were right. */
static uint64_t take_part(const struct network *network)
{
	bool loopback = zone->order.path == NETWORK_LOOPBACK;
	uint64_t right = 0;

	if (loopback)
		wait_for(&zone->done, true);
	else if (zone->order.to_guest)
		network_send(network);
	else
		right = network_receive(network);
	wait_for(&zone->done, false);
	return loopback || zone->order.to_guest ? zone->right : right;
}

/* Items per second. */
static double run(const struct network *network,
		  const struct network_order *order, unsigned int ms)
{
	uint64_t right;
	double begin, end;

	if (order->path == NETWORK_RETURN)
		fill_return_ring(network);
	zone->order = *order;
	zone->sent = NETWORK_UNKNOWN;
	network_set(&zone->number, zone->number + 1);
	wait_for(&zone->ready, false);
	begin = now();
	set_alarm(ms);
	right = take_part(network);
	end = now();
	set_alarm(0);
	must(right == zone->sent, "items were wrong");
	if (order->path == NETWORK_RETURN)
		empty_return_ring(network);
	return (double)right / (end - begin);
}

/* ---- samples ---------------------------------------------------------------- */

static bool measured(const struct network *network, unsigned int path)
{
	return network->where[path] != NULL && path != NETWORK_TESTPMD &&
	       path != NETWORK_TESTPMD_RING;
}

/* All that there is of one row: in turns. */
static void packets(const struct network *network, struct network_order order,
		    unsigned int ms)
{
	for (order.path = 0; order.path < NETWORK_PATHS; order.path++) {
		double rate;

		if (!measured(network, order.path))
			continue;
		rate = run(network, &order, ms);
		printf("sample|%s, %s|%u|%s|%.6f\n",
		       order.to_guest ? "Host to guest" : "Guest to host",
		       order.whole ? "all words" : "first and last word",
		       order.size, contestants[order.path], rate / 1e6);
	}
}

/* Packets of the usual size, messages of the largest one. */
static void bytes(const struct network *network, struct network_order order,
		  unsigned int ms)
{
	for (order.path = 0; order.path < NETWORK_PATHS; order.path++) {
		double rate;

		if (!measured(network, order.path))
			continue;
		order.size = order.path < NETWORK_PORTS ? 1500 :
			     NETWORK_LARGEST;
		rate = run(network, &order, ms);
		printf("sample|Bytes, all words|%s|%s|%.6f\n",
		       order.to_guest ? "host to guest" : "guest to host",
		       contestants[order.path], rate * order.size / 1e9);
	}
}

static const uint32_t sizes[] = { 64, 1500 };

static void own_samples(const struct network *network, unsigned int ms)
{
	struct network_order order = { 0 };

	for (order.to_guest = 0; order.to_guest <= 1; order.to_guest++) {
		for (order.whole = 0; order.whole <= 1; order.whole++)
			for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
				order.size = sizes[i];
				packets(network, order, ms);
			}
		order.whole = 1;
		bytes(network, order, ms);
	}
}

static uint64_t totals[NETWORK_PORTS];

/* Without a part of the guest program, whose number stays what it was. */
static double send_to_testpmd(const struct network *network,
			      const struct network_order *order,
			      unsigned int ms)
{
	double begin = now(), end;
	uint64_t sent;

	zone->order = *order;
	zone->stop = zone->number - 1;
	set_alarm(ms);
	sent = network_send(network);
	end = now();
	set_alarm(0);
	totals[order->path] += sent;
	return (double)sent / (end - begin);
}

static void testpmd_samples(const struct network *network, unsigned int ms)
{
	struct network_order order = { .to_guest = 1 };

	for (unsigned int i = 0; i < RTE_DIM(sizes); i++)
		for (order.path = NETWORK_TESTPMD;
		     order.path <= NETWORK_TESTPMD_RING; order.path++) {
			order.size = sizes[i];
			printf("sample|Host to testpmd in the guest|%u|%s|%.6f\n",
			       order.size, contestants[order.path],
			       send_to_testpmd(network, &order, ms) / 1e6);
		}
}

static void serve(const struct network *network)
{
	char line[64];
	unsigned int ms;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "own %u", &ms) == 1)
			own_samples(network, ms);
		else if (sscanf(line, "testpmd %u", &ms) == 1)
			testpmd_samples(network, ms);
		else if (strcmp(line, "totals\n") == 0)
			printf("total|%" PRIu64 "|%" PRIu64 "\n",
			       totals[NETWORK_TESTPMD],
			       totals[NETWORK_TESTPMD_RING]);
		puts("done");
		if (strcmp(line, "end\n") == 0)
			return;
	}
}

/* vhost-user's ports have a link once the guest has started its own. */
static void wait_for_links(const struct network *network)
{
	for (unsigned int path = NETWORK_SPLIT; path <= NETWORK_TESTPMD;
	     path++) {
		struct rte_eth_link link = { 0 };

		if (network->where[path] == NULL)
			continue;
		while (rte_eth_link_get_nowait(network->port[path], &link) != 0 ||
		       link.link_status != RTE_ETH_LINK_UP)
			usleep(LOOK_US);
	}
}

static void end_guest(void)
{
	zone->order.path = NETWORK_END;
	network_set(&zone->number, zone->number + 1);
}

int main(int argc, char **argv)
{
	struct network network = { .where[NETWORK_RETURN] = "",
				   .where[NETWORK_FREE] = "" };
	struct sigaction action = { .sa_handler = on_alarm,
				    .sa_flags = SA_RESTART };
	int ret = rte_eal_init(argc, argv);
	struct rte_ring *testpmd;

	must(ret >= 0 && argc - ret >= 2, "arguments");
	argv += ret + 1;
	network_arguments(&network, argv + 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	share();
	testpmd = share_testpmd_rings();
	network_open(&network, NETWORK_TO_HOST, NETWORK_TO_GUEST);
	network_open_ring(&network, NETWORK_TESTPMD_RING, testpmd, testpmd);
	zone = network.zone;
	sigaction(SIGALRM, &action, NULL);
	write_device(argv[0]);
	network_connect(&network);
	wait_for_links(&network);
	puts("connected");
	serve(&network);
	end_guest();
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}

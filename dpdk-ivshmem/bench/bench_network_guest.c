/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest of the benchmark guest-network.
 *
 * usage: bench-network-guest EAL-ARGUMENTS -- [PATH=WHERE]...
 *
 *   split, packed   a virtio-net device
 *   tcp             this guest's IPv4 address
 *   vsock           -1, any context id
 *   loopback        1, that of this system
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>

#include "bench_network.h"
#include "program.h"

#define PAUSE_US 5000 /* between orders the CPU is another program's */

static void *send_to_self(void *network)
{
	const struct network *n = network;

	network_stream_send(n->stream[NETWORK_LOOPBACK], n->zone);
	return NULL;
}

/* Not on the receiver's CPU, if there is another one. */
static void choose_cpus(pthread_attr_t *attributes)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int here = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int cpu = 0; cpu < cpus; cpu++)
		if (cpu != here || cpus == 1)
			CPU_SET(cpu, &set);
	pthread_attr_init(attributes);
	pthread_attr_setaffinity_np(attributes, sizeof(set), &set);
}

static uint64_t loop_back(struct network *network)
{
	pthread_attr_t attributes;
	pthread_t sender;
	uint64_t right;

	choose_cpus(&attributes);
	must(pthread_create(&sender, &attributes, send_to_self,
				    network) == 0, "a thread");
	pthread_attr_destroy(&attributes);
	right = network_stream_receive(network->receiver, network->zone);
	pthread_join(sender, NULL);
	return right;
}

/* The part of this side in the order of that number. */
static void take_part(struct network *network, uint32_t number)
{
	struct network_zone *zone = network->zone;
	const struct network_order order = zone->order;

	network_set(&zone->ready, number);
	if (order.path == NETWORK_LOOPBACK)
		zone->right = loop_back(network);
	else if (order.to_guest)
		zone->right = network_receive(network);
	else
		network_send(network);
	network_set(&zone->done, number);
}

static void serve(struct network *network)
{
	struct network_zone *zone = network->zone;
	uint32_t latest = 0;

	for (;;) {
		uint32_t number;

		while ((number = network_get(&zone->number)) == latest)
			usleep(PAUSE_US);
		latest = number;
		if (zone->order.path == NETWORK_END)
			return;
		take_part(network, number);
	}
}

int main(int argc, char **argv)
{
	struct network network = { 0 };
	int ret = rte_eal_init(argc, argv);

	must(ret >= 0, "rte_eal_init");
	network_arguments(&network, argv + ret + 1);
	network_open(&network, NETWORK_TO_GUEST, NETWORK_TO_HOST);
	network_accept(&network);
	serve(&network);
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}

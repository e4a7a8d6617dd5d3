/* SPDX-License-Identifier: BSD-3-Clause */
/* Sender and receiver of packets, the same for all ports and in both programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>
#include <rte_pause.h>

#include "bench_network.h"
#include "program.h"

#define DESCRIPTORS 1024
#define PAYLOAD 16 /* behind the header, and aligned */
#define STEP 0x9e3779b9U

/* ---- content ---------------------------------------------------------------- */

void network_fill(uint32_t *words, uint32_t bytes, uint64_t number, bool whole)
{
	uint32_t last = bytes / sizeof(*words) - 1;
	uint32_t value = (uint32_t)number * STEP;

	words[0] = value;
	words[last] = value + last;
	for (uint32_t i = 1; whole && i < last; i++)
		words[i] = value + i;
}

uint32_t network_check(const uint32_t *words, uint32_t bytes, uint64_t number,
		       bool whole)
{
	uint32_t last = bytes / sizeof(*words) - 1;
	uint32_t value = (uint32_t)number * STEP;
	uint32_t wrong = (words[0] ^ value) | (words[last] ^ (value + last));

	for (uint32_t i = 1; whole && i < last; i++)
		wrong |= words[i] ^ (value + i);
	return wrong;
}

static inline void fill_packet(struct rte_mbuf *m, uint64_t number,
			       uint32_t size, bool whole)
{
	static const struct rte_ether_hdr header = {
		.dst_addr.addr_bytes = { 2, 0, 0, 0, 0, 1 },
		.src_addr.addr_bytes = { 2, 0, 0, 0, 0, 2 },
		/* For experiments. */
		.ether_type = RTE_STATIC_BSWAP16(0x88b5),
	};

	*rte_pktmbuf_mtod(m, struct rte_ether_hdr *) = header;
	m->data_len = (uint16_t)size;
	m->pkt_len = size;
	network_fill(rte_pktmbuf_mtod_offset(m, uint32_t *, PAYLOAD),
		     size - PAYLOAD, number, whole);
}

static inline uint32_t check_packet(const struct rte_mbuf *m, uint64_t number,
				    uint32_t size, bool whole)
{
	return (m->pkt_len ^ size) | (m->data_len ^ size) |
	       network_check(rte_pktmbuf_mtod_offset(m, const uint32_t *,
						     PAYLOAD),
			     size - PAYLOAD, number, whole);
}

/* ---- buffers ---------------------------------------------------------------- */

/* A whole burst, or nothing. */
static inline bool take_buffers(const struct network *network, uint32_t path,
				struct rte_mbuf **mbufs)
{
	if (path == NETWORK_RETURN)
		return rte_ring_dequeue_bulk(network->back, (void **)mbufs,
					     NETWORK_BURST, NULL) != 0;
	return rte_pktmbuf_alloc_bulk(network->pool[path], mbufs,
				      NETWORK_BURST) == 0;
}

/* There are fewer of them than slots in the ring. */
static inline void give_buffers(const struct network *network, uint32_t path,
				struct rte_mbuf **mbufs, uint16_t count)
{
	if (path == NETWORK_RETURN)
		rte_ring_enqueue_bulk(network->back, (void **)mbufs, count,
				      NULL);
	else
		rte_pktmbuf_free_bulk(mbufs, count);
}

/* ---- traffic ---------------------------------------------------------------- */

static void send_burst(uint16_t port, struct rte_mbuf **mbufs)
{
	uint16_t sent = 0;

	while (sent < NETWORK_BURST) {
		uint16_t n = rte_eth_tx_burst(port, 0, mbufs + sent,
					      NETWORK_BURST - sent);

		if (n == 0)
			rte_pause();
		sent += n;
	}
}

static uint64_t send_packets(const struct network *network,
			     const struct network_order order)
{
	struct network_zone *zone = network->zone;
	const uint16_t port = network->port[order.path];
	struct rte_mbuf *mbufs[NETWORK_BURST];
	uint64_t sent = 0;

	while (network_get(&zone->stop) != zone->number) {
		if (!take_buffers(network, order.path, mbufs)) {
			rte_pause();
			continue;
		}
		for (unsigned int i = 0; i < NETWORK_BURST; i++)
			fill_packet(mbufs[i], sent + i, order.size, order.whole);
		send_burst(port, mbufs);
		sent += NETWORK_BURST;
	}
	network_set(&zone->sent, sent);
	return sent;
}

static uint64_t receive_packets(const struct network *network,
				const struct network_order order)
{
	const struct network_zone *zone = network->zone;
	const uint16_t port = network->port[order.path];
	struct rte_mbuf *mbufs[NETWORK_BURST];
	uint64_t received = 0, right = 0;

	while (received < network_get(&zone->sent)) {
		uint32_t wrong = 0;
		uint16_t n = rte_eth_rx_burst(port, 0, mbufs, NETWORK_BURST);

		for (uint16_t i = 0; i < n; i++)
			wrong |= check_packet(mbufs[i], received + i,
					      order.size, order.whole);
		give_buffers(network, order.path, mbufs, n);
		received += n;
		right += wrong == 0 ? n : 0;
	}
	return right;
}

uint64_t network_send(const struct network *network)
{
	struct network_zone *zone = network->zone;
	const struct network_order order = zone->order;

	return order.path < NETWORK_PORTS ? send_packets(network, order) :
	       network_stream_send(network->stream[order.path], zone);
}

uint64_t network_receive(const struct network *network)
{
	struct network_zone *zone = network->zone;
	const struct network_order order = zone->order;

	return order.path < NETWORK_PORTS ? receive_packets(network, order) :
	       network_stream_receive(network->stream[order.path], zone);
}

/* ---- ports ------------------------------------------------------------------ */

/* NETWORK_PATHS: there is none of that name. */
static unsigned int path_named(const char *name, size_t size)
{
	static const char *const names[NETWORK_PATHS] = {
		[NETWORK_SPLIT] = "split",     [NETWORK_PACKED] = "packed",
		[NETWORK_TESTPMD] = "testpmd", [NETWORK_TCP] = "tcp",
		[NETWORK_VSOCK] = "vsock",     [NETWORK_LOOPBACK] = "loopback",
	};
	unsigned int path = 0;

	while (path < NETWORK_PATHS &&
	       (names[path] == NULL || strlen(names[path]) != size ||
		memcmp(names[path], name, size) != 0))
		path++;
	return path;
}

void network_arguments(struct network *network, char **arguments)
{
	for (; *arguments != NULL; arguments++) {
		size_t size = strcspn(*arguments, "=");
		unsigned int path = path_named(*arguments, size);

		must(path < NETWORK_PATHS && (*arguments)[size] == '=',
			     *arguments);
		network->where[path] = *arguments + size + 1;
	}
}

static void start_port(uint16_t port, struct rte_mempool *pool)
{
	static const struct rte_eth_conf conf;

	must(rte_eth_dev_configure(port, 1, 1, &conf) == 0 &&
		     rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY,
					    NULL, pool) == 0 &&
		     rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY,
					    NULL) == 0 &&
		     rte_eth_dev_start(port) == 0, "a port does not start");
}

void network_open_ring(struct network *network, enum network_path path,
		       struct rte_ring *receive, struct rte_ring *transmit)
{
	struct rte_mempool *pool = rte_mempool_lookup(NETWORK_POOL);
	int port;

	must(receive != NULL && transmit != NULL && pool != NULL,
		     "what is shared is not found");
	port = rte_eth_from_rings(transmit->name, &receive, 1, &transmit, 1, 0);
	must(port >= 0, "rte_eth_from_rings");
	start_port((uint16_t)port, pool);
	network->port[path] = (uint16_t)port;
	network->pool[path] = pool;
}

/* With a pool like the shared one, of this side's own memory. */
static void open_devices(struct network *network)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("network_own",
		NETWORK_POOL_SIZE, NETWORK_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
		SOCKET_ID_ANY);

	must(pool != NULL, "a pool");
	for (unsigned int path = NETWORK_SPLIT; path <= NETWORK_TESTPMD;
	     path++) {
		if (network->where[path] == NULL)
			continue;
		must(rte_eth_dev_get_port_by_name(network->where[path],
							  &network->port[path])
			     == 0, network->where[path]);
		network->pool[path] = pool;
		start_port(network->port[path], pool);
	}
}

void network_open(struct network *network, const char *receive,
		  const char *transmit)
{
	const struct rte_memzone *mz = rte_memzone_lookup(NETWORK_ZONE);

	network->back = rte_ring_lookup(NETWORK_BACK);
	must(mz != NULL && network->back != NULL,
		     "what is shared is not found");
	network->zone = mz->addr;
	network_open_ring(network, NETWORK_RETURN, rte_ring_lookup(receive),
			  rte_ring_lookup(transmit));
	network->port[NETWORK_FREE] = network->port[NETWORK_RETURN];
	network->pool[NETWORK_FREE] = network->pool[NETWORK_RETURN];
	open_devices(network);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool and two rings that one process shares and the other one finds, in the two
 * ways to use them: with a return ring, and with a consumer that frees.
 */
#include <stdio.h>

#include <rte_errno.h>
#include <rte_prefetch.h>

#include <rte_ivshmem.h>

#include "packets_port.h"

#define POOL "packets_pool"
#define TO "packets_to"
#define BACK "packets_back"

static bool
complain(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, rte_strerror(rte_errno));
	return false;
}

static struct rte_ring *
create_ring(const char *name, unsigned int slots)
{
	return rte_ivshmem_ring_create(name, slots, SOCKET_ID_ANY,
				       RING_F_SP_ENQ | RING_F_SC_DEQ);
}

bool
packets_rings_share(struct packets_port *port,
		    const struct packets_setup *setup, const char *name)
{
	static char text[65536];

	port->to = create_ring(TO, setup->ring);
	port->back = create_ring(BACK, setup->ring);
	port->pool = rte_ivshmem_pktmbuf_pool_create(POOL, setup->mbufs,
			setup->cache, 0,
			(uint16_t)(setup->room + RTE_PKTMBUF_HEADROOM),
			SOCKET_ID_ANY);
	if (port->to == NULL || port->back == NULL || port->pool == NULL)
		return complain("cannot make pool and rings");
	if (rte_ivshmem_metadata_create(name) != 0 ||
	    rte_ivshmem_metadata_add_ring(port->to, name) != 0 ||
	    rte_ivshmem_metadata_add_ring(port->back, name) != 0 ||
	    rte_ivshmem_metadata_add_mempool(port->pool, name) != 0 ||
	    rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  name) != 0)
		return complain("cannot share pool and rings");
	port->stock = RTE_MIN(setup->mbufs, rte_ring_get_capacity(port->to));
	return true;
}

bool
packets_rings_attach(struct packets_port *port)
{
	port->to = rte_ring_lookup(TO);
	port->back = rte_ring_lookup(BACK);
	port->pool = rte_mempool_lookup(POOL);
	if (port->to == NULL || port->back == NULL || port->pool == NULL)
		return complain("cannot find pool and rings");
	return true;
}

uint16_t
packets_allocate(struct packets_port *port, struct rte_mbuf **mbufs,
		 uint16_t n)
{
	return rte_pktmbuf_alloc_bulk(port->pool, mbufs, n) == 0 ? n : 0;
}

uint16_t
packets_free(struct packets_port *port __rte_unused, struct rte_mbuf **mbufs,
	     uint16_t n)
{
	rte_pktmbuf_free_bulk(mbufs, n);
	return n;
}

/*
 * The other side has read the next slots a while ago, so that they are in its cache.
 * To ask for all of them now, while the next burst is prepared, costs less than to
 * wait for one after the other in enqueuing.  Single packets are in a hurry.
 */
static void
prefetch_slots(struct rte_ring *ring, uint16_t n)
{
	void **slots = (void **)&ring[1];
	const unsigned int line = RTE_CACHE_LINE_SIZE / sizeof(*slots);

	if (n < line)
		return;
	for (unsigned int i = 0; i < n + line; i += line)
		rte_prefetch0_write(&slots[(ring->prod.head + i) & ring->mask]);
}

static uint16_t
enqueue(struct rte_ring *ring, struct rte_mbuf **mbufs, uint16_t n)
{
	n = (uint16_t)rte_ring_enqueue_burst(ring, (void **)mbufs, n, NULL);
	prefetch_slots(ring, n);
	return n;
}

static uint16_t
send_to(struct packets_port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	return enqueue(port->to, mbufs, n);
}

static uint16_t
receive_from(struct packets_port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	return (uint16_t)rte_ring_dequeue_burst(port->to, (void **)mbufs, n,
						NULL);
}

static uint16_t
send_back(struct packets_port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	return enqueue(port->back, mbufs, n);
}

static uint16_t
receive_back(struct packets_port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	return (uint16_t)rte_ring_dequeue_burst(port->back, (void **)mbufs, n,
						NULL);
}

/* Those that have come back; at the beginning, others. */
static uint16_t
get_returned(struct packets_port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	if (likely(port->stock == 0))
		return receive_back(port, mbufs, n);
	n = packets_allocate(port, mbufs,
			     (uint16_t)RTE_MIN(port->stock, (unsigned int)n));
	port->stock -= n;
	port->lent += n;
	return n;
}

/* So that the other port can use them. */
static bool
settle(struct packets_port *port)
{
	struct rte_mbuf *mbufs[PACKETS_BURST_MAX];
	uint16_t n = receive_back(port, mbufs, PACKETS_BURST_MAX);

	packets_free(port, mbufs, n);
	port->stock += n;
	port->lent -= n;
	return port->lent == 0;
}

const struct packets_port_ops packets_rings_return = {
	.name = "return",
	.get = get_returned,
	.send = send_to,
	.receive = receive_from,
	.done = send_back,
	.send_back = send_back,
	.receive_back = receive_back,
	.settle = settle,
};

const struct packets_port_ops packets_rings_free = {
	.name = "free",
	.get = packets_allocate,
	.send = send_to,
	.receive = receive_from,
	.done = packets_free,
	.send_back = send_back,
	.receive_back = receive_back,
};

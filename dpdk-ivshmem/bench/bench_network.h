/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the two programs of the benchmark guest-network agree on: bench-network-host
 * and, in a guest, bench-network-guest.
 *
 * There are several paths between them, measured in turns by the same loops; two more
 * lead to dpdk-testpmd in the guest.  For each sample the host program gives an order
 * in a shared memzone:
 *
 *     host program                            guest program
 *     ------------                            -------------
 *     order                            ---->  ready
 *     look at the clock, begin                begin
 *     after a while: stop              ---->  the sender of the two stops, and
 *                                             writes down what it has sent
 *     until it has, or is told to have        the receiver goes on until it has all
 *     received all; look at the clock  <----  done, so many items were right
 *
 * The clock is the host's, whoever sends.
 */
#ifndef BENCH_NETWORK_H
#define BENCH_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>
#include <rte_ring.h>

/* ---- what is shared --------------------------------------------------------- */

#define NETWORK_NAME "network"
#define NETWORK_ZONE "network_zone"
#define NETWORK_POOL "network_pool"
#define NETWORK_TO_GUEST "network_to_guest"
#define NETWORK_TO_HOST "network_to_host"
#define NETWORK_BACK "network_back" /* buffers, to who sends */
/* Those that DPDK's driver looks up for a port of the name net_ring0. */
#define NETWORK_TESTPMD_RINGS "ETH_RXTX%u_net_ring0"

#define NETWORK_SLOTS 1024U
#define NETWORK_TRAVELLING 512U /* mbufs with a return ring */
#define NETWORK_POOL_SIZE 8191U
#define NETWORK_CACHE 256U
#define NETWORK_BURST 32U
#define NETWORK_LINE 64

#define NETWORK_TCP_PORT 4712
#define NETWORK_VSOCK_PORT 4712
#define NETWORK_LARGEST 65536U /* bytes of a message */

enum network_path {
	NETWORK_RETURN,       /* shared rings as a port; buffers come back by a ring */
	NETWORK_FREE,         /* the same; the receiver frees them to the shared pool */
	NETWORK_SPLIT,        /* virtio-net and vhost-user */
	NETWORK_PACKED,       /* the same with packed rings */
	NETWORK_TESTPMD,      /* the same, to a program of the guest that is not ours */
	NETWORK_TESTPMD_RING, /* a shared ring, to the same program */
	NETWORK_TCP,          /* over virtio-net, by the kernels of both */
	NETWORK_VSOCK,        /* the same by vhost-vsock */
	NETWORK_LOOPBACK,     /* vsock with both ends in the guest */
	NETWORK_PATHS,
	NETWORK_PORTS = NETWORK_TCP, /* how many are ports; the rest are streams */
	NETWORK_END = NETWORK_PATHS, /* for the guest program to leave */
};

struct network_order {
	uint32_t path;
	uint32_t to_guest; /* or to the host */
	uint32_t size;     /* of a packet or message, in bytes */
	uint32_t whole;    /* every word is written and checked, or first and last */
};

#define NETWORK_UNKNOWN UINT64_MAX

/* Numbers of orders begin with 1.  Release and acquire order throughout. */
struct network_zone {
	_Alignas(NETWORK_LINE) uint32_t number; /* of the order below */
	struct network_order order;

	_Alignas(NETWORK_LINE) uint32_t stop; /* number of the order that is over */
	_Alignas(NETWORK_LINE) uint64_t sent; /* or NETWORK_UNKNOWN */

	_Alignas(NETWORK_LINE) uint32_t ready; /* numbers, of the guest */
	uint32_t done;
	uint64_t right; /* of the receiver, if that is the guest */
};

#define network_get(from) __atomic_load_n(from, __ATOMIC_ACQUIRE)
#define network_set(to, value) __atomic_store_n(to, value, __ATOMIC_RELEASE)

/* ---- what both do ----------------------------------------------------------- */

/* One program's end of all paths. */
struct network {
	/* From the arguments: a device, or an address.  NULL: there is none. */
	const char *where[NETWORK_PATHS];

	struct network_zone *zone;
	struct rte_ring *back;
	struct rte_mempool *pool[NETWORK_PORTS];
	uint16_t port[NETWORK_PORTS];
	int stream[NETWORK_PATHS];
	int receiver; /* the other end of NETWORK_LOOPBACK */
};

/* Arguments such as split=DEVICE, of which NULL is the last one. */
void network_arguments(struct network *network, char **arguments);

/* Find what is shared, and start all ports; the rings are those of this side. */
void network_open(struct network *network, const char *receive,
		  const char *transmit);

/* Start one more port, which is a shared ring. */
void network_open_ring(struct network *network, enum network_path path,
		       struct rte_ring *receive, struct rte_ring *transmit);

/*
 * The part of the sender or of the receiver in the latest order.
 *
 * @return
 *   The number of items that were right; of the sender, that it has sent.
 */
uint64_t network_send(const struct network *network);
uint64_t network_receive(const struct network *network);

/* ---- streams ---------------------------------------------------------------- */

/* Connect all to the guest program, which accepts. */
void network_connect(struct network *network);
void network_accept(struct network *network);

/* As above; both ends of NETWORK_LOOPBACK are given by hand. */
uint64_t network_stream_send(int stream, struct network_zone *zone);
uint64_t network_stream_receive(int stream, const struct network_zone *zone);

/* ---- content ---------------------------------------------------------------- */

/* The words of an item, all different from those of the items before it. */
void network_fill(uint32_t *words, uint32_t bytes, uint64_t number, bool whole);

/* Zero if they are that. */
uint32_t network_check(const uint32_t *words, uint32_t bytes, uint64_t number,
		       bool whole);

#endif

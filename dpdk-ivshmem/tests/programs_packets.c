/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "programs_packets.h"

#define SHORTEST 60
#define LONGEST 1460
#define BURST 32
#define SEGMENTS_EACH 5 /* a packet of two segments each so many */
#define PATIENCE 300    /* seconds without a packet */

/** Packets that are to go through rings; either of these may be NULL. */
struct passage {
	struct rte_mempool *pool;
	struct rte_ring *in, *out;
	uint64_t first;
	uint32_t n;
	struct rte_ether_addr destination; /**< of what comes out */
	struct rte_ether_addr source;
	uint32_t put, taken, errors;
	bool *seen; /**< of each number */
};

static const struct rte_ether_addr our_destination = {
	{ 0x02, 0, 0, 0, 0, 0x01 }
};
static const struct rte_ether_addr our_source = {
	{ 0x02, 0, 0, 0, 0, 0x02 }
};

static uint32_t packet_length(uint64_t number)
{
	return SHORTEST + (uint32_t)(number % (LONGEST - SHORTEST));
}

/* Header, number, and bytes that differ from packet to packet. */
static void fill(uint8_t *bytes, uint64_t number,
		 const struct rte_ether_addr *destination,
		 const struct rte_ether_addr *source)
{
	struct rte_ether_hdr header = {
		.dst_addr = *destination,
		.src_addr = *source,
		.ether_type = rte_cpu_to_be_16(0x88b5), /* for experiments */
	};
	uint64_t big_endian = rte_cpu_to_be_64(number);
	uint32_t start = sizeof(header) + sizeof(big_endian);

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), &big_endian, sizeof(big_endian));
	for (uint32_t i = start; i < packet_length(number); i++)
		bytes[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static bool append(struct rte_mbuf *m, const uint8_t *bytes, uint32_t length)
{
	char *room = rte_pktmbuf_append(m, (uint16_t)length);

	if (room == NULL)
		return false;
	memcpy(room, bytes, length);
	return true;
}

/* NULL: the pool is empty at the moment. */
static struct rte_mbuf *make_packet(struct rte_mempool *pool, uint64_t number)
{
	uint8_t bytes[LONGEST];
	uint32_t length = packet_length(number), head = length;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *tail = NULL;

	if (m == NULL)
		return NULL;
	fill(bytes, number, &our_destination, &our_source);
	if (number % SEGMENTS_EACH == 0) {
		head = length / 2;
		tail = rte_pktmbuf_alloc(pool);
		if (tail == NULL || !append(tail, bytes + head, length - head)) {
			rte_pktmbuf_free(tail);
			rte_pktmbuf_free(m);
			return NULL;
		}
	}
	if (!append(m, bytes, head) ||
	    (tail != NULL && rte_pktmbuf_chain(m, tail) != 0)) {
		rte_pktmbuf_free(tail);
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

static uint64_t number_of(const struct rte_mbuf *m)
{
	uint64_t space, none = UINT64_MAX;
	const uint64_t *at = rte_pktmbuf_read(m, sizeof(struct rte_ether_hdr),
					      sizeof(space), &space);

	return at != NULL ? rte_be_to_cpu_64(*(const unaligned_uint64_t *)at) :
			    none;
}

/* In range, for the first time, and each byte. */
static bool is_expected(struct passage *p, const struct rte_mbuf *m)
{
	uint8_t expected[LONGEST], space[LONGEST];
	uint64_t number = number_of(m);
	uint32_t length = packet_length(number);
	const void *bytes;

	if (number < p->first || number - p->first >= p->n ||
	    p->seen[number - p->first] || rte_pktmbuf_pkt_len(m) != length ||
	    m->nb_segs != (number % SEGMENTS_EACH == 0 ? 2 : 1))
		return false;
	p->seen[number - p->first] = true;
	fill(expected, number, &p->destination, &p->source);
	bytes = rte_pktmbuf_read(m, 0, length, space);
	return bytes != NULL && memcmp(bytes, expected, length) == 0;
}

static bool put_some(struct passage *p)
{
	uint32_t before = p->put;

	for (int i = 0; i < BURST && p->in != NULL && p->put < p->n; i++) {
		struct rte_mbuf *m = make_packet(p->pool, p->first + p->put);

		if (m == NULL)
			break;
		if (rte_ring_enqueue(p->in, m) != 0) {
			rte_pktmbuf_free(m);
			break;
		}
		p->put++;
	}
	return p->put != before;
}

static bool take_some(struct passage *p)
{
	struct rte_mbuf *packets[BURST];
	uint32_t n = 0;

	if (p->out != NULL)
		n = rte_ring_dequeue_burst(p->out, (void **)packets, BURST,
					   NULL);
	for (uint32_t i = 0; i < n; i++) {
		if (!is_expected(p, packets[i]) && p->errors++ == 0)
			printf("wrong: number %" PRIu64 ", %u bytes\n",
			       number_of(packets[i]), packets[i]->pkt_len);
		rte_pktmbuf_free(packets[i]);
	}
	p->taken += n;
	return n != 0;
}

static bool done(const struct passage *p)
{
	return (p->in == NULL || p->put == p->n) &&
	       (p->out == NULL || p->taken >= p->n);
}

static void pass(struct passage *p)
{
	time_t last = time(NULL);

	while (!done(p) && time(NULL) - last < PATIENCE) {
		bool moved = put_some(p);

		moved |= take_some(p);
		if (moved)
			last = time(NULL);
		else
			usleep(100);
	}
}

static bool run_passage(struct passage *p)
{
	p->pool = rte_mempool_lookup(PROGRAMS_POOL);
	p->seen = calloc(p->n, sizeof(*p->seen));
	if (p->pool == NULL || p->seen == NULL) {
		printf("no pool\n");
		return false;
	}
	pass(p);
	free(p->seen);
	printf("put %u, taken %u, errors %u\n", p->put, p->taken, p->errors);
	return done(p) && p->errors == 0;
}

/* Puts, takes, or both: a name may be NULL. */
static bool move(const char *in, const char *out, uint64_t first, uint32_t n,
		 const char *mac)
{
	struct passage p = {
		.first = first,
		.n = n,
		.destination = our_destination,
		.source = our_source,
	};

	if (in != NULL)
		p.in = rte_ring_lookup(in);
	if (out != NULL)
		p.out = rte_ring_lookup(out);
	if ((in != NULL && p.in == NULL) || (out != NULL && p.out == NULL)) {
		printf("no ring\n");
		return false;
	}
	/* A port that is a ring has the address 0. */
	if (mac[0] != '\0') {
		if (rte_ether_unformat_addr(mac, &p.destination) != 0) {
			printf("no address: %s\n", mac);
			return false;
		}
		memset(&p.source, 0, sizeof(p.source));
	}
	return run_passage(&p);
}

static bool gets_empty(const char *name)
{
	const struct rte_ring *ring = rte_ring_lookup(name);
	time_t start = time(NULL);

	while (ring != NULL && !rte_ring_empty(ring) &&
	       time(NULL) - start < PATIENCE)
		usleep(1000);
	printf("%u in it\n", ring != NULL ? rte_ring_count(ring) : 0);
	return ring != NULL && rte_ring_empty(ring);
}

static bool is_whole(void)
{
	struct rte_mempool *pool = rte_mempool_lookup(PROGRAMS_POOL);
	unsigned int n = pool != NULL ? rte_mempool_avail_count(pool) : 0;

	printf("%u of %u mbufs are in the pool\n", n, PROGRAMS_POOL_SIZE);
	return n == PROGRAMS_POOL_SIZE;
}

static bool find(const char *ring_name)
{
	const struct rte_memzone *zone = rte_memzone_lookup(PROGRAMS_ZONE);
	struct rte_mempool *pool = rte_mempool_lookup(PROGRAMS_POOL);
	struct rte_ring *ring = rte_ring_lookup(ring_name);
	const uint64_t *words = zone != NULL ? zone->addr : NULL;
	bool good = zone != NULL && pool != NULL && ring != NULL;

	for (uint32_t i = 0; good && i < PROGRAMS_ZONE_WORDS; i++)
		good = words[i] == i;
	printf("%s %s, %s and %s\n", good ? "found" : "did not find",
	       ring_name, PROGRAMS_POOL, PROGRAMS_ZONE);
	return good;
}

bool programs_command(const char *line)
{
	char a[RTE_RING_NAMESIZE], b[RTE_RING_NAMESIZE], mac[18] = "";
	uint64_t first;
	uint32_t n;

	if (sscanf(line, "find %31s", a) == 1)
		return find(a);
	if (sscanf(line, "empty %31s", a) == 1)
		return gets_empty(a);
	if (strncmp(line, "whole", strlen("whole")) == 0)
		return is_whole();
	if (sscanf(line, "put %31s %" SCNu64 " %" SCNu32, a, &first, &n) == 3)
		return move(a, NULL, first, n, mac);
	if (sscanf(line, "take %31s %" SCNu64 " %" SCNu32 " %17s", a, &first,
		   &n, mac) >= 3)
		return move(NULL, a, first, n, mac);
	if (sscanf(line, "forward %31s %31s %" SCNu64 " %" SCNu32 " %17s", a, b,
		   &first, &n, mac) >= 4)
		return move(a, b, first, n, mac);
	printf("no command: %s\n", line);
	return false;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#include <rte_mbuf.h>

#include "restart_packets.h"
#include "restart_protocol.h"

#define LIMIT 20 /* seconds for an answer */

bool wrong(const char *what)
{
	printf("wrong: %s\n", what);
	return false;
}

bool find_objects(struct guest *guest)
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

bool exchange(const struct guest *guest, uint32_t packets, uint32_t ahead)
{
	for (uint32_t done = 0, sent = 0; done < packets; done++) {
		for (; sent < done + ahead && sent < packets; sent++)
			if (!send_packet(guest, sent))
				return false;
		if (!receive_answer(guest, done))
			return false;
	}
	printf("life %" PRIu64 ": %" PRIu32 " packets there and back\n",
	       guest->life, packets);
	return true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_common.h>
#include <rte_mempool.h>

#include "demo_source.h"
#include "demo_watch.h"

/* One phase: how to send and receive a burst; both return how many it had. */
typedef unsigned int (*move_t)(struct demo_source *source);

/* All others answer. */
static unsigned int
relays(const struct demo_source *source)
{
	return source->place->n_stations - 1;
}

static unsigned int
next_burst(const struct demo_source *source, uint64_t total)
{
	return (unsigned int)RTE_MIN(total - source->sent,
				     (uint64_t)DEMO_BURST);
}

/* Messages */

static unsigned int
send_messages(struct demo_source *source)
{
	unsigned int count = next_burst(source, source->place->message_total);
	void *burst[DEMO_BURST];

	for (unsigned int i = 0; i < count; i++)
		burst[i] = (void *)(uintptr_t)
			demo_message((uint32_t)source->sent + i);
	count = rte_ring_enqueue_burst(source->place->out, burst, count, NULL);
	source->sent += count;
	return count;
}

static unsigned int
receive_answers(struct demo_source *source)
{
	void *burst[DEMO_BURST];
	unsigned int count = rte_ring_dequeue_burst(source->place->in, burst,
						    DEMO_BURST, NULL);

	for (unsigned int i = 0; i < count; i++)
		demo_check_message(&source->messages, (uintptr_t)burst[i],
				   relays(source));
	return count;
}

/* Packets */

static void
fill_packet(struct rte_mbuf *m, uint32_t number)
{
	uint64_t *words = (uint64_t *)(void *)rte_pktmbuf_append(m,
				DEMO_PAYLOAD_WORDS * sizeof(words[0]));

	for (unsigned int i = 0; i < DEMO_PAYLOAD_WORDS; i++)
		words[i] = demo_payload_word(number, i);
}

static void
allocate_packets(struct demo_source *source)
{
	unsigned int count = next_burst(source, source->place->packet_total);

	/* All travelling is no error: some will come back. */
	if (count == 0 || rte_pktmbuf_alloc_bulk(source->pool, source->pending,
						 count) != 0)
		return;
	for (unsigned int i = 0; i < count; i++) {
		uint32_t number = (uint32_t)(source->sent + i);

		fill_packet(source->pending[i], number);
		source->travelling[number % DEMO_WINDOW] = source->pending[i];
	}
	source->pending_count = count;
	source->sent += count;
}

static unsigned int
send_packets(struct demo_source *source)
{
	unsigned int accepted;

	if (source->pending_count == 0)
		allocate_packets(source);
	accepted = rte_ring_enqueue_burst(source->place->out,
					  (void **)source->pending,
					  source->pending_count, NULL);
	source->pending_count -= accepted;
	memmove(source->pending, source->pending + accepted,
		source->pending_count * sizeof(source->pending[0]));
	return accepted;
}

static unsigned int
receive_packets(struct demo_source *source)
{
	struct rte_mbuf *burst[DEMO_BURST], *own[DEMO_BURST];
	unsigned int count = rte_ring_dequeue_burst(source->place->in,
						    (void **)burst, DEMO_BURST,
						    NULL);
	unsigned int own_count = 0;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t number = demo_tally_received(&source->packets);

		if (burst[i] != source->travelling[number % DEMO_WINDOW]) {
			demo_count_sequence_error(&source->packets,
				"another buffer came back than was sent");
			continue;
		}
		demo_check_packet(&source->packets, burst[i], relays(source));
		own[own_count++] = burst[i];
	}
	rte_pktmbuf_free_bulk(own, own_count);
	return count;
}

/* Both */

static int
run_phase(struct demo_source *source, struct demo_watch *watch, move_t send,
	  move_t receive)
{
	int ret = 0;

	source->sent = 0;
	while (ret == 0 && !demo_watch_done(watch)) {
		unsigned int moved = send(source);

		if (moved != 0 && source->pause != 0)
			usleep((useconds_t)source->pause * 1000);
		moved += receive(source);
		ret = demo_watch_turn(watch, moved != 0);
	}
	demo_watch_finish(watch);
	return ret;
}

int
demo_source_run(struct demo_source *source)
{
	struct demo_watch watch;
	int ret;

	demo_watch_messages(&watch, source->place, &source->messages);
	ret = run_phase(source, &watch, send_messages, receive_answers);
	if (ret == 0) {
		demo_watch_packets(&watch, source->place, &source->packets);
		ret = run_phase(source, &watch, send_packets, receive_packets);
	}
	/* For who counts what is in the pool. */
	rte_mempool_cache_flush(NULL, source->pool);
	return ret;
}

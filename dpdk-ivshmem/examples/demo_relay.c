/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_ring_peek.h>

#include "demo_relay.h"
#include "demo_watch.h"

typedef void (*answer_t)(struct demo_relay *relay, void **items,
			 unsigned int count);

void
demo_relay_start(struct demo_relay *relay, const struct demo_place *place)
{
	*relay = (struct demo_relay){ .place = place };
}

/* How many relays have answered before this one. */
static unsigned int
relays_before(const struct demo_relay *relay)
{
	return relay->place->station - 1;
}

/* Resuming */

/* An operation that the dead one had begun has not happened. */
static void
undo_operations(struct rte_ring *in, struct rte_ring *out)
{
	in->cons.head = in->cons.tail;
	out->prod.head = out->prod.tail;
}

/* A tally of the dead one that has counted so many items. */
static struct demo_tally
tally_of(const struct demo_tally *published, uint64_t received)
{
	struct demo_tally tally = demo_tally_read(published);

	tally.passed = received - RTE_MIN(received, demo_tally_errors(&tally));
	return tally;
}

bool
demo_relay_resume(struct demo_relay *relay, const struct demo_place *place)
{
	const struct demo_station *own = demo_own(place);
	uint32_t passed_on = place->out->prod.tail;
	uint32_t taken = place->in->cons.tail;
	uint64_t messages = RTE_MIN(passed_on, place->message_total);
	void *in_both[DEMO_BURST];

	demo_relay_start(relay, place);
	undo_operations(place->in, place->out);
	if (passed_on - taken > DEMO_BURST ||
	    rte_ring_dequeue_bulk(place->in, in_both, passed_on - taken,
				  NULL) != passed_on - taken) {
		fprintf(stderr, "%u items were passed on, but %u were taken: "
			"the rings are not as this demo leaves them\n",
			passed_on, taken);
		return false;
	}
	relay->messages = tally_of(&own->messages, messages);
	relay->packets = tally_of(&own->packets, passed_on - messages);
	relay->doubtful_end = passed_on - messages + DEMO_BURST;
	return true;
}

/* Undo what an earlier life has changed in packet `number`. */
static void
restore_packet(const struct demo_relay *relay, struct rte_mbuf *m,
	       uint32_t number)
{
	uint64_t *words = rte_pktmbuf_mtod(m, uint64_t *);

	for (unsigned int i = 0; i < DEMO_PAYLOAD_WORDS; i++)
		if (demo_unanswer_all(words[i], relays_before(relay) + 1) ==
		    demo_payload_word(number, i))
			words[i] = demo_unanswer(words[i]);
}

/* Exchange */

static void
answer_messages(struct demo_relay *relay, void **items, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint64_t value = (uintptr_t)items[i];

		demo_check_message(&relay->messages, value,
				   relays_before(relay));
		items[i] = (void *)(uintptr_t)demo_answer(value);
	}
}

/* In place: the next one sees what this one has written into the buffer. */
static void
answer_packets(struct demo_relay *relay, void **items, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint64_t number = demo_tally_received(&relay->packets);
		struct rte_mbuf *m = items[i];
		uint64_t *words = rte_pktmbuf_mtod(m, uint64_t *);

		if (number < relay->doubtful_end)
			restore_packet(relay, m, (uint32_t)number);
		demo_check_packet(&relay->packets, m, relays_before(relay));
		for (unsigned int word = 0; word < DEMO_PAYLOAD_WORDS; word++)
			words[word] = demo_answer(words[word]);
	}
}

/* Pass a burst on; how many items it had. */
static unsigned int
relay_burst(struct demo_relay *relay, answer_t answer)
{
	struct rte_ring *in = relay->place->in, *out = relay->place->out;
	unsigned int room = RTE_MIN(rte_ring_free_count(out),
				    (unsigned int)DEMO_BURST);
	void *items[DEMO_BURST];
	unsigned int count;

	if (room == 0)
		return 0;
	count = rte_ring_dequeue_burst_start(in, items, room, NULL);
	if (count == 0)
		return 0;
	answer(relay, items, count);
	/* Nobody else puts anything into that room. */
	rte_ring_enqueue_bulk(out, items, count, NULL);
	rte_ring_dequeue_finish(in, count);
	return count;
}

static int
relay_phase(struct demo_relay *relay, struct demo_watch *watch,
	    answer_t answer)
{
	int ret = 0;

	while (ret == 0 && !demo_watch_done(watch)) {
		unsigned int moved = relay_burst(relay, answer);

		ret = demo_watch_turn(watch, moved != 0);
	}
	demo_watch_finish(watch);
	return ret;
}

int
demo_relay_run(struct demo_relay *relay)
{
	struct demo_watch watch;
	int ret;

	demo_watch_messages(&watch, relay->place, &relay->messages);
	ret = relay_phase(relay, &watch, answer_messages);
	if (ret != 0)
		return ret;
	demo_watch_packets(&watch, relay->place, &relay->packets);
	return relay_phase(relay, &watch, answer_packets);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The role of a relay: check what comes, change it, pass it on.  It neither
 * allocates nor frees.
 *
 * A relay that is killed at any instruction can be replaced without loss, by a
 * program with demo_relay_resume():
 *
 *  - It takes a burst off the ring before it only once the burst is in the ring
 *    behind it (rte_ring_dequeue_burst_start() and _finish()).  So nothing is
 *    ever in its hands alone.
 *  - It is the only consumer of the one ring and the only producer of the other.
 *    So nobody else minds if their positions are set back to the last operation
 *    that was complete.
 *  - It passes on as many as it takes.  So the positions tell how many items
 *    are in both rings, and how far it was.
 *  - Which words of a packet have been changed already is seen by their content.
 */
#ifndef DEMO_RELAY_H
#define DEMO_RELAY_H

#include <stdbool.h>

#include "demo_place.h"

struct demo_relay {
	const struct demo_place *place;
	struct demo_tally messages;
	struct demo_tally packets;
	/* Packets below this number may have been changed in an earlier life. */
	uint64_t doubtful_end;
};

/* At the beginning of an exchange. */
void demo_relay_start(struct demo_relay *relay, const struct demo_place *place);

/* In the place of a relay that is dead; false, with a message, if the rings
 * are not as a relay leaves them. */
bool demo_relay_resume(struct demo_relay *relay,
		       const struct demo_place *place);

/* Until all has passed; 0, or as demo_watch_check(). */
int demo_relay_run(struct demo_relay *relay);

#endif /* DEMO_RELAY_H */

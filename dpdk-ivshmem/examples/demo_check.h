/* SPDX-License-Identifier: BSD-3-Clause */
/* Checking and counting messages and packets. */
#ifndef DEMO_CHECK_H
#define DEMO_CHECK_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "demo_protocol.h"

static inline uint64_t
demo_tally_errors(const struct demo_tally *tally)
{
	return tally->sequence_errors + tally->content_errors;
}

static inline uint64_t
demo_tally_received(const struct demo_tally *tally)
{
	return tally->passed + demo_tally_errors(tally);
}

/* Read a tally that another station may be writing. */
struct demo_tally demo_tally_read(const struct demo_tally *tally);

/* Let the others read `own`. */
void demo_tally_publish(struct demo_tally *shared,
			const struct demo_tally *own);

/*
 * Check one value, or the payload of one packet, against number
 * demo_tally_received(tally), and count it.  So many relays have answered it.
 * The first errors are printed.
 */
void demo_check_message(struct demo_tally *tally, uint64_t value,
			unsigned int relays);
void demo_check_packet(struct demo_tally *tally, const struct rte_mbuf *m,
		       unsigned int relays);

/* Count an item that is not even the one due, for the reason given. */
void demo_count_sequence_error(struct demo_tally *tally, const char *reason);

#endif /* DEMO_CHECK_H */

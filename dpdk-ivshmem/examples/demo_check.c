/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "demo_check.h"

/* Of each phase; the tallies count the rest. */
#define ERRORS_PRINTED 5

struct demo_tally
demo_tally_read(const struct demo_tally *tally)
{
	return (struct demo_tally){
		.passed = __atomic_load_n(&tally->passed, __ATOMIC_RELAXED),
		.sequence_errors = __atomic_load_n(&tally->sequence_errors,
						   __ATOMIC_RELAXED),
		.content_errors = __atomic_load_n(&tally->content_errors,
						  __ATOMIC_RELAXED),
		.microseconds = __atomic_load_n(&tally->microseconds,
						__ATOMIC_RELAXED),
	};
}

void
demo_tally_publish(struct demo_tally *shared, const struct demo_tally *own)
{
	__atomic_store_n(&shared->passed, own->passed, __ATOMIC_RELAXED);
	__atomic_store_n(&shared->sequence_errors, own->sequence_errors,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&shared->content_errors, own->content_errors,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&shared->microseconds, own->microseconds,
			 __ATOMIC_RELAXED);
}

static bool
error_is_printed(const struct demo_tally *tally)
{
	return demo_tally_errors(tally) <= ERRORS_PRINTED;
}

void
demo_count_sequence_error(struct demo_tally *tally, const char *reason)
{
	uint64_t number = demo_tally_received(tally);

	tally->sequence_errors++;
	if (error_is_printed(tally))
		fprintf(stderr, "number %" PRIu64 ": %s\n", number, reason);
}

static void
count_wrong_number(struct demo_tally *tally, uint64_t got)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "got number %" PRIu64 " instead", got);
	demo_count_sequence_error(tally, reason);
}

static void
count_wrong_content(struct demo_tally *tally, unsigned int word,
		    uint64_t expected, uint64_t got)
{
	uint64_t number = demo_tally_received(tally);

	tally->content_errors++;
	if (error_is_printed(tally))
		fprintf(stderr,
			"number %" PRIu64 ", word %u: expected %016" PRIx64
			", got %016" PRIx64 "\n", number, word, expected, got);
}

void
demo_check_message(struct demo_tally *tally, uint64_t value,
		   unsigned int relays)
{
	uint32_t number = (uint32_t)demo_tally_received(tally);
	uint64_t expected = demo_message(number);
	uint64_t got = demo_unanswer_all(value, relays);

	if (got == expected)
		tally->passed++;
	else if ((uint32_t)got != number)
		count_wrong_number(tally, (uint32_t)got);
	else
		count_wrong_content(tally, 0, expected, got);
}

void
demo_check_packet(struct demo_tally *tally, const struct rte_mbuf *m,
		  unsigned int relays)
{
	uint32_t number = (uint32_t)demo_tally_received(tally);
	const uint64_t *words = rte_pktmbuf_mtod(m, const uint64_t *);
	const size_t size = DEMO_PAYLOAD_WORDS * sizeof(words[0]);

	if (m->nb_segs != 1 || m->data_len != size || m->pkt_len != size) {
		demo_count_sequence_error(tally, "not a packet of the demo");
		return;
	}
	for (unsigned int i = 0; i < DEMO_PAYLOAD_WORDS; i++) {
		uint64_t expected = demo_payload_word(number, i);
		uint64_t got = demo_unanswer_all(words[i], relays);

		if (got == expected)
			continue;
		if (i == 0)
			count_wrong_number(tally, got);
		else
			count_wrong_content(tally, i, expected, got);
		return;
	}
	tally->passed++;
}

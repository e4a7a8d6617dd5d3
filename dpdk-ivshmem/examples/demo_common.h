/* SPDX-License-Identifier: BSD-3-Clause */
/* What both demo programs need besides the protocol: names of the objects,
 * checks, options, signals, and a watch over progress. */
#ifndef DEMO_COMMON_H
#define DEMO_COMMON_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_pause.h>

#include "demo_protocol.h"

#define DEMO_OBJECT_NAME_SIZE (DEMO_NAME_MAX + sizeof("_to_guest"))

/* Names of the four shared objects. */
struct demo_names {
	char to_guest[DEMO_OBJECT_NAME_SIZE];
	char to_host[DEMO_OBJECT_NAME_SIZE];
	char pool[DEMO_OBJECT_NAME_SIZE];
	char control[DEMO_OBJECT_NAME_SIZE];
};

/* Fill names; false, with a message, if name is empty or too long. */
bool demo_names_set(struct demo_names *names, const char *name);

/* Read a decimal number from min to max; false, with a message that names the
 * option, if text is something else. */
bool demo_parse_number(const char *option, const char *text, uint64_t min,
		       uint64_t max, uint64_t *value);

/* Start the EAL, and let SIGINT and SIGTERM ask for the end.  Ends the program
 * if that fails, or if --help (or -h) is among the arguments, on either side
 * of "--".  The number of arguments that the EAL took. */
int demo_start(int argc, char **argv, void (*print_help)(FILE *f));

/* 1234567 as "1,234,567".  Returns text. */
#define DEMO_COUNT_SIZE 32
char *demo_format_count(char text[DEMO_COUNT_SIZE], uint64_t count);

/* Events per second as "1.83 M/s".  Returns text. */
char *demo_format_rate(char text[DEMO_COUNT_SIZE], uint64_t count,
		       double seconds);

/* Monotonic time in seconds. */
double demo_now(void);

/* True once SIGINT or SIGTERM has come. */
bool demo_stop_asked(void);

static inline uint32_t
demo_state_get(const uint32_t *state)
{
	return __atomic_load_n(state, __ATOMIC_ACQUIRE);
}

static inline void
demo_state_set(uint32_t *state, enum demo_state value)
{
	__atomic_store_n(state, (uint32_t)value, __ATOMIC_RELEASE);
}

/* Read a tally that the other side may be writing. */
struct demo_tally demo_tally_read(const struct demo_tally *tally);

static inline uint64_t
demo_tally_errors(const struct demo_tally *tally)
{
	return tally->sequence_errors + tally->content_errors;
}

/*
 * Check one value, or the payload of one packet, against number
 * tally->passed + errors so far, and count it.  `answered` says that the guest
 * has transformed the content.  The first errors are printed.
 */
void demo_check_message(struct demo_tally *tally, uint64_t value, bool answered);
void demo_check_packet(struct demo_tally *tally, const struct rte_mbuf *m,
		       bool answered);

/* Count an item that is not even the one due, for the reason given. */
void demo_count_sequence_error(struct demo_tally *tally, const char *reason);

static inline uint64_t
demo_tally_received(const struct demo_tally *tally)
{
	return tally->passed + demo_tally_errors(tally);
}

/* Watches one phase: prints progress about once a second, notices signals, a
 * peer that has stopped, and a phase that stands still. */
struct demo_watch {
	const char *what;           /* "messages", "packets" */
	uint64_t total;             /* how many are due */
	double timeout;             /* seconds without progress */
	const uint32_t *peer_state; /* whose STOPPED ends the phase */
	const struct demo_tally *tally;
	struct demo_tally *published; /* copy for the other side to read */

	double started;
	double last_progress;
	double last_print;
	uint64_t last_received; /* at last_progress */
	uint64_t last_printed;  /* at last_print */
	unsigned int idle;      /* polls in a row that found nothing to do */
	unsigned int polls;
};

void demo_watch_start(struct demo_watch *watch, const char *what,
		      uint64_t total, const struct demo_tally *tally,
		      struct demo_tally *published, const uint32_t *peer_state,
		      double timeout);

/* 0, or negative: -EINTR a signal, -ECONNRESET the peer has stopped,
 * -ETIMEDOUT no progress. */
int demo_watch_check(struct demo_watch *watch);

/* Publish the final tally, print a line; returns the seconds that it took. */
double demo_watch_finish(struct demo_watch *watch);

/*
 * To be called once per turn of a polling loop; `busy` says whether the turn
 * did anything.  Host, guest and the emulator may share very few CPUs, hence
 * an idle loop first pauses and soon yields, so that the side that has work
 * runs.  Returns as demo_watch_check().
 */
static inline int
demo_watch_turn(struct demo_watch *watch, bool busy)
{
	const unsigned int spins_before_yield = 64;
	const unsigned int turns_between_checks = 64;

	if (busy)
		watch->idle = 0;
	else if (++watch->idle < spins_before_yield)
		rte_pause();
	else
		sched_yield();
	if (++watch->polls % turns_between_checks != 0)
		return 0;
	return demo_watch_check(watch);
}

#endif /* DEMO_COMMON_H */

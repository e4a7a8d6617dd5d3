/* SPDX-License-Identifier: BSD-3-Clause */
/* A watch over one phase of the exchange: prints progress about once a second,
 * notices signals, others that have stopped, and a phase that stands still. */
#ifndef DEMO_WATCH_H
#define DEMO_WATCH_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include <rte_pause.h>

#include "demo_check.h"
#include "demo_place.h"

struct demo_watch {
	const struct demo_place *place;
	const char *what;             /* "messages", "packets" */
	uint64_t total;               /* how many are due */
	struct demo_tally *tally;
	struct demo_tally *published; /* copy for the others to read */

	uint64_t before;              /* microseconds of earlier lives */
	double started;
	double last_progress;
	double last_print;
	uint64_t last_received; /* at last_progress */
	uint64_t last_printed;  /* at last_print */
	unsigned int idle;      /* polls in a row that found nothing to do */
	unsigned int polls;
};

/* Begin one of the two phases of place; tally may already have counted. */
void demo_watch_messages(struct demo_watch *watch,
			 const struct demo_place *place,
			 struct demo_tally *tally);
void demo_watch_packets(struct demo_watch *watch,
			const struct demo_place *place,
			struct demo_tally *tally);

static inline bool
demo_watch_done(const struct demo_watch *watch)
{
	return demo_tally_received(watch->tally) >= watch->total;
}

/* 0, or negative: -EINTR a signal, -ECONNRESET another side has stopped,
 * -ETIMEDOUT no progress. */
int demo_watch_check(struct demo_watch *watch);

/* Publish the time that it took and the final tally; print a line. */
void demo_watch_finish(struct demo_watch *watch);

/*
 * To be called once per turn of a polling loop; `busy` says whether the turn
 * did anything.  The stations and the emulators may share very few CPUs, hence
 * an idle loop first pauses, soon yields, and then sleeps a little, for a CPU of
 * a VM that only yields keeps its host busy.  Returns as demo_watch_check().
 */
static inline int
demo_watch_turn(struct demo_watch *watch, bool busy)
{
	const unsigned int spins_before_yield = 64;
	const unsigned int turns_before_sleep = 512;
	const useconds_t sleep = 50; /* microseconds */
	const unsigned int turns_between_checks = 64;

	if (busy) {
		watch->idle = 0;
		demo_tally_publish(watch->published, watch->tally);
	} else if (++watch->idle < spins_before_yield) {
		rte_pause();
	} else if (watch->place->busy || watch->idle < turns_before_sleep) {
		sched_yield();
	} else {
		usleep(sleep);
	}
	if (++watch->polls % turns_between_checks != 0)
		return 0;
	return demo_watch_check(watch);
}

#endif /* DEMO_WATCH_H */

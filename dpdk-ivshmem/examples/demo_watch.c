/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include "demo_common.h"
#include "demo_watch.h"

static void
watch_start(struct demo_watch *watch, const struct demo_place *place,
	    struct demo_tally *tally)
{
	double now = demo_now();

	*watch = (struct demo_watch){
		.place = place,
		.tally = tally,
		.started = now,
		.before = tally->microseconds,
		.last_progress = now,
		.last_print = now,
		.last_received = demo_tally_received(tally),
		.last_printed = demo_tally_received(tally),
	};
}

void
demo_watch_messages(struct demo_watch *watch, const struct demo_place *place,
		    struct demo_tally *tally)
{
	watch_start(watch, place, tally);
	watch->what = "messages";
	watch->total = place->message_total;
	watch->published = &demo_own(place)->messages;
}

void
demo_watch_packets(struct demo_watch *watch, const struct demo_place *place,
		   struct demo_tally *tally)
{
	watch_start(watch, place, tally);
	watch->what = "packets";
	watch->total = place->packet_total;
	watch->published = &demo_own(place)->packets;
}

static void
watch_print(struct demo_watch *watch, double now)
{
	uint64_t received = demo_tally_received(watch->tally);
	char done[DEMO_COUNT_SIZE], total[DEMO_COUNT_SIZE];
	char rate[DEMO_COUNT_SIZE], errors[DEMO_COUNT_SIZE];

	printf("%-8s %11s of %s, %s, errors: %s\n", watch->what,
	       demo_format_count(done, received),
	       demo_format_count(total, watch->total),
	       demo_format_rate(rate, received - watch->last_printed,
				now - watch->last_print),
	       demo_format_count(errors, demo_tally_errors(watch->tally)));
	watch->last_print = now;
	watch->last_printed = received;
}

static void
watch_publish(struct demo_watch *watch, double now)
{
	watch->tally->microseconds =
		watch->before + (uint64_t)((now - watch->started) * 1e6);
	demo_tally_publish(watch->published, watch->tally);
}

int
demo_watch_check(struct demo_watch *watch)
{
	uint64_t received = demo_tally_received(watch->tally);
	double now = demo_now();

	watch_publish(watch, now);
	if (received != watch->last_received) {
		watch->last_received = received;
		watch->last_progress = now;
	}
	if (now - watch->last_print >= 1)
		watch_print(watch, now);
	if (demo_stop_asked())
		return -EINTR;
	if (demo_somebody_stopped(watch->place))
		return -ECONNRESET;
	if (now - watch->last_progress >= watch->place->timeout)
		return -ETIMEDOUT;
	return 0;
}

void
demo_watch_finish(struct demo_watch *watch)
{
	double now = demo_now();

	watch_publish(watch, now);
	/* The last line tells the rate of the whole phase. */
	watch->last_print = watch->started;
	watch->last_printed = 0;
	watch_print(watch, now);
}

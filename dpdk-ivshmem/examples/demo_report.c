/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <rte_common.h>
#include <rte_mbuf.h>

#include <rte_ivshmem.h>

#include "demo_check.h"
#include "demo_common.h"
#include "demo_report.h"
#include "demo_source.h"

static void
print_shared(const struct demo_share *share, const struct demo_place *place)
{
	const struct demo_names *names = &place->names;
	unsigned int from = place->n_stations - 1;

	printf("Shared, with nothing copied:\n");
	for (unsigned int i = 0; i < place->n_stations; from = i++)
		printf("  ring     %-22s %d slots, from %s to %s\n",
		       names->ring[i], DEMO_RING_SLOTS, names->station[from],
		       names->station[i]);
	printf("  mempool  %-22s %d packet buffers of %d bytes\n", names->pool,
	       DEMO_POOL_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE);
	printf("  memzone  %-22s %zu bytes, control block\n", names->control,
	       sizeof(*place->control));
	for (unsigned int i = 0; i < share->vms; i++)
		printf("  %s sees %s and %s, the mempool and the memzone\n",
		       names->station[i], names->ring[i],
		       names->ring[demo_next(place, i)]);
}

static void
print_heading(const struct demo_place *place)
{
	char text[DEMO_COUNT_SIZE];

	printf("\n  %-9s %13s %13s %8s %12s", "checked", "passed", "of",
	       "seconds", "rate");
	for (unsigned int i = 0; i < place->n_stations; i++) {
		snprintf(text, sizeof(text), "%s errors",
			 place->names.station[i]);
		printf(" %12s", text);
	}
	printf("\n");
}

/* True if all has passed at each station.  The source tells how long it took. */
static bool
print_phase(const char *what, uint64_t total, const struct demo_place *place,
	    const struct demo_tally tallies[DEMO_STATIONS_MAX])
{
	double seconds = (double)tallies[0].microseconds / 1e6;
	uint64_t least = total;
	char passed[DEMO_COUNT_SIZE], of[DEMO_COUNT_SIZE];
	char rate[DEMO_COUNT_SIZE], errors[DEMO_COUNT_SIZE];

	for (unsigned int i = 0; i < place->n_stations; i++)
		least = RTE_MIN(least, tallies[i].passed);
	printf("  %-9s %13s %13s %8.2f %12s", what,
	       demo_format_count(passed, least), demo_format_count(of, total),
	       seconds, demo_format_rate(rate, tallies[0].passed, seconds));
	for (unsigned int i = 0; i < place->n_stations; i++)
		printf(" %12s", demo_format_count(errors,
					demo_tally_errors(&tallies[i])));
	printf("\n");
	return least == total;
}

static bool
print_phases(const struct demo_place *place)
{
	struct demo_tally messages[DEMO_STATIONS_MAX];
	struct demo_tally packets[DEMO_STATIONS_MAX];
	bool good;

	for (unsigned int i = 0; i < place->n_stations; i++) {
		const struct demo_station *s = &place->control->stations[i];

		messages[i] = demo_tally_read(&s->messages);
		packets[i] = demo_tally_read(&s->packets);
	}
	print_heading(place);
	good = print_phase("messages", place->message_total, place, messages);
	return print_phase("packets", place->packet_total, place, packets) &&
	       good;
}

static void
print_circle(const struct demo_place *place)
{
	const struct demo_station *stations = place->control->stations;

	printf("  Each goes ");
	for (unsigned int i = 0; i < place->n_stations; i++)
		printf("%s -> ", place->names.station[i]);
	printf("%s, and each of them checks it.\n", place->names.station[0]);
	for (unsigned int i = 0; i < place->n_stations; i++) {
		if (stations[i].lives == 2)
			printf("  %s was killed once, and went on.\n",
			       place->names.station[i]);
		if (stations[i].lives > 2)
			printf("  %s was killed %u times, and went on.\n",
			       place->names.station[i], stations[i].lives - 1);
	}
}

bool
demo_report(const struct demo_share *share, const struct demo_place *place)
{
	unsigned int home = rte_mempool_avail_count(share->pool);
	bool good;

	print_shared(share, place);
	good = print_phases(place) && home == DEMO_POOL_SIZE;
	print_circle(place);
	printf("  %u of %d packet buffers are back in the pool.\n", home,
	       DEMO_POOL_SIZE);
	if (share->vms == 0)
		rte_ivshmem_metadata_dump(stdout, share->name);
	printf("\n%s\n", good ? "all passed, errors: 0" : "FAILED");
	return good;
}

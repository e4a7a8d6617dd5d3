/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "demo_common.h"
#include "demo_place.h"

static void
name_station(char text[DEMO_STATION_NAME_SIZE], unsigned int station, bool vms)
{
	if (vms)
		snprintf(text, DEMO_STATION_NAME_SIZE, "vm%u",
			 station % DEMO_STATIONS_MAX + 1);
	else
		snprintf(text, DEMO_STATION_NAME_SIZE, "%s",
			 station == 0 ? "host" : "guest");
}

bool
demo_names_set(struct demo_names *names, const char *name, bool vms)
{
	size_t length = strlen(name);

	if (length == 0 || length > DEMO_NAME_MAX) {
		fprintf(stderr, "--name: 1 to %d characters, not '%s'\n",
			DEMO_NAME_MAX, name);
		return false;
	}
	snprintf(names->pool, sizeof(names->pool), "%s_pool", name);
	snprintf(names->control, sizeof(names->control), "%s_control", name);
	for (unsigned int i = 0; i < DEMO_STATIONS_MAX; i++) {
		name_station(names->station[i], i, vms);
		snprintf(names->ring[i], sizeof(names->ring[i]), "%s_to_%s",
			 name, names->station[i]);
	}
	return true;
}

bool
demo_somebody_stopped(const struct demo_place *place)
{
	const struct demo_control *control = place->control;

	if (demo_state_get(&control->host_state) == DEMO_STATE_STOPPED)
		return true;
	for (unsigned int i = 0; i < place->n_stations; i++)
		if (i != place->station &&
		    demo_state_get(&control->stations[i].state) ==
		    DEMO_STATE_STOPPED)
			return true;
	return false;
}

bool
demo_all_finished(const struct demo_place *place)
{
	for (unsigned int i = 0; i < place->n_stations; i++)
		if (demo_state_get(&place->control->stations[i].state) !=
		    DEMO_STATE_FINISHED)
			return false;
	return true;
}

/* The first station that is not there yet, or n_stations. */
static unsigned int
first_missing(const struct demo_place *place)
{
	unsigned int i = 0;

	while (i < place->n_stations &&
	       demo_state_get(&place->control->stations[i].state) !=
	       DEMO_STATE_NONE)
		i++;
	return i;
}

int
demo_wait_for_all(const struct demo_place *place, uint64_t limit)
{
	const useconds_t poll_interval = 1000; /* microseconds */
	double started = demo_now();
	unsigned int missing, said = DEMO_NO_STATION;

	while ((missing = first_missing(place)) != place->n_stations) {
		if (missing != said)
			printf("waiting for %s\n",
			       place->names.station[missing]);
		said = missing;
		if (demo_stop_asked())
			return -EINTR;
		if (demo_somebody_stopped(place))
			return -ECONNRESET;
		if (limit != 0 && demo_now() - started > (double)limit)
			return -ENOENT;
		usleep(poll_interval);
	}
	printf("all are there, after %.1f s\n", demo_now() - started);
	return 0;
}

void
demo_explain(const struct demo_place *place, int error)
{
	unsigned int missing = first_missing(place);

	switch (error) {
	case -EINTR:
		fprintf(stderr, "stopped by a signal\n");
		break;
	case -ENOENT:
		fprintf(stderr, "%s is not there. Does QEMU run with the "
			"device string that the host program has printed? Has "
			"the guest program been started, with the same "
			"--name?\n", missing == place->n_stations ? "somebody" :
			place->names.station[missing]);
		break;
	case -ECONNRESET:
		fprintf(stderr, "a program on the other side has stopped; its "
			"own output says why\n");
		break;
	case -ETIMEDOUT:
		fprintf(stderr, "no progress for %.0f s. Look at: do the other "
			"programs still run, and their QEMUs (console of the "
			"VM)? Do they get CPU time (top)? Under TCG QEMU needs "
			"-accel tcg,thread=multi -smp 2. If the host program "
			"was started anew, a VM still has the memory of the "
			"old one: give it the new device.\n", place->timeout);
		break;
	}
}

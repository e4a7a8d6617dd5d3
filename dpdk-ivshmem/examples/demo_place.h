/* SPDX-License-Identifier: BSD-3-Clause */
/* A program's place in the circle of demo_protocol.h: names, states, the way
 * in and the way out. */
#ifndef DEMO_PLACE_H
#define DEMO_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "demo_protocol.h"

#define DEMO_OBJECT_NAME_SIZE (DEMO_NAME_MAX + sizeof("_to_guest"))
#define DEMO_STATION_NAME_SIZE sizeof("guest")

struct demo_names {
	char pool[DEMO_OBJECT_NAME_SIZE];
	char control[DEMO_OBJECT_NAME_SIZE];
	char ring[DEMO_STATIONS_MAX][DEMO_OBJECT_NAME_SIZE]; /* to station i */
	char station[DEMO_STATIONS_MAX][DEMO_STATION_NAME_SIZE];
};

/* Fill names, of host and guest, or of VMs; false, with a message, if name is
 * empty or too long. */
bool demo_names_set(struct demo_names *names, const char *name, bool vms);

/* No station: the host program that only looks on. */
#define DEMO_NO_STATION UINT32_MAX

struct demo_place {
	struct demo_names names;
	struct demo_control *control; /* shared */
	/* Private copies of what is constant there. */
	uint64_t message_total;
	uint64_t packet_total;
	unsigned int n_stations;

	unsigned int station; /* own number, or DEMO_NO_STATION */
	struct rte_ring *in;
	struct rte_ring *out;
	double timeout;       /* seconds without progress */
	bool busy;            /* poll without ever sleeping */
};

/* The station that follows. */
static inline unsigned int
demo_next(const struct demo_place *place, unsigned int station)
{
	return (station + 1) % place->n_stations;
}

/* The station's own part of the control block. */
static inline struct demo_station *
demo_own(const struct demo_place *place)
{
	return &place->control->stations[place->station];
}

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

/* True if the host program or another station has given up. */
bool demo_somebody_stopped(const struct demo_place *place);

/* True if all stations have finished. */
bool demo_all_finished(const struct demo_place *place);

/* Wait until every other station is there, in any order; 0, or as
 * demo_watch_check(), and -ENOENT after so many seconds (0: no limit). */
int demo_wait_for_all(const struct demo_place *place, uint64_t limit);

/* Say on stderr what a negative result of the functions here and of
 * demo_watch.h means, and where to look. */
void demo_explain(const struct demo_place *place, int error);

#endif /* DEMO_PLACE_H */

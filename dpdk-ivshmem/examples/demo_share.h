/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host program owns: the objects, and who sees which of them. */
#ifndef DEMO_SHARE_H
#define DEMO_SHARE_H

#include <stdbool.h>

#include <rte_memzone.h>
#include <rte_mempool.h>

#include "demo_place.h"

#define DEMO_RING_SLOTS 1024

struct demo_share {
	const char *name;        /* --name */
	const char *device_file; /* NULL: only print the strings */
	unsigned int vms;        /* 0: the host is a station itself */

	struct rte_ring *rings[DEMO_STATIONS_MAX]; /* to each station */
	struct rte_mempool *pool;
	const struct rte_memzone *control;
};

/*
 * Create the objects for the circle of place, each on pages of its own; for a
 * guest of the host, together on pages if there are too few.  Fill the control
 * block; share them, in one metadata file for the guest or in one for each VM;
 * print the device strings.  Sets place->control.  False, with a message, on
 * failure.
 */
bool demo_share_all(struct demo_share *share, struct demo_place *place);

/* Name of what VM `vm`, counted from 0, or the one guest, gets. */
#define DEMO_METADATA_NAME_SIZE (DEMO_NAME_MAX + sizeof("-vm1"))
void demo_metadata_name(char text[DEMO_METADATA_NAME_SIZE],
			const struct demo_share *share, unsigned int vm);

#endif /* DEMO_SHARE_H */

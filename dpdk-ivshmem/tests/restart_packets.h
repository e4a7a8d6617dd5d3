/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest's side of restart_protocol.h. */
#ifndef IVSHMEM_RESTART_PACKETS_H
#define IVSHMEM_RESTART_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

/** What a guest uses of a host. */
struct guest {
	uint64_t life; /**< that the memory is of */
	const struct rte_memzone *zone;
	struct rte_ring *to_host, *to_guest;
	struct rte_mempool *pool;
};

/** Print what is wrong; returns false. */
bool wrong(const char *what);

/** Look up all objects; false if one is missing. */
bool find_objects(struct guest *guest);

/**
 * Send packets, at most `ahead` of which are not answered yet, and check each
 * answer; print a line if all were good.
 */
bool exchange(const struct guest *guest, uint32_t packets, uint32_t ahead);

#endif

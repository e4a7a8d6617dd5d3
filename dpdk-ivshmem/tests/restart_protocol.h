/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What restart_host.c and restart_guest.c agree on.  Each start of the host
 * program is a life with a number, and all that it writes depends on that: who
 * reads memory of another life notices.
 */
#ifndef IVSHMEM_RESTART_PROTOCOL_H
#define IVSHMEM_RESTART_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#define RESTART_ZONE "restart_zone"
#define RESTART_MORE "restart_more"
#define RESTART_TO_HOST "restart_to_host"
#define RESTART_TO_GUEST "restart_to_guest"
#define RESTART_POOL "restart_pool"

#define RESTART_RING_SLOTS 256
#define RESTART_POOL_SIZE 255
#define RESTART_CACHE 32
#define RESTART_WORDS 8 /* in each packet */
#define RESTART_ZONE_WORDS 1024

/* Word 0 is the number of the life. */
static inline uint64_t restart_zone_word(uint64_t life, unsigned int i)
{
	return i == 0 ? life : life << 32 | i;
}

/* Word `i` of packet `number`; the answer is its complement. */
static inline uint64_t restart_word(uint64_t life, uint32_t number,
				    unsigned int i)
{
	return life << 40 | (uint64_t)i << 32 | number;
}

static inline bool restart_packet_is(const uint64_t *words, uint64_t life,
				     uint32_t number, bool answered)
{
	const uint64_t change = answered ? UINT64_MAX : 0;

	for (unsigned int i = 0; i < RESTART_WORDS; i++)
		if (words[i] != (restart_word(life, number, i) ^ change))
			return false;
	return true;
}

#endif

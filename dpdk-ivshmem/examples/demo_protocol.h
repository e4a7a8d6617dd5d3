/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the demo programs agree on: names, the control block, and the content
 * of every message and packet.
 *
 * Those who exchange are stations of a circle.  The first is the source; each
 * other one is a relay, which checks what comes, changes it and passes it on,
 * so that everything returns to the source in the end:
 *
 *     host and guest         two VMs               three VMs
 *
 *     host ---> guest        vm1 ---> vm2          vm1 ---> vm2 ---> vm3
 *       ^---------'            ^-------'             ^----------------'
 *
 * Between VMs the host program makes the objects, shares them, and has no place
 * in the circle.
 *
 * Objects; NAME is the value of --name in all programs:
 *
 *     ring     NAME_to_STATION  to that station from the one before it: single
 *                               producer, single consumer
 *     mempool  NAME_pool        packet buffers; only the source allocates and
 *                               frees
 *     memzone  NAME_control     struct demo_control
 *
 *     source                                     each relay
 *     ------                                     ----------
 *     host_state is READY: the control block is filled, whoever filled it
 *     state = ATTACHED                           state = ATTACHED
 *     wait until all are                         wait until all are
 *
 *     message 0, 1, ... messages-1     ------->  check each
 *     check each answer                <-------  answer each
 *
 *     allocate and fill packet 0, 1, ...  ---->  check every byte
 *     check every byte, free           <-------  change it in place
 *
 *     state = FINISHED                           state = FINISHED
 *     the host program waits for all: host_state = FINISHED
 *
 * Who gives up sets its state to STOPPED; the others then end as well.
 */
#ifndef DEMO_PROTOCOL_H
#define DEMO_PROTOCOL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define DEMO_MAGIC UINT64_C(0x4f4d45444d535649) /* "IVSMDEMO", read as bytes */
#define DEMO_VERSION 2

#define DEMO_DEFAULT_NAME "demo"
#define DEMO_NAME_MAX 19 /* "NAME_to_guest" must fit into RTE_RING_NAMESIZE */

#define DEMO_STATIONS_MAX 8
/* Of messages, and of packets.  The positions of a ring have 32 bits, and tell
 * how much of both has passed (demo_relay.h). */
#define DEMO_COUNT_MAX UINT32_C(2000000000)

#define DEMO_BURST 32
#define DEMO_CACHE_LINE 64
#define DEMO_PAYLOAD_WORDS 8 /* 64 bytes in each packet */

enum demo_state {
	DEMO_STATE_NONE = 0,     /* nobody there yet */
	DEMO_STATE_READY = 1,    /* host: control block valid, all may begin */
	DEMO_STATE_ATTACHED = 2, /* station: found everything, others may send */
	DEMO_STATE_FINISHED = 3, /* all done, tallies are final */
	DEMO_STATE_STOPPED = 4,  /* gave up: signal, timeout or bad data */
};

/* What one station counted in one phase.  Written by that station only. */
struct demo_tally {
	uint64_t passed;          /* received in the expected order and checked */
	uint64_t sequence_errors; /* another number, or another buffer, than due */
	uint64_t content_errors;  /* the right number, but other bytes than due */
	uint64_t microseconds;    /* that the phase took, from time to time */
};

/*
 * Each group on a cache line of its own, so that no station slows others down
 * by writing next to what they poll.  States are stored with release and loaded
 * with acquire order; tallies are relaxed and final once the state of their
 * writer is FINISHED or STOPPED.
 */
struct demo_station {
	_Alignas(DEMO_CACHE_LINE) uint32_t state; /* enum demo_state */
	uint32_t lives; /* programs that had this place, one after the other */

	_Alignas(DEMO_CACHE_LINE) struct demo_tally messages;
	struct demo_tally packets;
};

struct demo_control {
	/* Constant after READY. */
	_Alignas(DEMO_CACHE_LINE) uint64_t magic;
	uint32_t version;
	uint32_t size;       /* of this structure, in bytes */
	uint64_t messages;   /* how many of each will pass */
	uint64_t packets;
	uint32_t n_stations; /* 2 to DEMO_STATIONS_MAX */

	_Alignas(DEMO_CACHE_LINE) uint32_t host_state; /* enum demo_state */

	struct demo_station stations[DEMO_STATIONS_MAX];
};

static_assert(sizeof(struct demo_tally) == 32, "layout");
static_assert(offsetof(struct demo_station, messages) == 64, "layout");
static_assert(sizeof(struct demo_station) == 128, "layout");
static_assert(offsetof(struct demo_control, host_state) == 64, "layout");
static_assert(offsetof(struct demo_control, stations) == 128, "layout");

/* The finaliser of MurmurHash3: every bit of x changes half of the result. */
static inline uint64_t
demo_mix(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ (x >> 33);
}

/* Message number `sequence` as the source sends it: the number below, content
 * that follows from it above. */
static inline uint64_t
demo_message(uint32_t sequence)
{
	return demo_mix(sequence + UINT64_C(1)) << 32 | sequence;
}

/* What a relay makes of a value; one to one, so that the answer proves which
 * value arrived. */
static inline uint64_t
demo_answer(uint64_t value)
{
	value ^= UINT64_C(0x9e3779b97f4a7c15);
	return value << 13 | value >> 51;
}

static inline uint64_t
demo_unanswer(uint64_t answer)
{
	return (answer >> 13 | answer << 51) ^ UINT64_C(0x9e3779b97f4a7c15);
}

/* Undo the answers of so many relays. */
static inline uint64_t
demo_unanswer_all(uint64_t value, unsigned int relays)
{
	while (relays-- > 0)
		value = demo_unanswer(value);
	return value;
}

/* Word `index` of the payload of packet `sequence`; word 0 is the number. */
static inline uint64_t
demo_payload_word(uint32_t sequence, unsigned int index)
{
	if (index == 0)
		return sequence;
	return demo_mix((uint64_t)index << 32 | sequence);
}

#endif /* DEMO_PROTOCOL_H */

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the two demo programs agree on: names, the control block, and the
 * content of every message and packet.
 *
 * The host shares four objects; NAME is the value of --name on both sides:
 *
 *     ring     NAME_to_guest   host -> guest, single producer and consumer
 *     ring     NAME_to_host    guest -> host, single producer and consumer
 *     mempool  NAME_pool       packet buffers; only the host allocates and frees
 *     memzone  NAME_control    struct demo_control
 *
 *     host                                            guest
 *     ----                                            -----
 *     fill the control block
 *     host_state = READY               ------------>  find the objects by name
 *     wait for ATTACHED                <------------  guest_state = ATTACHED
 *
 *     message 0, 1, ... messages-1     --to_guest-->  check each
 *     check each answer                <--to_host---  answer each
 *
 *     allocate and fill packet 0, 1, ... --to_guest-> check every byte
 *     check every byte, free           <--to_host---  change it in place
 *
 *     wait for FINISHED                <------------  guest_state = FINISHED
 *     host_state = FINISHED
 *
 * Either side sets its state to STOPPED when it gives up; the other side then
 * ends as well.
 */
#ifndef DEMO_PROTOCOL_H
#define DEMO_PROTOCOL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define DEMO_MAGIC UINT64_C(0x4f4d45444d535649) /* "IVSMDEMO", read as bytes */
#define DEMO_VERSION 1

#define DEMO_DEFAULT_NAME "demo"
#define DEMO_NAME_MAX 19 /* "NAME_to_guest" must fit into RTE_RING_NAMESIZE */

#define DEMO_BURST 32
#define DEMO_CACHE_LINE 64
#define DEMO_PAYLOAD_WORDS 8 /* 64 bytes in each packet */

enum demo_state {
	DEMO_STATE_NONE = 0,     /* nobody there yet */
	DEMO_STATE_READY = 1,    /* host: control block valid, guest may begin */
	DEMO_STATE_ATTACHED = 2, /* guest: found everything, host may send */
	DEMO_STATE_FINISHED = 3, /* all done, tallies are final */
	DEMO_STATE_STOPPED = 4,  /* gave up: signal, timeout or bad data */
};

/* What one side counted in one phase.  Written by that side only. */
struct demo_tally {
	uint64_t passed;          /* received in the expected order and checked */
	uint64_t sequence_errors; /* another number, or another buffer, than due */
	uint64_t content_errors;  /* the right number, but other bytes than due */
};

/*
 * Each group on a cache line of its own, so that neither side slows the other
 * down by writing next to what the other one polls.  States are stored with
 * release and loaded with acquire order; tallies are relaxed and final once
 * the state of their writer is FINISHED or STOPPED.
 */
struct demo_control {
	/* Constant after READY. */
	_Alignas(DEMO_CACHE_LINE) uint64_t magic;
	uint32_t version;
	uint32_t size;     /* of this structure, in bytes */
	uint64_t messages; /* how many of each will pass */
	uint64_t packets;

	_Alignas(DEMO_CACHE_LINE) uint32_t host_state;  /* enum demo_state */
	_Alignas(DEMO_CACHE_LINE) uint32_t guest_state; /* enum demo_state */

	_Alignas(DEMO_CACHE_LINE) struct demo_tally host_messages;
	_Alignas(DEMO_CACHE_LINE) struct demo_tally host_packets;
	_Alignas(DEMO_CACHE_LINE) struct demo_tally guest_messages;
	_Alignas(DEMO_CACHE_LINE) struct demo_tally guest_packets;
};

static_assert(offsetof(struct demo_control, host_state) == 64, "layout");
static_assert(offsetof(struct demo_control, guest_state) == 128, "layout");
static_assert(offsetof(struct demo_control, host_messages) == 192, "layout");
static_assert(sizeof(struct demo_control) == 448, "layout");

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

/* Message number `sequence`: the number below, content that follows from it
 * above. */
static inline uint64_t
demo_message(uint32_t sequence)
{
	return demo_mix(sequence + UINT64_C(1)) << 32 | sequence;
}

/* What the guest makes of a value; one to one, so that the answer proves which
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

/* Word `index` of the payload of packet `sequence`; word 0 is the number. */
static inline uint64_t
demo_payload_word(uint32_t sequence, unsigned int index)
{
	if (index == 0)
		return sequence;
	return demo_mix((uint64_t)index << 32 | sequence);
}

#endif /* DEMO_PROTOCOL_H */

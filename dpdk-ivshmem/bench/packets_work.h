/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What producer and consumer do with packets: the same for every port.
 *
 * Each packet has 32-bit words: its number, marks where the time that is measured
 * begins and ends, and words that follow from its number.
 */
#ifndef PACKETS_WORK_H
#define PACKETS_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "packets_port.h"

#define PACKETS_HEADER 64 /* bytes that are always written and checked */

struct packets_job {
	uint16_t size;    /**< of a packet, bytes: a multiple of 4 */
	uint16_t touched; /**< bytes of it that are written and checked */
	uint16_t burst;
	uint64_t warm_us; /**< before the time that is measured */
	uint64_t us;      /**< that is measured */
};

/** Producer: send; false, with a message, if the peer takes or returns none. */
bool packets_send(struct packets_port *port, const struct packets_job *job);
/** Consumer: receive and check; packets per second. */
bool packets_receive(struct packets_port *port, const struct packets_job *job,
		     double *rate);

/** Packets of 64 bytes one by one, there and back; or plain numbers in the
 *  place of pointers to packets (rings only).  In TSC cycles, in the order of time. */
bool packets_ping(struct packets_port *port, bool plain, uint32_t n,
		  uint64_t *cycles);
/** The other end: check each and send it back. */
bool packets_pong(struct packets_port *port, bool plain, uint32_t n);

#endif /* PACKETS_WORK_H */

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the programs that ring each other share: a memzone and two rings, made
 * by one of them.  One asks, the other one answers with the same number.
 */
#ifndef IVSHMEM_DOORBELL_PROTOCOL_H
#define IVSHMEM_DOORBELL_PROTOCOL_H

#include <stdint.h>

#include "rte_ivshmem_doorbell.h"

#define DOORBELL_ZONE "doorbell_zone"
#define DOORBELL_QUESTIONS "doorbell_questions"
#define DOORBELL_ANSWERS "doorbell_answers"
#define DOORBELL_RING_SIZE 64

/** Questions, from 1 on. */
#define DOORBELL_STOP UINT64_MAX       /**< no more */
#define DOORBELL_POLL (UINT64_C(1) << 62) /**< the next one is polled for */
#define DOORBELL_HOLD (UINT64_C(1) << 61) /**< answered once the asker sleeps */

#define DOORBELL_CONSTANT UINT64_C(0x123456789abcdef0)

struct doorbell_zone {
	struct rte_ivshmem_sleeper asker;
	struct rte_ivshmem_sleeper answerer;
	uint32_t answerer_is_there;
	uint64_t constant; /**< DOORBELL_CONSTANT */
	uint64_t held_ns; /**< how long the latest answer was kept for that */
};

#endif

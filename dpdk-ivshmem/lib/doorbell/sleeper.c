/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each side writes, then fences, then reads what the other one writes:
 *
 *     consumer  asleep = 1    fence  is the ring empty?   wait
 *     producer  enqueue       fence  asleep?              ring
 *
 * At least one of them sees the other's write.  A sequentially consistent
 * fence is needed on both sides: nothing less orders a write before a later
 * read.
 */
#include <errno.h>
#include <string.h>

#include <rte_atomic.h>
#include <rte_errno.h>
#include <rte_ring.h>

#include "doorbell.h"
#include "rte_ivshmem_format.h"

RTE_IVSHMEM_ASSERT(sizeof(struct rte_ivshmem_sleeper) == 64);

int rte_ivshmem_sleeper_init(struct rte_ivshmem_sleeper *sleeper,
			     const struct rte_ivshmem_doorbell *db,
			     uint16_t vector)
{
	if (vector >= db->vectors) {
		rte_errno = EINVAL;
		return -1;
	}
	memset(sleeper, 0, sizeof(*sleeper));
	sleeper->peer = db->id;
	sleeper->vector = vector;
	return 0;
}

void rte_ivshmem_sleeper_arm(struct rte_ivshmem_sleeper *sleeper)
{
	/* Release: peer and vector are there before. */
	__atomic_store_n(&sleeper->asleep, 1, __ATOMIC_RELEASE);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void rte_ivshmem_sleeper_disarm(struct rte_ivshmem_sleeper *sleeper)
{
	__atomic_store_n(&sleeper->asleep, 0, __ATOMIC_RELAXED);
}

int rte_ivshmem_sleeper_wake(struct rte_ivshmem_sleeper *sleeper,
			     struct rte_ivshmem_doorbell *db)
{
	uint16_t peer, vector;

	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* Reading is cheap; writing takes the line from the consumer. */
	if (__atomic_load_n(&sleeper->asleep, __ATOMIC_RELAXED) == 0 ||
	    __atomic_exchange_n(&sleeper->asleep, 0, __ATOMIC_ACQUIRE) == 0)
		return 0;
	peer = __atomic_load_n(&sleeper->peer, __ATOMIC_RELAXED);
	vector = __atomic_load_n(&sleeper->vector, __ATOMIC_RELAXED);
	if (rte_ivshmem_doorbell_ring(db, peer, vector) == 0)
		return 1;
	/* It sleeps on: the next producer may be able to ring it. */
	__atomic_store_n(&sleeper->asleep, 1, __ATOMIC_RELEASE);
	return -1;
}

int rte_ivshmem_sleeper_wait_ring(struct rte_ivshmem_sleeper *sleeper,
				  struct rte_ivshmem_doorbell *db,
				  const struct rte_ring *r, int timeout_ms)
{
	int64_t deadline = ivshmem_deadline(timeout_ms);
	uint16_t vector = __atomic_load_n(&sleeper->vector, __ATOMIC_RELAXED);
	int ret = 1;

	if (ivshmem_doorbell_is_gone(db)) {
		rte_errno = ENODEV;
		return -1;
	}
	while (ret > 0 && rte_ring_empty(r)) {
		/* What was rung before is over; what comes now is kept. */
		ret = rte_ivshmem_doorbell_ack(db, vector);
		if (ret < 0)
			break;
		rte_ivshmem_sleeper_arm(sleeper);
		if (rte_ring_empty(r))
			ret = ivshmem_wait_readable(db->fds[vector], deadline);
		else
			ret = 1;
		rte_ivshmem_sleeper_disarm(sleeper);
		if (ret < 0)
			rte_errno = -ret;
	}
	if (ret < 0)
		return -1;
	return !rte_ring_empty(r);
}

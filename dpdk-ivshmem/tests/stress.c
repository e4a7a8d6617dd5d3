/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>

#include "stress.h"

#define HELD 128 /* more than a cache takes at once */
#define BURST 32
#define STEPS_REGISTERED 200

/** One thread. */
struct worker {
	const struct stress *stress;
	struct stress_counts counts;
	uint32_t me;
	uint32_t random;
	uint32_t held;
	struct rte_mbuf *mbufs[HELD];
};

static bool stopped(const struct stress *stress)
{
	return __atomic_load_n(&stress->control->stop, __ATOMIC_RELAXED) != 0;
}

static bool report(const struct stress *stress, const void *m, uint32_t number,
		   uint32_t expected, uint32_t found)
{
	__atomic_fetch_add(&stress->control->faults, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&stress->control->stop, 1, __ATOMIC_RELAXED);
	printf("party %u: owned twice: mbuf %u at %p: its owner is %u, not %u\n",
	       stress->party, number, m, found, expected);
	return false;
}

uint32_t stress_number(const struct stress *stress, const void *m)
{
	uint32_t number;

	if (m == NULL || rte_mempool_from_obj((void *)(uintptr_t)m) !=
			 stress->pool)
		return STRESS_MBUFS;
	/* As rte_mbuf_to_priv(), for what may be no mbuf. */
	number = *(const uint32_t *)((const char *)m + sizeof(struct rte_mbuf));
	return number < STRESS_MBUFS ? number : STRESS_MBUFS;
}

bool stress_pass(const struct stress *stress, const void *m, uint32_t old,
		 uint32_t owner)
{
	uint32_t number = stress_number(stress, m), found;

	if (number == STRESS_MBUFS)
		return report(stress, m, number, old, 0);
	found = __atomic_exchange_n(&stress->control->owner[number], owner,
				    __ATOMIC_ACQ_REL);
	return found == old || report(stress, m, number, old, found);
}

static uint32_t next_random(struct worker *worker)
{
	/* xorshift32; never 0 */
	worker->random ^= worker->random << 13;
	worker->random ^= worker->random >> 17;
	worker->random ^= worker->random << 5;
	return worker->random;
}

/* 1 to BURST, but not more than `most`. */
static uint32_t burst(struct worker *worker, uint32_t most)
{
	return RTE_MIN(most, 1 + next_random(worker) % BURST);
}

static void take(struct worker *worker)
{
	uint32_t n = burst(worker, HELD - worker->held);
	struct rte_mbuf **mbufs = &worker->mbufs[worker->held];

	if (n == 0 || rte_mempool_get_bulk(worker->stress->pool,
					   (void **)mbufs, n) != 0)
		return;
	for (uint32_t i = 0; i < n; i++)
		if (!stress_pass(worker->stress, mbufs[i], STRESS_FREE,
				 worker->me))
			return;
	worker->held += n;
	worker->counts.taken += n;
}

/* The last ones of those that are held; 0 if one is not. */
static uint32_t pass_last(struct worker *worker, uint32_t n, uint32_t owner)
{
	for (uint32_t i = 0; i < n; i++)
		if (!stress_pass(worker->stress,
				 worker->mbufs[worker->held - 1 - i],
				 worker->me, owner))
			return 0;
	return n;
}

static void give(struct worker *worker, uint32_t most)
{
	uint32_t n = pass_last(worker, RTE_MIN(most, worker->held),
			       STRESS_FREE);

	worker->held -= n;
	worker->counts.given += n;
	if (n == 1)
		rte_pktmbuf_free(worker->mbufs[worker->held]);
	else if (n > 0)
		rte_pktmbuf_free_bulk(&worker->mbufs[worker->held], n);
}

static void send_some(struct worker *worker)
{
	const struct stress *stress = worker->stress;
	uint32_t parties = stress->control->here;
	uint32_t to = (stress->party + 1 + next_random(worker) %
		       RTE_MAX(1u, parties - 1)) % parties;
	uint32_t n = pass_last(worker, burst(worker, worker->held),
			       STRESS_TRAVELS);
	struct rte_mbuf **mbufs = &worker->mbufs[worker->held - n];
	uint32_t sent;

	if (n == 0)
		return;
	sent = rte_ring_enqueue_burst(stress->rings[to], (void **)mbufs, n,
				      NULL);
	worker->held -= n;
	for (uint32_t i = sent; i < n; i++)
		if (stress_pass(stress, mbufs[i], STRESS_TRAVELS, worker->me))
			worker->mbufs[worker->held++] = mbufs[i];
}

static void receive(struct worker *worker)
{
	const struct stress *stress = worker->stress;
	struct rte_mbuf **mbufs = &worker->mbufs[worker->held];
	uint32_t n = rte_ring_dequeue_burst(stress->rings[stress->party],
					    (void **)mbufs,
					    HELD - worker->held, NULL);

	for (uint32_t i = 0; i < n; i++)
		if (!stress_pass(stress, mbufs[i], STRESS_TRAVELS, worker->me))
			return;
	worker->held += n;
	worker->counts.received += n;
}

static void step(struct worker *worker)
{
	switch (next_random(worker) % 8) {
	case 0:
	case 1:
	case 2:
		take(worker);
		break;
	case 3:
	case 4:
		give(worker, burst(worker, HELD));
		break;
	case 5:
		give(worker, 1);
		break;
	case 6:
		send_some(worker);
		break;
	case 7:
		receive(worker);
		break;
	}
}

static void begin(struct worker *worker, const struct stress *stress)
{
	static uint32_t threads;
	uint32_t thread = __atomic_fetch_add(&threads, 1, __ATOMIC_RELAXED);

	*worker = (struct worker){ .stress = stress };
	worker->me = STRESS_FIRST_THREAD + thread * STRESS_PARTIES +
		     stress->party;
	worker->random = 1 + worker->me * UINT32_C(2654435761);
}

static void end(struct worker *worker)
{
	struct stress_counts *sum =
		&worker->stress->control->counts[worker->stress->party];

	/* After a fault who owns what is not known. */
	if (worker->stress->control->faults == 0)
		give(worker, HELD);
	__atomic_fetch_add(&sum->taken, worker->counts.taken, __ATOMIC_RELAXED);
	__atomic_fetch_add(&sum->given, worker->counts.given, __ATOMIC_RELAXED);
	__atomic_fetch_add(&sum->received, worker->counts.received,
			   __ATOMIC_RELAXED);
	__atomic_fetch_add(&sum->registered, worker->counts.registered,
			   __ATOMIC_RELAXED);
}

static int work_as_lcore(void *arg)
{
	struct stress *stress = arg;
	struct worker worker;

	begin(&worker, stress);
	while (!stopped(stress))
		step(&worker);
	end(&worker);
	return 0;
}

/* Registered, with a cache; then without one; and again. */
static void *come_and_go(void *arg)
{
	struct stress *stress = arg;
	struct worker worker;

	begin(&worker, stress);
	while (!stopped(stress)) {
		bool registered = rte_thread_register() == 0;

		worker.counts.registered += registered;
		for (int i = 0; i < STEPS_REGISTERED && !stopped(stress); i++)
			step(&worker);
		if (registered)
			rte_thread_unregister();
		step(&worker);
		sched_yield();
	}
	end(&worker);
	return NULL;
}

bool stress_join(struct stress *stress)
{
	const struct rte_memzone *zone = rte_memzone_lookup(STRESS_ZONE);
	char name[RTE_RING_NAMESIZE];

	stress->pool = rte_mempool_lookup(STRESS_POOL);
	if (zone == NULL || stress->pool == NULL)
		return false;
	stress->control = zone->addr;
	for (uint32_t i = 0; i < STRESS_PARTIES; i++) {
		snprintf(name, sizeof(name), STRESS_RING, i);
		stress->rings[i] = rte_ring_lookup(name);
		if (stress->rings[i] == NULL)
			return false;
	}
	stress->party = __atomic_fetch_add(&stress->control->here, 1,
					   __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&stress->control->go, __ATOMIC_ACQUIRE) == 0 &&
	       !stopped(stress))
		usleep(1000);
	return stress->party < STRESS_PARTIES;
}

void stress_work(struct stress *stress)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, come_and_go, stress) != 0)
		exit(EXIT_FAILURE);
	rte_eal_mp_remote_launch(work_as_lcore, stress, CALL_MAIN);
	rte_eal_mp_wait_lcore();
	pthread_join(thread, NULL);
}

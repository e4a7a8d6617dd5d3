/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What docs/security.md says that a hostile guest can do to its host: if one of
 * these checks fails, the document is wrong.
 *
 * Each time a process of its own plays both: it writes to shared memory as a
 * guest can, then uses the object as the host does.  The memory is shared with
 * those that follow.
 */
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "eal.h"
#include "tap.h"

#define SLOTS 64
#define STALE ((void *)(uintptr_t)0x5157)
#define NOWHERE ((void *)(uintptr_t)0xdead000)
#define HUNG 2 /* seconds until a process is taken to hang */
#define DONE 42

static struct rte_ring *ring; /* of many producers and consumers */
static struct rte_mempool *pool;

/* The status of a child that runs it, as of waitpid(). */
static int status_of(void (*run)(void))
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		alarm(HUNG);
		run();
		_exit(0);
	}
	waitpid(child, &status, 0);
	return status;
}

static bool ended_by(int status, int signum)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == signum;
}

static void **slots_of(struct rte_ring *r)
{
	return (void **)(r + 1);
}

static void pointer(void)
{
	void *m = NULL;

	rte_ring_enqueue(ring, m);
	slots_of(ring)[ring->cons.head & ring->mask] = NOWHERE;
	if (rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
}

/* The ring is empty; one item is taken that lay there before. */
static void positions(void)
{
	void *m = NULL;

	slots_of(ring)[ring->cons.head & ring->mask] = STALE;
	ring->prod.tail++;
	if (rte_ring_dequeue(ring, &m) == 0 && m == STALE)
		_exit(DONE);
}

static void head(void)
{
	ring->prod.head = ring->prod.tail + 1;
	rte_ring_enqueue(ring, NULL);
}

static void named_by_guest(void *address, void *opaque)
{
	(void)address;
	(void)opaque;
	_exit(DONE);
}

static void external(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	static struct rte_mbuf_ext_shared_info info = {
		.free_cb = named_by_guest, .refcnt = 1,
	};

	m->shinfo = &info;
	m->ol_flags |= RTE_MBUF_F_EXTERNAL;
	rte_pktmbuf_free(m);
}

static void ops_index(void)
{
	struct rte_mbuf *mbufs[SLOTS];

	pool->ops_index = RTE_MEMPOOL_MAX_OPS_IDX - 1;
	rte_pktmbuf_alloc_bulk(pool, mbufs, SLOTS);
}

int main(int argc, char **argv)
{
	int status;

	start_host(argc > 1 ? argv[1] : "no-huge");
	ring = rte_ring_create("hg_ring", SLOTS, SOCKET_ID_ANY, 0);
	pool = rte_pktmbuf_pool_create("hg_pool", 4 * SLOTS - 1, 0, 0, 256,
				       SOCKET_ID_ANY);
	if (ring == NULL || pool == NULL)
		bail_out("no objects");
	check(ended_by(status_of(pointer), SIGSEGV),
	      "a pointer in a ring: the host follows it");
	status = status_of(positions);
	check(WIFEXITED(status) && WEXITSTATUS(status) == DONE,
	      "positions of a ring: the host takes what nobody has put in");
	check(ended_by(status_of(head), SIGALRM),
	      "the head of a ring with many producers: the host hangs");
	status = status_of(external);
	check(WIFEXITED(status) && WEXITSTATUS(status) == DONE,
	      "an external buffer: the host calls what the guest names");
	status = status_of(ops_index);
	check(ended_by(status, SIGSEGV) || ended_by(status, SIGABRT),
	      "a pool's ops: the host ends");
	return tap_end();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of test_runtime.c: shares two rings and a pool, and answers each
 * message with the next number; until SIGTERM.
 */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "eal.h"
#include "rte_ivshmem.h"
#include "runtime_host.h"
#include "tap.h"

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signum)
{
	(void)signum;
	stop_asked = 1;
}

static struct rte_ring *share_ring(const char *name)
{
	struct rte_ring *r = rte_ring_create(name, 64, SOCKET_ID_ANY, 0);

	if (r == NULL || rte_ivshmem_metadata_add_ring(r, RUNTIME_NAME) != 0)
		bail_out(rte_strerror(rte_errno));
	return r;
}

static void share_pool(void)
{
	struct rte_mempool *mp = rte_ivshmem_pktmbuf_pool_create(RUNTIME_POOL,
		RUNTIME_POOL_SIZE, 32, 0, 256, SOCKET_ID_ANY);

	if (mp == NULL ||
	    rte_ivshmem_metadata_add_mempool(mp, RUNTIME_NAME) != 0)
		bail_out(rte_strerror(rte_errno));
}

static void serve(struct rte_ring *in, struct rte_ring *out)
{
	void *message;

	while (!stop_asked) {
		if (rte_ring_dequeue(in, &message) != 0)
			usleep(100);
		else
			rte_ring_enqueue(out, (void *)((uintptr_t)message + 1));
	}
}

int runtime_host(const char *mode, const char *prefix, int ready)
{
	static char text[1 << 16];
	struct rte_ring *in, *out;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(test_prefix, 32, "%s", prefix);
	start_eal(mode);
	signal(SIGTERM, ask_to_stop);
	if (rte_ivshmem_metadata_create(RUNTIME_NAME) != 0)
		bail_out(rte_strerror(rte_errno));
	in = share_ring(RUNTIME_TO_HOST);
	out = share_ring(RUNTIME_TO_GUEST);
	share_pool();
	if (rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  RUNTIME_NAME) != 0 ||
	    write(ready, "", 1) != 1)
		bail_out(rte_strerror(rte_errno));
	close(ready);
	serve(in, out);
	rte_ivshmem_metadata_destroy(RUNTIME_NAME);
	end_eal();
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host for tests of the tool: shares a memzone, a ring and a mempool under
 * the name of its first argument behind "--", prints what the library's audit
 * says and "ready", and lives until its standard input closes.  With a second
 * argument also a ring that guests only read, and with a layout file.
 */
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "rte_ivshmem.h"

static int share_more(const char *name)
{
	struct rte_ring *ring = rte_ivshmem_ring_create("tool_watched", 64,
							SOCKET_ID_ANY, 0);
	char text[16384];

	if (ring == NULL ||
	    rte_ivshmem_metadata_add_ring_readonly(ring, name) != 0)
		return -1;
	return rte_ivshmem_metadata_device_generate(text, sizeof(text), name,
						    RTE_IVSHMEM_FORM_LAYOUT);
}

static int share(const char *name, bool more)
{
	const struct rte_memzone *mz, *hidden;
	struct rte_ring *ring;
	struct rte_mempool *pool;
	char text[16384];

	mz = rte_memzone_reserve("tool_zone", 1000, SOCKET_ID_ANY, 0);
	hidden = rte_memzone_reserve("tool_secret", 1000, SOCKET_ID_ANY, 0);
	ring = rte_ring_create("tool_ring", 64, SOCKET_ID_ANY, 0);
	pool = rte_pktmbuf_pool_create("tool_pool", 63, 8, 0, 128,
				       SOCKET_ID_ANY);
	if (mz == NULL || hidden == NULL || ring == NULL || pool == NULL)
		return -1;
	if (rte_ivshmem_metadata_create(name) != 0 ||
	    rte_ivshmem_metadata_add_memzone(mz, name) != 0 ||
	    rte_ivshmem_metadata_add_ring(ring, name) != 0 ||
	    rte_ivshmem_metadata_add_mempool(pool, name) != 0)
		return -1;
	if (more)
		return share_more(name);
	return rte_ivshmem_metadata_cmdline_generate(text, sizeof(text), name);
}

int main(int argc, char **argv)
{
	char byte;
	int parsed = rte_eal_init(argc, argv);

	if (parsed < 0 || parsed + 1 >= argc ||
	    share(argv[parsed + 1], parsed + 2 < argc) != 0) {
		fprintf(stderr, "cannot share: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	rte_ivshmem_metadata_audit(stdout, argv[parsed + 1]);
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	rte_eal_cleanup();
	return 0;
}

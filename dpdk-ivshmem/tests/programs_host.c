/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of tests/e2e/programs.sh.  Arguments: those of the EAL, `--`, the name
 * of the metadata, a file for the device string, and "plain" for a pool that has no
 * pages of its own.
 *
 * It shares a pool, a memzone, and rings with the names that DPDK's driver net_ring
 * looks up for its ports net_ring0 and net_ring1.  Then it runs commands of
 * programs_packets.h, a line each, until the line "end".
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include <rte_ivshmem.h>

#include "programs_packets.h"

/*
 * A driver of a port looks its rings up and opens all of them at once.  In both
 * directions it uses the same ones, and so does the host: several producers and
 * consumers.
 */
static bool share_ring(const char *port, unsigned int queue,
		       const char *md_name)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	snprintf(name, sizeof(name), "ETH_RXTX%u_%s", queue, port);
	ring = rte_ring_create(name, PROGRAMS_RING_SLOTS, SOCKET_ID_ANY, 0);
	return ring != NULL &&
	       rte_ivshmem_metadata_add_ring(ring, md_name) == 0;
}

static bool share_port(const char *port, const char *md_name)
{
	for (unsigned int i = 0; i < RTE_PMD_RING_MAX_RX_RINGS; i++)
		if (!share_ring(port, i, md_name))
			return false;
	return true;
}

static bool share_zone(const char *md_name)
{
	const struct rte_memzone *zone =
		rte_memzone_reserve(PROGRAMS_ZONE, PROGRAMS_ZONE_WORDS *
				    sizeof(uint64_t), SOCKET_ID_ANY, 0);

	if (zone == NULL)
		return false;
	for (uint32_t i = 0; i < PROGRAMS_ZONE_WORDS; i++)
		((uint64_t *)zone->addr)[i] = i;
	return rte_ivshmem_metadata_add_memzone(zone, md_name) == 0;
}

/* With pages of its own the caches of all lcores can be private in a guest. */
static bool share_pool(const char *md_name, bool plain)
{
	struct rte_mempool *pool = (plain ? rte_pktmbuf_pool_create :
				    rte_ivshmem_pktmbuf_pool_create)(
			PROGRAMS_POOL, PROGRAMS_POOL_SIZE, PROGRAMS_CACHE, 0,
			RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

	return pool != NULL &&
	       rte_ivshmem_metadata_add_mempool(pool, md_name) == 0;
}

static bool write_device(const char *md_name, const char *path)
{
	static char text[65536];
	FILE *f;

	if (rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  md_name) != 0)
		return false;
	f = fopen(path, "w");
	if (f == NULL)
		return false;
	fprintf(f, "%s\n", text);
	return fclose(f) == 0;
}

static bool share_all(const char *md_name, const char *path, bool plain)
{
	return rte_ivshmem_metadata_create(md_name) == 0 &&
	       share_port("net_ring0", md_name) &&
	       share_port("net_ring1", md_name) &&
	       share_pool(md_name, plain) && share_zone(md_name) &&
	       write_device(md_name, path);
}

static void serve(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "end") == 0)
			break;
		printf("command %s\n", line);
		puts(programs_command(line) ? "good" : "bad");
	}
}

int main(int argc, char **argv)
{
	int parsed, status = EXIT_FAILURE;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0)
		return EXIT_FAILURE;
	if (argc - parsed < 3) {
		fprintf(stderr, "usage: programs-host EAL-OPTIONS -- NAME FILE [plain]\n");
	} else if (!share_all(argv[parsed + 1], argv[parsed + 2],
			      argc - parsed > 3)) {
		fprintf(stderr, "nothing is shared: %s\n",
			rte_strerror(rte_errno));
	} else {
		puts("shared");
		serve();
		status = EXIT_SUCCESS;
	}
	rte_eal_cleanup();
	return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests/e2e/hostile_devices.sh: shares one ring in each of N metadata
 * files, prints a device string for each, one a line, and waits to be ended.
 *
 * Arguments: those of the EAL, `--`, and N.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ring.h>

#include "devices_protocol.h"
#include "rte_ivshmem.h"

static int share(unsigned int i)
{
	static char text[1 << 16];
	struct rte_ring *ring;
	char name[16];

	snprintf(name, sizeof(name), DEVICES_RING, i);
	ring = rte_ivshmem_ring_create(name, 16, SOCKET_ID_ANY, 0);
	if (ring == NULL || rte_ring_enqueue(ring, DEVICES_MESSAGE(i)) != 0 ||
	    rte_ivshmem_metadata_create(name) != 0 ||
	    rte_ivshmem_metadata_add_ring(ring, name) != 0 ||
	    rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  name) != 0)
		return -rte_errno;
	puts(text);
	return 0;
}

int main(int argc, char **argv)
{
	int parsed = rte_eal_init(argc, argv);
	unsigned int n;

	if (parsed < 0 || parsed + 1 >= argc)
		return EXIT_FAILURE;
	n = (unsigned int)strtoul(argv[parsed + 1], NULL, 10);
	for (unsigned int i = 0; i < n; i++)
		if (share(i) != 0) {
			fprintf(stderr, "ring %u: %s\n", i,
				rte_strerror(rte_errno));
			return EXIT_FAILURE;
		}
	puts("shared");
	fflush(stdout);
	pause();
	return EXIT_FAILURE;
}

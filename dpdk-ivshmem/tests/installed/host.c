/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program of somebody else, C and C++ alike: shares a ring and prints the
 * device string.  Then it waits until its input ends, and tells what a guest
 * put into the ring.  Arguments: those of the EAL.
 */
#include <rte_ivshmem.h>

#include <stdint.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_ring.h>

static char text[65536];

static int fail(const char *what)
{
	fprintf(stderr, "host: %s: %s\n", what, rte_strerror(rte_errno));
	rte_eal_cleanup();
	return 1;
}

int main(int argc, char **argv)
{
	struct rte_ring *ring;
	void *answer = NULL;

	if (rte_eal_init(argc, argv) < 0)
		return fail("rte_eal_init");
	ring = rte_ring_create("installed", 64, SOCKET_ID_ANY, 0);
	if (ring == NULL || rte_ring_enqueue(ring, (void *)(uintptr_t)41) != 0)
		return fail("ring");
	if (rte_ivshmem_metadata_create("installed") != 0 ||
	    rte_ivshmem_metadata_add_ring(ring, "installed") != 0 ||
	    rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  "installed") != 0)
		return fail("sharing");
	puts(text);
	fflush(stdout);
	while (getchar() != EOF)
		;
	if (rte_ring_dequeue(ring, &answer) == 0)
		printf("answer %u\n", (unsigned int)(uintptr_t)answer);
	rte_eal_cleanup();
	return 0;
}

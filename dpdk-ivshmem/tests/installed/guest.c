/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest program: calls nothing of the library that it is linked with, and
 * finds the ring of host.c.  Arguments: those of the EAL.
 */
#include <stdint.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_ring.h>

int main(int argc, char **argv)
{
	struct rte_ring *ring;
	void *message = NULL;

	if (rte_eal_init(argc, argv) < 0)
		return 1;
	ring = rte_ring_lookup("installed");
	if (ring == NULL || rte_ring_dequeue(ring, &message) != 0) {
		fprintf(stderr, "guest: no ring, or nothing in it\n");
		rte_eal_cleanup();
		return 1;
	}
	rte_ring_enqueue(ring, (void *)((uintptr_t)message + 1));
	rte_eal_cleanup();
	return 0;
}

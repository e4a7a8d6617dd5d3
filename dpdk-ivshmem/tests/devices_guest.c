/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests/e2e/hostile_devices.sh, in a guest.
 *
 * Arguments: those of the EAL, `--`, and
 *   count N      look for N rings, and for the message in each
 *   again DEVICE detach the device, then attach and detach it for ten seconds;
 *                say how often it worked
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_ring.h>

#include "devices_protocol.h"
#include "rte_ivshmem_guest.h"

static int count(unsigned int n)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < n; i++) {
		void *message = NULL;
		struct rte_ring *ring;
		char name[16];

		snprintf(name, sizeof(name), DEVICES_RING, i);
		ring = rte_ring_lookup(name);
		found += ring != NULL &&
			 rte_ring_dequeue(ring, &message) == 0 &&
			 message == DEVICES_MESSAGE(i) &&
			 rte_ring_enqueue(ring, message) == 0;
	}
	printf("found %u of %u rings\n", found, n);
	return found == n ? EXIT_SUCCESS : EXIT_FAILURE;
}

static unsigned int count_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4096];
	unsigned int n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "resource2") != NULL;
	if (f != NULL)
		fclose(f);
	return n;
}

static int again(const char *device)
{
	unsigned int tries = 0, attached = 0, before, after;
	time_t end = time(NULL) + 10;

	if (rte_ivshmem_detach(device, 0) != 0)
		return EXIT_FAILURE;
	before = count_mappings();
	for (; time(NULL) < end; tries++) {
		if (rte_ivshmem_attach(device) != 0)
			continue;
		attached++;
		if (rte_ivshmem_detach(device, 0) != 0)
			return EXIT_FAILURE;
	}
	after = count_mappings();
	printf("attached %u of %u times, mappings before %u, after %u\n",
	       attached, tries, before, after);
	return before == after ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int parsed = rte_eal_init(argc, argv), ret = EXIT_FAILURE;

	if (parsed < 0 || parsed + 2 >= argc)
		return EXIT_FAILURE;
	if (strcmp(argv[parsed + 1], "count") == 0)
		ret = count((unsigned int)strtoul(argv[parsed + 2], NULL, 10));
	else if (strcmp(argv[parsed + 1], "again") == 0)
		ret = again(argv[parsed + 2]);
	rte_eal_cleanup();
	return ret;
}

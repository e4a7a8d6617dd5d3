/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest of stress_host.c, which knows nothing of our library.  Arguments:
 * those of the EAL, and behind `--` what shows that the test can fail:
 *
 *   shared PATH OFFSET ADDRESS LENGTH
 *       use the caches in that file, which are the host's
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_lcore.h>

#include "stress.h"

static bool share_caches(char **argv)
{
	void *address = (void *)(uintptr_t)strtoull(argv[3], NULL, 0);
	int fd = open(argv[1], O_RDWR);

	return fd >= 0 && mmap(address, strtoull(argv[4], NULL, 0),
			       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			       fd, (off_t)strtoull(argv[2], NULL, 0)) ==
			  address;
}

int main(int argc, char **argv)
{
	static struct stress stress;
	int parsed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0)
		return EXIT_FAILURE;
	argc -= parsed;
	argv += parsed;
	if (argc == 6 && strcmp(argv[1], "shared") == 0 &&
	    !share_caches(argv + 1)) {
		perror(argv[2]);
		return EXIT_FAILURE;
	}
	printf("guest: %u lcores, the first is %u\n", rte_lcore_count(),
	       rte_get_main_lcore());
	if (!stress_join(&stress)) {
		printf("guest: objects are not found\n");
		return EXIT_FAILURE;
	}
	printf("guest: party %u\n", stress.party);
	stress_work(&stress);
	__atomic_fetch_add(&stress.control->left, 1, __ATOMIC_ACQ_REL);
	/* What the caches hold returns to the pool. */
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}

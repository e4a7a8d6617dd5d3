/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where tests may take hugepages.  With --legacy-mem the EAL takes all that it can get,
 * for a moment, and so does a test that allocates until nothing is left; from a
 * hugetlbfs without a limit these are the pages of every other process, too.
 */
#ifndef IVSHMEM_TEST_HUGETLBFS_H
#define IVSHMEM_TEST_HUGETLBFS_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "tap.h"

/** The directory that the variable names, or NULL; end the test if it has no limit. */
static inline const char *hugetlbfs_of(const char *variable)
{
	const char *directory = getenv(variable);
	struct statfs fs;

	if (directory == NULL)
		return NULL;
	if (statfs(directory, &fs) != 0 || fs.f_type != HUGETLBFS_MAGIC ||
	    fs.f_blocks == 0) {
		fprintf(stderr, "%s=%s: a hugetlbfs with a limit is needed (mount -o size=; scripts/hugepages mounts one)\n",
			variable, directory);
		bail_out("a test could take every hugepage of the machine");
	}
	return directory;
}

#define HUGE_NODES 8

/** Text for --socket-limit: so many MiB of each NUMA node.  The EAL writes into it. */
static inline char *hugepage_limits(int mib)
{
	static char text[HUGE_NODES * 12];
	size_t length = 0;

	for (int i = 0; i < HUGE_NODES; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "%s%d", i > 0 ? "," : "", mib);
	return text;
}

#endif

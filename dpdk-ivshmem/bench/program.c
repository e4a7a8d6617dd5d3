/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "program.h"

void give_up(const char *what)
{
	fprintf(stderr, "error: %s: %s\n", what,
		rte_strerror(rte_errno != 0 ? rte_errno : errno));
	exit(EXIT_FAILURE);
}

void start_eal(const char *base, const char *mib)
{
	char prefix[32];
	const char *argv[] = {
		"bench", "--no-huge", "-m", mib, "--no-pci",
		"--no-telemetry", "--no-shconf", "--lcores", "0@0",
		"--base-virtaddr", base, "--file-prefix", prefix,
		"--log-level", "lib.eal:error",
		"--log-level", "lib.ivshmem:warning",
	};

	snprintf(prefix, sizeof(prefix), "ivbench%d", getpid());
	must(rte_eal_init(RTE_DIM(argv), (char **)(uintptr_t)argv) >= 0, "EAL");
}

void end_eal(void)
{
	char runtime[PATH_MAX];
	int folder_removed;

	snprintf(runtime, sizeof(runtime), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	folder_removed = rmdir(runtime);
	(void)folder_removed; /* only there with some versions of the EAL */
}

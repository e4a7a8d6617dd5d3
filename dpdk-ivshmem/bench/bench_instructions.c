/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hot paths, for callgrind to count their instructions.
 *
 * usage: RTE_IVSHMEM_DIR=FOLDER bench-instructions host|share|guest
 *        bench-instructions toolchain
 *
 *   host   paths of a process that shares
 *   share  share with `guest`: say "ready", and go on until the end of input
 *   guest  paths of a process that is attached to what `share` shares
 *   toolchain
 *          print what it was built with: the counts depend on that
 *
 * host and guest run in
 *
 *     valgrind --tool=callgrind --instr-atstart=no --collect-atstart=no
 *
 * which writes a profile for each path; its trigger is "PATH|OPERATIONS".
 * Without valgrind they run as well, and print the paths.
 *
 * The counts are the same in each run: memory lies at fixed addresses, and no
 * other thread is counted.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include <rte_common.h>
#include <rte_version.h>

#include "instructions.h"
#include "program.h"
#include "rte_ivshmem.h"

const char *file_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", getenv(RTE_IVSHMEM_DIR_ENV), name);
	return path;
}

/* Other threads collect nothing: toggling is for the thread that does it. */
void count(const char *path, unsigned int n, void (*run)(void))
{
	char trigger[128];

	snprintf(trigger, sizeof(trigger), "%s|%u", path, n);
	puts(trigger);
	CALLGRIND_TOGGLE_COLLECT;
	run();
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_DUMP_STATS_AT(trigger);
}

static int print_toolchain(void)
{
	/* The headers' version: their inline functions are what is counted. */
	printf("gcc %s, DPDK %d.%02d.%d, glibc %d.%d, %s\n", __VERSION__,
	       RTE_VER_YEAR, RTE_VER_MONTH, RTE_VER_MINOR, __GLIBC__,
	       __GLIBC_MINOR__, RTE_STR(RTE_ARCH));
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	/* Valgrind has no addresses of 16 TiB and more. */
	static const struct {
		const char *name, *base;
		void (*run)(void);
	} commands[] = {
		{ "host", "0x4000000000", count_host },
		{ "share", "0x4000000000", share },
		{ "guest", "0x8000000000", count_guest },
	};

	if (argc == 2 && strcmp(argv[1], "toolchain") == 0)
		return print_toolchain();
	for (size_t i = 0; i < RTE_DIM(commands) && argc == 2; i++) {
		if (strcmp(commands[i].name, argv[1]) != 0)
			continue;
		must(getenv(RTE_IVSHMEM_DIR_ENV) != NULL, RTE_IVSHMEM_DIR_ENV);
		start_eal(commands[i].base, "64");
		CALLGRIND_START_INSTRUMENTATION;
		commands[i].run();
		end_eal();
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "usage: bench-instructions host|share|guest|toolchain\n");
	return 2;
}

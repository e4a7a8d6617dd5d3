/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the programs of the benchmarks share: to fail, and to start the EAL.
 */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stdbool.h>

/** End the program with a message and the reason in rte_errno, else in errno. */
void __attribute__((noreturn)) give_up(const char *what);

/** Do so unless `good`. */
static inline void must(bool good, const char *what)
{
	if (!good)
		give_up(what);
}

/**
 * Start the EAL without hugepages and without devices, with one lcore.
 *
 * @param base
 *   --base-virtaddr.
 * @param mib
 *   -m, MiB of memory.
 */
void start_eal(const char *base, const char *mib);

/** End it, and leave no file behind. */
void end_eal(void);

#endif

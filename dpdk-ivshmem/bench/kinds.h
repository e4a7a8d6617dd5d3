/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects for the benchmarks of the control path: N of a kind, made by DPDK and
 * then shared by the library.
 *
 *   rings               N rings, each in a memzone of its own
 *   memzones            N memzones of 4 KiB
 *   pools               N pools of 63 mbufs
 *   rings in a memzone  N rings, one behind the other: DPDK 22.11 has no more
 *                       than 2,560 memzones
 *   pool in pieces      one pool of N objects, each in memory of its own with
 *                       holes between: N chunks
 */
#ifndef BENCH_KINDS_H
#define BENCH_KINDS_H

#include <stdbool.h>
#include <stddef.h>

/** Most objects of a kind. */
#define KINDS_MOST 100000

/** A kind of objects. */
struct kind {
	const char *name;
	/** Once, before the others; NULL: nothing to prepare. */
	void (*prepare)(unsigned int n);
	/** Object i, of which the library is told. */
	const void *(*create)(unsigned int i);
	int (*add)(const void *object, const char *md_name);
	/** They are parts of one object: only the last one is added. */
	bool one;
};

/** The kind of that name, or NULL. */
const struct kind *find_kind(const char *name);

/** Before the EAL starts; DPDK 22.11 has 2,560 at most. */
void allow_many_memzones(void);

/** Of this thread alone, because others may be busy: µs of processor time. */
double spent(void);

#endif

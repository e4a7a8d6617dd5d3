/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest sees beyond the shared objects: chunks are whole pages, and a
 * page holds more than one thing.  Thread-safe.
 */
#ifndef IVSHMEM_AUDIT_H
#define IVSHMEM_AUDIT_H

#include <stdio.h>

#include "format.h"

/** A memzone of the host, shared or not. */
struct ivshmem_neighbour {
	char name[RTE_IVSHMEM_OBJ_NAME_LEN];
	uint64_t address;
	uint64_t length;
};

/** Bytes of a chunk that belong to no shared object. */
struct ivshmem_exposed {
	uint64_t address;
	uint64_t length;
	const char *name; /**< of the memzone there; NULL: the heap's own, what
			   *  rte_malloc() gave, or free */
};

/** Called for each such piece in the order of addresses; no two adjoin but at
 *  the border of a memzone. */
typedef void (*ivshmem_exposed_visit)(const struct ivshmem_exposed *exposed,
				      void *arg);

/**
 * Find the bytes of all chunks but the metadata that no object of md covers.
 *
 * @param neighbours
 *   `n` memzones of the host in any order; they are sorted, and cut where they
 *   overlap.  Need not be true; NULL if n is 0.
 * @param visit
 *   May be NULL.
 * @param[out] bytes
 *   Their sum.
 * @return
 *   0 or -ENOMEM.
 */
int ivshmem_audit(const struct ivshmem_metadata *md,
		  struct ivshmem_neighbour *neighbours, uint32_t n,
		  ivshmem_exposed_visit visit, void *arg, uint64_t *bytes,
		  struct ivshmem_error *err);

/** An ivshmem_exposed_visit that prints a line to the FILE `arg`. */
void ivshmem_audit_print(const struct ivshmem_exposed *exposed, void *arg);

#endif

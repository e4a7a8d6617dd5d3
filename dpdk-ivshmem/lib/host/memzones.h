/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memzones of this process.
 *
 * rte_memzone_lookup() compares names one by one; sharing many objects would
 * cost the square of their number.  These answer for a pointer at once.  Called
 * with the lock of metadata.c held.
 */
#ifndef IVSHMEM_MEMZONES_H
#define IVSHMEM_MEMZONES_H

#include <stdbool.h>
#include <stddef.h>

struct rte_memzone;

/**
 * True if `mz` is the descriptor of a memzone that exists.  Any pointer may be
 * asked for; nothing is read through one that is no descriptor.
 */
bool ivshmem_memzone_exists(const struct rte_memzone *mz);

/**
 * The memzone that holds `length` bytes at `address`, or NULL.
 *
 * @param guess
 *   Any pointer; the answer is quick if it is that memzone.
 */
const struct rte_memzone *ivshmem_memzone_of(const void *address, size_t length,
					     const void *guess);

#endif

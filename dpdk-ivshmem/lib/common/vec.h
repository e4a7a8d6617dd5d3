/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IVSHMEM_VEC_H
#define IVSHMEM_VEC_H

#include <stddef.h>
#include <stdint.h>

/** A growing array; all zero is an empty one, free(data) releases it. */
struct ivshmem_vec {
	void *data;
	uint32_t n;   /**< elements in use */
	uint32_t cap; /**< elements allocated */
};

/** Make room for `n` more elements; 0 or -ENOMEM. */
int ivshmem_vec_reserve(struct ivshmem_vec *vec, uint32_t n, size_t size);

/**
 * Append copies of `n` elements of `size` bytes each.
 *
 * @return
 *   0 or -ENOMEM; the vector is unchanged then.
 */
int ivshmem_vec_append(struct ivshmem_vec *vec, const void *elements,
		       uint32_t n, size_t size);

#endif

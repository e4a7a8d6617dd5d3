/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vec.h"

int ivshmem_vec_reserve(struct ivshmem_vec *vec, uint32_t n, size_t size)
{
	uint64_t need = (uint64_t)vec->n + n;

	if (need > UINT32_MAX / 2)
		return -ENOMEM;
	if (need > vec->cap) {
		/* Most have one element. */
		uint32_t cap = need > 2 * (uint64_t)vec->cap ? (uint32_t)need :
			       2 * vec->cap;
		void *data = reallocarray(vec->data, cap, size);

		if (data == NULL)
			return -ENOMEM;
		vec->data = data;
		vec->cap = cap;
	}
	return 0;
}

int ivshmem_vec_append(struct ivshmem_vec *vec, const void *elements,
		       uint32_t n, size_t size)
{
	int ret = ivshmem_vec_reserve(vec, n, size);

	if (ret != 0)
		return ret;
	memcpy((char *)vec->data + (size_t)vec->n * size, elements, n * size);
	vec->n += n;
	return 0;
}

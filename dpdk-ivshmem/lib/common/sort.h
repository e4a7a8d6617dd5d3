/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IVSHMEM_SORT_H
#define IVSHMEM_SORT_H

#include <stddef.h>

/** As qsort(); what is in order already, as most here, costs a look only. */
void ivshmem_sort(void *items, size_t n, size_t size,
		  int (*compare)(const void *a, const void *b));

#endif

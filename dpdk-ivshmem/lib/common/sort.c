/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdlib.h>

#include "sort.h"

static bool is_sorted(const char *items, size_t n, size_t size,
		      int (*compare)(const void *a, const void *b))
{
	for (size_t i = 1; i < n; i++)
		if (compare(items + (i - 1) * size, items + i * size) > 0)
			return false;
	return true;
}

void ivshmem_sort(void *items, size_t n, size_t size,
		  int (*compare)(const void *a, const void *b))
{
	if (!is_sorted(items, n, size, compare))
		qsort(items, n, size, compare);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>

#include "clock.h"

int64_t ivshmem_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IVSHMEM_CLOCK_H
#define IVSHMEM_CLOCK_H

#include <stdint.h>

/** Milliseconds since some point in the past, of a clock that only goes
 *  forward. */
int64_t ivshmem_now_ms(void);

#endif

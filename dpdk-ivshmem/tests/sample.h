/* SPDX-License-Identifier: BSD-3-Clause */
/* Good metadata to begin with, and to break in one place. */
#ifndef IVSHMEM_SAMPLE_H
#define IVSHMEM_SAMPLE_H

#include "format.h"

/** Metadata with static arrays; each call gives a fresh copy of the same. */
void sample_metadata(struct ivshmem_metadata *md);

/** Write the checksum that fits a changed image of `size` bytes. */
void seal(void *image, size_t size);

#endif

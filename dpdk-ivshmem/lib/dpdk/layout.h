/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options, sizes and offsets of DPDK's structures in this build: both sides
 * must agree on them, or the same bytes mean different things.
 */
#ifndef IVSHMEM_LAYOUT_H
#define IVSHMEM_LAYOUT_H

#include <stdint.h>

#include "format.h"

/** The layout of this build, RTE_IVSHMEM_LAYOUT_N items. */
extern const uint32_t ivshmem_layout[RTE_IVSHMEM_LAYOUT_N];

/**
 * Compare the other side's layout with this build's.
 *
 * @return
 *   0, or -EINVAL with the first item that differs, both values, and how many
 *   items differ in err.
 */
int ivshmem_layout_check(const struct ivshmem_metadata *md,
			 struct ivshmem_error *err);

#endif

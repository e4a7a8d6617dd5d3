/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DPDK_IVSHMEM_DRAW_SVG_H
#define DPDK_IVSHMEM_DRAW_SVG_H

#include <stdio.h>

#include "format.h"

/**
 * Draw BAR 2 as SVG: at the left in proportion, but nothing smaller than can be
 * read, with the objects as bands where they lie; at the right their names and
 * sizes.
 *
 * @param md
 *   Its texts must be clean.
 */
void draw_svg(FILE *f, const struct ivshmem_metadata *md);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metadata for people to look at.  Thread-safe.
 */
#ifndef IVSHMEM_DRAWING_H
#define IVSHMEM_DRAWING_H

#include <stdio.h>

#include "format.h"

/** Print md to f: its objects, and BAR 2 drawn as text. */
void ivshmem_draw_text(FILE *f, const struct ivshmem_metadata *md);

/** "building", "ready" or "closing". */
const char *ivshmem_state_name(uint32_t state);

/** "memzone", "ring", "mempool" or "part". */
const char *ivshmem_type_name(uint32_t type);

/** "4 KiB", "2.5 MiB": at most one digit behind the point; returns text. */
const char *ivshmem_human_size(uint64_t bytes, char text[32]);

#endif

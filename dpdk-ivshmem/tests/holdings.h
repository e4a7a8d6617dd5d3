/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this process has, and what lies in a folder: to compare with before.
 */
#ifndef IVSHMEM_TEST_HOLDINGS_H
#define IVSHMEM_TEST_HOLDINGS_H

#include <stdbool.h>
#include <stddef.h>

/** Bytes that DPDK's heap has given to somebody. */
size_t heap_in_use(void);

/** Pages that the EAL is told to keep. */
unsigned int pinned_pages(void);

/** File descriptors, one more than are open otherwise. */
unsigned int open_descriptors(void);

/**
 * Names in a folder; 0 if it cannot be read.
 *
 * @param but
 *   Names with this in them do not count; NULL: all do.
 */
unsigned int count_entries(const char *folder, const char *but);

/** True if nothing is in the folder; else what is there is printed. */
bool is_empty(const char *folder);

#endif

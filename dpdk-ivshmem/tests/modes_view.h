/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a host of test_modes has published, as another process sees it.
 */
#ifndef IVSHMEM_TEST_MODES_VIEW_H
#define IVSHMEM_TEST_MODES_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "format.h"

#define MAX_MAPS 64

/** The zone, chunk by chunk. */
struct view {
	const struct ivshmem_metadata *md;
	uint64_t zone;
	char *maps[MAX_MAPS];
	const struct rte_ivshmem_chunk *chunks[MAX_MAPS];
	unsigned int n; /**< stays when the view is closed */
};

/** To be released with ivshmem_metadata_free(); false if it is not valid. */
bool read_metadata(const char *path, struct ivshmem_metadata *md);

/** True if the metadata has that object. */
bool lists(const struct ivshmem_metadata *md, const char *name,
	   enum rte_ivshmem_object_type type);

/** True if some of those bytes lie in the chunk. */
bool holds(const struct rte_ivshmem_chunk *chunk, uint64_t address,
	   uint64_t length);

/** True if each chunk's file opens and holds what the process has there. */
bool files_hold_memory(pid_t pid, const struct ivshmem_metadata *md);

/** Map the zone from its files. */
bool open_view(struct view *view, const struct ivshmem_metadata *md,
	       uint64_t zone);
void close_view(struct view *view);

/** True if words between the marks hold their own address. */
bool view_is_zone(const struct view *view);

/** Write a MARK wherever one may be. */
void mark(const struct view *view);

#endif

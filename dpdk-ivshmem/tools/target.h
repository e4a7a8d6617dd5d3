/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DPDK_IVSHMEM_TARGET_H
#define DPDK_IVSHMEM_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "format.h"

/** Metadata that a word of the command line names. */
struct target {
	char path[PATH_MAX]; /**< of the file, or address of the device */
	bool is_device;
	bool alive;  /**< files: somebody holds the lock */
	pid_t owner; /**< files: who; 0 if that is not known */
	dev_t device; /**< files: of stat() */
	ino_t inode;  /**< files: of stat() */
	struct ivshmem_metadata md;
	struct ivshmem_error err; /**< why opening failed */
};

/**
 * Open and decode.
 *
 * @param word
 *   A PCI address, a path (with a slash), or the name of metadata in one of the
 *   default folders, or else of a file in the current folder.
 * @return
 *   0, to be released with target_close(); or negative with the reason in err.
 */
int target_open(struct target *target, const char *word);
void target_close(struct target *target);

/** True if no living process stands behind it. */
bool target_is_stale(const struct target *target);

/** "alive, owner 4711 (testpmd)", for people; returns text. */
const char *target_life(const struct target *target, char text[128]);

#endif

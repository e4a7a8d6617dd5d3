/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The metadata files of a folder: whose they are, and what the dead left.
 *
 * A metadata file belongs to a living process exactly as long as somebody holds
 * flock() on it: the kernel gives the lock up however its holder ends.
 *
 * Who creates, replaces or cleans files holds the lock of the folder
 * meanwhile, so that none of them takes another's file in the making for one
 * that was left.
 */
#ifndef IVSHMEM_LEAVINGS_H
#define IVSHMEM_LEAVINGS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "format.h"

/** One metadata file. */
struct ivshmem_found {
	char path[PATH_MAX];
	bool alive;  /**< somebody holds its lock */
	pid_t owner; /**< who, as far as /proc/locks tells; else 0 */
	int ret;     /**< of decoding: 0, or a negative errno */
	struct ivshmem_metadata md; /**< if ret is 0 */
	struct ivshmem_error err;   /**< if it is not */
};

/** Return something other than 0 to end the walk; it is returned. */
typedef int (*ivshmem_visit)(const struct ivshmem_found *found, void *arg);

/**
 * Visit the metadata files of a folder in the order of their names.  Files
 * that are no metadata (-ENOENT), those that begin with a dot, and all that are
 * not regular files are left out.
 *
 * @param folder
 *   Locked by the caller: finding out whether a file is locked locks it for a
 *   moment, and who would claim it just then would take it for owned.
 * @return
 *   0, what the visitor returned, or why the folder cannot be read.
 */
int ivshmem_folder_walk(const char *folder, ivshmem_visit visit, void *arg,
			struct ivshmem_error *err);

/**
 * Lock a folder; waits up to 5 seconds.
 *
 * @return
 *   A descriptor whose close() unlocks it, -EBUSY, or why it cannot be opened.
 */
int ivshmem_folder_lock(const char *folder, struct ivshmem_error *err);

/** Called for each file that is removed; `bytes` of hugepages are freed. */
typedef void (*ivshmem_removed)(const char *path, uint64_t bytes, void *arg);

/**
 * Clean up after processes that died: mark their metadata files CLOSING, so
 * that guests notice, with the older generations that VMs have; then remove all
 * these with their layout and temporary files, and with the hugepage files that
 * they list and that no living process has locked.  Empty files that a process
 * left while it made metadata go as well.  Nothing else in the folder is
 * touched, nor what a newer version wrote.
 *
 * What a file lists is not believed: only regular files on hugetlbfs, of the
 * same user as the metadata file, are removed, and no symbolic link is
 * followed.
 *
 * @param folder
 *   Locked by the caller.
 * @param dry_run
 *   Only tell what would be removed.
 * @param removed
 *   May be NULL.
 * @return
 *   0, or why the folder cannot be read; a file that cannot be removed is
 *   left.
 */
int ivshmem_folder_clean(const char *folder, bool dry_run,
			 ivshmem_removed removed, void *arg,
			 struct ivshmem_error *err);

/** `.NAME.new` beside `path`, where new contents are written; "" if that would
 *  be too long. */
void ivshmem_temporary_path(const char *path, char temporary[PATH_MAX]);

/** `.NAME.layout` beside `path`: the layout file (rte_ivshmem.h); "" if that
 *  would be too long. */
void ivshmem_layout_path(const char *path, char layout[PATH_MAX]);

/** `.NAME.INODE.old` beside `path`, for a generation that was replaced and that
 *  a VM still has; "" if that would be too long. */
void ivshmem_older_path(const char *path, ino_t inode, char older[PATH_MAX]);

/** Mark the metadata open as fd CLOSING; 0 or a negative errno. */
int ivshmem_mark_closing(int fd);

#endif

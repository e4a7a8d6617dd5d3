/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hugepage files that dead processes left.
 */
#ifndef IVSHMEM_HUGEPAGE_FILE_H
#define IVSHMEM_HUGEPAGE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** A file that can be removed. */
struct ivshmem_hugepage_file {
	dev_t device;
	ino_t inode;
	uint64_t bytes; /**< of hugepages that it holds */
};

/**
 * Remove a file, if it is what an EAL leaves and nobody uses it: a regular file
 * of `owner` on hugetlbfs, that no process has locked.  A living EAL holds
 * flock() on each of its hugepage files.
 *
 * The path may come from anywhere: no symbolic link is followed, and nothing
 * outside a hugetlbfs is opened or changed.
 *
 * @param dry_run
 *   Only tell whether it would be removed.
 * @return
 *   True if it was removed; `file` is filled then.
 */
bool ivshmem_hugepage_file_remove(const char *path, uid_t owner, bool dry_run,
				  struct ivshmem_hugepage_file *file);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that others may have locked, or replace meanwhile.  Thread-safe.
 */
#ifndef IVSHMEM_FILE_LOCK_H
#define IVSHMEM_FILE_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * Open a file in a folder whose contents are not ours.
 *
 * @param dir
 *   The folder, as for openat().
 * @param access
 *   O_RDONLY or O_RDWR.
 * @return
 *   The descriptor; -ENOENT or -ELOOP if that is no regular file, or another
 *   negative errno.
 */
int ivshmem_open_regular(int dir, const char *name, int access);

/**
 * Lock a file that is open as fd, without waiting.
 *
 * @param operation
 *   LOCK_SH or LOCK_EX.
 * @return
 *   0, -EBUSY if somebody else holds a lock that excludes it, -ESTALE if
 *   `name` in the folder `dir` is another file by now or none, or a negative
 *   errno.  Nothing is locked on failure.
 */
int ivshmem_lock_named(int fd, int operation, int dir, const char *name);

/**
 * The process that holds flock() on the file that is open as fd; 0 if
 * /proc/locks does not tell: on file systems whose st_dev is not the kernel's
 * own device number (btrfs, overlay), and for processes of another PID
 * namespace.
 */
pid_t ivshmem_lock_owner(int fd);

#endif

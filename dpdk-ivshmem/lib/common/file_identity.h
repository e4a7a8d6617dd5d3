/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which file a path names.
 *
 * A path below /proc, such as /proc/PID/fd/N, names a file only while that
 * process lives and only in its PID namespace.  Later, or elsewhere, it may
 * name a file of an unrelated process.  The device and inode numbers of
 * stat(2) go with such a path, and QEMU refuses any other file.
 */
#ifndef IVSHMEM_FILE_IDENTITY_H
#define IVSHMEM_FILE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "format.h"

/** Device and inode of a file; inode 0 belongs to no file: unknown. */
struct ivshmem_identity {
	uint64_t dev;
	uint64_t inode;
};

/** True if the path does not name the same file at all times. */
bool ivshmem_path_is_transient(const char *path);

/**
 * Identify the file that is open as fd.
 *
 * @return
 *   0, or a negative errno of fstat(2).
 */
int ivshmem_identity_of_fd(int fd, struct ivshmem_identity *identity);

/**
 * Identify the file of each chunk, if the path of any chunk is transient.
 *
 * A file with a lasting name that cannot be found is unknown in the result: most
 * output formats need no identity for it.
 *
 * @param metadata
 *   Identity of the metadata file, which may not have its name yet; NULL: that
 *   of the file at its path.
 * @param[out] files
 *   An identity per chunk, to be released with free(); NULL if no path is
 *   transient, and on failure.
 * @return
 *   0, -ENOMEM, or why the file at a transient path cannot be found.
 */
int ivshmem_identify_files(const struct ivshmem_metadata *md,
			   const struct ivshmem_identity *metadata,
			   struct ivshmem_identity **files,
			   struct ivshmem_error *err);

#endif

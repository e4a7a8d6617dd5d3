/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file_identity.h"

bool ivshmem_path_is_transient(const char *path)
{
	return strncmp(path, "/proc/", strlen("/proc/")) == 0;
}

static struct ivshmem_identity identity_of(const struct stat *st)
{
	return (struct ivshmem_identity){ st->st_dev, st->st_ino };
}

int ivshmem_identity_of_fd(int fd, struct ivshmem_identity *identity)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	*identity = identity_of(&st);
	return 0;
}

static bool is_any_transient(const struct ivshmem_metadata *md)
{
	for (uint32_t i = 0; i < md->n_chunks; i++)
		if (ivshmem_path_is_transient(
			    ivshmem_chunk_path(md, &md->chunks[i])))
			return true;
	return false;
}

static int not_found(uint32_t i, const char *path, int error,
		     struct ivshmem_error *err)
{
	return ivshmem_fail(err, -error, "chunk %u ('%.150s'): %s: %s", i, path,
		strerror(error), error == EACCES || error == EPERM ?
		"run this as the user of the process that shared it" :
		"the process that shared it has probably ended");
}

static int identify_path(const struct ivshmem_metadata *md, uint32_t i,
			 struct ivshmem_identity *identity,
			 struct ivshmem_error *err)
{
	const char *path = ivshmem_chunk_path(md, &md->chunks[i]);
	struct stat st;

	if (stat(path, &st) == 0)
		*identity = identity_of(&st);
	else if (ivshmem_path_is_transient(path))
		return not_found(i, path, errno, err);
	return 0;
}

/* Consecutive chunks usually have one file. */
static int identify(const struct ivshmem_metadata *md,
		    const struct ivshmem_identity *metadata,
		    struct ivshmem_identity *files, struct ivshmem_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < md->n_chunks && ret == 0; i++) {
		const struct rte_ivshmem_chunk *chunk = &md->chunks[i];

		if (metadata != NULL &&
		    chunk->flags & RTE_IVSHMEM_CHUNK_METADATA)
			files[i] = *metadata;
		else if (i > 0 && chunk->path == chunk[-1].path)
			files[i] = files[i - 1];
		else
			ret = identify_path(md, i, &files[i], err);
	}
	return ret;
}

int ivshmem_identify_files(const struct ivshmem_metadata *md,
			   const struct ivshmem_identity *metadata,
			   struct ivshmem_identity **files,
			   struct ivshmem_error *err)
{
	int ret;

	*files = NULL;
	if (!is_any_transient(md))
		return 0;
	*files = calloc(md->n_chunks, sizeof(**files));
	if (*files == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	ret = identify(md, metadata, *files, err);
	if (ret != 0) {
		free(*files);
		*files = NULL;
	}
	return ret;
}

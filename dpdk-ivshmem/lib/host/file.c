/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The metadata file of one name.
 *
 * Its owner holds flock() on it while it lives, so the kernel tells the living
 * from the dead.  New contents go into a temporary file that is renamed over
 * the old one: a reader sees one or the other, whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>

#include "host.h"
#include "log.h"
#include "rte_ivshmem.h"

#define WAY_OUT "set " RTE_IVSHMEM_DIR_ENV " to a folder that can be written"

/* mkdir -p, private to the user. */
static int make_folder(const char *folder)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s", folder);
	for (char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST &&
		    stat(path, &st) != 0)
			return -errno;
		*slash = '/';
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -errno;
	if (stat(path, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int choose_folder(char folder[PATH_MAX], struct ivshmem_error *err)
{
	const char *chosen = getenv(RTE_IVSHMEM_DIR_ENV);
	char resolved[PATH_MAX];
	int len, ret;

	if (chosen != NULL && chosen[0] != '\0')
		len = snprintf(folder, PATH_MAX, "%s", chosen);
	else
		len = snprintf(folder, PATH_MAX, "%s/ivshmem",
			       rte_eal_get_runtime_dir());
	/* Room for the name, a temporary suffix and their separators. */
	if (len < 0 || len >= PATH_MAX - RTE_IVSHMEM_NAME_SIZE - 32)
		return ivshmem_fail(err, -ENAMETOOLONG,
			"the metadata folder's name is too long: " WAY_OUT);
	ret = make_folder(folder);
	if (ret == 0 && realpath(folder, resolved) == NULL)
		ret = -errno;
	if (ret == 0 &&
	    strlen(resolved) >= PATH_MAX - RTE_IVSHMEM_NAME_SIZE - 32)
		ret = -ENAMETOOLONG;
	if (ret != 0)
		return ivshmem_fail(err, ret, "metadata folder '%.150s': %s: "
				    WAY_OUT, folder, strerror(-ret));
	/* QEMU opens the file from a folder of its own. */
	strcpy(folder, resolved);
	return 0;
}

bool ivshmem_file_is_named(int fd, const char *path)
{
	struct stat by_path, by_fd;

	return stat(path, &by_path) == 0 && fstat(fd, &by_fd) == 0 &&
	       by_path.st_dev == by_fd.st_dev && by_path.st_ino == by_fd.st_ino;
}

/* Open and lock.  The owner may have replaced the file between the two. */
static int open_locked(const char *path, struct ivshmem_error *err)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			      0600);
		int error;

		if (fd < 0)
			return ivshmem_fail(err, -errno,
				"metadata file '%.150s': %s: " WAY_OUT, path,
				strerror(errno));
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			if (ivshmem_file_is_named(fd, path))
				return fd;
			close(fd);
			continue;
		}
		error = errno;
		close(fd);
		if (error == EWOULDBLOCK)
			return ivshmem_fail(err, -EEXIST,
				"metadata file '%.150s' belongs to another process that lives: choose another name",
				path);
		return ivshmem_fail(err, -error,
			"metadata file '%.150s' cannot be locked: %s", path,
			strerror(error));
	}
}

static void mark_closing(int fd)
{
	uint32_t state = RTE_IVSHMEM_CLOSING;
	ssize_t done = pwrite(fd, &state, sizeof(state),
			      offsetof(struct rte_ivshmem_header, state));

	if (done != sizeof(state))
		IVSHMEM_LOG(WARNING, "guests are not told that the host goes: %s",
			    strerror(errno));
}

/* What a dead owner left: tell its guests, and go on behind its generation. */
static uint64_t bury(int fd, const char *path)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	uint64_t generation = 0;
	struct stat st;
	void *map;

	if (fstat(fd, &st) != 0 || st.st_size == 0)
		return 0;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 0;
	if (ivshmem_metadata_decode(map, (size_t)st.st_size, UINT64_MAX, &md,
				    &err) == 0) {
		IVSHMEM_LOG(NOTICE, "replacing '%s', left by a process that died",
			    path);
		generation = md.generation;
		mark_closing(fd);
		ivshmem_metadata_free(&md);
	}
	munmap(map, (size_t)st.st_size);
	return generation;
}

int ivshmem_file_claim(struct ivshmem_file *file, const char *name,
		       uint64_t *generation, struct ivshmem_error *err)
{
	char folder[PATH_MAX];
	struct timespec now;
	uint64_t left;
	int ret = choose_folder(folder, err);

	if (ret != 0)
		return ret;
	snprintf(file->path, sizeof(file->path), "%.*s/%s",
		 PATH_MAX - RTE_IVSHMEM_NAME_SIZE - 32, folder, name);
	ret = open_locked(file->path, err);
	if (ret < 0)
		return ret;
	file->fd = ret;
	file->owner = getpid();
	left = bury(file->fd, file->path);
	/* The clock separates the lives of a file that was removed between. */
	clock_gettime(CLOCK_REALTIME, &now);
	*generation = RTE_MAX(left + 1, (uint64_t)now.tv_sec * 1000000000 +
			      (uint64_t)now.tv_nsec);
	return 0;
}

uint64_t ivshmem_file_length(const struct ivshmem_metadata *md)
{
	return RTE_ALIGN_CEIL(ivshmem_metadata_size(md),
			      (uint64_t)RTE_IVSHMEM_PAGE_SIZE);
}

static int write_all(int fd, const void *data, size_t len)
{
	for (size_t done = 0; done < len; ) {
		ssize_t n = pwrite(fd, (const char *)data + done, len - done,
				   (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* posix_fallocate(): a full disk is an error here, not a SIGBUS later. */
static int fill_file(int fd, const struct ivshmem_metadata *md)
{
	void *image;
	int ret = ivshmem_metadata_encode(md, &image);

	if (ret != 0)
		return ret;
	ret = -posix_fallocate(fd, 0, (off_t)ivshmem_file_length(md));
	if (ret == 0)
		ret = write_all(fd, image, ivshmem_metadata_size(md));
	free(image);
	return ret;
}

/* No metadata has a name that begins with a dot, so the two cannot meet. */
static void name_temporary(const char *path, char temporary[PATH_MAX + 16])
{
	const char *name = strrchr(path, '/') + 1;

	snprintf(temporary, PATH_MAX + 16, "%.*s.%s.new", (int)(name - path),
		 path, name);
}

int ivshmem_file_write(struct ivshmem_file *file,
		       const struct ivshmem_metadata *md,
		       struct ivshmem_error *err)
{
	char temporary[PATH_MAX + 16];
	int fd, ret;

	name_temporary(file->path, temporary);
	fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC |
		  O_NOFOLLOW, 0600);
	if (fd < 0)
		return ivshmem_fail(err, -errno, "'%.150s': %s", temporary,
				    strerror(errno));
	ret = fill_file(fd, md);
	if (ret == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
		ret = -errno;
	if (ret == 0 && rename(temporary, file->path) != 0)
		ret = -errno;
	if (ret != 0) {
		close(fd);
		unlink(temporary);
		return ivshmem_fail(err, ret,
			"metadata file '%.150s' cannot be written: %s: free some space or "
			WAY_OUT, file->path, strerror(-ret));
	}
	close(file->fd);
	file->fd = fd;
	return 0;
}

void ivshmem_file_remove(struct ivshmem_file *file)
{
	if (file->owner == getpid() &&
	    ivshmem_file_is_named(file->fd, file->path)) {
		mark_closing(file->fd);
		unlink(file->path);
	}
	close(file->fd);
	file->fd = -1;
}

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
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

#include "device_text.h"
#include "file_lock.h"
#include "host.h"
#include "leavings.h"
#include "log.h"
#include "source.h"

bool ivshmem_file_is_named(int fd, const char *path)
{
	struct stat by_path, by_fd;

	return stat(path, &by_path) == 0 && fstat(fd, &by_fd) == 0 &&
	       by_path.st_dev == by_fd.st_dev && by_path.st_ino == by_fd.st_ino;
}

/* Nobody else creates it meanwhile: the folder is locked. */
static int open_or_create(const char *path, bool *created)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

	*created = fd >= 0;
	return fd < 0 && errno == EEXIST ? open(path, flags) : fd;
}

/* Open and lock.  The owner may have replaced the file between the two. */
static int open_locked(const char *path, bool *created,
		       struct ivshmem_error *err)
{
	for (;;) {
		int fd = open_or_create(path, created), ret;

		if (fd < 0)
			return ivshmem_fail(err, -errno,
				"metadata file '%.150s': %s: " FOLDER_WAY_OUT, path,
				strerror(errno));
		ret = ivshmem_lock_named(fd, LOCK_EX, AT_FDCWD, path);
		if (ret == 0)
			return fd;
		close(fd);
		if (ret == -ESTALE)
			continue;
		if (*created)
			unlink(path);
		if (ret == -EBUSY)
			return ivshmem_fail(err, -EEXIST,
				"metadata file '%.150s' belongs to another process that lives: choose another name",
				path);
		return ivshmem_fail(err, ret,
			"metadata file '%.150s' cannot be locked: %s", path,
			strerror(-ret));
	}
}

/* The generation of what is there, 0 if that is nothing of ours. */
static uint64_t read_generation(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	uint64_t generation;
	int ret;

	if (fd < 0)
		return 0;
	ret = ivshmem_source_read_file(fd, &md, &err);
	close(fd);
	if (ret != 0)
		return 0;
	generation = md.generation;
	ivshmem_metadata_free(&md);
	return generation;
}

static void log_removed(const char *path, uint64_t bytes,
			void *arg __rte_unused)
{
	if (bytes > 0)
		IVSHMEM_LOG(NOTICE, "removed '%s', left by a process that died: %"
			    PRIu64 " KiB are free", path, bytes / 1024);
	else
		IVSHMEM_LOG(NOTICE, "removed '%s', left by a process that died",
			    path);
}

/*
 * Once for each folder is enough, unless there is something under the name that
 * is claimed: who dies later is left to the next start.
 */
static int clean_folder(const char *folder, bool again,
			struct ivshmem_error *err)
{
	static char cleaned[PATH_MAX];
	int ret = 0;

	if (again || strcmp(cleaned, folder) != 0)
		ret = ivshmem_folder_clean(folder, false, log_removed, NULL,
					   err);
	if (ret == 0)
		snprintf(cleaned, sizeof(cleaned), "%s", folder);
	return ret;
}

/* With the folder locked, so that nobody takes a file for left. */
static int claim(struct ivshmem_file *file, const char *folder,
		 uint64_t *left, struct ivshmem_error *err)
{
	struct stat st;
	int ret;

	*left = read_generation(file->path);
	ret = clean_folder(folder, *left != 0, err);
	if (ret != 0)
		return ret;
	ret = open_locked(file->path, &file->is_new, err);
	if (ret < 0)
		return ret;
	/* Of one who died since the folder was cleaned. */
	if (*left != 0 && fstat(ret, &st) == 0 && st.st_size > 0)
		ivshmem_mark_closing(ret);
	file->fd = ret;
	file->owner = getpid();
	return 0;
}

int ivshmem_file_claim(struct ivshmem_file *file, const char *name,
		       uint64_t *generation, struct ivshmem_error *err)
{
	char folder[PATH_MAX];
	struct timespec now;
	uint64_t left = 0;
	int folder_lock, ret = ivshmem_folder_choose(folder, err);

	if (ret != 0)
		return ret;
	snprintf(file->path, sizeof(file->path), "%.*s/%s",
		 PATH_MAX - RTE_IVSHMEM_NAME_SIZE - 32, folder, name);
	folder_lock = ivshmem_folder_lock(folder, err);
	if (folder_lock < 0)
		return folder_lock;
	ret = claim(file, folder, &left, err);
	close(folder_lock);
	/* The clock separates the lives of a file that was removed between. */
	clock_gettime(CLOCK_REALTIME, &now);
	*generation = RTE_MAX(left + 1, (uint64_t)now.tv_sec * 1000000000 +
			      (uint64_t)now.tv_nsec);
	return ret;
}

uint64_t ivshmem_file_length(const struct ivshmem_metadata *md)
{
	return RTE_ALIGN_CEIL(ivshmem_metadata_size(md),
			      (uint64_t)RTE_IVSHMEM_PAGE_SIZE);
}

/* `pieces` is changed. */
static int write_pieces(int fd, struct iovec *pieces, int n)
{
	off_t at = 0;

	while (n > 0) {
		ssize_t done = pwritev(fd, pieces, n, at);

		if (done < 0 && errno != EINTR)
			return -errno;
		at += done > 0 ? done : 0;
		for (; n > 0 && done >= (ssize_t)pieces->iov_len; pieces++, n--)
			done -= (ssize_t)pieces->iov_len;
		if (n > 0 && done > 0) {
			pieces->iov_base = RTE_PTR_ADD(pieces->iov_base, done);
			pieces->iov_len -= (size_t)done;
		}
	}
	return 0;
}

static int create_temporary(const char *path, struct ivshmem_error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC |
		      O_NOFOLLOW, 0600);

	return fd >= 0 ? fd : ivshmem_fail(err, -errno, "'%.150s': %s", path,
					   strerror(errno));
}

static int cannot_write(int ret, const char *path, struct ivshmem_error *err)
{
	return ivshmem_fail(err, ret,
		"'%.150s' cannot be written: %s: free some space or " FOLDER_WAY_OUT,
		path, strerror(-ret));
}

/* To the end of the last page: a full disk is an error here, rather than a
 * SIGBUS later. */
static int fill_metadata(int fd, const struct ivshmem_metadata *md)
{
	static const char zeros[RTE_IVSHMEM_PAGE_SIZE];
	struct iovec pieces[IVSHMEM_PIECES + 1];
	struct rte_ivshmem_header header;
	int n = ivshmem_metadata_pieces(md, &header, pieces);

	if (n < 0)
		return n;
	pieces[n++] = (struct iovec){
		(void *)(uintptr_t)zeros,
		ivshmem_file_length(md) - header.total_size,
	};
	return write_pieces(fd, pieces, n);
}

int ivshmem_file_prepare(struct ivshmem_file *file,
			 const struct ivshmem_metadata *md,
			 struct ivshmem_error *err)
{
	char temporary[PATH_MAX];
	int fd, ret;

	/* So that nothing fails once the file is there. */
	if (ivshmem_vec_reserve(&file->older, 1, sizeof(file->fd)) != 0 ||
	    ivshmem_heartbeat_reserve() != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	ivshmem_temporary_path(file->path, temporary);
	fd = create_temporary(temporary, err);
	if (fd < 0)
		return fd;
	ret = fill_metadata(fd, md);
	if (ret == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
		ret = -errno;
	if (ret == 0)
		return fd;
	ivshmem_file_discard(file, fd);
	return cannot_write(ret, file->path, err);
}

void ivshmem_file_discard(const struct ivshmem_file *file, int fd)
{
	char temporary[PATH_MAX];

	ivshmem_temporary_path(file->path, temporary);
	unlink(temporary);
	close(fd);
}

int ivshmem_file_commit(struct ivshmem_file *file, int fd, bool outdated,
			struct ivshmem_error *err)
{
	char temporary[PATH_MAX];

	ivshmem_temporary_path(file->path, temporary);
	if (!outdated && !file->is_new)
		ivshmem_older_keep_name(file);
	if (rename(temporary, file->path) != 0) {
		int ret = -errno;

		if (!file->is_new)
			ivshmem_older_drop_name(file, file->fd);
		return cannot_write(ret, file->path, err);
	}
	if (file->is_new)
		close(file->fd);
	else
		ivshmem_older_retire(file, outdated);
	file->is_new = false;
	file->fd = fd;
	ivshmem_heartbeat_begin(fd);
	return 0;
}

static void layout_paths(const struct ivshmem_file *file,
			 char layout[PATH_MAX], char temporary[PATH_MAX])
{
	ivshmem_layout_path(file->path, layout);
	ivshmem_temporary_path(layout, temporary);
}

static int write_layout(const char *path, const struct ivshmem_metadata *md,
			struct ivshmem_error *err)
{
	char *text;
	int fd, ret = ivshmem_layout_text(md, &text, err);

	if (ret != 0)
		return ret;
	fd = create_temporary(path, err);
	ret = fd;
	if (fd >= 0) {
		ret = write_pieces(fd, &(struct iovec){ text, strlen(text) },
				   1);
		close(fd);
		if (ret != 0) {
			unlink(path);
			cannot_write(ret, path, err);
		}
	}
	free(text);
	return ret;
}

/*
 * The two names are exchanged.  There may be no old one; and where the file
 * system cannot exchange names, there is no way back.
 */
int ivshmem_layout_replace(const struct ivshmem_file *file,
			   const struct ivshmem_metadata *md,
			   struct ivshmem_error *err)
{
	char layout[PATH_MAX], temporary[PATH_MAX];
	int ret;

	layout_paths(file, layout, temporary);
	ret = write_layout(temporary, md, err);
	if (ret != 0)
		return ret;
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, layout,
		      RENAME_EXCHANGE) == 0 || rename(temporary, layout) == 0)
		return 0;
	ret = -errno;
	unlink(temporary);
	return cannot_write(ret, layout, err);
}

void ivshmem_layout_settle(const struct ivshmem_file *file, bool keep)
{
	char layout[PATH_MAX], temporary[PATH_MAX];

	layout_paths(file, layout, temporary);
	if (keep)
		unlink(temporary);
	else if (rename(temporary, layout) != 0)
		unlink(layout);
}

void ivshmem_file_remove(struct ivshmem_file *file)
{
	char layout[PATH_MAX];

	if (file->owner == getpid()) {
		ivshmem_heartbeat_end(file->fd);
		ivshmem_mark_closing(file->fd);
		if (ivshmem_file_is_named(file->fd, file->path)) {
			ivshmem_layout_path(file->path, layout);
			unlink(layout);
			unlink(file->path);
		}
	}
	ivshmem_older_close(file);
	close(file->fd);
	file->fd = -1;
}

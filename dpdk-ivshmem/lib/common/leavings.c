/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "device_text.h"
#include "file_lock.h"
#include "hugepage_file.h"
#include "leavings.h"
#include "source.h"
#include "vec.h"

#define LOCK_WAIT 5 /* seconds */

/** Clean-up of one folder. */
struct cleaning {
	int dir;
	const char *folder;
	bool dry_run;
	ivshmem_removed removed;
	void *arg;
	struct ivshmem_vec seen; /* struct ivshmem_hugepage_file, of a dry run */
};

/* Not alphasort(), which depends on the language. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int list_folder(const char *folder, struct dirent ***entries,
		       struct ivshmem_error *err)
{
	int n = scandir(folder, entries, NULL, compare_names);

	if (n < 0)
		return ivshmem_fail(err, -errno, "folder '%.200s': %s", folder,
				    strerror(errno));
	return n;
}

static void free_list(struct dirent **entries, int n)
{
	while (n > 0)
		free(entries[--n]);
	free(entries);
}

static int open_folder(const char *folder, struct ivshmem_error *err)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return ivshmem_fail(err, -errno, "folder '%.200s': %s", folder,
				    strerror(errno));
	return dir;
}

static bool join_path(char path[PATH_MAX], const char *folder, const char *name)
{
	int len = snprintf(path, PATH_MAX, "%s/%s", folder, name);

	if (len > 0 && len < PATH_MAX)
		return true;
	path[0] = '\0';
	return false;
}

/* Walk */

/* -ENOENT: no metadata, or gone meanwhile; -ESTALE: replaced meanwhile. */
static int look_at(int dir, const char *name, struct ivshmem_found *found)
{
	int fd = ivshmem_open_regular(dir, name, O_RDONLY);
	int ret;

	if (fd == -ENOENT || fd == -ELOOP)
		return -ENOENT;
	if (fd < 0) {
		found->ret = ivshmem_fail(&found->err, fd,
			"cannot be opened: %s", strerror(-fd));
		return 0;
	}
	ret = ivshmem_lock_named(fd, LOCK_SH, dir, name);
	found->alive = ret == -EBUSY;
	found->owner = found->alive ? ivshmem_lock_owner(fd) : 0;
	if (ret != -ESTALE) {
		found->ret = ivshmem_source_read_file(fd, &found->md,
						      &found->err);
		ret = found->ret == -ENOENT ? -ENOENT : 0;
	}
	close(fd);
	return ret;
}

static int visit_file(int dir, const char *folder, const char *name,
		      ivshmem_visit visit, void *arg, struct ivshmem_error *err)
{
	struct ivshmem_found *found = calloc(1, sizeof(*found));
	int ret;

	if (found == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	do
		ret = look_at(dir, name, found);
	while (ret == -ESTALE);
	if (ret == 0 && join_path(found->path, folder, name))
		ret = visit(found, arg);
	else
		ret = 0;
	ivshmem_metadata_free(&found->md);
	free(found);
	return ret;
}

int ivshmem_folder_walk(const char *folder, ivshmem_visit visit, void *arg,
			struct ivshmem_error *err)
{
	struct dirent **entries;
	int dir = open_folder(folder, err);
	int n, ret = 0;

	if (dir < 0)
		return dir;
	n = list_folder(folder, &entries, err);
	if (n < 0) {
		close(dir);
		return n;
	}
	for (int i = 0; i < n && ret == 0; i++)
		if (entries[i]->d_name[0] != '.')
			ret = visit_file(dir, folder, entries[i]->d_name,
					 visit, arg, err);
	free_list(entries, n);
	close(dir);
	return ret;
}

/* Lock */

int ivshmem_folder_lock(const char *folder, struct ivshmem_error *err)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int64_t deadline = ivshmem_now_ms() + LOCK_WAIT * 1000;

	for (;;) {
		int dir = open_folder(folder, err);
		int ret;

		if (dir < 0)
			return dir;
		ret = flock(dir, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
		if (ret == 0)
			return dir;
		close(dir);
		if (ret != -EWOULDBLOCK)
			return ivshmem_fail(err, ret,
				"folder '%.200s' cannot be locked: %s", folder,
				strerror(-ret));
		if (ivshmem_now_ms() >= deadline)
			return ivshmem_fail(err, -EBUSY,
				"folder '%.200s': another process has worked in it for %d s: try again",
				folder, LOCK_WAIT);
		nanosleep(&pause, NULL);
	}
}

/* Clean */

static void tell_removed(struct cleaning *cleaning, const char *path,
			 uint64_t bytes)
{
	if (cleaning->removed != NULL)
		cleaning->removed(path, bytes, cleaning->arg);
}

static void remove_entry(struct cleaning *cleaning, const char *name)
{
	char path[PATH_MAX];

	if (!cleaning->dry_run && unlinkat(cleaning->dir, name, 0) != 0)
		return;
	join_path(path, cleaning->folder, name);
	tell_removed(cleaning, path, 0);
}

/* A dry run comes to a file as often as it is listed, but it goes once. */
static bool seen_before(struct cleaning *cleaning,
			const struct ivshmem_hugepage_file *file)
{
	const struct ivshmem_hugepage_file *seen = cleaning->seen.data;

	if (!cleaning->dry_run)
		return false;
	for (uint32_t i = 0; i < cleaning->seen.n; i++)
		if (seen[i].device == file->device &&
		    seen[i].inode == file->inode)
			return true;
	return ivshmem_vec_append(&cleaning->seen, file, 1, sizeof(*file)) != 0;
}

static void remove_hugepages(struct cleaning *cleaning,
			     const struct ivshmem_metadata *md, uid_t owner)
{
	for (uint32_t i = 0; i < md->n_chunks; i++) {
		const char *path = ivshmem_chunk_path(md, &md->chunks[i]);
		struct ivshmem_hugepage_file file;

		if (!(md->chunks[i].flags & RTE_IVSHMEM_CHUNK_METADATA) &&
		    ivshmem_hugepage_file_remove(path, owner,
						 cleaning->dry_run, &file) &&
		    !seen_before(cleaning, &file))
			tell_removed(cleaning, path, file.bytes);
	}
}

/* As the library creates a file, and nobody else by chance. */
static bool is_private(const struct stat *st)
{
	return (st->st_mode & 0177) == 0 && st->st_nlink == 1;
}

/* The dead owner's file, locked: what it is decides. */
static void bury(struct cleaning *cleaning, const char *name, int fd)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	struct stat st;
	int ret;

	if (fstat(fd, &st) != 0)
		return;
	if (st.st_size == 0) {
		if (is_private(&st))
			remove_entry(cleaning, name);
		return;
	}
	ret = ivshmem_source_read_file(fd, &md, &err);
	/* -EINVAL: ours, and damaged.  Anything else is not ours to judge. */
	if (ret != 0 && ret != -EINVAL)
		return;
	if (!cleaning->dry_run)
		ivshmem_mark_closing(fd);
	if (ret == 0) {
		remove_hugepages(cleaning, &md, st.st_uid);
		ivshmem_metadata_free(&md);
	}
	remove_entry(cleaning, name);
}

static void clean_metadata(struct cleaning *cleaning, const char *name)
{
	int fd = ivshmem_open_regular(cleaning->dir, name, O_RDWR);

	if (fd < 0)
		return;
	if (ivshmem_lock_named(fd, LOCK_EX, cleaning->dir, name) == 0)
		bury(cleaning, name, fd);
	close(fd);
}

static bool is_owned(int dir, const char *name)
{
	int fd = ivshmem_open_regular(dir, name, O_RDONLY);
	int ret;

	if (fd < 0)
		return fd != -ENOENT;
	ret = ivshmem_lock_named(fd, LOCK_SH, dir, name);
	close(fd);
	return ret != 0;
}

/* Metadata in the making begins with its magic, or with nothing yet; that of an
 * earlier version had zeros first. */
static bool is_temporary(int fd)
{
	uint64_t magic = 0;
	ssize_t len = pread(fd, &magic, sizeof(magic), 0);

	return len == 0 || (len == sizeof(magic) &&
			    (magic == 0 || magic == RTE_IVSHMEM_MAGIC));
}

static bool starts_with(int fd, const char *start)
{
	char got[sizeof(IVSHMEM_LAYOUT_START)];
	size_t size = strlen(start);

	return pread(fd, got, size, 0) == (ssize_t)size &&
	       memcmp(got, start, size) == 0;
}

static bool is_empty(int fd)
{
	char byte;

	return pread(fd, &byte, 1, 0) == 0;
}

/* That of an earlier version was a JSON array. */
static bool is_layout(int fd)
{
	return is_empty(fd) || starts_with(fd, IVSHMEM_LAYOUT_START) ||
	       starts_with(fd, "[");
}

/* That of an earlier version had its length before its contents. */
static bool is_new_layout(int fd)
{
	char byte = '[';

	return is_layout(fd) ||
	       (pread(fd, &byte, 1, 0) == 1 && byte == '\0');
}

/** Files beside NAME. */
static const struct hidden_kind {
	const char *before, *behind;
	bool (*is_ours)(int fd);
} hidden_kinds[] = {
	{ "..", ".layout.new", is_new_layout },
	{ ".", ".layout", is_layout },
	{ ".", ".new", is_temporary },
};

static bool name_between(const char *file, const struct hidden_kind *kind,
			 char name[RTE_IVSHMEM_META_NAME_LEN])
{
	size_t before = strlen(kind->before), behind = strlen(kind->behind);
	size_t len = strlen(file);

	if (len <= before + behind ||
	    len - before - behind >= RTE_IVSHMEM_META_NAME_LEN ||
	    strncmp(file, kind->before, before) != 0 ||
	    strcmp(file + len - behind, kind->behind) != 0)
		return false;
	len -= before + behind;
	memcpy(name, file + before, len);
	name[len] = '\0';
	/* No metadata begins so. */
	return name[0] != '.';
}

static const struct hidden_kind *
kind_of(const char *file, char name[RTE_IVSHMEM_META_NAME_LEN])
{
	for (size_t i = 0; i < sizeof(hidden_kinds) / sizeof(hidden_kinds[0]);
	     i++)
		if (name_between(file, &hidden_kinds[i], name))
			return &hidden_kinds[i];
	return NULL;
}

/* INODE of `.NAME.INODE.old`; 0 if it is no such name. */
static ino_t older_inode(const char *file)
{
	const char *end = strrchr(file, '.');
	const char *number = end;

	while (number > file && number[-1] >= '0' && number[-1] <= '9')
		number--;
	if (strcmp(end, ".old") != 0 || number - file < 3 || number[-1] != '.')
		return 0;
	return strtoul(number, NULL, 10);
}

/* Its contents do not tell whose it is: a guest may have been able to write. */
static void clean_older(struct cleaning *cleaning, const char *file,
			ino_t inode)
{
	int fd = ivshmem_open_regular(cleaning->dir, file, O_RDWR);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_ino == inode &&
	    ivshmem_lock_named(fd, LOCK_EX, cleaning->dir, file) == 0) {
		if (!cleaning->dry_run)
			ivshmem_mark_closing(fd);
		remove_entry(cleaning, file);
	}
	close(fd);
}

static void clean_hidden(struct cleaning *cleaning, const char *file)
{
	char name[RTE_IVSHMEM_META_NAME_LEN];
	const struct hidden_kind *kind = kind_of(file, name);
	ino_t older = older_inode(file);
	int fd;

	if (older != 0)
		clean_older(cleaning, file, older);
	if (kind == NULL || is_owned(cleaning->dir, name))
		return;
	fd = ivshmem_open_regular(cleaning->dir, file, O_RDONLY);
	if (fd < 0)
		return;
	if (kind->is_ours(fd) &&
	    ivshmem_lock_named(fd, LOCK_EX, cleaning->dir, file) == 0)
		remove_entry(cleaning, file);
	close(fd);
}

/* First the metadata: its hidden files go once it has no owner. */
static void clean_entries(struct cleaning *cleaning, struct dirent **entries,
			  int n)
{
	for (int i = 0; i < n; i++)
		if (entries[i]->d_name[0] != '.')
			clean_metadata(cleaning, entries[i]->d_name);
	for (int i = 0; i < n; i++)
		if (entries[i]->d_name[0] == '.')
			clean_hidden(cleaning, entries[i]->d_name);
}

int ivshmem_folder_clean(const char *folder, bool dry_run,
			 ivshmem_removed removed, void *arg,
			 struct ivshmem_error *err)
{
	struct cleaning cleaning = {
		.folder = folder,
		.dry_run = dry_run,
		.removed = removed,
		.arg = arg,
	};
	struct dirent **entries;
	int n;

	cleaning.dir = open_folder(folder, err);
	if (cleaning.dir < 0)
		return cleaning.dir;
	n = list_folder(folder, &entries, err);
	if (n >= 0) {
		clean_entries(&cleaning, entries, n);
		free_list(entries, n);
	}
	close(cleaning.dir);
	free(cleaning.seen.data);
	return n < 0 ? n : 0;
}

/* Files */

/* "FOLDER/.NAMESUFFIX" for "FOLDER/NAME"; "" if it is too long. */
static void hidden_path(const char *path, const char *suffix,
			char hidden[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	int len = snprintf(hidden, PATH_MAX, "%.*s.%s%s", (int)(name - path),
			   path, name, suffix);

	if (len < 0 || len >= PATH_MAX)
		hidden[0] = '\0';
}

void ivshmem_temporary_path(const char *path, char temporary[PATH_MAX])
{
	hidden_path(path, ".new", temporary);
}

void ivshmem_older_path(const char *path, ino_t inode, char older[PATH_MAX])
{
	char suffix[32];

	snprintf(suffix, sizeof(suffix), ".%ju.old", (uintmax_t)inode);
	hidden_path(path, suffix, older);
}

void ivshmem_layout_path(const char *path, char layout[PATH_MAX])
{
	hidden_path(path, ".layout", layout);
}

int ivshmem_mark_closing(int fd)
{
	uint32_t state = RTE_IVSHMEM_CLOSING;
	ssize_t done = pwrite(fd, &state, sizeof(state),
			      offsetof(struct rte_ivshmem_header, state));

	if (done < 0)
		return -errno;
	return done == sizeof(state) ? 0 : -EIO;
}

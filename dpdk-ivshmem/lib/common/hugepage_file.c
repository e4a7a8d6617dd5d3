/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "file_lock.h"
#include "hugepage_file.h"

/*
 * The folder of a path, without a symbolic link anywhere in it: openat2() is
 * the one way to ask for that.  It also keeps out /proc/PID/fd and the like.
 */
static int open_folder(const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (path[0] != '/' || slash == path ||
	    (size_t)(slash - path) >= sizeof(folder))
		return -1;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return (int)syscall(SYS_openat2, AT_FDCWD, folder, &how, sizeof(how));
}

static bool is_hugetlbfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC;
}

/* What is open, whatever had the name before. */
static bool is_hugepage_file(int fd, uid_t owner, struct stat *st)
{
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	       st->st_uid == owner && is_hugetlbfs(fd);
}

static bool remove_unlocked(int dir, const char *name, uid_t owner,
			    bool dry_run, struct ivshmem_hugepage_file *file)
{
	int fd = ivshmem_open_regular(dir, name, O_RDONLY);
	struct stat st;
	bool removed;

	if (fd < 0)
		return false;
	removed = is_hugepage_file(fd, owner, &st) &&
		  ivshmem_lock_named(fd, LOCK_EX, dir, name) == 0 &&
		  (dry_run || unlinkat(dir, name, 0) == 0);
	close(fd);
	if (removed)
		*file = (struct ivshmem_hugepage_file){
			.device = st.st_dev,
			.inode = st.st_ino,
			.bytes = (uint64_t)st.st_blocks * 512,
		};
	return removed;
}

bool ivshmem_hugepage_file_remove(const char *path, uid_t owner, bool dry_run,
				  struct ivshmem_hugepage_file *file)
{
	int dir = open_folder(path);
	bool removed;

	if (dir < 0)
		return false;
	removed = is_hugetlbfs(dir) &&
		  remove_unlocked(dir, strrchr(path, '/') + 1, owner, dry_run,
				  file);
	close(dir);
	return removed;
}

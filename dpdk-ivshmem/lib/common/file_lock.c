/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "file_lock.h"

/*
 * Looked at before it is opened: opening a device file can have effects.  A
 * host that looks who else has its file takes a lease on it for a moment, and
 * meanwhile it cannot be opened without waiting.
 */
int ivshmem_open_regular(int dir, const char *name, int access)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	struct stat st;
	int fd, tries = 100;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	access |= O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	while ((fd = openat(dir, name, access)) < 0 && errno == EWOULDBLOCK &&
	       --tries > 0)
		nanosleep(&pause, NULL);
	return fd < 0 ? -errno : fd;
}

int ivshmem_lock_named(int fd, int operation, int dir, const char *name)
{
	struct stat by_fd, by_name;

	if (flock(fd, operation | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	/* Who owned the name may have replaced it since it was opened. */
	if (fstat(fd, &by_fd) == 0 &&
	    fstatat(dir, name, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
	    by_fd.st_dev == by_name.st_dev && by_fd.st_ino == by_name.st_ino)
		return 0;
	flock(fd, LOCK_UN);
	return -ESTALE;
}

/* "1: FLOCK  ADVISORY  WRITE 4711 fd:01:131081 0 EOF"; "->" waits for one. */
static pid_t parse_lock(const char *line, const struct stat *st)
{
	unsigned int device_major, device_minor;
	unsigned long inode;
	int pid;

	if (sscanf(line, "%*u: FLOCK %*s %*s %d %x:%x:%lu ", &pid, &device_major,
		   &device_minor, &inode) != 4)
		return 0;
	return makedev(device_major, device_minor) == st->st_dev &&
	       inode == st->st_ino && pid > 0 ? pid : 0;
}

pid_t ivshmem_lock_owner(int fd)
{
	char line[256];
	struct stat st;
	pid_t pid = 0;
	FILE *f;

	if (fstat(fd, &st) != 0)
		return 0;
	f = fopen("/proc/locks", "re");
	if (f == NULL)
		return 0;
	while (pid == 0 && fgets(line, sizeof(line), f) != NULL)
		pid = parse_lock(line, &st);
	fclose(f);
	return pid;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "window.h"

#define WRITE_BACK "write-back"

/* The node may be anything, whoever made it: the kernel says whose it is. */
static bool is_write_back(int fd)
{
	char path[64], text[sizeof(WRITE_BACK) + 1] = "";
	struct stat st;
	FILE *f;

	if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode))
		return false;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/memory_type",
		 major(st.st_rdev), minor(st.st_rdev));
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	return strcmp(text, WRITE_BACK "\n") == 0;
}

static int open_module(const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/dev/ivshmem/%s", name);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (is_write_back(fd))
		return fd;
	close(fd);
	return -ENOTTY;
}

/*
 * `resource2`, not `resource2_wc`: write-combining would reorder a ring's stores.
 */
int ivshmem_window_open(const char *name, uint64_t *size,
			struct ivshmem_error *err)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/resource2", name);
	if (stat(path, &st) != 0)
		return ivshmem_fail(err, -errno, "%s: %s", path,
				    strerror(errno));
	*size = (uint64_t)st.st_size;
	fd = open_module(name);
	if (fd >= 0)
		return fd;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return ivshmem_fail(err, -errno, "%s: %s: run as root", path,
				    strerror(errno));
	return fd;
}

const char *ivshmem_window_memory_type(int fd)
{
	return is_write_back(fd) ? WRITE_BACK : "uncached-minus";
}

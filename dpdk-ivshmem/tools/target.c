/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_lock.h"
#include "folders.h"
#include "leavings.h"
#include "source.h"
#include "target.h"
#include "text.h"

/* "0000:00:04.0", or "00:04.0" for the same. */
static bool is_device(const char *word, char address[PATH_MAX])
{
	unsigned int domain = 0, bus, slot, function;
	int end = -1;

	if (sscanf(word, "%8x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function,
		   &end) != 4 || word[end] != '\0') {
		domain = 0;
		end = -1;
		if (sscanf(word, "%2x:%2x.%1x%n", &bus, &slot, &function,
			   &end) != 3 || word[end] != '\0')
			return false;
	}
	snprintf(address, PATH_MAX, "%04x:%02x:%02x.%x", domain, bus, slot,
		 function);
	return true;
}

static int open_device(struct target *target)
{
	int fd;

	target->is_device = true;
	fd = ivshmem_source_open_pci(target->path, &target->md, &target->err);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* The name of metadata: a file in just one of the default folders. */
static int find_name(struct target *target, const char *name)
{
	struct folders folders;
	char path[PATH_MAX];
	int ret = folders_default(&folders), found = 0;

	for (int i = 0; i < folders.n && ret == 0; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", folders.paths[i],
			     name) >= (int)sizeof(path) ||
		    access(path, F_OK) != 0)
			continue;
		if (found++ > 0)
			ret = ivshmem_fail(&target->err, -EEXIST,
				"that name is used twice: '%.120s' and '%.120s': give the path",
				target->path, path);
		else
			memcpy(target->path, path, sizeof(path));
	}
	folders_free(&folders);
	if (ret == -ENOMEM)
		ivshmem_fail(&target->err, ret, "out of memory");
	return ret != 0 ? ret : found;
}

static int find_file(struct target *target, const char *word)
{
	int ret = strchr(word, '/') == NULL ? find_name(target, word) : 0;

	if (ret != 0)
		return ret < 0 ? ret : 0;
	if (strlen(word) >= sizeof(target->path))
		return ivshmem_fail(&target->err, -ENAMETOOLONG,
				    "the name is too long");
	strcpy(target->path, word);
	if (access(word, F_OK) == 0)
		return 0;
	return ivshmem_fail(&target->err, -errno, strchr(word, '/') != NULL ?
		"%s" : "%s, here or in the folders of hosts: see 'dpdk-ivshmem list'",
		strerror(errno));
}

/* Whose it is.  See ivshmem_folder_walk() for why the folder is locked. */
static int look_at_lock(struct target *target, int fd)
{
	char folder[PATH_MAX];
	char *slash;
	int locked, ret;

	snprintf(folder, sizeof(folder), "%s", target->path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		strcpy(folder, ".");
	else
		slash[slash == folder] = '\0';
	locked = ivshmem_folder_lock(folder, &target->err);
	ret = ivshmem_lock_named(fd, LOCK_SH, AT_FDCWD, target->path);
	if (locked >= 0)
		close(locked);
	target->alive = ret == -EBUSY;
	target->owner = target->alive ? ivshmem_lock_owner(fd) : 0;
	return ret == -ESTALE ? -ESTALE : 0;
}

static int read_opened(struct target *target, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ivshmem_fail(&target->err, -errno, "fstat: %s",
				    strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ivshmem_fail(&target->err, -EINVAL,
				    "not a regular file");
	target->device = st.st_dev;
	target->inode = st.st_ino;
	return ivshmem_source_read_file(fd, &target->md, &target->err);
}

static int open_file(struct target *target)
{
	char real[PATH_MAX];
	int fd, ret;

	if (realpath(target->path, real) != NULL)
		memcpy(target->path, real, sizeof(real));
	fd = open(target->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return ivshmem_fail(&target->err, -errno, "%s",
				    strerror(errno));
	ret = look_at_lock(target, fd);
	if (ret == 0)
		ret = read_opened(target, fd);
	close(fd);
	return ret;
}

int target_open(struct target *target, const char *word)
{
	int ret;

	memset(target, 0, sizeof(*target));
	if (is_device(word, target->path))
		return open_device(target);
	ret = find_file(target, word);
	if (ret != 0)
		return ret;
	/* The owner may have replaced the file meanwhile. */
	do
		ret = open_file(target);
	while (ret == -ESTALE);
	return ret;
}

void target_close(struct target *target)
{
	ivshmem_metadata_free(&target->md);
}

bool target_is_stale(const struct target *target)
{
	return target->md.state == RTE_IVSHMEM_CLOSING ||
	       (!target->is_device && !target->alive);
}

const char *target_life(const struct target *target, char text[128])
{
	char command[64];

	if (target_is_stale(target))
		strcpy(text, target->is_device ? "stale: its host is gone" :
		       "stale: no living process owns it");
	else if (target->owner == 0)
		strcpy(text, target->is_device ? "in use" :
		       "alive, owner not known");
	else
		snprintf(text, 128, "alive, owner %d (%s)", (int)target->owner,
			 text_command(target->owner, command));
	return text;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"
#include "window.h"

#define PCI_VENDOR_IVSHMEM 0x1af4
#define PCI_DEVICE_IVSHMEM 0x1110

static unsigned long read_attribute(const char *device, const char *attribute)
{
	char path[PATH_MAX], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/%s", device, attribute);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	return strtoul(text, NULL, 0);
}

/*
 * What `enable` refuses while a driver has the device, as vfio-pci for the
 * doorbell: let it answer to accesses of its memory.
 */
static int enable_memory(const char *device)
{
	char path[PATH_MAX];
	uint16_t command;
	int fd, ret = 0;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/config", device);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, &command, sizeof(command), PCI_COMMAND) !=
	    sizeof(command)) {
		ret = -EIO;
	} else if ((le16toh(command) & PCI_COMMAND_MEMORY) == 0) {
		command |= htole16(PCI_COMMAND_MEMORY);
		if (pwrite(fd, &command, sizeof(command), PCI_COMMAND) !=
		    sizeof(command))
			ret = -EIO;
	}
	close(fd);
	return ret;
}

static int enable(const char *device, bool on)
{
	char path[PATH_MAX];
	int fd, ret = 0;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/enable", device);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, on ? "1" : "0", 1) != 1)
		ret = -errno;
	close(fd);
	return ret == -EBUSY && on ? enable_memory(device) : ret;
}

/* Only a hint of how much to map: decoding checks the size again. */
static size_t metadata_length(const volatile struct rte_ivshmem_header *header,
			      uint64_t size)
{
	uint64_t total = header->total_size;

	if (header->magic != RTE_IVSHMEM_MAGIC ||
	    total < RTE_IVSHMEM_PAGE_SIZE || total > RTE_IVSHMEM_TOTAL_MAX)
		total = RTE_IVSHMEM_PAGE_SIZE;
	return MIN(total, size);
}

static const void *map_start(int fd, size_t length, struct ivshmem_error *err)
{
	void *map = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);

	if (map != MAP_FAILED)
		return map;
	ivshmem_fail(err, -errno, "its start cannot be mapped: %s",
		     strerror(errno));
	return NULL;
}

static int read_bar(int fd, uint64_t size, struct ivshmem_metadata *md,
		    struct ivshmem_error *err)
{
	const void *start;
	size_t length;
	int ret;

	if (size < RTE_IVSHMEM_PAGE_SIZE)
		return ivshmem_fail(err, -ENOENT,
			"%" PRIu64 " bytes are too few for DPDK metadata", size);
	start = map_start(fd, RTE_IVSHMEM_PAGE_SIZE, err);
	if (start == NULL)
		return -EIO;
	length = metadata_length(start, size);
	munmap((void *)(uintptr_t)start, RTE_IVSHMEM_PAGE_SIZE);

	start = map_start(fd, length, err);
	if (start == NULL)
		return -EIO;
	ret = ivshmem_metadata_decode(start, length, size, md, err);
	munmap((void *)(uintptr_t)start, length);
	return ret;
}

/* read(), because a mapped file that shrinks raises SIGBUS. */
int ivshmem_source_read_file(int fd, struct ivshmem_metadata *md,
			     struct ivshmem_error *err)
{
	struct stat st;
	void *contents;
	ssize_t length;
	size_t size;
	int ret;

	if (fstat(fd, &st) != 0)
		return ivshmem_fail(err, -errno, "fstat: %s", strerror(errno));
	size = (size_t)MIN((uint64_t)st.st_size, RTE_IVSHMEM_TOTAL_MAX);
	contents = malloc(size + 1);
	if (contents == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	length = pread(fd, contents, size, 0);
	if (length >= 0)
		return ivshmem_metadata_take(contents, (size_t)length, md, err);
	ret = ivshmem_fail(err, -errno, "cannot be read: %s", strerror(errno));
	free(contents);
	return ret;
}

static int open_bar(const char *name, struct ivshmem_metadata *md,
		    struct ivshmem_error *err)
{
	uint64_t size;
	int fd = ivshmem_window_open(name, &size, err), ret;

	if (fd < 0)
		return fd;
	ret = read_bar(fd, size, md, err);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

int ivshmem_source_open_pci(const char *name, struct ivshmem_metadata *md,
			    struct ivshmem_error *err)
{
	/* A hot-plugged device comes with its memory decoding off. */
	bool enabled = read_attribute(name, "enable") != 0;
	int ret = enabled ? 0 : enable(name, true);

	if (ret != 0)
		return ivshmem_fail(err, ret, "cannot be enabled: %s: run as root",
				    strerror(-ret));
	ret = open_bar(name, md, err);
	if (ret == -ENOENT && !enabled)
		enable(name, false);
	return ret;
}

bool ivshmem_source_is_pci(const char *name)
{
	return read_attribute(name, "vendor") == PCI_VENDOR_IVSHMEM &&
	       read_attribute(name, "device") == PCI_DEVICE_IVSHMEM;
}

bool ivshmem_source_has_bar(const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/resource2", name);
	return stat(path, &st) == 0;
}

ino_t ivshmem_source_pci_inode(const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s", name);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static int is_ivshmem(const struct dirent *entry)
{
	return ivshmem_source_is_pci(entry->d_name);
}

int ivshmem_source_list_pci(struct dirent ***entries)
{
	int n = scandir(SYSFS_PCI, entries, is_ivshmem, alphasort);

	if (n >= 0)
		return n;
	*entries = NULL;
	return 0;
}

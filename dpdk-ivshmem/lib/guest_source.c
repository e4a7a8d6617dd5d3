/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where metadata comes from.
 *
 * In a guest: PCI devices, found in sysfs.  On the host, for another process
 * or container: the metadata file itself, given as `-a ivshmem0,file=PATH`.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_kvargs.h>
#include <rte_lcore.h>

#include "guest.h"
#include "log.h"

#define SYSFS_PCI "/sys/bus/pci/devices"
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
	return ret;
}

/* Only a hint of how much to map: decoding checks the size again. */
static size_t metadata_length(const volatile struct rte_ivshmem_header *header,
			      uint64_t size)
{
	uint64_t total = header->total_size;

	if (header->magic != RTE_IVSHMEM_MAGIC ||
	    total < RTE_IVSHMEM_PAGE_SIZE || total > RTE_IVSHMEM_TOTAL_MAX)
		total = RTE_IVSHMEM_PAGE_SIZE;
	return RTE_MIN(total, size);
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
static int read_file(int fd, uint64_t size, struct ivshmem_metadata *md,
		     struct ivshmem_error *err)
{
	void *contents = malloc(RTE_MIN(size, RTE_IVSHMEM_TOTAL_MAX) + 1);
	ssize_t length;
	int ret;

	if (contents == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	length = pread(fd, contents, RTE_MIN(size, RTE_IVSHMEM_TOTAL_MAX), 0);
	if (length < 0)
		ret = ivshmem_fail(err, -errno, "cannot be read: %s",
				   strerror(errno));
	else
		ret = ivshmem_metadata_decode(contents, (size_t)length,
					      UINT64_MAX, md, err);
	free(contents);
	return ret;
}

static int check_state(const struct ivshmem_metadata *md,
		       struct ivshmem_error *err)
{
	if (md->state == RTE_IVSHMEM_READY)
		return 0;
	if (md->state == RTE_IVSHMEM_BUILDING)
		return ivshmem_fail(err, -EAGAIN,
			"'%s' is not complete: the host must call rte_ivshmem_metadata_cmdline_generate() before this program starts",
			md->name);
	return ivshmem_fail(err, -ESTALE,
		"'%s', generation %" PRIu64 ", is stale: its host has exited; start the host, then give this side the new device",
		md->name, md->generation);
}

/* Read and check what the descriptor holds; takes the descriptor over. */
static int add_device(struct ivshmem_device_list *devices, const char *name,
		      int fd, bool is_bar, struct ivshmem_error *err)
{
	struct ivshmem_device *device = calloc(1, sizeof(*device));
	struct stat st;
	int ret = 0;

	if (device == NULL) {
		close(fd);
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	snprintf(device->name, sizeof(device->name), "%s", name);
	device->bar_fd = fd;
	if (fstat(fd, &st) != 0)
		ret = ivshmem_fail(err, -errno, "fstat: %s", strerror(errno));
	else if (is_bar)
		ret = read_bar(fd, (uint64_t)st.st_size, &device->md, err);
	else
		ret = read_file(fd, (uint64_t)st.st_size, &device->md, err);
	if (ret == 0)
		ret = check_state(&device->md, err);
	if (ret != 0) {
		ivshmem_device_free(device);
		return ret;
	}
	if (!is_bar) {
		close(fd);
		device->bar_fd = -1;
	}
	TAILQ_INSERT_TAIL(devices, device, next);
	return 0;
}

void ivshmem_device_free(struct ivshmem_device *device)
{
	if (device->lcore_guard != NULL)
		rte_lcore_callback_unregister(device->lcore_guard);
	if (device->bar_fd >= 0)
		close(device->bar_fd);
	ivshmem_metadata_free(&device->md);
	free(device);
}

/*
 * `resource2`, not `resource2_wc`: the first mapping of a page decides on the
 * memory type of all, and write-combining would reorder a ring's stores.
 */
static int open_pci(struct ivshmem_device_list *devices, const char *name,
		    struct ivshmem_error *err)
{
	char path[PATH_MAX];
	/* A hot-plugged device comes with its memory decoding off. */
	bool enabled = read_attribute(name, "enable") != 0;
	int fd, ret = enabled ? 0 : enable(name, true);

	if (ret != 0)
		return ivshmem_fail(err, ret, "cannot be enabled: %s: run as root",
				    strerror(-ret));
	snprintf(path, sizeof(path), SYSFS_PCI "/%s/resource2", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ret = ivshmem_fail(err, -errno, "%s: %s: run as root", path,
				   strerror(errno));
	else
		ret = add_device(devices, name, fd, true, err);
	if (ret == -ENOENT && !enabled)
		enable(name, false);
	return ret;
}

static int is_ivshmem(const struct dirent *entry)
{
	return read_attribute(entry->d_name, "vendor") == PCI_VENDOR_IVSHMEM &&
	       read_attribute(entry->d_name, "device") == PCI_DEVICE_IVSHMEM;
}

static void find_pci(struct ivshmem_device_list *devices)
{
	struct ivshmem_error err;
	struct dirent **entries;
	int n = scandir(SYSFS_PCI, &entries, is_ivshmem, alphasort);

	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		int ret = 0;

		if (!rte_eal_has_pci())
			IVSHMEM_LOG(NOTICE, "%s: left alone because of --no-pci",
				    name);
		else
			ret = open_pci(devices, name, &err);
		if (ret == -ENOENT)
			IVSHMEM_LOG(INFO, "%s: left alone: %s", name, err.text);
		else if (ret != 0)
			IVSHMEM_LOG(ERR, "%s: not attached: %s", name,
				    err.text);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static int open_file(struct ivshmem_device_list *devices, const char *path,
		     struct ivshmem_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return ivshmem_fail(err, -errno, "%s: is the host running?",
				    strerror(errno));
	return add_device(devices, path, fd, false, err);
}

static void find_files(struct ivshmem_device_list *devices)
{
	static const char *const keys[] = { "file", NULL };
	struct ivshmem_error err;
	struct rte_devargs *devargs;

	RTE_EAL_DEVARGS_FOREACH("ivshmem", devargs) {
		struct rte_kvargs *args = rte_kvargs_parse(devargs->args, keys);
		const char *path = args != NULL ?
			rte_kvargs_get(args, "file") : NULL;

		if (path == NULL)
			IVSHMEM_LOG(ERR, "-a %s,%s: give the metadata file as -a ivshmem0,file=PATH",
				    devargs->name, devargs->args);
		else if (open_file(devices, path, &err) != 0)
			IVSHMEM_LOG(ERR, "%s: not attached: %s", path,
				    err.text);
		rte_kvargs_free(args);
	}
}

void ivshmem_find_devices(struct ivshmem_device_list *devices)
{
	find_pci(devices);
	find_files(devices);
}

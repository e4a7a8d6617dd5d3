/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the host is, by what the metadata shows now.
 *
 * After an unplug the old mapping of a BAR reads zeros, and shows the memory of
 * whatever device is placed there next, which can be the same metadata again.
 * So name and generation are compared each time, and whether the device is
 * still the one that was opened: each plug makes a new folder in sysfs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "guest.h"
#include "source.h"

/* 0 if it is not there. */
static ino_t inode_of(const struct ivshmem_device *device)
{
	struct stat st;

	if (device->is_pci)
		return ivshmem_source_pci_inode(device->name);
	return fstat(device->fd, &st) == 0 ? st.st_ino : 0;
}

int ivshmem_watch(struct ivshmem_device *device, struct ivshmem_error *err)
{
	void *page;

	device->inode = inode_of(device);
	device->heartbeat = device->md.heartbeat;
	device->beat_time = ivshmem_now_ms();
	if (device->inode == 0)
		return ivshmem_fail(err, -ENODEV, "it has been taken away");
	if (!device->is_pci)
		return 0;
	page = mmap(NULL, RTE_IVSHMEM_PAGE_SIZE, PROT_READ, MAP_SHARED,
		    device->fd, 0);
	if (page == MAP_FAILED)
		return ivshmem_fail(err, -errno,
				    "the metadata cannot be mapped: %s",
				    strerror(errno));
	device->header = page;
	return 0;
}

void ivshmem_unwatch(struct ivshmem_device *device)
{
	if (device->header != NULL)
		munmap((void *)(uintptr_t)device->header,
		       RTE_IVSHMEM_PAGE_SIZE);
	device->header = NULL;
}

/* pread(), because a mapped file that shrinks raises SIGBUS. */
static bool copy_header(const struct ivshmem_device *device,
			struct rte_ivshmem_header *copy)
{
	if (device->header == NULL)
		return pread(device->fd, copy, sizeof(*copy), 0) ==
		       (ssize_t)sizeof(*copy);
	memcpy(copy, (const void *)(uintptr_t)device->header, sizeof(*copy));
	return true;
}

static bool is_ours(const struct ivshmem_device *device,
		    struct rte_ivshmem_header *copy)
{
	const struct ivshmem_metadata *md = &device->md;

	return copy_header(device, copy) && copy->magic == RTE_IVSHMEM_MAGIC &&
	       copy->generation == md->generation &&
	       strncmp(copy->name, md->name, sizeof(copy->name)) == 0 &&
	       (!device->is_pci || inode_of(device) == device->inode);
}

bool ivshmem_is_gone(const struct ivshmem_device *device)
{
	struct rte_ivshmem_header copy;

	return !is_ours(device, &copy);
}

/* A host that publishes no heartbeat is not called silent. */
static bool is_silent(struct ivshmem_device *device, uint64_t heartbeat)
{
	int64_t now = ivshmem_now_ms();

	if (heartbeat != device->heartbeat || heartbeat == 0) {
		device->heartbeat = heartbeat;
		device->beat_time = now;
	}
	return now - device->beat_time >= RTE_IVSHMEM_SILENT_MS;
}

enum rte_ivshmem_host_state ivshmem_host_state(struct ivshmem_device *device)
{
	struct rte_ivshmem_header copy;

	if (device->gone || !is_ours(device, &copy)) {
		device->gone = true;
		return RTE_IVSHMEM_HOST_GONE;
	}
	if (copy.state != RTE_IVSHMEM_READY)
		return RTE_IVSHMEM_HOST_CLOSING;
	return is_silent(device, copy.heartbeat) ? RTE_IVSHMEM_HOST_SILENT :
						   RTE_IVSHMEM_HOST_LIVE;
}

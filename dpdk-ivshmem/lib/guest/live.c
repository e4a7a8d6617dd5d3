/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the host is, by what the metadata shows now.
 *
 * After an unplug the old mapping of a BAR reads zeros, and shows the memory of
 * whatever device is placed there next; so the name and generation are compared
 * each time.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

int ivshmem_watch(struct ivshmem_device *device, struct ivshmem_error *err)
{
	void *page;

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

enum rte_ivshmem_host_state
ivshmem_host_state(const struct ivshmem_device *device)
{
	const struct ivshmem_metadata *md = &device->md;
	struct rte_ivshmem_header copy;

	if (!copy_header(device, &copy) || copy.magic != RTE_IVSHMEM_MAGIC ||
	    copy.generation != md->generation ||
	    strncmp(copy.name, md->name, sizeof(copy.name)) != 0)
		return RTE_IVSHMEM_HOST_GONE;
	return copy.state == RTE_IVSHMEM_READY ? RTE_IVSHMEM_HOST_LIVE :
						 RTE_IVSHMEM_HOST_CLOSING;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The devices to attach.
 *
 * In a guest: PCI devices.  On the host, for another process or container: the
 * metadata file itself, given as `-a ivshmem0,file=PATH`.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_kvargs.h>
#include <rte_lcore.h>

#include "guest.h"
#include "log.h"
#include "source.h"

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

/* Takes the metadata and the descriptor of BAR 2 over; -1: there is no BAR. */
static int add_device(struct ivshmem_device_list *devices, const char *name,
		      int bar_fd, struct ivshmem_metadata *md,
		      struct ivshmem_error *err)
{
	struct ivshmem_device *device = calloc(1, sizeof(*device));
	int ret;

	if (device == NULL) {
		ivshmem_metadata_free(md);
		if (bar_fd >= 0)
			close(bar_fd);
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	snprintf(device->name, sizeof(device->name), "%s", name);
	device->bar_fd = bar_fd;
	device->md = *md;
	ret = check_state(&device->md, err);
	if (ret != 0)
		ivshmem_device_free(device);
	else
		TAILQ_INSERT_TAIL(devices, device, next);
	return ret;
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

static int open_pci(struct ivshmem_device_list *devices, const char *name,
		    struct ivshmem_error *err)
{
	struct ivshmem_metadata md;
	int fd = ivshmem_source_open_pci(name, &md, err);

	return fd < 0 ? fd : add_device(devices, name, fd, &md, err);
}

static void find_pci(struct ivshmem_device_list *devices)
{
	struct ivshmem_error err;
	struct dirent **entries;
	int n = ivshmem_source_list_pci(&entries);

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
	free(entries);
}

static int open_file(struct ivshmem_device_list *devices, const char *path,
		     struct ivshmem_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;
	struct ivshmem_metadata md;

	if (fd < 0)
		return ivshmem_fail(err, -errno, "%s: is the host running?",
				    strerror(errno));
	ret = ivshmem_source_read_file(fd, &md, err);
	close(fd);
	return ret != 0 ? ret : add_device(devices, path, -1, &md, err);
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

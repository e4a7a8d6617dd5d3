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

#include "guest.h"
#include "log.h"
#include "source.h"
#include "window.h"

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

/* Takes the metadata and the descriptor over, also on failure. */
static int new_device(const char *name, bool is_pci, int fd,
		      struct ivshmem_metadata *md,
		      struct ivshmem_device **result, struct ivshmem_error *err)
{
	struct ivshmem_device *device = calloc(1, sizeof(*device));
	int ret;

	if (device == NULL) {
		ivshmem_metadata_free(md);
		close(fd);
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	snprintf(device->name, sizeof(device->name), "%s", name);
	device->is_pci = is_pci;
	device->fd = fd;
	device->memory_type = is_pci ? ivshmem_window_memory_type(fd) :
				       "write-back";
	device->md = *md;
	ret = check_state(&device->md, err);
	if (ret != 0)
		ivshmem_device_free(device);
	else
		*result = device;
	return ret;
}

void ivshmem_device_free(struct ivshmem_device *device)
{
	if (device->fd >= 0)
		close(device->fd);
	ivshmem_metadata_free(&device->md);
	free(device);
}

/* ---- PCI devices -------------------------------------------------------- */

static bool same_pci_device(const char *name, const char *given)
{
	size_t domain = sizeof("0000:") - 1;

	/* DPDK takes an address without its domain for domain 0. */
	return strcmp(name, given) == 0 ||
	       (strncmp(name, "0000:", domain) == 0 &&
		strcmp(name + domain, given) == 0);
}

/* As DPDK's PCI bus takes -a and -b, whose devices are in its list. */
static int check_allowed(const char *name, struct ivshmem_error *err)
{
	bool only_allowed = false;
	struct rte_devargs *devargs;

	if (!rte_eal_has_pci())
		return ivshmem_fail(err, -EPERM, "--no-pci");
	RTE_EAL_DEVARGS_FOREACH("pci", devargs) {
		bool same = same_pci_device(name, devargs->name);

		if (devargs->policy == RTE_DEV_BLOCKED) {
			if (same)
				return ivshmem_fail(err, -EPERM, "-b %s",
						    devargs->name);
			continue;
		}
		if (same)
			return 0;
		only_allowed = true;
	}
	return !only_allowed ? 0 : ivshmem_fail(err, -EPERM,
		"other PCI devices are given with -a: add -a %s", name);
}

static int open_pci(const char *name, struct ivshmem_device **device,
		    struct ivshmem_error *err)
{
	struct ivshmem_metadata md;
	int ret = check_allowed(name, err);

	if (ret == 0)
		ret = ivshmem_source_open_pci(name, &md, err);
	return ret < 0 ? ret : new_device(name, true, ret, &md, device, err);
}

static void add_pci(struct ivshmem_device_list *devices, const char *name)
{
	struct ivshmem_device *device;
	struct ivshmem_error err;
	int ret = open_pci(name, &device, &err);

	if (ret == 0)
		TAILQ_INSERT_TAIL(devices, device, next);
	else if (ret == -EPERM)
		IVSHMEM_LOG(NOTICE, "%s: left alone because of the command line: %s",
			    name, err.text);
	else if (ret == -ENOENT)
		IVSHMEM_LOG(INFO, "%s: left alone: %s", name, err.text);
	else
		IVSHMEM_LOG(ERR, "%s: not attached: %s", name, err.text);
}

static void find_pci(struct ivshmem_device_list *devices)
{
	struct dirent **entries;
	int n = ivshmem_source_list_pci(&entries);

	for (int i = 0; i < n; i++) {
		add_pci(devices, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* ---- files -------------------------------------------------------------- */

/* The descriptor stays, to see how the host is. */
static int open_file(const char *path, struct ivshmem_device **device,
		     struct ivshmem_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;
	struct ivshmem_metadata md;

	if (fd < 0)
		return ivshmem_fail(err, errno == ENOENT ? -ENODEV : -errno,
				    "%s: is the host running?",
				    strerror(errno));
	ret = ivshmem_source_read_file(fd, &md, err);
	if (ret == 0)
		return new_device(path, false, fd, &md, device, err);
	close(fd);
	return ret;
}

static void add_file(struct ivshmem_device_list *devices, const char *path)
{
	struct ivshmem_device *device;
	struct ivshmem_error err;

	if (open_file(path, &device, &err) == 0)
		TAILQ_INSERT_TAIL(devices, device, next);
	else
		IVSHMEM_LOG(ERR, "%s: not attached: %s", path, err.text);
}

static void find_files(struct ivshmem_device_list *devices)
{
	static const char *const keys[] = { "file", NULL };
	struct rte_devargs *devargs;

	RTE_EAL_DEVARGS_FOREACH("ivshmem", devargs) {
		struct rte_kvargs *args = rte_kvargs_parse(devargs->args, keys);
		const char *path = args != NULL ?
			rte_kvargs_get(args, "file") : NULL;

		if (path == NULL)
			IVSHMEM_LOG(ERR, "-a %s,%s: give the metadata file as -a ivshmem0,file=PATH",
				    devargs->name, devargs->args);
		else
			add_file(devices, path);
		rte_kvargs_free(args);
	}
}

/* ---- both --------------------------------------------------------------- */

void ivshmem_find_devices(struct ivshmem_device_list *devices)
{
	find_pci(devices);
	find_files(devices);
}

int ivshmem_open_device(const char *name, struct ivshmem_device **device,
			struct ivshmem_error *err)
{
	if (strlen(name) >= RTE_IVSHMEM_DEVICE_SIZE)
		return ivshmem_fail(err, -ENODEV, "the name is too long");
	if (strchr(name, '/') != NULL)
		return open_file(name, device, err);
	if (!ivshmem_source_is_pci(name))
		return ivshmem_fail(err, -ENODEV,
			"no PCI device 1af4:1110, and no path of a file");
	return open_pci(name, device, err);
}

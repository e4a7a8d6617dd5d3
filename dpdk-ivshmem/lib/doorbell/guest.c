/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The doorbell of a device, in a guest, through VFIO.
 *
 * Registers are written with pwrite(): BAR 0 is smaller than a page, and a
 * mapping would end the program with SIGBUS once the device is unplugged.
 *
 * Linux does not let a device go while VFIO has it open; it asks by an
 * interrupt, and DPDK's interrupt thread closes it then.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_vfio.h>

#include "doorbell.h"
#include "log.h"
#include "source.h"
#include "window.h"

#define REGISTER_IV_POSITION 8
#define REGISTER_DOORBELL 12

struct guest {
	char device[32];   /**< PCI address */
	pthread_mutex_t lock; /**< fd */
	int fd;            /**< of VFIO; -1: unplugged */
	uint64_t bar0;     /**< its place in fd */
	int request_fd;    /**< readable: Linux wants the device back; or -1 */
	struct rte_intr_handle *request; /**< the same, watched; or NULL */
};

/* ---- which device -------------------------------------------------------- */

static bool has_name(const char *device, const char *where)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	bool same;
	int fd;

	if (strcmp(device, where) == 0)
		return true;
	fd = ivshmem_source_open_pci(device, &md, &err);
	if (fd < 0)
		return false;
	same = strcmp(md.name, where) == 0;
	ivshmem_metadata_free(&md);
	close(fd);
	return same;
}

static int find_device(struct guest *guest, const char *where,
		       struct ivshmem_error *err)
{
	struct dirent **entries;
	int n = ivshmem_source_list_pci(&entries);
	bool found = false;

	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (!found && strlen(name) < sizeof(guest->device) &&
		    has_name(name, where)) {
			strcpy(guest->device, name);
			found = true;
		}
		free(entries[i]);
	}
	free(entries);
	return found ? 0 : ivshmem_fail(err, -ENOENT,
		"no ivshmem device has that name or PCI address; on the host give the path of the server's socket");
}

static bool has_driver(const struct guest *guest, const char *driver)
{
	char path[PATH_MAX], link[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/driver", guest->device);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return false;
	link[n] = '\0';
	name = strrchr(link, '/');
	return name != NULL && strcmp(name + 1, driver) == 0;
}

/* A device that was started without `chardev` has no MSI-X, and no driver
 * helps. */
static bool has_interrupts(const struct guest *guest)
{
	char path[PATH_MAX];
	uint8_t config[256];
	ssize_t n;
	int fd, at;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/config", guest->device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true; /* VFIO will tell */
	n = pread(fd, config, sizeof(config), 0);
	close(fd);
	if (n < (ssize_t)sizeof(config))
		return true;
	at = config[PCI_CAPABILITY_LIST];
	for (int left = 48; at >= PCI_STD_HEADER_SIZEOF && left > 0; left--) {
		at &= ~3;
		if (config[at] == PCI_CAP_ID_MSIX)
			return true;
		at = config[at + 1];
	}
	return false;
}

static int check_device(const struct guest *guest, struct ivshmem_error *err)
{
	const char *device = guest->device;

	if (!has_interrupts(guest))
		return ivshmem_fail(err, -ENOTSUP,
			"%s has no doorbell: start QEMU with -chardev socket,path=SOCKET,id=iv and -device ivshmem,...,chardev=iv, and an ivshmem-server",
			device);
	if (!has_driver(guest, "vfio-pci"))
		return ivshmem_fail(err, -ENOTSUP,
			"%s is not bound to vfio-pci: modprobe vfio-pci; echo vfio-pci >" SYSFS_PCI "/%s/driver_override; echo %s >/sys/bus/pci/drivers_probe; without an IOMMU before that: echo 1 >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
			device, device, device);
	if (!rte_vfio_is_enabled("vfio_pci"))
		return ivshmem_fail(err, -ENOTSUP,
			"this EAL has no VFIO: load vfio-pci before rte_eal_init(), and run as root");
	return 0;
}

/* ---- VFIO ---------------------------------------------------------------- */

static int find_region(const struct guest *guest, uint32_t index,
		       uint64_t *offset, struct ivshmem_error *err)
{
	struct vfio_region_info region = {
		.argsz = sizeof(region),
		.index = index,
	};

	if (ioctl(guest->fd, VFIO_DEVICE_GET_REGION_INFO, &region) != 0)
		return ivshmem_fail(err, -errno, "%s: region %u: %s",
				    guest->device, index, strerror(errno));
	*offset = region.offset;
	return 0;
}

/* Interrupts are writes of the device to memory, which Linux leaves off. */
static int enable_interrupts(const struct guest *guest,
			     struct ivshmem_error *err)
{
	uint64_t config;
	uint16_t command;
	int ret = find_region(guest, VFIO_PCI_CONFIG_REGION_INDEX, &config,
			      err);

	if (ret != 0)
		return ret;
	config += PCI_COMMAND;
	if (pread(guest->fd, &command, sizeof(command), (off_t)config) !=
	    sizeof(command))
		return ivshmem_fail(err, -EIO, "%s: PCI command: %s",
				    guest->device, strerror(errno));
	command |= rte_cpu_to_le_16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (pwrite(guest->fd, &command, sizeof(command), (off_t)config) !=
	    sizeof(command))
		return ivshmem_fail(err, -EIO, "%s: PCI command: %s",
				    guest->device, strerror(errno));
	return 0;
}

static int count_irqs(const struct guest *guest, uint32_t index)
{
	struct vfio_irq_info irqs = { .argsz = sizeof(irqs), .index = index };

	return ioctl(guest->fd, VFIO_DEVICE_GET_IRQ_INFO, &irqs) == 0 ?
	       (int)irqs.count : -errno;
}

static int set_irqs(const struct guest *guest, uint32_t index, const int *fds,
		    uint32_t n, struct ivshmem_error *err)
{
	size_t size = sizeof(struct vfio_irq_set) + n * sizeof(*fds);
	struct vfio_irq_set *set = calloc(1, size);
	int ret = 0;

	if (set == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	set->argsz = (uint32_t)size;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->count = n;
	memcpy(set->data, fds, n * sizeof(*fds));
	if (ioctl(guest->fd, VFIO_DEVICE_SET_IRQS, set) != 0)
		ret = ivshmem_fail(err, -errno, "%s: interrupts: %s",
				   guest->device, strerror(errno));
	free(set);
	return ret;
}

static int set_up_vectors(struct rte_ivshmem_doorbell *db,
			  struct ivshmem_error *err)
{
	const struct guest *guest = db->private;
	int there = count_irqs(guest, VFIO_PCI_MSIX_IRQ_INDEX);

	if (there < db->vectors)
		return ivshmem_fail(err, -ENOSPC,
			"%s has %d vectors, %u are wanted: -device ivshmem,...,vectors=%u, and ivshmem-server -n %u",
			guest->device, there, db->vectors, db->vectors,
			db->vectors);
	for (uint16_t i = 0; i < db->vectors; i++) {
		db->fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (db->fds[i] < 0)
			return ivshmem_fail(err, -errno, "eventfd: %s",
					    strerror(errno));
	}
	return set_irqs(guest, VFIO_PCI_MSIX_IRQ_INDEX, db->fds, db->vectors,
			err);
}

static int read_id(struct rte_ivshmem_doorbell *db, struct ivshmem_error *err)
{
	struct guest *guest = db->private;
	uint32_t id;
	int ret = find_region(guest, VFIO_PCI_BAR0_REGION_INDEX, &guest->bar0,
			      err);

	if (ret != 0)
		return ret;
	if (pread(guest->fd, &id, sizeof(id),
		  (off_t)(guest->bar0 + REGISTER_IV_POSITION)) != sizeof(id))
		return ivshmem_fail(err, -EIO, "%s: BAR 0: %s", guest->device,
				    strerror(errno));
	id = rte_le_to_cpu_32(id);
	if (id > UINT16_MAX)
		return ivshmem_fail(err, -ENOTSUP,
			"%s has no id, but 0x%" PRIx32 ": is it connected to its server?",
			guest->device, id);
	db->id = (uint16_t)id;
	return 0;
}

static void release(struct guest *guest)
{
	rte_vfio_release_device(SYSFS_PCI, guest->device, guest->fd);
	guest->fd = -1;
}

/* ---- unplug, in the interrupt thread --------------------------------------- */

static void end_request(struct rte_intr_handle *unused __rte_unused,
			void *arg __rte_unused)
{
}

static void device_is_wanted_back(void *arg)
{
	struct rte_ivshmem_doorbell *db = arg;
	struct guest *guest = db->private;

	IVSHMEM_LOG(NOTICE, "doorbell of %s: unplugged", guest->device);
	pthread_mutex_lock(&guest->lock);
	release(guest);
	pthread_mutex_unlock(&guest->lock);
	ivshmem_doorbell_set_gone(db);
	rte_intr_callback_unregister_pending(guest->request,
					     device_is_wanted_back, db,
					     end_request);
}

static int watch_requests(struct rte_ivshmem_doorbell *db,
			  struct ivshmem_error *err)
{
	struct guest *guest = db->private;
	int ret;

	guest->request_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (guest->request_fd < 0)
		return ivshmem_fail(err, -errno, "eventfd: %s",
				    strerror(errno));
	ret = set_irqs(guest, VFIO_PCI_REQ_IRQ_INDEX, &guest->request_fd, 1,
		       err);
	if (ret != 0)
		return ret;
	guest->request = ivshmem_intr_handle(guest->request_fd);
	if (guest->request == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	if (rte_intr_callback_register(guest->request, device_is_wanted_back,
				       db) == 0)
		return 0;
	rte_intr_instance_free(guest->request);
	guest->request = NULL;
	return ivshmem_fail(err, -EIO,
			    "DPDK's interrupt thread does not watch the device");
}

/* ---- open and close ------------------------------------------------------ */

static void guest_close(struct rte_ivshmem_doorbell *db)
{
	struct guest *guest = db->private;

	if (guest->request != NULL) {
		rte_intr_callback_unregister_sync(guest->request,
						  device_is_wanted_back, db);
		rte_intr_instance_free(guest->request);
	}
	if (guest->fd >= 0)
		release(guest);
	if (guest->request_fd >= 0)
		close(guest->request_fd);
	free(guest);
}

static int guest_ring(struct rte_ivshmem_doorbell *db, uint16_t peer,
		      uint16_t vector)
{
	struct guest *guest = db->private;
	uint32_t value = rte_cpu_to_le_32((uint32_t)peer << 16 | vector);
	int ret = 0;

	/* The lock keeps the descriptor from being closed meanwhile. */
	pthread_mutex_lock(&guest->lock);
	if (guest->fd < 0 ||
	    pwrite(guest->fd, &value, sizeof(value),
		   (off_t)(guest->bar0 + REGISTER_DOORBELL)) != sizeof(value))
		ret = -ENODEV;
	pthread_mutex_unlock(&guest->lock);
	return ret;
}

static const struct ivshmem_doorbell_kind guest_kind = {
	.ring = guest_ring,
	.close = guest_close,
};

static int open_vfio(struct guest *guest, struct ivshmem_error *err)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int ret = rte_vfio_setup_device(SYSFS_PCI, guest->device, &guest->fd,
					&info);

	if (ret == 0)
		return 0;
	guest->fd = -1;
	return ivshmem_fail(err, -EBUSY,
		"VFIO does not open %s: does another process have its doorbell?",
		guest->device);
}

static int set_up(struct rte_ivshmem_doorbell *db, struct ivshmem_error *err)
{
	int ret = open_vfio(db->private, err);

	if (ret == 0)
		ret = read_id(db, err);
	if (ret == 0)
		ret = enable_interrupts(db->private, err);
	if (ret == 0)
		ret = set_up_vectors(db, err);
	if (ret == 0)
		ret = watch_requests(db, err);
	return ret;
}

int ivshmem_doorbell_attach(struct rte_ivshmem_doorbell *db, const char *where,
			    struct ivshmem_error *err)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	int ret;

	if (guest == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	guest->fd = -1;
	guest->request_fd = -1;
	pthread_mutex_init(&guest->lock, NULL);
	db->kind = &guest_kind;
	db->private = guest;
	ret = find_device(guest, where, err);
	if (ret == 0)
		ret = check_device(guest, err);
	if (ret == 0)
		ret = set_up(db, err);
	if (ret != 0)
		guest_close(db);
	return ret;
}

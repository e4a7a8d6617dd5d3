/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bus `ivshmem`.
 *
 * scan() runs before the EAL reserves its memory: the host's addresses are
 * still free then, although both sides use the same default base address.
 * probe() runs when memzones and tailqs exist.
 *
 * A device that cannot be attached without risk is refused with a message and
 * the application starts without it.
 */
#include <string.h>

#include <rte_eal.h>

#include "bus.h"
#include "guest.h"
#include "heartbeat.h"
#include "log.h"

/** Between scan() and probe(). */
static struct ivshmem_device_list mapped = TAILQ_HEAD_INITIALIZER(mapped);

/** That a secondary process does not attach, but may look at. */
static struct ivshmem_device_list readable = TAILQ_HEAD_INITIALIZER(readable);

static void refuse(struct ivshmem_device *device,
		   const struct ivshmem_error *err)
{
	IVSHMEM_LOG(ERR, "%s: '%s' is not attached: %s", device->name,
		    device->md.name, err->text);
	ivshmem_device_free(device);
}

static int scan(void)
{
	static bool done;
	struct ivshmem_device_list found = TAILQ_HEAD_INITIALIZER(found);
	struct ivshmem_device *device;
	struct ivshmem_error err;

	/* The EAL scans again for hot plug of other buses' devices. */
	if (done)
		return 0;
	done = true;
	ivshmem_find_devices(&found);
	while ((device = TAILQ_FIRST(&found)) != NULL) {
		TAILQ_REMOVE(&found, device, next);
		if (ivshmem_device_map(device, false, &err) == 0)
			TAILQ_INSERT_TAIL(&mapped, device, next);
		else
			refuse(device, &err);
	}
	return 0;
}

/*
 * The primary process may have attached it, and every lookup of this one goes
 * through its lists.  So programs that only look, such as dpdk-proc-info, do
 * their work.
 */
static int leave_readable(struct ivshmem_device *device,
			  const struct ivshmem_error *err)
{
	if (rte_eal_process_type() == RTE_PROC_PRIMARY ||
	    ivshmem_protect_chunks(device) != 0)
		return -1;
	IVSHMEM_LOG(ERR, "%s: '%s' can be read here, and nothing else: %s",
		    device->name, device->md.name, err->text);
	TAILQ_INSERT_TAIL(&readable, device, next);
	return 0;
}

static int probe(void)
{
	struct ivshmem_device *device;
	struct ivshmem_error err;

	while ((device = TAILQ_FIRST(&mapped)) != NULL) {
		TAILQ_REMOVE(&mapped, device, next);
		if (ivshmem_device_attach(device, &err) == 0 ||
		    leave_readable(device, &err) == 0)
			continue;
		ivshmem_device_unmap(device);
		refuse(device, &err);
	}
	return 0;
}

/* The objects stay: drivers that are closed after this may use them. */
static int cleanup(void)
{
	/* The EAL's alarms end next. */
	ivshmem_monitor_end();
	ivshmem_heartbeat_stop();
	ivshmem_flush_all();
	return 0;
}

/* For programs that end without rte_eal_cleanup(). */
RTE_FINI(ivshmem_at_exit)
{
	ivshmem_flush_all();
}

/* What is shared has no rte_device of its own. */
static struct rte_device *
find_device(const struct rte_device *start __rte_unused,
	    int (*cmp)(const struct rte_device *dev,
		       const void *data) __rte_unused,
	    const void *data __rte_unused)
{
	return NULL;
}

/* Ours are the names of `-a ivshmem0,file=...`. */
static int parse(const char *name, void *addr __rte_unused)
{
	static const char prefix[] = "ivshmem";
	size_t len = sizeof(prefix) - 1;

	return strncmp(name, prefix, len) == 0 && name[len] >= '0' &&
	       name[len] <= '9' ? 0 : -1;
}

static struct rte_bus ivshmem_bus = {
	.name = "ivshmem",
	.scan = scan,
	.probe = probe,
	.find_device = find_device,
	.parse = parse,
	.cleanup = cleanup,
};

/*
 * A program may be linked with this library and load a copy of it from DPDK's
 * folder of plugins: the first one serves it.
 */
RTE_INIT_PRIO(ivshmem_bus_register, BUS)
{
	if (rte_bus_find_by_name(ivshmem_bus.name) == NULL)
		rte_bus_register(&ivshmem_bus);
	else
		IVSHMEM_LOG(NOTICE, "this library is there twice: the first one is used");
}

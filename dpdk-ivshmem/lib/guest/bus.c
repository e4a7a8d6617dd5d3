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
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "bus.h"
#include "guest.h"
#include "layout.h"
#include "log.h"

/** Devices whose chunks are mapped. */
static struct ivshmem_device_list mapped = TAILQ_HEAD_INITIALIZER(mapped);

static void refuse(struct ivshmem_device *device,
		   const struct ivshmem_error *err)
{
	IVSHMEM_LOG(ERR, "%s: '%s' is not attached: %s", device->name,
		    device->md.name, err->text);
	ivshmem_device_free(device);
}

static int map_device(struct ivshmem_device *device, struct ivshmem_error *err)
{
	int ret = ivshmem_layout_check(&device->md, err);

	if (ret == 0)
		ret = ivshmem_agree_on_ops(&device->md, err);
	if (ret == 0)
		ret = ivshmem_map_chunks(device, err);
	if (ret != 0)
		return ret;
	ret = ivshmem_map_descriptors(&device->md, err);
	if (ret != 0)
		ivshmem_unmap_chunks(device);
	return ret;
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
		if (map_device(device, &err) == 0)
			TAILQ_INSERT_TAIL(&mapped, device, next);
		else
			refuse(device, &err);
	}
	return 0;
}

static int attach(struct ivshmem_device *device, struct ivshmem_error *err)
{
	int ret = ivshmem_guard_lcores(device, err);

	/* Secondary processes find what their primary inserted. */
	if (ret == 0 && rte_eal_process_type() == RTE_PROC_PRIMARY)
		ret = ivshmem_insert_objects(&device->md, err);
	return ret;
}

static void report(const struct ivshmem_device *device)
{
	const struct ivshmem_metadata *md = &device->md;
	uint64_t bytes = 0;

	for (uint32_t i = 1; i < md->n_chunks; i++)
		bytes += md->chunks[i].length;
	IVSHMEM_LOG(NOTICE, "%s: attached '%s' of %s, generation %" PRIu64
		    ": %u objects, %" PRIu64 " KiB in %u chunks", device->name,
		    md->name, md->dpdk_version, md->generation, md->n_objects,
		    bytes / 1024, md->n_chunks - 1);
}

static int probe(void)
{
	static bool done;
	struct ivshmem_device *device, *next;
	struct ivshmem_error err;

	if (done)
		return 0;
	done = true;
	for (device = TAILQ_FIRST(&mapped); device != NULL; device = next) {
		next = TAILQ_NEXT(device, next);
		if (attach(device, &err) == 0) {
			report(device);
			continue;
		}
		TAILQ_REMOVE(&mapped, device, next);
		ivshmem_unmap_chunks(device);
		refuse(device, &err);
	}
	return 0;
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
};

RTE_INIT_PRIO(ivshmem_bus_register, BUS)
{
	rte_bus_register(&ivshmem_bus);
}

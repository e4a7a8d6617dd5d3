/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's driver interface for buses.
 *
 * Distributions ship DPDK without its driver headers, but the libraries export
 * the symbols.  This declares the little that a bus of our kind uses; the
 * layout is that of lib/eal/include/bus_driver.h, unchanged from 22.11 to
 * 25.11.  Look there before raising the limit.
 */
#ifndef IVSHMEM_DPDK_BUS_H
#define IVSHMEM_DPDK_BUS_H

#include <rte_bus.h>
#include <rte_common.h>
#include <rte_tailq.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "DPDK 22.11 or later is needed"
#endif
#if RTE_VERSION >= RTE_VERSION_NUM(26, 0, 0, 0)
#error "compare struct rte_bus with DPDK's bus_driver.h and raise this limit"
#endif

struct rte_device;

/** Callbacks that this library leaves out: only their place matters. */
typedef void (*ivshmem_unused_callback)(void);

/** struct rte_bus of DPDK's driver interface. */
struct rte_bus {
	RTE_TAILQ_ENTRY(rte_bus) next;
	const char *name;
	int (*scan)(void);
	int (*probe)(void);
	struct rte_device *(*find_device)(const struct rte_device *start,
		int (*cmp)(const struct rte_device *dev, const void *data),
		const void *data);
	ivshmem_unused_callback plug;
	ivshmem_unused_callback unplug;
	int (*parse)(const char *name, void *addr);
	ivshmem_unused_callback devargs_parse;
	ivshmem_unused_callback dma_map;
	ivshmem_unused_callback dma_unmap;
	struct {
		int scan_mode;
	} conf;
	ivshmem_unused_callback get_iommu_class;
	ivshmem_unused_callback dev_iterate;
	ivshmem_unused_callback hot_unplug_handler;
	ivshmem_unused_callback sigbus_handler;
	int (*cleanup)(void);
};

void rte_bus_register(struct rte_bus *bus);

#endif

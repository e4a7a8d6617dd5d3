/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest side inside: a DPDK bus that attaches what a host shares.
 *
 *   bus.c      the bus: scan before the EAL takes memory, probe after
 *   devices.c  what to attach: PCI devices, or files
 *   map.c      chunks at the host's addresses; memzone descriptors
 *   ops.c      mempool ops at the host's indexes
 *   objects.c  objects that rte_*_lookup() finds
 *
 * All of it runs in rte_eal_init(), in one thread.  Functions return 0 or a
 * negative errno with the reason in `err`, and undo what they did on failure.
 */
#ifndef IVSHMEM_GUEST_H
#define IVSHMEM_GUEST_H

#include <limits.h>
#include <sys/queue.h>

#include "format.h"

/** One place that metadata comes from. */
struct ivshmem_device {
	TAILQ_ENTRY(ivshmem_device) next;
	char name[NAME_MAX]; /**< for messages: PCI address or file name */
	int bar_fd;          /**< BAR 2 of a PCI device; -1: chunks are files */
	void *lcore_guard;   /**< of ivshmem_guard_lcores(), or NULL */
	struct ivshmem_metadata md;
};

TAILQ_HEAD(ivshmem_device_list, ivshmem_device);

/**
 * Find the PCI devices 1af4:1110 whose memory holds our metadata, and the
 * files given as `-a ivshmem0,file=PATH`.  Others are left alone.
 *
 * @param[out] devices
 *   Those with good metadata that is ready; closed by
 *   ivshmem_device_free().
 */
void ivshmem_find_devices(struct ivshmem_device_list *devices);

/** Close and release a device that is not attached; its mappings stay. */
void ivshmem_device_free(struct ivshmem_device *device);

/** Map all chunks but the metadata at the host's addresses, over nothing. */
int ivshmem_map_chunks(struct ivshmem_device *device,
		       struct ivshmem_error *err);

/** Undo ivshmem_map_chunks(). */
void ivshmem_unmap_chunks(struct ivshmem_device *device);

/**
 * Give shared objects the memzone descriptors that they point to: private
 * pages at the host's addresses that hold copies.
 */
int ivshmem_map_descriptors(const struct ivshmem_metadata *md,
			    struct ivshmem_error *err);

/** Make this process's indexes of mempool ops mean what the host's mean. */
int ivshmem_agree_on_ops(const struct ivshmem_metadata *md,
			 struct ivshmem_error *err);

/**
 * Refuse lcore ids that both sides use if a shared pool has per-lcore caches,
 * now and, as long as the device lives, for threads that register later.
 */
int ivshmem_guard_lcores(struct ivshmem_device *device,
			 struct ivshmem_error *err);

/** Insert the objects where rte_*_lookup() looks. */
int ivshmem_insert_objects(const struct ivshmem_metadata *md,
			   struct ivshmem_error *err);

#endif

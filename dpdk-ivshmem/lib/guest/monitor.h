/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor inside.  All of it runs in the EAL's interrupt thread, with the
 * lock of monitor.c held and that of attach.c not.
 */
#ifndef IVSHMEM_GUEST_MONITOR_H
#define IVSHMEM_GUEST_MONITOR_H

#include <stdbool.h>

#include "guest.h"
#include "rte_ivshmem_guest.h"
#include "vec.h"

/** What rte_ivshmem_monitor_start() made. */
struct ivshmem_monitor {
	rte_ivshmem_event_cb callback; /**< or NULL */
	void *arg;
	uint32_t flags;
	bool running;
	bool has_uevents;
	int64_t scanned;             /**< when, ms */
	struct ivshmem_vec told;     /**< struct ivshmem_attached: as told */
	struct ivshmem_vec arrivals; /**< struct ivshmem_arrival */
};

/** Call the callback. */
void ivshmem_tell(struct ivshmem_monitor *monitor,
		  const struct rte_ivshmem_event *event);

/** Tell what has changed among the attached devices since it was told. */
void ivshmem_tell_changes(struct ivshmem_monitor *monitor);

/* ---- arrivals.c --------------------------------------------------------- */

/** A PCI device has come: look at it. */
void ivshmem_arrival_add(struct ivshmem_monitor *monitor, const char *name);

/** A PCI device has gone. */
void ivshmem_arrival_drop(struct ivshmem_monitor *monitor, const char *name);

/** Add the PCI devices that are there, and neither attached nor known. */
void ivshmem_arrivals_scan(struct ivshmem_monitor *monitor);

/** Add the files of which the host has made a new one. */
void ivshmem_arrivals_add_files(struct ivshmem_monitor *monitor);

/**
 * Tell what is found, and attach it if asked to.
 *
 * @return
 *   True if some are not ready to be looked at.
 */
bool ivshmem_arrivals_look(struct ivshmem_monitor *monitor);

#endif

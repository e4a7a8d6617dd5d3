/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What came, from its first sign until it is attached or known for something
 * else.
 *
 *     NEW ----------> TOLD      found, and attached if that was asked for; or
 *      |  \                     refused; or not ours
 *      |   `-> HELD -^          the device in its way is held
 *      `-> dropped              another kind of device, or gone again
 *
 * The kernel announces a PCI device before sysfs has its BAR.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "clock.h"
#include "log.h"
#include "monitor.h"
#include "source.h"

#define BAR_WAIT 5000 /* ms */

enum stage { NEW, HELD, TOLD };

struct ivshmem_arrival {
	char name[RTE_IVSHMEM_DEVICE_SIZE];
	ino_t inode;
	enum stage stage;
	int64_t deadline; /**< for BAR 2, ms */
};

static bool is_path(const char *name)
{
	return strchr(name, '/') != NULL;
}

static struct ivshmem_arrival *find(struct ivshmem_monitor *monitor,
				    const char *name)
{
	struct ivshmem_arrival *arrivals = monitor->arrivals.data;

	for (uint32_t i = 0; i < monitor->arrivals.n; i++)
		if (strcmp(arrivals[i].name, name) == 0)
			return &arrivals[i];
	return NULL;
}

static void add(struct ivshmem_monitor *monitor, const char *name, ino_t inode)
{
	struct ivshmem_arrival *known = find(monitor, name);
	struct ivshmem_arrival arrival = {
		.inode = inode,
		.stage = NEW,
		.deadline = ivshmem_now_ms() + BAR_WAIT,
	};

	if (strlen(name) >= sizeof(arrival.name))
		return;
	strcpy(arrival.name, name);
	if (known != NULL)
		*known = arrival;
	else if (ivshmem_vec_append(&monitor->arrivals, &arrival, 1,
				    sizeof(arrival)) != 0)
		IVSHMEM_LOG(ERR, "%s: out of memory", name);
}

static void drop(struct ivshmem_monitor *monitor, uint32_t i)
{
	struct ivshmem_arrival *arrivals = monitor->arrivals.data;

	arrivals[i] = arrivals[--monitor->arrivals.n];
}

void ivshmem_arrival_add(struct ivshmem_monitor *monitor, const char *name)
{
	add(monitor, name, ivshmem_source_pci_inode(name));
}

void ivshmem_arrival_drop(struct ivshmem_monitor *monitor, const char *name)
{
	struct ivshmem_arrival *known = find(monitor, name);

	if (known != NULL)
		drop(monitor, (uint32_t)(known - (struct ivshmem_arrival *)
					 monitor->arrivals.data));
}

/* ---- beside what is attached --------------------------------------------- */

static bool is_over(const struct ivshmem_attached *one)
{
	return one->info.state == RTE_IVSHMEM_HOST_CLOSING ||
	       one->info.state == RTE_IVSHMEM_HOST_GONE;
}

static bool is_attached(const struct ivshmem_vec *list, const char *name,
			ino_t inode)
{
	const struct ivshmem_attached *one = list->data;

	for (uint32_t i = 0; i < list->n; i++)
		if (one[i].inode == inode &&
		    strcmp(one[i].info.device, name) == 0)
			return true;
	return false;
}

/* The device that shows what the same host shared before. */
static const struct ivshmem_attached *
find_before(const struct ivshmem_vec *list, const struct rte_ivshmem_info *info)
{
	const struct ivshmem_attached *one = list->data;

	for (uint32_t i = 0; i < list->n; i++)
		if (is_over(&one[i]) &&
		    one[i].info.generation <= info->generation &&
		    strcmp(one[i].info.name, info->name) == 0)
			return &one[i];
	return NULL;
}

/* That, or what was in the same place before. */
static const struct ivshmem_attached *
find_obstacle(const struct ivshmem_vec *list,
	      const struct rte_ivshmem_info *info)
{
	const struct ivshmem_attached *before = find_before(list, info);
	const struct ivshmem_attached *one = list->data;

	for (uint32_t i = 0; i < list->n && before == NULL; i++)
		if (is_over(&one[i]) &&
		    strcmp(one[i].info.device, info->device) == 0)
			before = &one[i];
	return before;
}

/* ---- looking ------------------------------------------------------------- */

static void tell_failed(struct ivshmem_monitor *monitor, const char *name,
			int error)
{
	struct rte_ivshmem_event event = {
		.type = RTE_IVSHMEM_EVENT_FAILED,
		.error = error,
	};

	snprintf(event.info.device, sizeof(event.info.device), "%s", name);
	ivshmem_tell(monitor, &event);
}

static void tell_found(struct ivshmem_monitor *monitor,
		       const struct rte_ivshmem_info *info)
{
	struct rte_ivshmem_event event = {
		.type = RTE_IVSHMEM_EVENT_FOUND,
		.info = *info,
	};
	const struct ivshmem_attached *before =
		find_before(&monitor->told, info);

	if (before != NULL) {
		event.type = RTE_IVSHMEM_EVENT_RETURNED;
		snprintf(event.other, sizeof(event.other), "%s",
			 before->info.device);
	}
	ivshmem_tell(monitor, &event);
}

/* The callback may have attached it, or detached what is in its way. */
static enum stage attach(struct ivshmem_monitor *monitor,
			 const struct ivshmem_arrival *arrival,
			 const struct rte_ivshmem_info *info)
{
	const struct ivshmem_attached *obstacle;
	int ret;

	ivshmem_tell_changes(monitor);
	if (is_attached(&monitor->told, arrival->name, arrival->inode))
		return TOLD;
	obstacle = find_obstacle(&monitor->told, info);
	if (obstacle != NULL && obstacle->info.holders > 0)
		return HELD;
	if (obstacle != NULL) {
		rte_ivshmem_detach(obstacle->info.device, 0);
		ivshmem_tell_changes(monitor);
	}
	if (is_attached(&monitor->told, arrival->name, arrival->inode))
		return TOLD;
	ret = rte_ivshmem_attach(info->device);
	ivshmem_tell_changes(monitor);
	if (ret != 0)
		tell_failed(monitor, info->device, -ret);
	return TOLD;
}

static enum stage inspect(struct ivshmem_monitor *monitor,
			  const struct ivshmem_arrival *arrival)
{
	struct rte_ivshmem_info info;
	struct ivshmem_error err;
	int ret = ivshmem_inspect(arrival->name, &info, &err);

	if (ret != 0) {
		/* Of a file that is not complete, a new one follows. */
		bool quiet = ret == -ENOENT || ret == -EPERM ||
			     (ret == -EAGAIN && is_path(arrival->name));

		rte_log(quiet ? RTE_LOG_INFO : RTE_LOG_ERR,
			(uint32_t)ivshmem_logtype, "ivshmem: %s: left alone: %s\n",
			arrival->name, err.text);
		if (!quiet)
			tell_failed(monitor, arrival->name, -ret);
		return TOLD;
	}
	if (arrival->stage == NEW)
		tell_found(monitor, &info);
	return monitor->flags & RTE_IVSHMEM_MONITOR_ATTACH ?
	       attach(monitor, arrival, &info) : TOLD;
}

/* False if it is to be dropped. */
static bool look_at(struct ivshmem_monitor *monitor,
		    struct ivshmem_arrival *arrival)
{
	bool is_pci = !is_path(arrival->name);

	if (is_pci && !ivshmem_source_is_pci(arrival->name))
		return false;
	if (arrival->stage == TOLD)
		return true;
	if (is_attached(&monitor->told, arrival->name, arrival->inode)) {
		arrival->stage = TOLD;
	} else if (!is_pci || ivshmem_source_has_bar(arrival->name)) {
		arrival->stage = inspect(monitor, arrival);
	} else if (ivshmem_now_ms() > arrival->deadline) {
		IVSHMEM_LOG(ERR, "%s: not attached: it has no BAR 2: see pref64-reserve",
			    arrival->name);
		tell_failed(monitor, arrival->name, ENOENT);
		arrival->stage = TOLD;
	}
	return true;
}

bool ivshmem_arrivals_look(struct ivshmem_monitor *monitor)
{
	bool again = false;

	for (uint32_t i = 0; i < monitor->arrivals.n; ) {
		struct ivshmem_arrival *arrival =
			(struct ivshmem_arrival *)monitor->arrivals.data + i;

		if (!look_at(monitor, arrival)) {
			drop(monitor, i);
			continue;
		}
		again = again || arrival->stage == NEW;
		i++;
	}
	return again;
}

/* ---- without the kernel's events ----------------------------------------- */

static void add_if_new(struct ivshmem_monitor *monitor, const char *name)
{
	const struct ivshmem_arrival *known = find(monitor, name);
	ino_t inode = ivshmem_source_pci_inode(name);

	if ((known == NULL || known->inode != inode) &&
	    !is_attached(&monitor->told, name, inode))
		add(monitor, name, inode);
}

void ivshmem_arrivals_scan(struct ivshmem_monitor *monitor)
{
	struct dirent **entries;
	int n = ivshmem_source_list_pci(&entries);

	for (int i = 0; i < n; i++) {
		add_if_new(monitor, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* A host that starts again replaces its file. */
void ivshmem_arrivals_add_files(struct ivshmem_monitor *monitor)
{
	const struct ivshmem_attached *one = monitor->told.data;

	for (uint32_t i = 0; i < monitor->told.n; i++) {
		const char *path = one[i].info.device;
		const struct ivshmem_arrival *known = find(monitor, path);
		struct stat st;

		if (!one[i].is_pci && is_over(&one[i]) &&
		    stat(path, &st) == 0 && st.st_ino != one[i].inode &&
		    (known == NULL || known->inode != st.st_ino))
			add(monitor, path, st.st_ino);
	}
}

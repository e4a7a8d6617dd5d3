/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells of devices that come and go, and of how their hosts are.
 *
 *     kernel: PCI device added --> DPDK's device events --> on_uevent()
 *                                                               | soon
 *     alarm, each RTE_IVSHMEM_MONITOR_MS -------------------> look()
 *                                       what has changed? --> callback
 *
 * It compares what is attached with what it told last, whoever attached it; so
 * nothing else has to report to it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_alarm.h>
#include <rte_common.h>
#include <rte_dev.h>
#include <rte_errno.h>

#include "clock.h"
#include "log.h"
#include "monitor.h"
#include "started.h"

#define SCAN_MS 1000 /* without the kernel's events */
#define SOON_MS 1    /* after one of them */
#define RETRY_MS 10  /* when the kernel is not ready */

static struct ivshmem_monitor monitor;

/* Guards the monitor; held while the callback runs. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Starting and stopping exclude each other. */
static pthread_mutex_t control = PTHREAD_MUTEX_INITIALIZER;

static __thread bool in_callback;

static void on_alarm(void *arg);

/* There is one alarm at most. */
static void arm(uint64_t ms)
{
	int ret;

	rte_eal_alarm_cancel(on_alarm, NULL);
	ret = rte_eal_alarm_set(ms * 1000, on_alarm, NULL);
	if (ret != 0)
		IVSHMEM_LOG(ERR, "no alarm: %s: the monitor has ended",
			    strerror(-ret));
}

/* ---- telling ------------------------------------------------------------- */

void ivshmem_tell(struct ivshmem_monitor *m,
		  const struct rte_ivshmem_event *event)
{
	if (m->callback == NULL)
		return;
	in_callback = true;
	m->callback(event, m->arg);
	in_callback = false;
}

static void tell(struct ivshmem_monitor *m, enum rte_ivshmem_event_type type,
		 enum rte_ivshmem_host_state before,
		 const struct rte_ivshmem_info *info)
{
	struct rte_ivshmem_event event = {
		.type = type,
		.before = before,
		.info = *info,
	};

	ivshmem_tell(m, &event);
}

static const struct ivshmem_attached *
find_number(const struct ivshmem_vec *list, uint64_t number)
{
	const struct ivshmem_attached *one = list->data;

	for (uint32_t i = 0; i < list->n; i++)
		if (one[i].number == number)
			return &one[i];
	return NULL;
}

static void tell_differences(struct ivshmem_monitor *m,
			     const struct ivshmem_vec *before)
{
	/* The callback may attach and detach: that is told next time. */
	const struct ivshmem_attached *was = before->data;
	const struct ivshmem_attached *is = m->told.data;

	for (uint32_t i = 0; i < before->n; i++)
		if (find_number(&m->told, was[i].number) == NULL)
			tell(m, RTE_IVSHMEM_EVENT_DETACHED, 0, &was[i].info);
	for (uint32_t i = 0; i < m->told.n; i++) {
		const struct ivshmem_attached *old =
			find_number(before, is[i].number);

		if (old == NULL)
			tell(m, RTE_IVSHMEM_EVENT_ATTACHED, 0, &is[i].info);
		else if (old->info.state != is[i].info.state)
			tell(m, RTE_IVSHMEM_EVENT_STATE, old->info.state,
			     &is[i].info);
	}
}

void ivshmem_tell_changes(struct ivshmem_monitor *m)
{
	struct ivshmem_vec before = m->told, now = { NULL, 0, 0 };

	if (ivshmem_list_attached(&now) != 0) {
		free(now.data);
		return;
	}
	m->told = now;
	tell_differences(m, &before);
	free(before.data);
}

/* ---- looking ------------------------------------------------------------- */

static void detach_gone(struct ivshmem_monitor *m)
{
	const struct ivshmem_attached *one = m->told.data;

	for (uint32_t i = 0; i < m->told.n; i++)
		if (one[i].info.state == RTE_IVSHMEM_HOST_GONE &&
		    one[i].info.holders == 0)
			rte_ivshmem_detach(one[i].info.device, 0);
}

static void scan_if_due(struct ivshmem_monitor *m)
{
	int64_t now = ivshmem_now_ms();

	if (m->scanned != 0 && (m->has_uevents || now - m->scanned < SCAN_MS))
		return;
	m->scanned = now;
	ivshmem_arrivals_scan(m);
}

/* When to look again, ms. */
static uint64_t look(struct ivshmem_monitor *m)
{
	bool soon;

	ivshmem_tell_changes(m);
	scan_if_due(m);
	ivshmem_arrivals_add_files(m);
	soon = ivshmem_arrivals_look(m);
	if (m->flags & RTE_IVSHMEM_MONITOR_ATTACH) {
		ivshmem_tell_changes(m);
		detach_gone(m);
	}
	ivshmem_tell_changes(m);
	return soon ? RETRY_MS : RTE_IVSHMEM_MONITOR_MS;
}

static void on_alarm(void *arg __rte_unused)
{
	pthread_mutex_lock(&lock);
	if (monitor.running)
		arm(look(&monitor));
	pthread_mutex_unlock(&lock);
}

static void on_uevent(const char *name, enum rte_dev_event_type type,
		      void *arg __rte_unused)
{
	pthread_mutex_lock(&lock);
	if (type == RTE_DEV_EVENT_ADD)
		ivshmem_arrival_add(&monitor, name);
	else
		ivshmem_arrival_drop(&monitor, name);
	if (monitor.running)
		arm(SOON_MS);
	pthread_mutex_unlock(&lock);
}

/* ---- public calls -------------------------------------------------------- */

static int result(int ret, const struct ivshmem_error *err)
{
	if (ret == 0)
		return 0;
	IVSHMEM_LOG(ERR, "monitor: %s", err->text);
	rte_errno = -ret;
	return ret;
}

static int check_start(rte_ivshmem_event_cb callback, uint32_t flags,
		       struct ivshmem_error *err)
{
	if (flags & ~RTE_IVSHMEM_MONITOR_ATTACH)
		return ivshmem_fail(err, -EINVAL, "flags 0x%x", flags);
	if (callback == NULL && flags == 0)
		return ivshmem_fail(err, -EINVAL,
			"neither a callback nor RTE_IVSHMEM_MONITOR_ATTACH");
	if (in_callback)
		return ivshmem_fail(err, -EDEADLK, "called in its callback");
	return ivshmem_check_started(err);
}

/* Others may use DPDK's monitor as well: it counts. */
static bool begin_uevents(void)
{
	if (rte_dev_event_monitor_start() != 0)
		return false;
	if (rte_dev_event_callback_register(NULL, on_uevent, NULL) == 0)
		return true;
	rte_dev_event_monitor_stop();
	return false;
}

/* Either cannot be done while one is handled. */
static void end_uevents(void)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };

	while (rte_dev_event_callback_unregister(NULL, on_uevent, NULL) ==
	       -EAGAIN)
		nanosleep(&pause, NULL);
	for (int i = 0; i < 1000 && rte_dev_event_monitor_stop() == -EAGAIN;
	     i++)
		nanosleep(&pause, NULL);
}

static void clear(void)
{
	pthread_mutex_lock(&lock);
	free(monitor.told.data);
	free(monitor.arrivals.data);
	memset(&monitor, 0, sizeof(monitor));
	pthread_mutex_unlock(&lock);
}

static int start(rte_ivshmem_event_cb callback, void *arg, uint32_t flags,
		 struct ivshmem_error *err)
{
	bool running, has_uevents;
	int ret;

	pthread_mutex_lock(&lock);
	running = monitor.running;
	pthread_mutex_unlock(&lock);
	if (running)
		return ivshmem_fail(err, -EEXIST, "it has been started");
	has_uevents = begin_uevents();
	if (!has_uevents)
		IVSHMEM_LOG(INFO, "no device events of the kernel: looking for devices each second");
	pthread_mutex_lock(&lock);
	monitor.callback = callback;
	monitor.arg = arg;
	monitor.flags = flags;
	monitor.has_uevents = has_uevents;
	ret = ivshmem_list_attached(&monitor.told);
	if (ret == 0)
		ret = rte_eal_alarm_set(1, on_alarm, NULL);
	monitor.running = ret == 0;
	pthread_mutex_unlock(&lock);
	if (ret == 0)
		return 0;
	if (has_uevents)
		end_uevents();
	clear();
	return ivshmem_fail(err, -ENOMEM, "out of memory");
}

int rte_ivshmem_monitor_start(rte_ivshmem_event_cb callback, void *arg,
			      uint32_t flags)
{
	struct ivshmem_error err;
	int ret = check_start(callback, flags, &err);

	if (ret == 0) {
		pthread_mutex_lock(&control);
		ret = start(callback, arg, flags, &err);
		pthread_mutex_unlock(&control);
	}
	return result(ret, &err);
}

/* Cancelling waits for an alarm that goes off, so not with the lock. */
static bool stop(void)
{
	bool was_running, had_uevents;

	pthread_mutex_lock(&lock);
	was_running = monitor.running;
	had_uevents = monitor.has_uevents;
	monitor.running = false;
	pthread_mutex_unlock(&lock);
	if (!was_running)
		return false;
	if (had_uevents)
		end_uevents();
	rte_eal_alarm_cancel(on_alarm, NULL);
	clear();
	return true;
}

int rte_ivshmem_monitor_stop(void)
{
	struct ivshmem_error err;
	int ret = 0;

	if (in_callback)
		return result(ivshmem_fail(&err, -EDEADLK,
					   "called in its callback"), &err);
	pthread_mutex_lock(&control);
	if (!stop())
		ret = ivshmem_fail(&err, -ENOENT, "it has not been started");
	pthread_mutex_unlock(&control);
	return result(ret, &err);
}

void ivshmem_monitor_end(void)
{
	pthread_mutex_lock(&control);
	stop();
	pthread_mutex_unlock(&control);
}

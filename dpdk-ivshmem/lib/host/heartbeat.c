/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A number in all that this process has published, which changes while the
 * process lives: a guest cannot see otherwise that a host died without a word.
 *
 * One alarm of the EAL for all files, a pwrite() each: through a mapping, a
 * file that somebody truncated would end the process.  A lock of its own,
 * because publication may take long.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_common.h>

#include "heartbeat.h"
#include "host.h"
#include "log.h"

#define PERIOD_US (RTE_IVSHMEM_HEARTBEAT_MS * 1000)

static struct ivshmem_vec files; /* int: descriptors */
static uint64_t beats = 1; /* 0 means none */
static bool armed, stopped;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void beat(void *arg);

/* With nothing published there is nothing to do. */
static void arm(void)
{
	int ret;

	if (armed || stopped || files.n == 0)
		return;
	ret = rte_eal_alarm_set(PERIOD_US, beat, NULL);
	armed = ret == 0;
	if (!armed)
		IVSHMEM_LOG(WARNING, "no alarm: %s: guests will take this process for silent",
			    strerror(-ret));
}

/* A full disk is no news: the page is there. */
static void write_beat(int fd)
{
	ssize_t done = pwrite(fd, &beats, sizeof(beats),
			      offsetof(struct rte_ivshmem_header, heartbeat));

	(void)done;
}

/* In the EAL's interrupt thread. */
static void beat(void *arg __rte_unused)
{
	const int *fds;

	pthread_mutex_lock(&lock);
	fds = files.data;
	beats++;
	for (uint32_t i = 0; i < files.n; i++)
		write_beat(fds[i]);
	armed = false;
	arm();
	pthread_mutex_unlock(&lock);
}

uint64_t ivshmem_heartbeat_now(void)
{
	uint64_t now;

	pthread_mutex_lock(&lock);
	now = stopped ? 0 : beats;
	pthread_mutex_unlock(&lock);
	return now;
}

int ivshmem_heartbeat_reserve(void)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = ivshmem_vec_reserve(&files, 1, sizeof(int));
	pthread_mutex_unlock(&lock);
	return ret;
}

void ivshmem_heartbeat_begin(int fd)
{
	pthread_mutex_lock(&lock);
	ivshmem_vec_append(&files, &fd, 1, sizeof(fd));
	arm();
	pthread_mutex_unlock(&lock);
}

void ivshmem_heartbeat_end(int fd)
{
	uint32_t i = 0;
	int *fds;

	pthread_mutex_lock(&lock);
	fds = files.data;
	while (i < files.n && fds[i] != fd)
		i++;
	if (i < files.n)
		fds[i] = fds[--files.n];
	pthread_mutex_unlock(&lock);
}

/* Without the lock: cancelling waits for an alarm that is going off. */
void ivshmem_heartbeat_stop(void)
{
	pthread_mutex_lock(&lock);
	stopped = true;
	pthread_mutex_unlock(&lock);
	rte_eal_alarm_cancel(beat, NULL);
}

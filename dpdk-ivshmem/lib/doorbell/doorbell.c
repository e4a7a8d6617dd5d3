/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include <rte_errno.h>

#include "clock.h"
#include "doorbell.h"
#include "log.h"
#include "started.h"

/* ---- time ---------------------------------------------------------------- */

int64_t ivshmem_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : ivshmem_now_ms() + timeout_ms;
}

int ivshmem_wait_readable(int fd, int64_t deadline)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	int64_t left = -1;

	do {
		int ready;

		if (deadline >= 0)
			left = MAX(deadline - ivshmem_now_ms(), 0);
		ready = poll(&wanted, 1, (int)left);
		if (ready > 0)
			return 1;
		if (ready < 0 && errno != EINTR)
			return -errno;
	} while (left != 0);
	return 0;
}

/* ---- open and close ------------------------------------------------------ */

struct rte_intr_handle *ivshmem_intr_handle(int fd)
{
	struct rte_intr_handle *handle =
		rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);

	if (handle == NULL)
		return NULL;
	/* Of this type, the EAL leaves the reading to the callback. */
	if (rte_intr_fd_set(handle, fd) == 0 &&
	    rte_intr_type_set(handle, RTE_INTR_HANDLE_EXT) == 0)
		return handle;
	rte_intr_instance_free(handle);
	return NULL;
}

static void doorbell_free(struct rte_ivshmem_doorbell *db)
{
	for (uint16_t i = 0; i < db->vectors; i++) {
		if (db->handles != NULL)
			rte_intr_instance_free(db->handles[i]);
		if (db->fds != NULL && db->fds[i] >= 0)
			close(db->fds[i]);
	}
	free(db->handles);
	free(db->fds);
	free(db);
}

static struct rte_ivshmem_doorbell *doorbell_new(uint16_t vectors)
{
	struct rte_ivshmem_doorbell *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return NULL;
	db->vectors = vectors;
	db->fds = calloc(vectors, sizeof(*db->fds));
	db->handles = calloc(vectors, sizeof(*db->handles));
	if (db->fds != NULL)
		memset(db->fds, 0xff, vectors * sizeof(*db->fds)); /* -1 */
	if (db->fds != NULL && db->handles != NULL)
		return db;
	doorbell_free(db);
	return NULL;
}

static int make_handles(struct rte_ivshmem_doorbell *db,
			struct ivshmem_error *err)
{
	for (uint16_t i = 0; i < db->vectors; i++) {
		db->handles[i] = ivshmem_intr_handle(db->fds[i]);
		if (db->handles[i] == NULL)
			return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int check_arguments(const char *where, uint16_t vectors,
			   struct ivshmem_error *err)
{
	if (where == NULL || where[0] == '\0')
		return ivshmem_fail(err, -EINVAL,
			"name the metadata, the PCI device, or the server's socket");
	if (vectors < 1 || vectors > RTE_IVSHMEM_DOORBELL_VECTORS_MAX)
		return ivshmem_fail(err, -EINVAL,
			"%u vectors; there can be 1 to %d", vectors,
			RTE_IVSHMEM_DOORBELL_VECTORS_MAX);
	return ivshmem_check_started(err);
}

/* On failure `db` is gone. */
static int doorbell_start(struct rte_ivshmem_doorbell *db, const char *where,
			  struct ivshmem_error *err)
{
	int ret;

	if (strchr(where, '/') != NULL)
		ret = ivshmem_doorbell_connect(db, where, err);
	else
		ret = ivshmem_doorbell_attach(db, where, err);
	if (ret != 0) {
		doorbell_free(db);
		return ret;
	}
	ret = make_handles(db, err);
	if (ret != 0)
		rte_ivshmem_doorbell_close(db);
	return ret;
}

struct rte_ivshmem_doorbell *rte_ivshmem_doorbell_open(const char *where,
						       uint16_t vectors)
{
	struct rte_ivshmem_doorbell *db = NULL;
	struct ivshmem_error err;
	int ret = check_arguments(where, vectors, &err);

	if (ret == 0) {
		db = doorbell_new(vectors);
		ret = db != NULL ? doorbell_start(db, where, &err) :
		      ivshmem_fail(&err, -ENOMEM, "out of memory");
	}
	if (ret == 0)
		return db;
	IVSHMEM_LOG(ERR, "doorbell of %s: %s", where != NULL ? where : "(null)",
		    err.text);
	rte_errno = -ret;
	return NULL;
}

void rte_ivshmem_doorbell_close(struct rte_ivshmem_doorbell *db)
{
	if (db == NULL)
		return;
	db->kind->close(db);
	doorbell_free(db);
}

/* ---- use ----------------------------------------------------------------- */

static int fail(int error)
{
	rte_errno = error;
	return -1;
}

bool ivshmem_doorbell_is_gone(const struct rte_ivshmem_doorbell *db)
{
	return __atomic_load_n(&db->gone, __ATOMIC_ACQUIRE);
}

void ivshmem_doorbell_set_gone(struct rte_ivshmem_doorbell *db)
{
	const uint64_t one = 1;

	__atomic_store_n(&db->gone, true, __ATOMIC_RELEASE);
	for (uint16_t i = 0; i < db->vectors; i++)
		/* It can fail only if it is readable as it is. */
		if (write(db->fds[i], &one, sizeof(one)) < 0)
			continue;
}

uint16_t rte_ivshmem_doorbell_id(const struct rte_ivshmem_doorbell *db)
{
	return db->id;
}

uint16_t
rte_ivshmem_doorbell_vectors(const struct rte_ivshmem_doorbell *db)
{
	return db->vectors;
}

int rte_ivshmem_doorbell_ring(struct rte_ivshmem_doorbell *db, uint16_t peer,
			      uint16_t vector)
{
	int ret = db->kind->ring(db, peer, vector);

	return ret == 0 ? 0 : fail(-ret);
}

int rte_ivshmem_doorbell_fd(const struct rte_ivshmem_doorbell *db,
			    uint16_t vector)
{
	return vector < db->vectors ? db->fds[vector] : fail(EINVAL);
}

const struct rte_intr_handle *
rte_ivshmem_doorbell_intr_handle(const struct rte_ivshmem_doorbell *db,
				 uint16_t vector)
{
	if (vector < db->vectors)
		return db->handles[vector];
	rte_errno = EINVAL;
	return NULL;
}

int rte_ivshmem_doorbell_ack(struct rte_ivshmem_doorbell *db, uint16_t vector)
{
	uint64_t times;

	if (vector >= db->vectors)
		return fail(EINVAL);
	if (ivshmem_doorbell_is_gone(db))
		return fail(ENODEV);
	/*
	 * Looked at first: peers share the file, so one could have made it
	 * blocking.
	 */
	if (ivshmem_wait_readable(db->fds[vector], 0) <= 0)
		return 0;
	return read(db->fds[vector], &times, sizeof(times)) == sizeof(times);
}

int rte_ivshmem_doorbell_wait(struct rte_ivshmem_doorbell *db, uint16_t vector,
			      int timeout_ms)
{
	int64_t deadline = ivshmem_deadline(timeout_ms);
	int ret;

	if (vector >= db->vectors)
		return fail(EINVAL);
	do {
		ret = ivshmem_wait_readable(db->fds[vector], deadline);
		if (ret < 0)
			return fail(-ret);
		/* Another thread may have taken it. */
	} while (ret > 0 && (ret = rte_ivshmem_doorbell_ack(db, vector)) == 0);
	return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Doorbells inside.
 *
 *   doorbell.c  what both kinds have: vectors that can be waited for
 *   client.c    on the host: a client of ivshmem-server
 *   message.c   what the server says
 *   guest.c     in a guest: a device, through VFIO
 *   sleeper.c   no lost wake-ups
 *
 * Functions return 0 or a negative errno with the reason in `err`.
 */
#ifndef IVSHMEM_DOORBELL_H
#define IVSHMEM_DOORBELL_H

#include <pthread.h>
#include <stdbool.h>

#include <rte_interrupts.h>

#include "format.h"
#include "rte_ivshmem_doorbell.h"

/** How a kind of doorbell rings and ends. */
struct ivshmem_doorbell_kind {
	int (*ring)(struct rte_ivshmem_doorbell *db, uint16_t peer,
		    uint16_t vector);
	void (*close)(struct rte_ivshmem_doorbell *db);
};

struct rte_ivshmem_doorbell {
	const struct ivshmem_doorbell_kind *kind;
	uint16_t id;
	uint16_t vectors;
	bool gone; /**< unplugged; atomic */
	int *fds;  /**< an eventfd a vector, -1: not there */
	struct rte_intr_handle **handles; /**< one a vector */
	void *private; /**< of the kind */
};

/** Open one on the host; `db` has its vectors, but no descriptors. */
int ivshmem_doorbell_connect(struct rte_ivshmem_doorbell *db, const char *path,
			     struct ivshmem_error *err);

/** Open one in a guest. */
int ivshmem_doorbell_attach(struct rte_ivshmem_doorbell *db, const char *where,
			    struct ivshmem_error *err);

/** Is it unplugged? */
bool ivshmem_doorbell_is_gone(const struct rte_ivshmem_doorbell *db);

/** Wake all who wait, for ever. */
void ivshmem_doorbell_set_gone(struct rte_ivshmem_doorbell *db);

/** A handle for a descriptor, for rte_intr_callback_register(). */
struct rte_intr_handle *ivshmem_intr_handle(int fd);

/** Wait for a descriptor; `deadline` as of ivshmem_now_ms(), -1: without end.
 *  1, 0 after that, or a negative errno. */
int ivshmem_wait_readable(int fd, int64_t deadline);

/** The deadline of a timeout in milliseconds, -1: none. */
int64_t ivshmem_deadline(int timeout_ms);

#endif

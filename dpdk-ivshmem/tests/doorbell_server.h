/* SPDX-License-Identifier: BSD-3-Clause */
/* What an ivshmem-server says, for programs that play one. */
#ifndef IVSHMEM_DOORBELL_SERVER_H
#define IVSHMEM_DOORBELL_SERVER_H

#include <stddef.h>
#include <stdint.h>

/** Most descriptors that go with a message. */
#define SERVER_FDS_MAX 20

/**
 * Send one message.  The client may have hung up, which is no error.
 *
 * @param value
 *   A version, or an id.
 * @param bytes
 *   Of it: 8, or less for a message that is not whole.
 * @param fds
 *   `n_fds` descriptors, which stay open here.
 */
void server_say(int sock, int64_t value, size_t bytes, const int *fds,
		unsigned int n_fds);

#endif

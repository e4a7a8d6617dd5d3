/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an ivshmem-server says: numbers of 8 bytes, little-endian, each with a
 * file descriptor or none (QEMU's docs/specs/ivshmem-spec.rst).
 */
#ifndef IVSHMEM_MESSAGE_H
#define IVSHMEM_MESSAGE_H

#include "format.h"

/** One message, or a part of one. */
struct ivshmem_message {
	int64_t value;
	int fd;          /**< -1: none; the reader's to close */
	unsigned int have; /**< bytes of value so far */
};

/** Before the first byte. */
void ivshmem_message_init(struct ivshmem_message *message);

/**
 * Receive what is there, without waiting.
 *
 * @return
 *   1: the message is complete; 0: there is more to come; -EPROTO: nonsense,
 *   -ECONNRESET: the server has gone, or another negative errno.  The
 *   descriptor of a failed message is closed.
 */
int ivshmem_message_receive(int sock, struct ivshmem_message *message,
			    struct ivshmem_error *err);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

/** One descriptor is allowed; room for more, so that they can be closed. */
#define MOST_FDS 8

void ivshmem_message_init(struct ivshmem_message *message)
{
	*message = (struct ivshmem_message){ .fd = -1 };
}

/* Takes the descriptors over; their number. */
static unsigned int take_fds(struct msghdr *header, int fds[MOST_FDS])
{
	struct cmsghdr *part;
	unsigned int n = 0;

	for (part = CMSG_FIRSTHDR(header); part != NULL;
	     part = CMSG_NXTHDR(header, part)) {
		unsigned int here = (unsigned int)((part->cmsg_len -
				    CMSG_LEN(0)) / sizeof(int));

		if (part->cmsg_level != SOL_SOCKET ||
		    part->cmsg_type != SCM_RIGHTS || n + here > MOST_FDS)
			continue;
		memcpy(fds + n, CMSG_DATA(part), here * sizeof(int));
		n += here;
	}
	return n;
}

static int keep_fd(struct ivshmem_message *message, struct msghdr *header,
		   struct ivshmem_error *err)
{
	int fds[MOST_FDS];
	unsigned int n = take_fds(header, fds);

	if (header->msg_flags & MSG_CTRUNC) {
		for (unsigned int i = 0; i < n; i++)
			close(fds[i]);
		return ivshmem_fail(err, -EMFILE,
			"the server's descriptors cannot be received: raise the limit of open files (ulimit -n)");
	}
	if (n == 0)
		return 0;
	if (n == 1 && message->fd < 0) {
		message->fd = fds[0];
		return 0;
	}
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
	return ivshmem_fail(err, -EPROTO,
			    "the server sent several descriptors at once");
}

static void drop_fd(struct ivshmem_message *message)
{
	if (message->fd >= 0)
		close(message->fd);
	message->fd = -1;
}

static int receive(int sock, struct ivshmem_message *message,
		   struct ivshmem_error *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
	} control;
	struct iovec data = {
		.iov_base = (char *)&message->value + message->have,
		.iov_len = sizeof(message->value) - message->have,
	};
	struct msghdr header = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(sock, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return ivshmem_fail(err, -errno, "the server cannot be read: %s",
				    strerror(errno));
	if (n == 0)
		return ivshmem_fail(err, -ECONNRESET,
				    "the server has closed the connection");
	message->have += (unsigned int)n;
	return keep_fd(message, &header, err);
}

int ivshmem_message_receive(int sock, struct ivshmem_message *message,
			    struct ivshmem_error *err)
{
	int ret = receive(sock, message, err);

	if (ret < 0) {
		drop_fd(message);
		return ret;
	}
	if (message->have < sizeof(message->value))
		return 0;
	message->value = (int64_t)le64toh((uint64_t)message->value);
	return 1;
}

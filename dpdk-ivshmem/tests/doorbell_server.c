/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <sys/socket.h>

#include "doorbell_server.h"

void server_say(int sock, int64_t value, size_t bytes, const int *fds,
		unsigned int n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(SERVER_FDS_MAX * sizeof(int))];
	} control;
	struct iovec data = { .iov_base = &value, .iov_len = bytes };
	struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };

	if (n_fds > 0) {
		struct cmsghdr *part;

		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		part = CMSG_FIRSTHDR(&header);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(part), fds, n_fds * sizeof(int));
	}
	if (sendmsg(sock, &header, MSG_NOSIGNAL) < 0)
		return;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages through sockets of the kernel, each written by a call of its own. */
#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_network.h"
#include "program.h"

#define CONNECT_TRIES 600
#define CONNECT_PAUSE_US 100000

/* No other message has the same first and last word. */
#define LAST_MESSAGE 0xff

/* ---- connections ------------------------------------------------------------ */

union address {
	struct sockaddr any;
	struct sockaddr_in ip;
	struct sockaddr_vm vm;
};

/* With WHERE of the arguments: an IPv4 address, or a vsock's context id. */
static socklen_t set_address(union address *address, unsigned int path,
			     const char *where)
{
	memset(address, 0, sizeof(*address));
	if (path == NETWORK_TCP) {
		address->ip.sin_family = AF_INET;
		address->ip.sin_port = htons(NETWORK_TCP_PORT);
		must(inet_pton(AF_INET, where, &address->ip.sin_addr) ==
			     1, where);
		return sizeof(address->ip);
	}
	address->vm.svm_family = AF_VSOCK;
	address->vm.svm_port = NETWORK_VSOCK_PORT + path;
	address->vm.svm_cid = (unsigned int)strtoul(where, NULL, 10);
	return sizeof(address->vm);
}

static int connect_to(unsigned int path, const char *where)
{
	union address address;
	socklen_t size = set_address(&address, path, where);

	for (int tries = 0; tries < CONNECT_TRIES; tries++) {
		int stream = socket(address.any.sa_family, SOCK_STREAM, 0);

		if (connect(stream, &address.any, size) == 0)
			return stream;
		close(stream);
		usleep(CONNECT_PAUSE_US);
	}
	must(false, where);
	return -1;
}

static int listen_at(unsigned int path, const char *where)
{
	union address address;
	socklen_t size = set_address(&address, path, where);
	int listener = socket(address.any.sa_family, SOCK_STREAM, 0);

	must(bind(listener, &address.any, size) == 0 &&
		     listen(listener, 1) == 0, where);
	return listener;
}

static int accept_one(int listener, const char *where)
{
	int stream = accept(listener, NULL, NULL);

	must(stream >= 0, where);
	close(listener);
	return stream;
}

void network_connect(struct network *network)
{
	for (unsigned int path = NETWORK_PORTS; path < NETWORK_LOOPBACK; path++)
		if (network->where[path] != NULL)
			network->stream[path] =
				connect_to(path, network->where[path]);
}

void network_accept(struct network *network)
{
	const char *where = network->where[NETWORK_LOOPBACK];
	int listener;

	for (unsigned int path = NETWORK_PORTS; path < NETWORK_LOOPBACK; path++)
		if (network->where[path] != NULL)
			network->stream[path] = accept_one(
				listen_at(path, network->where[path]),
				network->where[path]);
	if (where == NULL)
		return;
	listener = listen_at(NETWORK_LOOPBACK, where);
	network->stream[NETWORK_LOOPBACK] = connect_to(NETWORK_LOOPBACK, where);
	network->receiver = accept_one(listener, where);
}

/* ---- messages --------------------------------------------------------------- */

static void send_all(int stream, const void *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(stream, data, size, MSG_NOSIGNAL);

		must(n > 0, "send");
		data = (const char *)data + n;
		size -= (size_t)n;
	}
}

uint64_t network_stream_send(int stream, struct network_zone *zone)
{
	static uint32_t message[NETWORK_LARGEST / sizeof(uint32_t)];
	const struct network_order order = zone->order;
	uint64_t sent;

	for (sent = 0; network_get(&zone->stop) != zone->number; sent++) {
		network_fill(message, order.size, sent, order.whole);
		send_all(stream, message, order.size);
	}
	network_set(&zone->sent, sent);
	memset(message, LAST_MESSAGE, order.size);
	send_all(stream, message, order.size);
	return sent;
}

static bool is_last(const uint32_t *message, uint32_t size)
{
	return message[0] == UINT32_MAX &&
	       message[size / sizeof(*message) - 1] == UINT32_MAX;
}

uint64_t network_stream_receive(int stream, const struct network_zone *zone)
{
	static uint32_t buffer[2 * NETWORK_LARGEST / sizeof(uint32_t)];
	const struct network_order order = zone->order;
	uint64_t received = 0, right = 0;
	char *begin = (char *)buffer;
	size_t have = 0;

	for (;;) {
		ssize_t n = recv(stream, begin + have, NETWORK_LARGEST, 0);
		const char *next = begin;

		must(n > 0, "recv");
		for (have += (size_t)n; have >= order.size; have -= order.size) {
			const uint32_t *message = (const uint32_t *)next;

			if (is_last(message, order.size))
				return right;
			if (network_check(message, order.size, received++,
					  order.whole) == 0)
				right++;
			next += order.size;
		}
		memmove(begin, next, have);
	}
}

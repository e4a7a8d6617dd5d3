/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of ivshmem-server.
 *
 * What the server says after opening, peers that come and go, is read by DPDK's
 * interrupt thread: a client that does not read makes some servers wait.  When
 * the server has gone, the peers that are known can still ring each other.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "doorbell.h"
#include "log.h"
#include "message.h"

#define PROTOCOL_VERSION 0
#define SHARED_MEMORY -1 /**< a message that says its descriptor */
#define SETUP_MS 5000
#define PEERS (UINT16_MAX + 1)

/** Another peer of the server. */
struct peer {
	unsigned int vectors;
	int fds[];
};

enum stage { WANT_VERSION, WANT_ID, RUNNING };

struct client {
	struct rte_ivshmem_doorbell *db;
	int sock;
	enum stage stage;
	bool lost;        /**< the server tells nothing any more */
	unsigned int own; /**< vectors of ours that the server has told */
	struct ivshmem_message message; /**< what is being received */
	struct rte_intr_handle *handle; /**< of the socket; NULL: not watched */
	pthread_mutex_t lock;           /**< the peers */
	struct peer **peers;            /**< by id */
};

/* ---- peers --------------------------------------------------------------- */

static void forget_peer(struct client *client, uint16_t id)
{
	struct peer *peer = client->peers[id];

	for (unsigned int i = 0; peer != NULL && i < peer->vectors; i++)
		close(peer->fds[i]);
	free(peer);
	client->peers[id] = NULL;
}

/* Takes the descriptor over. */
static int add_vector(struct client *client, uint16_t id, int fd,
		      struct ivshmem_error *err)
{
	struct peer *peer = client->peers[id], *larger;
	unsigned int n = peer != NULL ? peer->vectors : 0;

	if (n == RTE_IVSHMEM_DOORBELL_VECTORS_MAX) {
		close(fd);
		return ivshmem_fail(err, -EPROTO,
				    "peer %u has more than %u vectors", id, n);
	}
	larger = realloc(peer, sizeof(*peer) + (n + 1) * sizeof(int));
	if (larger == NULL) {
		close(fd);
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	larger->fds[n] = fd;
	larger->vectors = n + 1;
	client->peers[id] = larger;
	return 0;
}

/* ---- messages ------------------------------------------------------------ */

/* Anything else could make a write() wait, or do what nobody wants. */
static bool is_eventfd(int fd)
{
	static const char wanted[] = "anon_inode:[eventfd]";
	char path[32], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link));
	return n == sizeof(wanted) - 1 && memcmp(link, wanted, (size_t)n) == 0;
}

static int check_eventfd(int fd, struct ivshmem_error *err)
{
	if (!is_eventfd(fd))
		return ivshmem_fail(err, -EPROTO,
			"the server sent something else than an eventfd");
	if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) != 0)
		return ivshmem_fail(err, -errno, "fcntl: %s", strerror(errno));
	return 0;
}

/* Takes the descriptor over. */
static int handle_vector(struct client *client, uint16_t id, int fd,
			 struct ivshmem_error *err)
{
	struct rte_ivshmem_doorbell *db = client->db;
	int ret = check_eventfd(fd, err);

	if (ret == 0 && id != db->id)
		return add_vector(client, id, fd, err);
	if (ret == 0 && client->own < db->vectors)
		db->fds[client->own++] = fd;
	else
		close(fd); /* we want no more */
	return ret;
}

static int handle_news(struct client *client, int64_t value, int fd,
		       struct ivshmem_error *err)
{
	if (value == SHARED_MEMORY) {
		/* The memory is that of the device. */
		if (fd >= 0)
			close(fd);
		return 0;
	}
	if (fd >= 0)
		return handle_vector(client, (uint16_t)value, fd, err);
	if (value == client->db->id)
		return ivshmem_fail(err, -EPROTO,
				    "the server says that this peer has left");
	forget_peer(client, (uint16_t)value);
	return 0;
}

static int handle_start(struct client *client, int64_t value,
			struct ivshmem_error *err)
{
	if (client->stage == WANT_VERSION && value != PROTOCOL_VERSION)
		return ivshmem_fail(err, -EPROTO,
			"the server speaks version %lld of its protocol, not %d",
			(long long)value, PROTOCOL_VERSION);
	if (client->stage == WANT_ID)
		client->db->id = (uint16_t)value;
	client->stage++;
	return 0;
}

/* Takes the descriptor over. */
static int handle(struct client *client, int64_t value, int fd,
		  struct ivshmem_error *err)
{
	bool starting = client->stage != RUNNING;
	int ret;

	if (starting && fd < 0 && client->stage == WANT_VERSION)
		return handle_start(client, value, err);
	if (value > UINT16_MAX || value < (starting ? 0 : SHARED_MEMORY))
		ret = ivshmem_fail(err, -EPROTO,
			"the server sent %lld, which is no peer's id",
			(long long)value);
	else if (!starting)
		return handle_news(client, value, fd, err);
	else if (fd >= 0)
		ret = ivshmem_fail(err, -EPROTO,
			"the server sent a descriptor before its version and an id");
	else
		return handle_start(client, value, err);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* Reads what is there; 0, or why there will be nothing more. */
static int read_messages(struct client *client, struct ivshmem_error *err)
{
	int ret = 0;

	if (client->lost)
		return -ENOTCONN;
	while (ret == 0 && (ret = ivshmem_message_receive(client->sock,
							  &client->message,
							  err)) > 0) {
		struct ivshmem_message message = client->message;

		ivshmem_message_init(&client->message);
		ret = handle(client, message.value, message.fd, err);
	}
	client->lost = ret != 0;
	return ret;
}

/* ---- in the interrupt thread --------------------------------------------- */

static void stop_watching(struct rte_intr_handle *unused __rte_unused,
			  void *arg)
{
	struct client *client = arg;

	pthread_mutex_lock(&client->lock);
	close(client->sock);
	client->sock = -1;
	pthread_mutex_unlock(&client->lock);
}

static void server_speaks(void *arg)
{
	struct client *client = arg;
	struct ivshmem_error err = { "the server said nonsense" };
	int ret;

	pthread_mutex_lock(&client->lock);
	ret = read_messages(client, &err);
	pthread_mutex_unlock(&client->lock);
	if (ret == 0)
		return;
	IVSHMEM_LOG(WARNING, "doorbell of peer %u: %s: peers that come or go are not seen any more",
		    client->db->id, err.text);
	rte_intr_callback_unregister_pending(client->handle, server_speaks,
					     client, stop_watching);
}

/* ---- open and close ------------------------------------------------------ */

static int connect_to(const char *path, struct ivshmem_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock, ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return ivshmem_fail(err, -ENAMETOOLONG,
			"a socket's path has at most %zu characters",
			sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return ivshmem_fail(err, -errno, "socket: %s", strerror(errno));
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) == 0)
		return sock;
	ret = ivshmem_fail(err, -errno,
		"%s: is there an ivshmem-server with -S %.100s?",
		strerror(errno), path);
	close(sock);
	return ret;
}

static bool is_set_up(const struct client *client)
{
	return client->stage == RUNNING && client->own == client->db->vectors;
}

static int late(const struct client *client, struct ivshmem_error *err)
{
	if (client->own == 0)
		return ivshmem_fail(err, -ETIMEDOUT,
			"the server did not say all within %d s",
			SETUP_MS / 1000);
	return ivshmem_fail(err, -ENOSPC,
		"the server gives %u vectors, %u are wanted: start it with -n %u",
		client->own, client->db->vectors, client->db->vectors);
}

static int set_up(struct client *client, struct ivshmem_error *err)
{
	int64_t deadline = ivshmem_now_ms() + SETUP_MS;

	while (!is_set_up(client)) {
		int ret = ivshmem_wait_readable(client->sock, deadline);

		if (ret < 0)
			return ivshmem_fail(err, ret, "poll: %s",
					    strerror(-ret));
		if (ret == 0)
			return late(client, err);
		ret = read_messages(client, err);
		if (ret != 0)
			return ret;
	}
	return 0;
}

static int watch(struct client *client, struct ivshmem_error *err)
{
	client->handle = ivshmem_intr_handle(client->sock);
	if (client->handle == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	if (rte_intr_callback_register(client->handle, server_speaks,
				       client) == 0)
		return 0;
	rte_intr_instance_free(client->handle);
	client->handle = NULL;
	return ivshmem_fail(err, -EIO,
			    "DPDK's interrupt thread does not take the socket");
}

static void client_free(struct client *client)
{
	if (client->sock >= 0)
		close(client->sock);
	if (client->message.fd >= 0)
		close(client->message.fd);
	for (int id = 0; client->peers != NULL && id < PEERS; id++)
		forget_peer(client, (uint16_t)id);
	free(client->peers);
	free(client);
}

static void client_close(struct rte_ivshmem_doorbell *db)
{
	struct client *client = db->private;

	/* After this no callback runs, nor does one begin. */
	rte_intr_callback_unregister_sync(client->handle, server_speaks,
					  client);
	rte_intr_instance_free(client->handle);
	client_free(client);
}

static int find_vector(const struct client *client, uint16_t id,
		       uint16_t vector)
{
	const struct peer *peer = client->peers[id];

	if (id == client->db->id)
		return vector < client->db->vectors ?
		       client->db->fds[vector] : -1;
	return peer != NULL && vector < peer->vectors ? peer->fds[vector] : -1;
}

static int client_ring(struct rte_ivshmem_doorbell *db, uint16_t id,
		       uint16_t vector)
{
	struct client *client = db->private;
	const uint64_t one = 1;
	struct ivshmem_error err;
	int fd, ret = -ENOENT;

	pthread_mutex_lock(&client->lock);
	fd = find_vector(client, id, vector);
	/* The server tells us of a peer before the peer itself is ready, but
	 * the interrupt thread may be late. */
	if (fd < 0 && read_messages(client, &err) == 0)
		fd = find_vector(client, id, vector);
	/* EAGAIN: it was rung 2^64 - 2 times and has not woken up yet. */
	if (fd >= 0)
		ret = write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN ?
		      -errno : 0;
	pthread_mutex_unlock(&client->lock);
	return ret;
}

static const struct ivshmem_doorbell_kind client_kind = {
	.ring = client_ring,
	.close = client_close,
};

static struct client *client_new(struct rte_ivshmem_doorbell *db)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->db = db;
	client->sock = -1;
	ivshmem_message_init(&client->message);
	pthread_mutex_init(&client->lock, NULL);
	client->peers = calloc(PEERS, sizeof(struct peer *));
	if (client->peers != NULL)
		return client;
	free(client);
	return NULL;
}

int ivshmem_doorbell_connect(struct rte_ivshmem_doorbell *db, const char *path,
			     struct ivshmem_error *err)
{
	struct client *client = client_new(db);
	int ret;

	if (client == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	db->kind = &client_kind;
	db->private = client;
	ret = connect_to(path, err);
	if (ret >= 0) {
		client->sock = ret;
		ret = set_up(client, err);
	}
	if (ret == 0)
		ret = watch(client, err);
	if (ret != 0)
		client_free(client);
	return ret;
}

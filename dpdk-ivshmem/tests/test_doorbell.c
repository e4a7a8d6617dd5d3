/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A doorbell of the host, with a server that follows a script: good ones, hostile
 * ones, and calls that fail.  With QEMU's server: tests/e2e/doorbell.sh.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_interrupts.h>
#include <rte_ring.h>

#include "doorbell_server.h"
#include "eal.h"
#include "faults.h"
#include "rte_ivshmem_doorbell.h"
#include "tap.h"

#define OWN 7
#define OTHER 9
#define LIMIT_MS 20000
#define MOST_LINES 8

/** What goes with a message. */
enum gift { NOTHING, BELL, PIPE, TWO, TWENTY };

/** One message, sent `times` times. */
struct line {
	int64_t value;
	enum gift gift;
	unsigned int times;
	unsigned int bytes; /**< of it; 0: all 8 */
};

#define START { 0, NOTHING, 1, 0 }, { OWN, NOTHING, 1, 0 }, \
	      { -1, BELL, 1, 0 }
#define END { 0, NOTHING, 0, 0 }

static char path[128];
static int listener;
static int bells[2];      /**< eventfd that gifts are copies of, and a pipe */
static int connection = -1; /**< of the latest client */
static bool opened; /**< the client has come, or it never does; atomic */

/* ---- a server ------------------------------------------------------------ */

static void say(int sock, int64_t value, enum gift gift, size_t bytes)
{
	int fds[SERVER_FDS_MAX];
	unsigned int n = gift == TWENTY ? SERVER_FDS_MAX :
			 gift == TWO ? 2 : gift != NOTHING;

	for (unsigned int i = 0; i < n; i++)
		fds[i] = bells[gift == PIPE];
	server_say(sock, value, bytes, fds, n);
}

/* The next client, or -1 when there will be none: accept() has a timeout. */
static int next_client(void)
{
	bool last;
	int sock;

	do {
		last = __atomic_load_n(&opened, __ATOMIC_ACQUIRE);
		sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	} while (sock < 0 && !last);
	return sock;
}

static void *serve(void *arg)
{
	const struct line *line = arg;
	int sock = next_client();

	for (; line->times > 0; line++)
		for (unsigned int i = 0; i < line->times; i++)
			say(sock, line->value, line->gift,
			    line->bytes == 0 ? 8 : line->bytes);
	connection = sock;
	return NULL;
}

static void hang_up(void)
{
	close(connection);
	connection = -1;
}

/* Open while the server follows the script, which then keeps silent. */
static struct rte_ivshmem_doorbell *open_with(const struct line *script,
					      uint16_t vectors)
{
	struct rte_ivshmem_doorbell *db;
	pthread_t thread;

	__atomic_store_n(&opened, false, __ATOMIC_RELEASE);
	if (pthread_create(&thread, NULL, serve, (void *)(uintptr_t)script) != 0)
		bail_out("no thread");
	db = rte_ivshmem_doorbell_open(path, vectors);
	__atomic_store_n(&opened, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	return db;
}

static unsigned int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* ---- hostile servers ------------------------------------------------------- */

static const struct hostile {
	const char *name;
	int error, other;
	struct line script[MOST_LINES];
} hostile[] = {
	{ "a version that is not known", EPROTO, 0,
	  { { 77, NOTHING, 1, 0 }, END } },
	{ "a descriptor with the version", EPROTO, 0,
	  { { 0, BELL, 1, 0 }, END } },
	{ "an id of 65536", EPROTO, 0,
	  { { 0, NOTHING, 1, 0 }, { 65536, NOTHING, 1, 0 }, END } },
	{ "an id of -1", EPROTO, 0,
	  { { 0, NOTHING, 1, 0 }, { -1, NOTHING, 1, 0 }, END } },
	{ "a descriptor with the id", EPROTO, 0,
	  { { 0, NOTHING, 1, 0 }, { OWN, BELL, 1, 0 }, END } },
	{ "a peer of 65536", EPROTO, 0,
	  { START, { 65536, BELL, 1, 0 }, END } },
	{ "a peer of -2", EPROTO, 0, { START, { -2, BELL, 1, 0 }, END } },
	{ "the largest number", EPROTO, 0,
	  { START, { INT64_MAX, BELL, 1, 0 }, END } },
	{ "the smallest number", EPROTO, 0,
	  { START, { INT64_MIN, NOTHING, 1, 0 }, END } },
	{ "that this peer has left", EPROTO, 0,
	  { START, { OWN, NOTHING, 1, 0 }, END } },
	{ "a pipe for a vector", EPROTO, 0, { START, { OWN, PIPE, 1, 0 }, END } },
	{ "a pipe for a vector of a peer", EPROTO, 0,
	  { START, { OTHER, PIPE, 1, 0 }, END } },
	{ "two descriptors at once", EPROTO, 0,
	  { START, { OWN, TWO, 1, 0 }, END } },
	{ "two descriptors in two halves of a message", EPROTO, 0,
	  { START, { OWN, BELL, 2, 4 }, END } },
	{ "twenty descriptors at once", EMFILE, 0,
	  { START, { OWN, TWENTY, 1, 0 }, END } },
	{ "2049 vectors of a peer", EPROTO, EMFILE,
	  { START, { OTHER, BELL, 2049, 0 }, END } },
};

static void test_hostile(void)
{
	for (size_t i = 0; i < RTE_DIM(hostile); i++) {
		const struct hostile *h = &hostile[i];
		unsigned int before = descriptors();
		struct rte_ivshmem_doorbell *db;

		rte_errno = 0;
		db = open_with(h->script, 1);
		check(db == NULL && (rte_errno == h->error ||
				     (h->other != 0 && rte_errno == h->other)),
		      "the server says %s: %s", h->name,
		      rte_strerror(rte_errno));
		hang_up();
		check(descriptors() == before, "... no descriptor stays open");
	}
}

/* `opened` is false: open() fails only when this has hung up. */
static void *end_early(void *arg)
{
	serve(arg);
	hang_up();
	return NULL;
}

static void test_early_end(void)
{
	static const struct line nothing[] = { END };
	static const struct line half[] = { START, { OWN, BELL, 1, 5 }, END };
	const struct line *scripts[] = { nothing, half };

	for (size_t i = 0; i < RTE_DIM(scripts); i++) {
		unsigned int before = descriptors();
		struct rte_ivshmem_doorbell *db;
		pthread_t thread;

		__atomic_store_n(&opened, false, __ATOMIC_RELEASE);
		if (pthread_create(&thread, NULL, end_early,
				   (void *)(uintptr_t)scripts[i]) != 0)
			bail_out("no thread");
		db = rte_ivshmem_doorbell_open(path, 1);
		check(db == NULL && rte_errno == ECONNRESET,
		      "the server ends %s", i == 0 ? "at once" :
		      "within a message");
		pthread_join(thread, NULL);
		check(descriptors() == before, "... no descriptor stays open");
	}
}

static void test_incomplete(void)
{
	static const struct line silent[] = { { 0, NOTHING, 1, 0 }, END };
	static const struct line one[] = { START, { OWN, BELL, 1, 0 }, END };

	check(open_with(silent, 1) == NULL && rte_errno == ETIMEDOUT,
	      "a server that says nothing more is given up");
	hang_up();
	check(open_with(one, 2) == NULL && rte_errno == ENOSPC,
	      "one that has too few vectors is refused");
	hang_up();
}

static void test_arguments(void)
{
	char long_path[256] = "/";

	memset(long_path + 1, 'x', sizeof(long_path) - 2);
	check(rte_ivshmem_doorbell_open(NULL, 1) == NULL &&
	      rte_errno == EINVAL, "nowhere");
	check(rte_ivshmem_doorbell_open(path, 0) == NULL &&
	      rte_errno == EINVAL, "no vector");
	check(rte_ivshmem_doorbell_open(path, 2049) == NULL &&
	      rte_errno == EINVAL, "too many vectors");
	check(rte_ivshmem_doorbell_open("/nowhere/iv", 1) == NULL &&
	      rte_errno == ENOENT, "no socket");
	check(rte_ivshmem_doorbell_open(long_path, 1) == NULL &&
	      rte_errno == ENAMETOOLONG, "a path that is too long");
	check(rte_ivshmem_doorbell_open("no-such-device", 1) == NULL &&
	      rte_errno == ENOENT, "no device");
	rte_ivshmem_doorbell_close(NULL);
}

/* ---- good servers --------------------------------------------------------- */

static const struct line good[] = {
	START, { OTHER, BELL, 2, 0 }, { OWN, BELL, 3, 0 }, END
};

/* Until the interrupt thread has read it. */
static bool becomes(struct rte_ivshmem_doorbell *db, uint16_t peer, int error)
{
	for (int ms = 0; ms < LIMIT_MS; ms++) {
		int ret = rte_ivshmem_doorbell_ring(db, peer, 0);

		if (error == 0 ? ret == 0 : ret != 0 && rte_errno == error)
			return true;
		usleep(1000);
	}
	return false;
}

static uint64_t rung(void)
{
	uint64_t times = 0;

	if (read(bells[0], &times, sizeof(times)) < 0)
		return 0;
	return times;
}

static void test_peers(void)
{
	unsigned int before = descriptors();
	struct rte_ivshmem_doorbell *db = open_with(good, 2);

	if (!check(db != NULL, "a good server, with one vector more than wanted"))
		return;
	rung();
	check(rte_ivshmem_doorbell_id(db) == OWN &&
	      rte_ivshmem_doorbell_vectors(db) == 2, "id and vectors are told");
	check(rte_ivshmem_doorbell_ring(db, OTHER, 1) == 0 && rung() == 1,
	      "a peer is rung, once");
	check(rte_ivshmem_doorbell_ring(db, OTHER, 2) == -1 &&
	      rte_errno == ENOENT, "it has no vector 2");
	check(rte_ivshmem_doorbell_ring(db, 11, 0) == -1 &&
	      rte_errno == ENOENT, "there is no peer 11");
	say(connection, 11, BELL, 8);
	check(rte_ivshmem_doorbell_ring(db, 11, 0) == 0,
	      "it is there as soon as the server has said so");
	say(connection, OTHER, NOTHING, 8);
	check(becomes(db, OTHER, ENOENT), "a peer leaves");
	say(connection, 12, NOTHING, 8);
	check(becomes(db, 11, 0), "that one leaves who never came is no harm");
	rung();
	hang_up();
	check(becomes(db, 11, 0) && rung() > 0,
	      "when the server has gone, known peers are rung as before");
	rte_ivshmem_doorbell_close(db);
	check(descriptors() == before, "no descriptor stays open");
}

static void test_nonsense_later(void)
{
	struct rte_ivshmem_doorbell *db = open_with(good, 2);
	char byte;

	say(connection, 1 << 20, BELL, 8);
	check(recv(connection, &byte, 1, 0) <= 0,
	      "a server that says nonsense later is hung up on");
	check(becomes(db, OTHER, 0), "... and known peers are rung as before");
	hang_up();
	rte_ivshmem_doorbell_close(db);
}

static void test_full(void)
{
	const uint64_t most = UINT64_MAX - 1;
	struct rte_ivshmem_doorbell *db = open_with(good, 2);

	rung();
	check(write(bells[0], &most, sizeof(most)) == sizeof(most) &&
	      rte_ivshmem_doorbell_ring(db, OTHER, 0) == 0,
	      "a peer that never wakes up stops nobody");
	check(rung() == most, "... and is rung still");
	hang_up();
	rte_ivshmem_doorbell_close(db);
}

static void test_slow_server(void)
{
	static const struct line slow[] = {
		START, { OWN, BELL, 1, 1 }, { 0, NOTHING, 7, 1 }, END
	};
	struct rte_ivshmem_doorbell *db = open_with(slow, 1);

	check(db != NULL, "a message may come byte by byte");
	hang_up();
	rte_ivshmem_doorbell_close(db);
}

/* ---- sleeping ---------------------------------------------------------------- */

static void test_sleeper(void)
{
	struct rte_ivshmem_doorbell *db = open_with(good, 2);
	struct rte_ring *r = rte_ring_create("sleep", 8, SOCKET_ID_ANY, 0);
	struct rte_ivshmem_sleeper sleeper;

	check(rte_ivshmem_sleeper_init(&sleeper, db, 2) == -1 &&
	      rte_errno == EINVAL, "no sleeper has a vector that is not there");
	check(rte_ivshmem_sleeper_init(&sleeper, db, 1) == 0 &&
	      sleeper.peer == OWN && sleeper.vector == 1, "a sleeper");
	rung();
	check(rte_ivshmem_sleeper_wake(&sleeper, db) == 0 && rung() == 0,
	      "who is awake is not rung");
	rte_ivshmem_sleeper_arm(&sleeper);
	check(rte_ivshmem_sleeper_wake(&sleeper, db) == 1 && rung() == 1,
	      "who sleeps is rung");
	check(rte_ivshmem_sleeper_wake(&sleeper, db) == 0 && rung() == 0,
	      "... once");
	sleeper.peer = 500;
	rte_ivshmem_sleeper_arm(&sleeper);
	check(rte_ivshmem_sleeper_wake(&sleeper, db) == -1 &&
	      rte_errno == ENOENT && sleeper.asleep == 1,
	      "who is not there cannot be rung, and sleeps on");
	sleeper.vector = 60000;
	check(rte_ivshmem_sleeper_wait_ring(&sleeper, db, r, -1) == -1 &&
	      rte_errno == EINVAL, "a sleeper that somebody has spoilt");
	sleeper.vector = 1;
	check(rte_ivshmem_sleeper_wait_ring(&sleeper, db, r, 20) == 0 &&
	      sleeper.asleep == 0, "a sleep ends after its timeout");
	rte_ring_enqueue(r, r);
	check(rte_ivshmem_sleeper_wait_ring(&sleeper, db, r, -1) == 1,
	      "nobody sleeps before a ring that is not empty");
	rte_ring_free(r);
	hang_up();
	rte_ivshmem_doorbell_close(db);
}

/* ---- calls that fail --------------------------------------------------------- */

static void test_faults_of_open(void)
{
	unsigned int before = descriptors(), bad = 0, n = 0;
	const char *failed;

	do {
		struct rte_ivshmem_doorbell *db;

		faults_arm(++n);
		db = open_with(good, 2);
		failed = faults_disarm();
		if (db != NULL && failed != NULL)
			printf("# call %u, %s: opened all the same\n", n,
			       failed);
		hang_up();
		rte_ivshmem_doorbell_close(db);
		if (descriptors() != before) {
			printf("# call %u, %s: a descriptor stays open\n", n,
			       failed != NULL ? failed : "none");
			bad++;
			before = descriptors();
		}
		if (db == NULL && failed == NULL)
			bad++;
	} while (failed != NULL && n < 500);
	check(bad == 0 && n > 10 && n < 500,
	      "each of %u calls of opening fails once, and nothing stays open",
	      n - 1);
}

static void start_listening(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_usec = 20000 };
	struct rlimit files;

	/* For 2049 vectors. */
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = RTE_MIN(files.rlim_max, (rlim_t)8192);
	setrlimit(RLIMIT_NOFILE, &files);
	snprintf(path, sizeof(path), "%s/server", test_dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 8) != 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) != 0)
		bail_out("no socket");
	bells[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bells[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

int main(void)
{
	start_host("no-huge");
	start_listening();
	test_arguments();
	test_hostile();
	test_early_end();
	test_incomplete();
	test_peers();
	test_nonsense_later();
	test_full();
	test_slow_server();
	test_sleeper();
	test_faults_of_open();
	return tap_end();
}

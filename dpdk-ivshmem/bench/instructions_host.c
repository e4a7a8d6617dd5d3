/* SPDX-License-Identifier: BSD-3-Clause */
/* Hot paths of a process that shares. */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "crc32c.h"
#include "doorbell_server.h"
#include "format.h"
#include "instructions.h"
#include "program.h"
#include "rte_ivshmem.h"
#include "rte_ivshmem_doorbell.h"

#define POOLS 32
#define CALLS 64
#define KIB 64

static const struct rte_memzone *zones[OBJECTS];
static struct rte_ring *rings[OBJECTS];
static struct rte_mempool *pools[POOLS];
static char text[1 << 18];

/* ---- adding, publishing, removing ---------------------------------------- */

static void make_objects(void)
{
	char name[32];

	for (unsigned int i = 0; i < OBJECTS; i++) {
		snprintf(name, sizeof(name), "zone-%u", i);
		zones[i] = rte_memzone_reserve(name, 4096, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "ring-%u", i);
		rings[i] = rte_ring_create(name, 64, SOCKET_ID_ANY, 0);
		must(zones[i] != NULL && rings[i] != NULL, "objects");
	}
	for (unsigned int i = 0; i < POOLS; i++) {
		snprintf(name, sizeof(name), "pool-%u", i);
		pools[i] = rte_pktmbuf_pool_create(name, 63, 0, 0, 256,
						   SOCKET_ID_ANY);
		must(pools[i] != NULL, "pools");
	}
}

static void add_zones(void)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		must(rte_ivshmem_metadata_add_memzone(zones[i], "all") == 0,
		     "add a memzone");
}

static void add_rings(void)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		must(rte_ivshmem_metadata_add_ring(rings[i], "all") == 0,
		     "add a ring");
}

static void add_pools(void)
{
	for (unsigned int i = 0; i < POOLS; i++)
		must(rte_ivshmem_metadata_add_mempool(pools[i], "all") == 0,
		     "add a mempool");
}

static void publish(void)
{
	must(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						   "all") == 0, "publish");
}

static void remove_rings(void)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		must(rte_ivshmem_metadata_remove_ring(rings[i], "all") == 0,
		     "remove a ring");
}

static void count_objects(void)
{
	must(rte_ivshmem_metadata_create("all") == 0, "create");
	count("add a memzone", OBJECTS, add_zones);
	count("add a ring", OBJECTS, add_rings);
	count("add a mempool", POOLS, add_pools);
	count("publish, per object", 2 * OBJECTS + POOLS, publish);
	count("publish again, per object", 2 * OBJECTS + POOLS, publish);
	count("remove a ring", OBJECTS, remove_rings);
}

/* ---- many chunks --------------------------------------------------------- */

/* What lies between is not shared, so that nothing can be merged. */
static void add_chunks(const char *md_name)
{
	const struct rte_memzone *zone;
	char name[32];

	must(rte_ivshmem_metadata_create(md_name) == 0, "create");
	for (unsigned int i = 0; i < 2 * OBJECTS; i++) {
		snprintf(name, sizeof(name), "page-%u", i);
		zone = rte_ivshmem_memzone_reserve(name, 4096, SOCKET_ID_ANY, 0);
		must(zone != NULL, "a page");
		if (i % 2 == 0)
			must(rte_ivshmem_metadata_add_memzone(zone, md_name) == 0,
			     "add a page");
	}
}

static void publish_chunks(void)
{
	must(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						   CHUNKS_FILE) == 0, "publish");
}

/* ---- metadata ------------------------------------------------------------ */

static void *image;
static size_t image_size;
static uint32_t image_objects;

static void read_image(void)
{
	int fd = open(file_of("all"), O_RDONLY | O_CLOEXEC);
	struct stat st;

	must(fd >= 0 && fstat(fd, &st) == 0, "open metadata");
	image_size = (size_t)st.st_size;
	image = malloc(image_size);
	must(image != NULL && read(fd, image, image_size) == st.st_size,
	     "read metadata");
	close(fd);
}

static void check_metadata(void)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;

	must(ivshmem_metadata_decode(image, image_size, UINT64_MAX, &md,
				     &err) == 0, "check metadata");
	image_objects = md.n_objects;
	ivshmem_metadata_free(&md);
}

static void sum(void)
{
	static const uint8_t bytes[KIB * 1024];

	must(ivshmem_crc32c(0, bytes, sizeof(bytes)) != 0, "CRC");
}

static void count_metadata(void)
{
	read_image();
	check_metadata(); /* once before: it makes the tables of the CRC */
	count("check metadata, per object", image_objects, check_metadata);
	count("CRC-32C, per KiB", KIB, sum);
	free(image);
}

/* ---- heartbeat ----------------------------------------------------------- */

static bool keep_alarms;
static rte_eal_alarm_callback heartbeat;

/*
 * In count_host() the program calls it itself, and it never goes off while
 * something else is counted.
 */
int __real_rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback callback,
			     void *arg);
int __wrap_rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback callback,
			     void *arg);
int __wrap_rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback callback,
			     void *arg)
{
	if (!keep_alarms)
		return __real_rte_eal_alarm_set(us, callback, arg);
	heartbeat = callback;
	return 0;
}

static void beat(void)
{
	for (unsigned int i = 0; i < CALLS; i++)
		heartbeat(NULL);
}

/* ---- doorbell ------------------------------------------------------------ */

static struct rte_ivshmem_doorbell *db;
static struct rte_ivshmem_sleeper sleeper;

static void wake_awake(void)
{
	for (unsigned int i = 0; i < CALLS; i++)
		must(rte_ivshmem_sleeper_wake(&sleeper, db) == 0, "wake");
}

static void wake_asleep(void)
{
	for (unsigned int i = 0; i < CALLS; i++) {
		rte_ivshmem_sleeper_arm(&sleeper);
		must(rte_ivshmem_sleeper_wake(&sleeper, db) == 1, "wake");
	}
}

static void ring_bell(void)
{
	for (unsigned int i = 0; i < CALLS; i++)
		must(rte_ivshmem_doorbell_ring(db,
				rte_ivshmem_doorbell_id(db), 0) == 0, "ring");
}

/* A server that says what a peer needs to begin, and keeps silent then. */
static void *serve(void *arg)
{
	const int bell = eventfd(0, EFD_CLOEXEC);
	int sock = accept4(*(int *)arg, NULL, NULL, SOCK_CLOEXEC);

	server_say(sock, 0, 8, NULL, 0);  /* version */
	server_say(sock, 0, 8, NULL, 0);  /* the client's id */
	server_say(sock, -1, 8, NULL, 0); /* no shared memory */
	server_say(sock, 0, 8, &bell, 1);
	close(bell);
	return NULL;
}

static void open_doorbell(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_t server;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 file_of("socket"));
	must(listener >= 0 && bind(listener, (struct sockaddr *)&address,
				   sizeof(address)) == 0 &&
	     listen(listener, 1) == 0, "a server");
	must(pthread_create(&server, NULL, serve, &listener) == 0, "a thread");
	db = rte_ivshmem_doorbell_open(address.sun_path, 1);
	pthread_join(server, NULL);
	must(db != NULL, "a doorbell");
	must(rte_ivshmem_sleeper_init(&sleeper, db, 0) == 0, "a sleeper");
	unlink(address.sun_path);
	close(listener);
}

static void count_doorbell(void)
{
	open_doorbell();
	count("wake a consumer that is awake", CALLS, wake_awake);
	count("wake a consumer that sleeps", CALLS, wake_asleep);
	count("ring a doorbell", CALLS, ring_bell);
	rte_ivshmem_doorbell_close(db);
}

void count_host(void)
{
	keep_alarms = true;
	make_objects();
	count_objects();
	count("heartbeat, of one file", CALLS, beat);
	count_metadata();
	count_doorbell();
	must(rte_ivshmem_metadata_destroy("all") == 0, "destroy");
	add_chunks(CHUNKS_FILE);
	count("publish, per chunk", OBJECTS, publish_chunks);
	must(rte_ivshmem_metadata_destroy(CHUNKS_FILE) == 0, "destroy");
}

/* ---- for the guest ------------------------------------------------------- */

static void publish_as(const char *md_name)
{
	must(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						   md_name) == 0, "publish");
}

static void share_ring(const char *name, const char *md_name,
		       unsigned int flags)
{
	struct rte_ring *r = rte_ring_create(name, 64, SOCKET_ID_ANY, flags);

	must(r != NULL && rte_ivshmem_metadata_add_ring(r, md_name) == 0,
	     "share a ring");
}

static void share_pool(const char *name, unsigned int cache)
{
	struct rte_mempool *mp = rte_ivshmem_pktmbuf_pool_create(name, 1023,
					cache, 0, 512, SOCKET_ID_ANY);

	must(mp != NULL &&
	     rte_ivshmem_metadata_add_mempool(mp, DATA_FILE) == 0,
	     "share a pool");
}

static void share_rings(void)
{
	char name[32];

	must(rte_ivshmem_metadata_create(RINGS_FILE) == 0, "create");
	for (unsigned int i = 0; i < OBJECTS; i++) {
		snprintf(name, sizeof(name), "ring-%u", i);
		share_ring(name, RINGS_FILE, 0);
	}
	publish_as(RINGS_FILE);
}

static void share_data(void)
{
	const unsigned int single = RING_F_SP_ENQ | RING_F_SC_DEQ;

	must(rte_ivshmem_metadata_create(DATA_FILE) == 0, "create");
	share_ring(RING_SP_SC, DATA_FILE, single);
	share_ring(RING_MP_MC, DATA_FILE, 0);
	share_ring(RING_THERE, DATA_FILE, single);
	share_ring(RING_BACK, DATA_FILE, single);
	share_pool(POOL_CACHED, 256);
	share_pool(POOL_BARE, 0);
	publish_as(DATA_FILE);
}

void share(void)
{
	char byte;

	share_rings();
	add_chunks(CHUNKS_FILE);
	publish_as(CHUNKS_FILE);
	share_data();
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	must(rte_ivshmem_metadata_destroy(RINGS_FILE) == 0 &&
	     rte_ivshmem_metadata_destroy(CHUNKS_FILE) == 0 &&
	     rte_ivshmem_metadata_destroy(DATA_FILE) == 0, "destroy");
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest of test_attach.c: a DPDK program that knows nothing of our
 * library.  Arguments: those of the EAL, `--`, a scenario, and its argument
 * or an empty one:
 *
 *   use         all objects are found; use them
 *   absent      none is found, and the program works all the same
 *   taken ADDR  the same, with memory at ADDR taken before the EAL starts
 *   register    as `use`; then a thread registers with the EAL
 *   look        what the host shares with pages of their own, read-only
 *
 * Exit status 0 if all is as it should be; else a line per fault.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "attach_protocol.h"

static int faults;

static void expect(bool good, const char *what)
{
	if (good)
		return;
	printf("guest: not so: %s\n", what);
	faults++;
}

/* Ops of this program alone, so that its indexes differ from the host's. */
static int no_alloc(struct rte_mempool *mp __rte_unused)
{
	return -1;
}

static void no_free(struct rte_mempool *mp __rte_unused)
{
}

static int no_put(struct rte_mempool *mp __rte_unused,
		  void *const *objects __rte_unused, unsigned int n __rte_unused)
{
	return -1;
}

static int no_get(struct rte_mempool *mp __rte_unused,
		  void **objects __rte_unused, unsigned int n __rte_unused)
{
	return -1;
}

static unsigned int no_count(const struct rte_mempool *mp __rte_unused)
{
	return 0;
}

static const struct rte_mempool_ops guest_ops = {
	.name = "guest_only", .alloc = no_alloc, .free = no_free,
	.enqueue = no_put, .dequeue = no_get, .get_count = no_count,
};
RTE_MEMPOOL_REGISTER_OPS(guest_ops);

static void use_zone(const struct rte_memzone *mz)
{
	volatile uint8_t *bytes;

	expect(mz != NULL, "rte_memzone_lookup() finds the memzone");
	if (mz == NULL)
		return;
	bytes = mz->addr;
	expect(bytes[0] == FROM_HOST && bytes[mz->len - 1] == FROM_HOST,
	       "the memzone holds what the host wrote");
	bytes[0] = FROM_GUEST;
	bytes[mz->len - 1] = FROM_GUEST;
}

/* Echo the host's messages, one higher each. */
static void use_ring(struct rte_ring *r)
{
	expect(r != NULL, "rte_ring_lookup() finds the ring");
	for (uintptr_t i = 1; r != NULL && i <= MESSAGES; i++) {
		void *message = NULL;

		expect(rte_ring_dequeue(r, &message) == 0 &&
		       (uintptr_t)message == i, "messages come in order");
		expect(rte_ring_enqueue(r, (void *)(i + 1)) == 0,
		       "the ring takes an answer");
	}
}

static void use_pool(struct rte_mempool *mp)
{
	struct rte_mbuf *mbufs[POOL_SIZE];

	expect(mp != NULL, "rte_mempool_lookup() finds the mempool");
	if (mp == NULL)
		return;
	expect(strcmp(rte_mempool_get_ops(mp->ops_index)->name,
		      "ring_mp_mc") == 0, "its ops are the host's by name");
	expect(rte_mempool_avail_count(mp) == POOL_SIZE,
	       "all its buffers are free");
	expect(rte_pktmbuf_alloc_bulk(mp, mbufs, POOL_SIZE) == 0,
	       "all its buffers can be taken");
	for (unsigned int i = 0; faults == 0 && i < POOL_SIZE; i++)
		memset(rte_pktmbuf_append(mbufs[i], 64), FROM_GUEST, 64);
	expect(rte_pktmbuf_alloc(mp) == NULL, "and then it is empty");
	if (faults == 0)
		rte_pktmbuf_free_bulk(mbufs, POOL_SIZE);
	expect(rte_mempool_avail_count(mp) == POOL_SIZE,
	       "all its buffers can be given back");
}

/* Each follows pointers to what was the host's private memory. */
static void dump_all(struct rte_ring *r, struct rte_mempool *mp)
{
	FILE *f = fopen("/dev/null", "w");

	if (r != NULL) {
		rte_ring_dump(f, r);
		expect(r->memzone->addr == (void *)r,
		       "the ring's memzone pointer can be followed");
	}
	if (mp != NULL) {
		rte_mempool_dump(f, mp);
		rte_mempool_audit(mp);
		expect(strcmp(mp->mz->name, "MP_" SHARED_POOL) == 0,
		       "the pool's memzone pointer can be followed");
	}
	rte_ring_list_dump(f);
	rte_mempool_list_dump(f);
	rte_memzone_dump(f);
	fclose(f);
}

static void use_names(void)
{
	expect(rte_ring_create(SHARED_RING, 64, SOCKET_ID_ANY, 0) == NULL &&
	       rte_errno == EEXIST, "the ring's name is taken");
	expect(rte_memzone_reserve(SHARED_ZONE, 64, SOCKET_ID_ANY, 0) == NULL &&
	       rte_errno == EEXIST, "the memzone's name is taken");
}

/* This program's own registration comes after the host's. */
static void use_dynamic(void)
{
	struct rte_mbuf_dynfield own = {
		.name = "guest_field", .size = 8, .align = 8,
	};

	expect(rte_mbuf_dynfield_lookup(HOST_FIELD, NULL) >= 0,
	       "the host's dynamic field is known");
	expect(rte_mbuf_dynflag_lookup(HOST_FLAG, NULL) >= 0,
	       "the host's dynamic flag is known");
	printf("guest: field %d flag %d\n",
	       rte_mbuf_dynfield_lookup(HOST_FIELD, NULL),
	       rte_mbuf_dynflag_lookup(HOST_FLAG, NULL));
	expect(rte_mbuf_dynfield_register(&own) !=
	       rte_mbuf_dynfield_lookup(HOST_FIELD, NULL),
	       "an own field lies elsewhere");
}

static void use(void)
{
	struct rte_ring *r = rte_ring_lookup(SHARED_RING);
	struct rte_mempool *mp = rte_mempool_lookup(SHARED_POOL);

	use_zone(rte_memzone_lookup(SHARED_ZONE));
	use_ring(r);
	use_pool(mp);
	dump_all(r, mp);
	use_names();
	use_dynamic();
}

static void absent(void)
{
	struct rte_mempool *own;

	expect(rte_memzone_lookup(SHARED_ZONE) == NULL &&
	       rte_ring_lookup(SHARED_RING) == NULL &&
	       rte_mempool_lookup(SHARED_POOL) == NULL,
	       "no shared object is found");
	own = rte_pktmbuf_pool_create("own", 63, 0, 0, 256, SOCKET_ID_ANY);
	expect(own != NULL && rte_mempool_avail_count(own) == 63,
	       "the program works with objects of its own");
}

/* The signal that ends a process which stores there; 0: it can. */
static int signal_of_store(void *at)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		/* AddressSanitizer would report it instead. */
		signal(SIGSEGV, SIG_DFL);
		*(volatile uint8_t *)at = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void look(void)
{
	const struct rte_memzone *mz = rte_memzone_lookup(LOOK_ZONE);
	struct rte_ring *r = rte_ring_lookup(LOOK_RING);
	struct rte_ring *inner = rte_ring_lookup(INNER_RING);
	struct rte_mempool *mp = rte_mempool_lookup(OWN_POOL);
	void *message = NULL;

	expect(mz != NULL && r != NULL && inner != NULL && mp != NULL,
	       "all are found");
	if (faults > 0)
		return;
	expect(*(uint8_t *)mz->addr == FROM_HOST, "a memzone can be read");
	expect(signal_of_store(mz->addr) == SIGSEGV,
	       "but a store there is a fault");
	expect(rte_ring_count(r) == MESSAGES, "a ring can be counted");
	expect(signal_of_store(r) == SIGSEGV, "but a store there is a fault");
	expect(rte_ring_dequeue(inner, &message) == 0 &&
	       (uintptr_t)message == 1 &&
	       rte_ring_enqueue(inner, (void *)2) == 0,
	       "a ring inside a memzone works");
	message = rte_pktmbuf_alloc(mp);
	expect(message != NULL && ((struct rte_mbuf *)message)->pool == mp &&
	       rte_mempool_avail_count(mp) == POOL_SIZE - 1,
	       "a pool with pages of its own gives mbufs");
	rte_pktmbuf_free(message);
	rte_mempool_dump(stderr, mp);
}

static void take(const char *address)
{
	void *at = (void *)(uintptr_t)strtoull(address, NULL, 16);

	if (mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_FIXED_NOREPLACE, -1, 0) != at) {
		perror("mmap");
		exit(2);
	}
}

static void *register_thread(void *refused)
{
	*(bool *)refused = rte_thread_register() < 0;
	if (!*(bool *)refused)
		printf("guest: registered as lcore %u\n", rte_lcore_id());
	return NULL;
}

static void register_with_eal(void)
{
	pthread_t thread;
	bool refused = false;

	pthread_create(&thread, NULL, register_thread, &refused);
	pthread_join(thread, NULL);
	expect(refused, "a thread cannot register as an lcore of the host");
}

int main(int argc, char **argv)
{
	const char *scenario = "use", *argument = "0";
	int parsed;

	for (int i = 1; i + 2 < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		scenario = argv[i + 1];
		argument = argv[i + 2];
	}
	if (strcmp(scenario, "taken") == 0)
		take(argument);
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0) {
		printf("guest: rte_eal_init: %s\n", rte_strerror(rte_errno));
		return 2;
	}
	if (strcmp(scenario, "absent") == 0 || strcmp(scenario, "taken") == 0)
		absent();
	else if (strcmp(scenario, "look") == 0)
		look();
	else
		use();
	if (strcmp(scenario, "register") == 0)
		register_with_eal();
	rte_eal_cleanup();
	return faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

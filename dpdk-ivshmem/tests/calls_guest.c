/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest of calls_host.c, which knows nothing of our library.  Arguments:
 * those of the EAL, `--`, then what to do, one after the other:
 *
 *   use PREFIX      use the host's objects; PREFIX is the name of its metadata
 *   free PREFIX     free them in each way that DPDK has
 *   read PREFIX     call what only reads them
 *   across PREFIX   clone, attach, detach and copy between pools
 *   fields PREFIX   the host's dynamic field and flag have their places
 *   absent PREFIX   nothing of the host is found
 *   own NAME        make and use a pool of this program, and free it
 *   index OPS       print the index of these ops
 *   make OPS        make a pool with these ops
 *   made OPS        use it
 *   register NAME   register a dynamic field of this program
 *   attach PATH     by the call, while the program runs
 *   refused PATH    the same, and expect to be refused
 *   secondary ARG   run this program again as a secondary process, with
 *                   `use ARG`
 *   telemetry       wait for a line on standard input, while somebody asks
 *                   DPDK's telemetry
 *   end PREFIX HOW  fill the caches, then end: return, exit, cleanup, rte_exit,
 *                   _exit or kill; or busy: by exit() while a worker runs
 *
 * Exit status 0 if all is as it should be; else a line per fault.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>
#include <rte_tailq.h>

#include "calls.h"

static const char *const kinds[] = { CALLS_OWN, CALLS_PLAIN, CALLS_READ };

static int faults;
static char **arguments; /* of the program, with those of the EAL */
static int n_arguments;

__attribute__((format(printf, 2, 3)))
static void expect(bool good, const char *format, ...)
{
	va_list args;

	if (good)
		return;
	printf("guest: not so: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	faults++;
}

/** A memzone, a ring and a pool. */
struct trio {
	const struct rte_memzone *zone;
	struct rte_ring *ring;
	struct rte_mempool *pool;
	bool readonly;
};

static struct trio find(const char *prefix, const char *kind)
{
	struct trio trio = { .readonly = strcmp(kind, CALLS_READ) == 0 };
	char name[32];

	snprintf(name, sizeof(name), "%s%s", prefix, kind);
	trio.ring = rte_ring_lookup(name);
	trio.pool = rte_mempool_lookup(name);
	snprintf(name, sizeof(name), "%s%s_z", prefix, kind);
	trio.zone = rte_memzone_lookup(name);
	return trio;
}

static struct rte_mempool *find_stack(const char *prefix)
{
	char name[32];

	snprintf(name, sizeof(name), "%s" CALLS_STACK, prefix);
	return rte_mempool_lookup(name);
}

static bool complete(const struct trio *trio)
{
	return trio->zone != NULL && trio->ring != NULL && trio->pool != NULL;
}

/* ---- use ------------------------------------------------------------------ */

static void use_pool(struct rte_mempool *mp)
{
	struct rte_mbuf *mbufs[CALLS_CACHE];

	bool given = rte_pktmbuf_alloc_bulk(mp, mbufs, CALLS_CACHE) == 0;

	expect(given, "pool '%s' gives mbufs", mp->name);
	if (!given)
		return;
	for (unsigned int i = 0; i < CALLS_CACHE; i++)
		memset(rte_pktmbuf_append(mbufs[i], 64), 1, 64);
	rte_pktmbuf_free_bulk(mbufs, CALLS_CACHE);
}

static void use_ring(struct rte_ring *r)
{
	for (uintptr_t i = 1; i <= CALLS_RING_USED; i++) {
		void *message = NULL;

		expect(rte_ring_dequeue(r, &message) == 0 &&
		       message == (void *)i, "ring '%s' gives what is in it",
		       r->name);
		rte_ring_enqueue(r, message);
	}
}

static void use_trio(const struct trio *trio)
{
	const uint8_t *bytes = trio->zone->addr;

	expect(bytes[0] == CALLS_BYTE && bytes[CALLS_ZONE_SIZE - 1] ==
	       CALLS_BYTE, "memzone '%s' holds what it should",
	       trio->zone->name);
	expect(rte_mempool_avail_count(trio->pool) <= CALLS_MBUFS &&
	       rte_ring_count(trio->ring) == CALLS_RING_USED,
	       "pool and ring '%s' can be counted", trio->ring->name);
	if (trio->readonly)
		return;
	use_ring(trio->ring);
	use_pool(trio->pool);
}

static void use(const char *prefix)
{
	struct rte_mempool *stack = find_stack(prefix);

	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		struct trio trio = find(prefix, kinds[i]);

		expect(complete(&trio), "'%s%s' is found", prefix, kinds[i]);
		if (complete(&trio))
			use_trio(&trio);
	}
	expect(stack != NULL, "the stack pool of '%s' is found", prefix);
	if (stack != NULL) {
		expect(strcmp(rte_mempool_get_ops(stack->ops_index)->name,
			      "stack") == 0, "its ops are the host's by name");
		use_pool(stack);
	}
}

static void absent(const char *prefix)
{
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		struct trio trio = find(prefix, kinds[i]);

		expect(trio.zone == NULL && trio.ring == NULL &&
		       trio.pool == NULL, "'%s%s' is not found", prefix,
		       kinds[i]);
	}
}

static void use_own(const char *name)
{
	struct rte_mempool *mp = rte_pktmbuf_pool_create(name, CALLS_MBUFS,
						CALLS_CACHE, 0, 512,
						SOCKET_ID_ANY);

	expect(mp != NULL, "a pool of this program can be made: %s",
	       rte_strerror(rte_errno));
	if (mp == NULL)
		return;
	use_pool(mp);
	expect(rte_mempool_avail_count(mp) == CALLS_MBUFS, "it is whole: %u",
	       rte_mempool_avail_count(mp));
	rte_mempool_free(mp);
	expect(rte_mempool_lookup(name) == NULL, "and can be freed");
}

/* ---- free ----------------------------------------------------------------- */

static void free_pool(struct rte_mempool *mp)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "%s", mp->name);
	rte_mempool_free(mp);
	expect(rte_mempool_lookup(name) == mp, "pool '%s' is found after a free",
	       name);
	expect(rte_memzone_free(mp->mz) != 0, "the memzone of pool '%s' stays",
	       name);
	expect(!STAILQ_EMPTY(&mp->mem_list) && !STAILQ_EMPTY(&mp->elt_list),
	       "pool '%s' has its memory after a free", name);
}

static void free_trio(const struct trio *trio)
{
	char zone[RTE_MEMZONE_NAMESIZE];

	snprintf(zone, sizeof(zone), "%s", trio->zone->name);
	free_pool(trio->pool);
	rte_ring_free(trio->ring);
	expect(rte_memzone_free(trio->ring->memzone) != 0,
	       "the memzone of ring '%s' stays", trio->ring->name);
	use_ring(trio->ring);
	rte_free(trio->zone->addr);
	rte_free(trio->ring);
	rte_free(trio->pool);
	/* The name goes, and nothing else. */
	expect(rte_memzone_free(trio->zone) == 0 &&
	       rte_memzone_lookup(zone) == NULL, "memzone '%s' is not found",
	       zone);
}

static void free_all(const char *prefix)
{
	struct rte_mempool *stack = find_stack(prefix);

	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		struct trio trio = find(prefix, kinds[i]);

		if (complete(&trio) && !trio.readonly)
			free_trio(&trio);
		else
			expect(complete(&trio), "'%s%s' is found", prefix,
			       kinds[i]);
	}
	if (stack != NULL)
		free_pool(stack);
	else
		expect(false, "the stack pool is found");
}

/* What DPDK stores into, read-only memory or not. */
static void free_readonly(const char *prefix)
{
	struct trio trio = find(prefix, CALLS_READ);

	rte_ring_free(trio.ring);
	expect(rte_ring_count(trio.ring) == CALLS_RING_USED,
	       "the ring that is only read can be read after a free");
	rte_free(trio.zone->addr);
	free_pool(trio.pool);
}

/* ---- read ----------------------------------------------------------------- */

static void count_call(struct rte_mempool *mp __rte_unused, void *arg,
		       void *object __rte_unused, unsigned int i __rte_unused)
{
	(*(unsigned int *)arg)++;
}

static void count_memory(struct rte_mempool *mp __rte_unused, void *arg,
			 struct rte_mempool_memhdr *header,
			 unsigned int i __rte_unused)
{
	*(size_t *)arg += header->len;
}

static void check_mbuf(struct rte_mempool *mp __rte_unused,
		       void *arg __rte_unused, void *m,
		       unsigned int i __rte_unused)
{
	const char *reason = "";

	expect(rte_mbuf_check(m, 0, &reason) == 0 || rte_mbuf_refcnt_read(m) ==
	       0, "an mbuf is good: %s", reason);
	rte_mbuf_sanity_check(m, 0);
}

static void read_pool(FILE *f, struct rte_mempool *mp)
{
	struct rte_mempool_info info = { 0 };
	unsigned int objects = 0;
	size_t bytes = 0;

	rte_mempool_dump(f, mp);
	rte_mempool_audit(mp);
	rte_mempool_ops_get_info(mp, &info);
	expect(rte_mempool_obj_iter(mp, count_call, &objects) == CALLS_MBUFS &&
	       objects == CALLS_MBUFS, "the mbufs of '%s' can be walked",
	       mp->name);
	rte_mempool_obj_iter(mp, check_mbuf, NULL);
	rte_mempool_mem_iter(mp, count_memory, &bytes);
	expect(bytes >= CALLS_MBUFS * 512, "and its memory");
	expect(rte_pktmbuf_data_room_size(mp) == 512 &&
	       rte_pktmbuf_priv_size(mp) == 0, "and its private data read");
	expect(rte_mempool_full(mp) + rte_mempool_empty(mp) <= 1, "full, empty");
	rte_mempool_virt2iova(STAILQ_FIRST(&mp->elt_list) + 1);
}

static void read_ring(FILE *f, struct rte_ring *r)
{
	rte_ring_dump(f, r);
	expect(rte_ring_get_capacity(r) == CALLS_RING_SLOTS - 1 &&
	       !rte_ring_full(r) && !rte_ring_empty(r) &&
	       rte_ring_is_prod_single(r) == 0,
	       "ring '%s' can be asked", r->name);
	rte_mem_virt2iova(r);
	rte_mem_virt2phy(r);
	expect(rte_mem_virt2memseg(r, NULL) == NULL,
	       "it is not among this program's memory");
}

static void note_pool(struct rte_mempool *mp, void *arg)
{
	(*(int *)arg)++;
	rte_mempool_avail_count(mp);
}

static void note_zone(const struct rte_memzone *mz, void *arg)
{
	(*(int *)arg)++;
	expect(strlen(mz->name) < sizeof(mz->name), "a memzone's name ends");
}

static void read_lists(FILE *f)
{
	int pools = 0, zones = 0;

	rte_mempool_list_dump(f);
	rte_ring_list_dump(f);
	rte_memzone_dump(f);
	rte_malloc_dump_stats(f, NULL);
	rte_malloc_dump_heaps(f);
	rte_dump_physmem_layout(f);
	rte_dump_tailq(f);
	rte_mempool_walk(note_pool, &pools);
	rte_memzone_walk(note_zone, &zones);
	expect(pools >= 4 && zones >= 10, "the lists hold them");
}

/* A driver that the EAL has loaded. */
static int (*find_eth_from_ring(void))(struct rte_ring *r)
{
	void *driver = dlopen("librte_net_ring.so", RTLD_NOW);

	return driver != NULL ? (int (*)(struct rte_ring *))(uintptr_t)
				dlsym(driver, "rte_eth_from_ring") : NULL;
}

static void read_ethdev(struct rte_ring *r)
{
	int (*eth_from_ring)(struct rte_ring *r) = find_eth_from_ring();
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	char name[RTE_ETH_NAME_MAX_LEN];
	int port = eth_from_ring != NULL ? eth_from_ring(r) : -1;

	expect(port >= 0, "an Ethernet device on ring '%s'", r->name);
	if (port < 0)
		return;
	expect(rte_eth_dev_info_get((uint16_t)port, &info) == 0 &&
	       rte_eth_stats_get((uint16_t)port, &stats) == 0 &&
	       rte_eth_dev_get_name_by_port((uint16_t)port, name) == 0,
	       "it can be asked");
	rte_eth_dev_close((uint16_t)port);
}

static void read_all(const char *prefix)
{
	FILE *f = fopen("/dev/null", "w");

	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		struct trio trio = find(prefix, kinds[i]);

		expect(complete(&trio), "'%s%s' is found", prefix, kinds[i]);
		if (!complete(&trio))
			continue;
		read_pool(f, trio.pool);
		read_ring(f, trio.ring);
		if (!trio.readonly)
			read_ethdev(trio.ring);
	}
	read_pool(f, find_stack(prefix));
	read_lists(f);
	fclose(f);
}

/* ---- across --------------------------------------------------------------- */

/* A local mbuf that points into a shared one, or the other way round. */
static void attach_one(struct rte_mempool *from, struct rte_mempool *to)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(from);
	struct rte_mbuf *clone, *copy;

	expect(m != NULL, "an mbuf of '%s'", from->name);
	if (m == NULL)
		return;
	memset(rte_pktmbuf_append(m, 100), 7, 100);
	clone = rte_pktmbuf_clone(m, to);
	copy = rte_pktmbuf_copy(m, to, 10, 50);
	expect(clone != NULL && RTE_MBUF_CLONED(clone) &&
	       rte_mbuf_refcnt_read(m) == 2, "a clone from '%s' in '%s'",
	       from->name, to->name);
	expect(copy != NULL && copy->data_len == 50 &&
	       *rte_pktmbuf_mtod(copy, uint8_t *) == 7, "a copy likewise");
	rte_pktmbuf_free(m);
	expect(clone != NULL && *rte_pktmbuf_mtod(clone, uint8_t *) == 7,
	       "the clone outlives it");
	if (clone != NULL)
		rte_pktmbuf_detach(clone);
	rte_pktmbuf_free(clone);
	rte_pktmbuf_free(copy);
}

static void across(const char *prefix)
{
	struct trio own = find(prefix, CALLS_OWN);
	struct trio plain = find(prefix, CALLS_PLAIN);
	struct rte_mempool *local = rte_pktmbuf_pool_create("across",
						CALLS_MBUFS, CALLS_CACHE, 0,
						512, SOCKET_ID_ANY);

	expect(complete(&own) && complete(&plain) && local != NULL, "pools");
	if (faults > 0)
		return;
	attach_one(own.pool, plain.pool);
	attach_one(plain.pool, own.pool);
	attach_one(own.pool, local);
	attach_one(local, own.pool);
	expect(rte_mempool_avail_count(local) == CALLS_MBUFS &&
	       rte_mempool_avail_count(own.pool) == CALLS_MBUFS &&
	       rte_mempool_avail_count(plain.pool) == CALLS_MBUFS,
	       "all pools are whole");
	rte_mempool_free(local);
}

static void fields(const char *prefix)
{
	char name[RTE_MBUF_DYN_NAMESIZE];
	struct rte_mbuf_dynfield own = { .size = 4, .align = 4 };
	int field, flag;

	snprintf(name, sizeof(name), "%s" CALLS_FIELD, prefix);
	field = rte_mbuf_dynfield_lookup(name, NULL);
	snprintf(name, sizeof(name), "%s" CALLS_FLAG, prefix);
	flag = rte_mbuf_dynflag_lookup(name, NULL);
	printf("guest: %s field %d flag %d\n", prefix, field, flag);
	snprintf(own.name, sizeof(own.name), "%s_mine", prefix);
	expect(field >= 0 && flag >= 0 &&
	       rte_mbuf_dynfield_register(&own) != field,
	       "the host's areas are registered before this program's");
}

/* ---- others --------------------------------------------------------------- */

static void print_index(const char *ops)
{
	for (uint32_t i = 0; i < rte_mempool_ops_table.num_ops; i++)
		if (strcmp(rte_mempool_ops_table.ops[i].name, ops) == 0)
			printf("guest: %s is number %u\n", ops, i);
}

static void make(const char *ops)
{
	expect(rte_pktmbuf_pool_create_by_ops(ops, CALLS_MBUFS, 0, 0, 512,
					      SOCKET_ID_ANY, ops) != NULL,
	       "a pool with the ops '%s': %s", ops, rte_strerror(rte_errno));
}

static void use_made(const char *ops)
{
	struct rte_mempool *mp = rte_mempool_lookup(ops);

	expect(mp != NULL && strcmp(rte_mempool_get_ops(mp->ops_index)->name,
				    ops) == 0,
	       "the pool with the ops '%s' still has them", ops);
	if (mp == NULL)
		return;
	use_pool(mp);
	expect(rte_mempool_avail_count(mp) == CALLS_MBUFS,
	       "and all its mbufs");
	rte_mempool_free(mp);
	expect(rte_mempool_lookup(ops) == NULL, "and can be freed");
}

static void register_own(const char *name)
{
	struct rte_mbuf_dynfield field = { .size = 4, .align = 4 };

	snprintf(field.name, sizeof(field.name), "%s", name);
	printf("guest: %s field %d\n", name,
	       rte_mbuf_dynfield_register(&field));
}

/* The call of the plugin, which this program is not linked with. */
static int attach_device(const char *path)
{
	void *plugin = dlopen("librte_ivshmem.so", RTLD_NOW);
	int (*call)(const char *) = plugin == NULL ? NULL :
		(int (*)(const char *))(uintptr_t)dlsym(plugin,
							"rte_ivshmem_attach");

	expect(call != NULL, "the plugin has rte_ivshmem_attach()");
	return call != NULL ? call(path) : -1;
}

static void attach(const char *path)
{
	expect(attach_device(path) == 0, "'%s' is attached", path);
}

static void be_refused(const char *path)
{
	expect(attach_device(path) != 0, "'%s' is not attached", path);
}

static void run_secondary(const char *prefix)
{
	char *argv[64];
	int argc = 0, status = -1;
	pid_t pid;

	for (int i = 0; i < n_arguments && argc < 56 &&
	     strcmp(arguments[i], "--") != 0; i++)
		argv[argc++] = arguments[i];
	argv[argc++] = (char *)(uintptr_t)"--proc-type=secondary";
	argv[argc++] = (char *)(uintptr_t)"--";
	argv[argc++] = (char *)(uintptr_t)"use";
	argv[argc++] = (char *)(uintptr_t)prefix;
	argv[argc] = NULL;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	       "a secondary process shares, too (status 0x%x)", status);
}

static int fill_cache(void *mp)
{
	use_pool(mp);
	return 0;
}

static int fill_cache_and_stay(void *mp)
{
	use_pool(mp);
	printf("guest: busy\n");
	for (;;)
		pause();
	return 0;
}

static void end(const char *prefix, const char *how)
{
	struct trio own = find(prefix, CALLS_OWN);
	bool busy = strcmp(how, "busy") == 0;

	if (own.pool == NULL)
		exit(2);
	use_pool(own.pool);
	/* A worker's cache as well. */
	rte_eal_mp_remote_launch(busy ? fill_cache_and_stay : fill_cache,
				 own.pool, SKIP_MAIN);
	if (!busy)
		rte_eal_mp_wait_lcore();
	else
		usleep(300000);
	if (strcmp(how, "kill") == 0)
		raise(SIGKILL);
	if (strcmp(how, "cleanup") == 0)
		rte_eal_cleanup();
	if (strcmp(how, "rte_exit") == 0)
		rte_exit(EXIT_SUCCESS, "guest: bye\n");
	if (strcmp(how, "_exit") == 0)
		_exit(EXIT_SUCCESS);
	if (strcmp(how, "return") != 0)
		exit(EXIT_SUCCESS);
}

static int act(const char *what, const char *argument)
{
	static const struct {
		const char *name;
		void (*act)(const char *argument);
	} acts[] = {
		{ "use", use }, { "free", free_all },
		{ "free-readonly", free_readonly }, { "read", read_all },
		{ "across", across }, { "fields", fields },
		{ "index", print_index }, { "make", make }, { "made", use_made },
		{ "register", register_own }, { "attach", attach },
		{ "refused", be_refused }, { "absent", absent }, { "own", use_own },
		{ "secondary", run_secondary },
	};

	for (unsigned int i = 0; i < RTE_DIM(acts); i++) {
		if (strcmp(acts[i].name, what) != 0)
			continue;
		acts[i].act(argument);
		return 0;
	}
	printf("guest: unknown: %s\n", what);
	return -1;
}

static void wait_for_telemetry(void)
{
	printf("guest: ask\n");
	getchar();
}

int main(int argc, char **argv)
{
	int parsed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	arguments = calloc((size_t)argc + 1, sizeof(*arguments));
	if (arguments == NULL)
		return 2;
	memcpy(arguments, argv, (size_t)argc * sizeof(*arguments));
	n_arguments = argc;
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0) {
		printf("guest: rte_eal_init: %s\n", rte_strerror(rte_errno));
		return 2;
	}
	for (int i = parsed + 1; i < argc; i++) {
		if (strcmp(argv[i], "telemetry") == 0)
			wait_for_telemetry();
		else if (strcmp(argv[i], "end") == 0 && i + 2 < argc) {
			end(argv[i + 1], argv[i + 2]);
			return EXIT_SUCCESS;
		} else if (i + 1 == argc || act(argv[i], argv[i + 1]) != 0)
			return 2;
		else
			i++;
	}
	printf("guest: done, %d faults\n", faults);
	rte_eal_cleanup();
	return faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Thousands of objects in one metadata, and a thousand metadata files.
 *
 * DPDK 22.11 has 2,560 memzones at most; the rings beyond those of
 * rte_ring_create() lie in one large memzone, made by rte_ring_init().
 *
 * Argument: the mode (eal.h).
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "eal.h"
#include "format.h"
#include "holdings.h"
#include "rte_ivshmem.h"
#include "source.h"
#include "tap.h"

#define N_CREATED 2000 /* rings with a memzone of their own */
#define N_RINGS 10000
#define RING_COUNT 2
#define N_FILES 1000
#define PER_FILE 10

static unsigned int pinned_before; /* by the EAL */
static struct rte_ring *rings[N_RINGS];
static const struct rte_memzone *zone;
static char text[1 << 20];

/* ---- rings --------------------------------------------------------------- */

static void create_rings(void)
{
	char name[RTE_RING_NAMESIZE];

	for (unsigned int i = 0; i < N_CREATED; i++) {
		snprintf(name, sizeof(name), "created %u", i);
		rings[i] = rte_ring_create(name, RING_COUNT, SOCKET_ID_ANY, 0);
		if (rings[i] == NULL)
			bail_out(rte_strerror(rte_errno));
	}
}

static void init_rings(void)
{
	size_t size = (size_t)rte_ring_get_memsize(RING_COUNT);
	char name[RTE_RING_NAMESIZE];

	zone = rte_memzone_reserve("rings", size * (N_RINGS - N_CREATED),
				   SOCKET_ID_ANY, 0);
	if (zone == NULL)
		bail_out(rte_strerror(rte_errno));
	for (unsigned int i = N_CREATED; i < N_RINGS; i++) {
		rings[i] = RTE_PTR_ADD(zone->addr, (i - N_CREATED) * size);
		snprintf(name, sizeof(name), "initialised %u", i);
		if (rte_ring_init(rings[i], name, RING_COUNT, 0) != 0)
			bail_out("rte_ring_init failed");
	}
}

static void free_rings(void)
{
	for (unsigned int i = 0; i < N_CREATED; i++)
		rte_ring_free(rings[i]);
	rte_memzone_free(zone);
}

/* ---- metadata ------------------------------------------------------------ */

static void must(int ret, const char *what)
{
	if (ret != 0) {
		printf("# %s: %s\n", what, rte_strerror(rte_errno));
		bail_out(what);
	}
}

static void create(const char *name)
{
	must(rte_ivshmem_metadata_create(name), "create");
}

static void add(const char *name, unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++)
		must(rte_ivshmem_metadata_add_ring(rings[i], name), "add");
}

static void publish(const char *name)
{
	must(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text), name),
	     "publish");
}

/* Each ring of a range once, where it is; and nothing that is no ring or its
 * memzone. */
static bool lists_all(const struct ivshmem_metadata *md, unsigned int first,
		      unsigned int n)
{
	unsigned int at = first;

	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];

		if (o->type == RTE_IVSHMEM_MEMZONE)
			continue;
		if (o->type != RTE_IVSHMEM_RING || at == first + n ||
		    o->address != (uintptr_t)rings[at] ||
		    strcmp(o->name, rings[at]->name) != 0)
			return false;
		at++;
	}
	return at == first + n;
}

static bool is_whole(const char *name, unsigned int first, unsigned int n)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	char path[128];
	bool whole;
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", test_dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ret = ivshmem_source_read_file(fd, &md, &err);
	close(fd);
	if (ret != 0) {
		printf("# %s: %s\n", name, err.text);
		return false;
	}
	whole = lists_all(&md, first, n);
	ivshmem_metadata_free(&md);
	return whole;
}

static bool dump_names(const char *name, unsigned int n)
{
	char *dumped;
	size_t size;
	FILE *f = open_memstream(&dumped, &size);
	bool all;

	must(rte_ivshmem_metadata_dump(f, name), "dump");
	fclose(f);
	all = strstr(dumped, rings[0]->name) != NULL &&
	      strstr(dumped, rings[n - 1]->name) != NULL;
	free(dumped);
	return all;
}

/* ---- tests --------------------------------------------------------------- */

static void test_many_objects(void)
{
	size_t heap = heap_in_use();

	create("big");
	add("big", 0, N_RINGS);
	publish("big");
	check(is_whole("big", 0, N_RINGS),
	      "%d rings in one metadata: all are listed, in their order",
	      N_RINGS);
	check(dump_names("big", N_RINGS), "and drawn");
	check(rte_ivshmem_metadata_audit(NULL, "big") >= 0, "and audited");
	for (unsigned int i = 1; i < N_RINGS; i++)
		must(rte_ivshmem_metadata_remove_ring(rings[i], "big"),
		     "remove");
	publish("big");
	check(is_whole("big", 0, 1), "all but one are removed");
	add("big", 1, N_RINGS - 1);
	publish("big");
	check(is_whole("big", 0, N_RINGS), "and added again");
	must(rte_ivshmem_metadata_destroy("big"), "destroy");
	check(heap_in_use() == heap && pinned_pages() == pinned_before,
	      "destruction gives all back");
}

static const char *file_name(unsigned int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "file-%u", i);
	return name;
}

static void test_many_files(void)
{
	unsigned int whole = 0;

	for (unsigned int i = 0; i < N_FILES; i++) {
		create(file_name(i));
		add(file_name(i), i * PER_FILE, PER_FILE);
		publish(file_name(i));
	}
	for (unsigned int i = 0; i < N_FILES; i++)
		whole += is_whole(file_name(i), i * PER_FILE, PER_FILE);
	check(whole == N_FILES, "%u metadata files with %d rings each", whole,
	      PER_FILE);
	for (unsigned int i = 0; i < N_FILES; i++)
		must(rte_ivshmem_metadata_destroy(file_name(i)), "destroy");
	check(is_empty(test_dir) && pinned_pages() == pinned_before,
	      "destruction removes all of them");
}

/* One object in each of them. */
static void test_one_in_many(void)
{
	const struct rte_memseg *ms = rte_mem_virt2memseg(rings[0], NULL);
	unsigned int whole = 0;

	for (unsigned int i = 0; i < N_FILES; i++) {
		create(file_name(i));
		add(file_name(i), 0, 1);
		publish(file_name(i));
	}
	for (unsigned int i = 0; i < N_FILES - 1; i++)
		must(rte_ivshmem_metadata_destroy(file_name(i)), "destroy");
	whole = is_whole(file_name(N_FILES - 1), 0, 1);
	check(whole == 1 && ms->flags & RTE_MEMSEG_FLAG_DO_NOT_FREE,
	      "a ring in %d metadata stays while one of them shares it",
	      N_FILES);
	must(rte_ivshmem_metadata_destroy(file_name(N_FILES - 1)), "destroy");
	check(pinned_pages() == pinned_before, "the last one lets go of it");
}

/* A metadata keeps its file open, and a shell often allows 1,024. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		bail_out("getrlimit failed");
	limit.rlim_cur = RTE_MIN(limit.rlim_max, (rlim_t)(2 * N_FILES));
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		bail_out("setrlimit failed");
}

int main(int argc, char **argv)
{
	size_t heap;

	allow_descriptors();
	start_host(argc > 1 ? argv[1] : "no-huge");
	heap = heap_in_use();
	pinned_before = pinned_pages();
	create_rings();
	init_rings();
	test_many_objects();
	test_many_files();
	test_one_in_many();
	free_rings();
	check(heap_in_use() == heap, "the heap is as it was at the start");
	return tap_end();
}

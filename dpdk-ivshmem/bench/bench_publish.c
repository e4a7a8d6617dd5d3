/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One sample of scripts/bench/publish: DPDK makes objects, the library shares
 * them and produces the device string.
 *
 * usage: bench-publish KIND N
 *
 * Prints the microseconds of DPDK and of the library.  The metadata files go
 * where RTE_IVSHMEM_DIR says.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>
#include <rte_version.h>

#include "rte_ivshmem.h"

#define MOST 10000
#define PER_FILE 10

static void *objects[MOST];
static unsigned int n;
static double spent_by_dpdk, spent_by_us;
static char text[1 << 20];

/* Of this thread alone: others may be busy. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "error: %s: %s\n", what, rte_strerror(rte_errno));
	exit(EXIT_FAILURE);
}

static void *create_ring(const char *name)
{
	return rte_ring_create(name, 64, SOCKET_ID_ANY, 0);
}

static void *create_pool(const char *name)
{
	return rte_pktmbuf_pool_create(name, 63, 0, 0, 256, SOCKET_ID_ANY);
}

static void *create_zone(const char *name)
{
	return (void *)(uintptr_t)rte_memzone_reserve(name, 4096,
						      SOCKET_ID_ANY, 0);
}

static int add_ring(const void *object, const char *name)
{
	return rte_ivshmem_metadata_add_ring(object, name);
}

static int add_pool(const void *object, const char *name)
{
	return rte_ivshmem_metadata_add_mempool(object, name);
}

static int add_zone(const void *object, const char *name)
{
	return rte_ivshmem_metadata_add_memzone(object, name);
}

/** A kind of object. */
struct kind {
	const char *name;
	void *(*create)(const char *name);
	int (*add)(const void *object, const char *md_name);
};

static void create_all(const struct kind *kind, unsigned int first,
		       unsigned int behind)
{
	double begun = now();
	char name[32];

	for (unsigned int i = first; i < behind; i++) {
		snprintf(name, sizeof(name), "object-%u", i);
		objects[i] = kind->create(name);
		must(objects[i] != NULL, kind->name);
	}
	spent_by_dpdk += now() - begun;
}

static void add_all(const struct kind *kind, const char *md_name,
		    unsigned int first, unsigned int behind)
{
	double begun = now();

	for (unsigned int i = first; i < behind; i++)
		must(kind->add(objects[i], md_name) == 0, "add");
	spent_by_us += now() - begun;
}

static void publish(const char *md_name)
{
	double begun = now();

	must(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						   md_name) == 0, "publish");
	spent_by_us += now() - begun;
}

static void create_metadata(const char *md_name)
{
	must(rte_ivshmem_metadata_create(md_name) == 0, "create");
}

static void measure_kind(const struct kind *kind)
{
	create_metadata("bench");
	create_all(kind, 0, n);
	add_all(kind, "bench", 0, n);
	publish("bench");
}

static void measure_in_turn(const struct kind *ring)
{
	create_metadata("bench");
	for (unsigned int i = 0; i < n; i++) {
		create_all(ring, i, i + 1);
		add_all(ring, "bench", i, i + 1);
	}
	publish("bench");
}

/* DPDK 22.11 has no more than 2,560 memzones; rings lie anywhere in one. */
static void measure_in_zone(const struct kind *ring)
{
	size_t size = (size_t)rte_ring_get_memsize(64);
	const struct rte_memzone *zone =
		rte_memzone_reserve("zone", n * size, SOCKET_ID_ANY, 0);
	double begun = now();
	char name[32];

	must(zone != NULL, "zone");
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "ring-%u", i);
		objects[i] = RTE_PTR_ADD(zone->addr, i * size);
		must(rte_ring_init(objects[i], name, 64, 0) == 0, "ring");
	}
	spent_by_dpdk += now() - begun;
	create_metadata("bench");
	add_all(ring, "bench", 0, n);
	publish("bench");
}

static void measure_files(const struct kind *ring)
{
	char name[32];

	create_all(ring, 0, PER_FILE);
	for (unsigned int i = 0; i < n; i++) {
		double begun = now();

		snprintf(name, sizeof(name), "bench-%u", i);
		create_metadata(name);
		spent_by_us += now() - begun;
		add_all(ring, name, 0, PER_FILE);
		publish(name);
	}
}

static void start_eal(void)
{
	char prefix[32];
	const char *argv[] = {
		"bench", "--no-huge", "-m", "256", "--no-pci",
		"--no-telemetry", "--no-shconf", "--lcores", "0@0",
		"--file-prefix", prefix, "--log-level", "lib.eal:error",
	};

#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
	must(rte_memzone_max_set(2 * MOST) == 0, "memzones");
#endif
	snprintf(prefix, sizeof(prefix), "ivbench%d", getpid());
	must(rte_eal_init(RTE_DIM(argv), (char **)(uintptr_t)argv) >= 0, "EAL");
}

int main(int argc, char **argv)
{
	static const struct kind kinds[] = {
		{ "rings", create_ring, add_ring },
		{ "pools", create_pool, add_pool },
		{ "memzones", create_zone, add_zone },
	};
	const char *what = argc == 3 ? argv[1] : "";
	int folder_removed;
	char runtime[4096];

	n = argc == 3 ? (unsigned int)atoi(argv[2]) : 0;
	if (n == 0 || n > MOST) {
		fprintf(stderr, "usage: bench-publish KIND N\n");
		return 2;
	}
	start_eal();
	for (size_t i = 0; i < RTE_DIM(kinds); i++)
		if (strcmp(kinds[i].name, what) == 0)
			measure_kind(&kinds[i]);
	if (strcmp(what, "rings in turn") == 0)
		measure_in_turn(&kinds[0]);
	if (strcmp(what, "rings in a memzone") == 0)
		measure_in_zone(&kinds[0]);
	if (strcmp(what, "metadata files") == 0)
		measure_files(&kinds[0]);
	printf("%.1f %.1f\n", spent_by_dpdk, spent_by_us);
	snprintf(runtime, sizeof(runtime), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	folder_removed = rmdir(runtime);
	(void)folder_removed; /* only there with some versions of the EAL */
	return spent_by_us > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

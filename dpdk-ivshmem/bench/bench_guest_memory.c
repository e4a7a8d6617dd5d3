/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The benchmark guest-memory, in a guest: the same work on BAR 2 mapped in three ways
 * and on the guest's own memory.
 *
 * usage: bench-guest-memory ADDRESS ROUNDS
 *
 * Contestants take turns, and only one is mapped at a time: the first mapping decides
 * on the memory type of all.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_ring.h>

#include "bench_tlb.h"
#include "program.h"

#define LENGTH (32UL << 20)
#define ALIGNED ((char *)0x7e0000000000)
#define NOT_ALIGNED (ALIGNED + 4096)

#define OBJECTS 8191U
#define OBJECT_SIZE 2176UL /* of an mbuf with its room */
#define MOST_BURST 256U

/*
 * Samples are short, some milliseconds, and many: what else the machine does then
 * disturbs few of them.
 */
#define MOVED (64U * 1024) /* objects of a sample */
#define REPEATS 5 /* of all samples, once the memory is mapped */

enum { OWN_2M, OWN_4K, SYSFS, MODULE_4K, MODULE_2M, N_WAYS };

static const char *const ways[N_WAYS] = {
	[OWN_2M] = "guest memory, 2 MiB",
	[OWN_4K] = "guest memory, 4 KiB",
	[SYSFS] = "BAR 2, resource2",
	[MODULE_4K] = "BAR 2, ivshmem_wb, 4 KiB",
	[MODULE_2M] = "BAR 2, ivshmem_wb, 2 MiB",
};

static char sysfs[256], node[256];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *map_file(const char *path, char *at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *map;

	must(fd >= 0, path);
	map = mmap(at, LENGTH, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	close(fd);
	return map;
}

static void *map_own(int flags)
{
	return mmap(ALIGNED, LENGTH, PROT_READ | PROT_WRITE, flags |
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static void *map_memory(unsigned int way)
{
	void *memory = MAP_FAILED;

	switch (way) {
	case OWN_2M:
		memory = map_own(MAP_HUGETLB);
		break;
	case OWN_4K:
		memory = map_own(0);
		must(madvise(memory, LENGTH, MADV_NOHUGEPAGE) == 0, "madvise");
		break;
	case SYSFS:
		memory = map_file(sysfs, ALIGNED);
		break;
	case MODULE_4K:
		memory = map_file(node, NOT_ALIGNED);
		break;
	case MODULE_2M:
		memory = map_file(node, ALIGNED);
		break;
	}
	must(memory != MAP_FAILED, ways[way]);
	return memory;
}

/* ---- work ------------------------------------------------------------------- */

/* GB/s */
static double store_all(char *memory, unsigned int mib)
{
	size_t length = (size_t)mib << 20;
	double start = now();

	for (size_t at = 0; at < length; at += sizeof(uint64_t))
		*(volatile uint64_t *)(void *)(memory + at) = at;
	return (double)length / 1e9 / (now() - start);
}

static double load_all(char *memory, unsigned int mib)
{
	size_t length = (size_t)mib << 20;
	uint64_t wrong = 0;
	double start = now(), seconds;

	for (size_t at = 0; at < length; at += sizeof(uint64_t))
		wrong |= at ^ *(volatile uint64_t *)(void *)(memory + at);
	seconds = now() - start;
	must(wrong == 0, "a load");
	return (double)length / 1e9 / seconds;
}

static struct rte_ring *make_ring(void *memory)
{
	struct rte_ring *ring = memory;

	must(rte_ring_init(ring, "bench", OBJECTS + 1, 0) == 0,
	     "rte_ring_init");
	return ring;
}

/* Million objects in and out again a second, of a ring with many producers. */
static double use_ring(char *memory, unsigned int burst)
{
	struct rte_ring *ring = make_ring(memory);
	void *objects[MOST_BURST] = { NULL };
	uintptr_t wrong = 0;
	double start = now(), seconds;

	for (unsigned int moved = 0; moved < MOVED; moved += burst) {
		objects[0] = memory + moved;
		rte_ring_enqueue_bulk(ring, objects, burst, NULL);
		objects[0] = NULL;
		rte_ring_dequeue_bulk(ring, objects, burst, NULL);
		wrong |= (uintptr_t)objects[0] ^ (uintptr_t)(memory + moved);
	}
	seconds = now() - start;
	must(wrong == 0 && rte_ring_empty(ring), "a ring");
	return MOVED / 1e6 / seconds;
}

/*
 * Million objects got, written to and put back a second: a pool without caches.
 * Each pass takes other objects, as a ring gives them.
 */
static double use_pool(char *memory, unsigned int burst)
{
	struct rte_ring *ring = make_ring(memory);
	char *first = memory + RTE_ALIGN(rte_ring_get_memsize(OBJECTS + 1), 4096);
	void *objects[MOST_BURST];
	double start, seconds;

	for (unsigned int i = 0; i < OBJECTS; i++)
		rte_ring_enqueue(ring, first + i * OBJECT_SIZE);
	start = now();
	for (unsigned int moved = 0; moved < MOVED; moved += burst) {
		rte_ring_dequeue_bulk(ring, objects, burst, NULL);
		for (unsigned int i = 0; i < burst; i++)
			(*(volatile uint64_t *)objects[i])++;
		rte_ring_enqueue_bulk(ring, objects, burst, NULL);
	}
	seconds = now() - start;
	must(rte_ring_full(ring), "a pool");
	return MOVED / 1e6 / seconds;
}

/* ---- samples ---------------------------------------------------------------- */

/* In this order: what is stored is loaded, and the rings come behind that. */
static const struct work {
	const char *table;
	double (*use)(char *memory, unsigned int row);
	unsigned int row;
} works[] = {
	{ "8-byte stores", store_all, 16 },
	{ "8-byte loads", load_all, 16 },
	{ "8-byte stores", store_all, 1 },
	{ "8-byte loads", load_all, 1 },
	{ "Ring", use_ring, 8 },
	{ "Ring", use_ring, 32 },
	{ "Ring", use_ring, 256 },
	{ "Pool", use_pool, 8 },
	{ "Pool", use_pool, 32 },
	{ "Pool", use_pool, 256 },
};

static double samples[N_WAYS][RTE_DIM(works)][REPEATS];

static void take_samples(unsigned int way)
{
	char *memory = map_memory(way);

	store_all(memory, LENGTH >> 20); /* makes the page table's entries */
	bench_grow_tlb(memory, LENGTH);
	for (unsigned int repeat = 0; repeat < REPEATS; repeat++)
		for (unsigned int i = 0; i < RTE_DIM(works); i++)
			samples[way][i][repeat] =
				works[i].use(memory, works[i].row);
	munmap(memory, LENGTH);
}

static void print_samples_of(unsigned int work, unsigned int way)
{
	for (unsigned int i = 0; i < REPEATS; i++)
		printf("sample|%s|%u|%s|%.4f\n", works[work].table,
		       works[work].row, ways[way], samples[way][work][i]);
}

/* The console is slow: it is to be done before the next sample. */
static void print_samples(void)
{
	for (unsigned int work = 0; work < RTE_DIM(works); work++)
		for (unsigned int way = 0; way < N_WAYS; way++)
			print_samples_of(work, way);
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc == 3 ? (unsigned int)atoi(argv[2]) : 0;

	if (rounds == 0) {
		fprintf(stderr, "usage: bench-guest-memory ADDRESS ROUNDS\n");
		return 2;
	}
	snprintf(sysfs, sizeof(sysfs), "/sys/bus/pci/devices/%s/resource2",
		 argv[1]);
	snprintf(node, sizeof(node), "/dev/ivshmem/%s", argv[1]);
	/* The first round warms up.  Each begins with another contestant. */
	for (unsigned int round = 0; round <= rounds; round++) {
		for (unsigned int i = 0; i < N_WAYS; i++)
			take_samples((round + i) % N_WAYS);
		if (round != 0)
			print_samples();
	}
	return 0;
}

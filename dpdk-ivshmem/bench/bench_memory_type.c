/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In the guest of scripts/bench/memory-type: the same work on BAR 2 mapped in three
 * ways and on the guest's own memory.
 *
 * usage: bench-memory-type ADDRESS ROUNDS
 *
 * Contestants take turns, and only one is mapped at a time: the first mapping decides
 * on the memory type of all.  Prints a table in Markdown.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_ring.h>

#define LENGTH (32UL << 20)
#define ALIGNED ((char *)0x7e0000000000)
#define NOT_ALIGNED (ALIGNED + 4096)
#define MOST_ROUNDS 101

#define OBJECTS 8191U
#define OBJECT_SIZE 2176UL /* of an mbuf with its room */
#define BURST 32U
#define PASSES 20000U

enum { OWN_2M, OWN_4K, SYSFS, MODULE_4K, MODULE_2M, N_WAYS };

/* Work: more is better. */
enum { WRITE, READ, RING, POOL, N_KINDS };

static const char *const ways[N_WAYS] = {
	[OWN_2M] = "guest memory, 2 MiB",
	[OWN_4K] = "guest memory, 4 KiB",
	[SYSFS] = "BAR 2, resource2",
	[MODULE_4K] = "BAR 2, ivshmem_wb, 4 KiB",
	[MODULE_2M] = "BAR 2, ivshmem_wb, 2 MiB",
};

static char sysfs[256], node[256];
static double samples[N_WAYS][N_KINDS][MOST_ROUNDS];

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "error: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

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

static void *map(unsigned int way)
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
static double write_all(uint64_t *memory)
{
	double start = now();

	for (size_t i = 0; i < LENGTH / sizeof(*memory); i++)
		((volatile uint64_t *)memory)[i] = i;
	return LENGTH / 1e9 / (now() - start);
}

static double read_all(const uint64_t *memory)
{
	double start = now();

	for (size_t i = 0; i < LENGTH / sizeof(*memory); i++)
		(void)((const volatile uint64_t *)memory)[i];
	return LENGTH / 1e9 / (now() - start);
}

static struct rte_ring *make_ring(void *memory)
{
	struct rte_ring *ring = memory;

	must(rte_ring_init(ring, "bench", OBJECTS + 1, 0) == 0,
	     "rte_ring_init");
	return ring;
}

/* Million objects in and out again a second, of a ring with many producers. */
static double use_ring(void *memory)
{
	struct rte_ring *ring = make_ring(memory);
	void *objects[BURST] = { NULL };
	double start = now();

	for (unsigned int i = 0; i < PASSES; i++) {
		rte_ring_enqueue_bulk(ring, objects, BURST, NULL);
		rte_ring_dequeue_bulk(ring, objects, BURST, NULL);
	}
	return PASSES * BURST / 1e6 / (now() - start);
}

/*
 * Million objects got, written to and put back a second: a pool without caches.
 * Each pass takes other objects, as a ring gives them.
 */
static double use_pool(char *memory)
{
	struct rte_ring *ring = make_ring(memory);
	char *first = memory + RTE_ALIGN(rte_ring_get_memsize(OBJECTS + 1), 4096);
	void *objects[BURST];
	double start;

	for (unsigned int i = 0; i < OBJECTS; i++)
		rte_ring_enqueue(ring, first + i * OBJECT_SIZE);
	start = now();
	for (unsigned int i = 0; i < PASSES; i++) {
		rte_ring_dequeue_bulk(ring, objects, BURST, NULL);
		for (unsigned int j = 0; j < BURST; j++)
			(*(volatile uint64_t *)objects[j])++;
		rte_ring_enqueue_bulk(ring, objects, BURST, NULL);
	}
	return PASSES * BURST / 1e6 / (now() - start);
}

/*
 * An emulator's TLB grows only when it is flushed after much use, and what came
 * before decides on its size: bring all to the same.  mprotect() of so many pages
 * flushes.
 */
static void grow_tlb(const char *memory)
{
	size_t length = 64 * 4096;
	void *other = mmap(NULL, length, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	must(other != MAP_FAILED, "mmap");
	for (int i = 0; i < 10; i++) {
		for (size_t at = 0; at < LENGTH; at += 4096)
			(void)*(const volatile char *)(memory + at);
		mprotect(other, length, i % 2 ? PROT_READ | PROT_WRITE :
						PROT_READ);
	}
	munmap(other, length);
}

static void take_samples(unsigned int way, unsigned int round)
{
	void *memory = map(way);
	double (*taken)[MOST_ROUNDS] = samples[way];

	write_all(memory); /* makes the page table's entries */
	taken[WRITE][round] = write_all(memory);
	taken[READ][round] = read_all(memory);
	taken[RING][round] = use_ring(memory);
	grow_tlb(memory);
	taken[POOL][round] = use_pool(memory);
	munmap(memory, LENGTH);
}

/* ---- results ---------------------------------------------------------------- */

/* Whatever else the machine does makes samples worse, never better. */
static double best(const double *values, unsigned int n)
{
	double most = 0;

	for (unsigned int i = 0; i < n; i++)
		most = values[i] > most ? values[i] : most;
	return most;
}

static void print_table(unsigned int rounds)
{
	double reference[N_KINDS];

	printf("| memory | write, GB/s | read, GB/s | ring, M/s | pool, M/s |\n|---|---|---|---|---|\n");
	for (unsigned int way = 0; way < N_WAYS; way++) {
		printf("| %s |", ways[way]);
		for (unsigned int kind = 0; kind < N_KINDS; kind++) {
			double most = best(samples[way][kind], rounds);

			if (way == OWN_2M)
				reference[kind] = most;
			printf(" %.2f (%.2f) |", most,
			       most / reference[kind]);
		}
		printf("\n");
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc == 3 ? (unsigned int)atoi(argv[2]) : 0;

	if (rounds == 0 || rounds > MOST_ROUNDS) {
		fprintf(stderr, "usage: bench-memory-type ADDRESS ROUNDS\n");
		return 2;
	}
	snprintf(sysfs, sizeof(sysfs), "/sys/bus/pci/devices/%s/resource2",
		 argv[1]);
	snprintf(node, sizeof(node), "/dev/ivshmem/%s", argv[1]);
	/* The first warms up, and is written over. */
	for (unsigned int way = 0; way < N_WAYS; way++)
		take_samples(way, 0);
	for (unsigned int round = 0; round < rounds; round++)
		for (unsigned int way = 0; way < N_WAYS; way++)
			take_samples(way, round);
	print_table(rounds);
	return 0;
}

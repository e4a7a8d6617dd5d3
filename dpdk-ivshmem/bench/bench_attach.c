/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One sample of the benchmarks "attach" and "memory": another process on the
 * host attaches what bench-share shares, as a guest does.
 *
 * usage: bench-attach attach FILE      rte_ivshmem_attach(), until lookups find
 *                                      the objects
 *        bench-attach mmap FILE        the same chunks, with mmap() alone
 *        bench-attach create KIND N    DPDK makes as many objects itself
 *        bench-attach memory FILE      what attaching takes
 *
 * Prints microseconds of processor time; for `memory` a word and a number a
 * line, in bytes: "heap", "resident" (pages of this process), "tables" (page
 * tables), and the number of "mappings".
 */
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format.h"
#include "kinds.h"
#include "program.h"
#include "rte_ivshmem_guest.h"
#include "source.h"

/* The host has DPDK's default one. */
#define BASE "0x10000000000"

static void attach(const char *file)
{
	double begun = spent();

	must(rte_ivshmem_attach(file) == 0, "attach");
	printf("%.1f\n", spent() - begun);
}

/* ---- bare mmap() --------------------------------------------------------- */

static void read_metadata(const char *file, struct ivshmem_metadata *md)
{
	struct ivshmem_error err;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	must(fd >= 0, file);
	must(ivshmem_source_read_file(fd, md, &err) == 0, "metadata");
	close(fd);
}

/* Chunks of one file follow one another. */
static int *open_files(const struct ivshmem_metadata *md)
{
	int *fds = calloc(md->n_chunks, sizeof(*fds));

	must(fds != NULL, "files");
	for (uint32_t i = 1; i < md->n_chunks; i++) {
		if (i > 1 && md->chunks[i].path == md->chunks[i - 1].path)
			fds[i] = fds[i - 1];
		else
			fds[i] = open(ivshmem_chunk_path(md, &md->chunks[i]),
				      O_RDWR | O_CLOEXEC);
		must(fds[i] >= 0, "file");
	}
	return fds;
}

static bool map_chunks(const struct ivshmem_metadata *md, const int *fds)
{
	for (uint32_t i = 1; i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *chunk = &md->chunks[i];

		if (mmap((void *)(uintptr_t)chunk->address, chunk->length,
			 PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED_NOREPLACE, fds[i],
			 (off_t)chunk->file_offset) !=
		    (void *)(uintptr_t)chunk->address)
			return false;
	}
	return true;
}

static void map_bare(const char *file)
{
	struct ivshmem_metadata md;
	double begun;
	int *fds;

	read_metadata(file, &md);
	fds = open_files(&md);
	begun = spent();
	must(map_chunks(&md, fds), "mmap");
	printf("%.1f\n", spent() - begun);
	free(fds);
	ivshmem_metadata_free(&md);
}

/* -------------------------------------------------------------------------- */

static void create(const char *name, unsigned int n)
{
	const struct kind *kind = find_kind(name);
	double begun;

	must(kind != NULL && n > 0, "KIND N");
	if (kind->prepare != NULL)
		kind->prepare(n);
	begun = spent();
	for (unsigned int i = 0; i < n; i++)
		must(kind->create(i) != NULL, kind->name);
	printf("%.1f\n", spent() - begun);
}

/** What a process takes: bytes, and mappings. */
struct taken {
	size_t heap, resident, tables, mappings;
};

static size_t read_status(const char *field)
{
	char line[256];
	size_t value = 0;
	FILE *f = fopen("/proc/self/status", "re");

	must(f != NULL, "/proc/self/status");
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtoul(line + strlen(field), NULL, 10) * 1024;
	fclose(f);
	return value;
}

static size_t count_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	size_t lines = 0;
	int c;

	must(f != NULL, "/proc/self/maps");
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

static struct taken take(void)
{
	struct mallinfo2 info = mallinfo2();

	return (struct taken){
		.heap = info.uordblks + info.hblkhd,
		.resident = read_status("VmRSS:"),
		.tables = read_status("VmPTE:"),
		.mappings = count_mappings(),
	};
}

static void print_memory(const char *file)
{
	struct taken before = take(), after;

	must(rte_ivshmem_attach(file) == 0, "attach");
	after = take();
	printf("heap %zu\nresident %zu\ntables %zu\nmappings %zu\n",
	       after.heap - before.heap, after.resident - before.resident,
	       after.tables - before.tables, after.mappings - before.mappings);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: bench-attach attach|mmap|memory FILE\n"
				"       bench-attach create KIND N\n");
		return 2;
	}
	allow_many_memzones();
	start_eal(BASE, "512");
	if (strcmp(what, "attach") == 0)
		attach(argv[2]);
	else if (strcmp(what, "mmap") == 0)
		map_bare(argv[2]);
	else if (strcmp(what, "memory") == 0)
		print_memory(argv[2]);
	else if (strcmp(what, "create") == 0 && argc == 4)
		create(argv[2], (unsigned int)atoi(argv[3]));
	else
		must(false, what);
	end_eal();
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host for the benchmarks "attach" and "memory": shares N objects of a kind
 * until its standard input ends.
 *
 * usage: bench-share KIND N
 *
 * Prints what that takes, a word and a number a line: "heap" is the memory of
 * the library in this process, "metadata" the file, "shared" the chunks, all in
 * bytes; "chunks" and "objects" are those of the metadata.  Then "device" with
 * the argument for QEMU, and "file" with the metadata file, which goes where
 * RTE_IVSHMEM_DIR says.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "format.h"
#include "kinds.h"
#include "program.h"
#include "rte_ivshmem.h"
#include "source.h"

#define NAME "bench"

static char text[4 << 20];

static void create_objects(const struct kind *kind, unsigned int n,
			   const void **objects)
{
	if (kind->prepare != NULL)
		kind->prepare(n);
	for (unsigned int i = 0; i < n; i++) {
		objects[i] = kind->create(i);
		must(objects[i] != NULL, kind->name);
	}
}

static void share(const struct kind *kind, unsigned int n, const void **objects)
{
	must(rte_ivshmem_metadata_create(NAME) == 0, "create");
	for (unsigned int i = kind->one ? n - 1 : 0; i < n; i++)
		must(kind->add(objects[i], NAME) == 0, "add");
	must(rte_ivshmem_metadata_device_generate(text, sizeof(text), NAME,
			RTE_IVSHMEM_FORM_LAYOUT) == 0, "publish");
}

static size_t heap_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void print_metadata(void)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/" NAME, getenv(RTE_IVSHMEM_DIR_ENV));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0, path);
	must(ivshmem_source_read_file(fd, &md, &err) == 0, "metadata");
	close(fd);
	printf("metadata %" PRIu64 "\nshared %" PRIu64 "\nchunks %u\n"
	       "objects %u\ndevice %s\nfile %s\n", md.chunks[0].length,
	       ivshmem_chunk_bytes(&md) - md.chunks[0].length, md.n_chunks - 1,
	       md.n_objects, text, path);
	ivshmem_metadata_free(&md);
}

int main(int argc, char **argv)
{
	const struct kind *kind = argc == 3 ? find_kind(argv[1]) : NULL;
	unsigned int n = argc == 3 ? (unsigned int)atoi(argv[2]) : 0;
	const void **objects;
	size_t before;

	if (kind == NULL || n == 0 || n > KINDS_MOST ||
	    getenv(RTE_IVSHMEM_DIR_ENV) == NULL) {
		fprintf(stderr, "usage: RTE_IVSHMEM_DIR=FOLDER bench-share KIND N\n");
		return 2;
	}
	objects = calloc(n, sizeof(*objects));
	must(objects != NULL, "objects");
	allow_many_memzones();
	start_eal("0x100000000", "512");
	create_objects(kind, n, objects);
	before = heap_in_use();
	share(kind, n, objects);
	printf("heap %zu\n", heap_in_use() - before);
	print_metadata();
	fflush(stdout);
	while (getchar() != EOF)
		;
	end_eal();
	free(objects);
	return EXIT_SUCCESS;
}

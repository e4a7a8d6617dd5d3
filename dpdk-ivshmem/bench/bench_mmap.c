/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mappings of QEMU's device ivshmem, and nothing else: what is left of its
 * start and exit if all but the kernel's share is taken away.
 *
 * usage: bench-mmap FILE CHUNKS chunks|holes
 *
 * Maps CHUNKS pieces of 64 KiB of FILE, the last one first, so that no two of
 * them merge; with "holes", 64 KiB of private memory lie between them.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK (64UL * 1024)

static void map(char *place, int flags, int fd, off_t offset)
{
	if (mmap(place, CHUNK, PROT_READ | PROT_WRITE,
		 flags | MAP_FIXED_NOREPLACE, fd, offset) != place)
		err(1, "mmap");
}

/* Nothing else maps meanwhile in this process: the addresses stay free. */
static char *find_room(size_t size)
{
	char *room = mmap(NULL, size, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		err(1, "mmap");
	munmap(room, size);
	return room;
}

static void map_all(int fd, size_t n, bool holes)
{
	size_t step = holes ? 2 * CHUNK : CHUNK;
	char *place = find_room(n * step);

	for (size_t i = 0; i < n; i++, place += step) {
		map(place, MAP_SHARED, fd, (off_t)((n - i - 1) * CHUNK));
		if (holes && i < n - 1)
			map(place + CHUNK,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	}
}

int main(int argc, char **argv)
{
	size_t n;
	int fd;

	if (argc != 4)
		errx(2, "usage: bench-mmap FILE CHUNKS chunks|holes");
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", argv[1]);
	n = strtoul(argv[2], NULL, 10);
	if (n > 0)
		map_all(fd, n, strcmp(argv[3], "holes") == 0);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chunks at the host's addresses.
 *
 *     chunk    +--------------+-------------------------+-------+
 *              | shared       | caches of a mempool     | shared|
 *     here     +--------------+-------------------------+-------+
 *              | mapped       | private, see caches.h   | mapped|
 *              +--------------+-------------------------+-------+
 *
 * Private pages are anonymous memory between the mappings: laid over a mapping
 * of a PCI resource they would upset the kernel's records of memory types.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"
#include "process_maps.h"

#define PAGE_SIZE ((uint64_t)RTE_IVSHMEM_PAGE_SIZE)

/* What lies in the range already, for the message. */
static void name_mapping(uint64_t start, uint64_t end, char *name, size_t size)
{
	struct ivshmem_mapping found;
	char path[100];

	if (!ivshmem_mappings_overlap(start, end, &found, path, sizeof(path)))
		snprintf(name, size, "memory of this process");
	else
		snprintf(name, size, "0x%" PRIx64 "-0x%" PRIx64 " %s",
			 found.start, found.end,
			 path[0] != '\0' ? path : "(anonymous)");
}

int ivshmem_map_at(uint64_t address, uint64_t length, int prot, int flags,
		   int fd, uint64_t offset, const char *what,
		   struct ivshmem_error *err)
{
	void *wanted = (void *)(uintptr_t)address;
	void *got = mmap(wanted, length, prot, flags | MAP_FIXED_NOREPLACE, fd,
			 (off_t)offset);
	char taken_by[160];
	int error = errno;

	if (got == wanted)
		return 0;
	/* Kernels before 4.17 take the address for a hint. */
	if (got != MAP_FAILED) {
		munmap(got, length);
		error = EEXIST;
	}
	if (err == NULL)
		return -error;
	if (error != EEXIST)
		return ivshmem_fail(err, -error,
			"%s cannot be mapped at 0x%" PRIx64 "-0x%" PRIx64 ": %s",
			what, address, address + length, strerror(error));
	name_mapping(address, address + length, taken_by, sizeof(taken_by));
	return ivshmem_fail(err, -EEXIST,
		"%s needs the addresses 0x%" PRIx64 "-0x%" PRIx64
		", which are taken here (%s): start the host with another --base-virtaddr, for example 0x4000000000",
		what, address, address + length, taken_by);
}

/** Where a chunk's bytes come from. */
struct source {
	int fd;        /**< -1: nothing yet */
	bool opened;   /**< a file, not the device */
	uint32_t path; /**< of the file, as in its chunks */
	bool readonly;
	uint64_t size; /**< of the file, bytes */
	uint32_t chunk; /**< that was looked for last */
};

static bool is_readonly(const struct rte_ivshmem_chunk *chunk)
{
	return chunk->flags & RTE_IVSHMEM_CHUNK_READONLY;
}

static void close_source(struct source *source)
{
	if (source->opened)
		close(source->fd);
	source->fd = -1;
	source->opened = false;
}

static int stat_file(int fd, const char *path, uint64_t *size,
		     struct ivshmem_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ivshmem_fail(err, -errno, "chunk file '%.150s': %s",
				    path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ivshmem_fail(err, -EINVAL,
			"chunk file '%.150s' is no regular file", path);
	*size = (uint64_t)st.st_size;
	return 0;
}

static int open_file(const struct rte_ivshmem_chunk *chunk, const char *path,
		     struct source *source, struct ivshmem_error *err)
{
	/* Without O_NONBLOCK, a FIFO would hold the program up. */
	int fd = open(path, (is_readonly(chunk) ? O_RDONLY : O_RDWR) |
		      O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return ivshmem_fail(err, -errno,
			"chunk file '%.150s': %s: is the host running?", path,
			strerror(errno));
	source->fd = fd;
	source->opened = true;
	source->path = chunk->path;
	source->readonly = is_readonly(chunk);
	return stat_file(fd, path, &source->size, err);
}

/* A mapping beyond the end of a file ends in SIGBUS. */
static int check_length(const struct rte_ivshmem_chunk *chunk, const char *path,
			const struct source *source, struct ivshmem_error *err)
{
	uint64_t end = chunk->file_offset + chunk->length;

	if (source->size >= end)
		return 0;
	return ivshmem_fail(err, -EINVAL,
		"chunk file '%.150s' has %" PRIu64 " bytes, %" PRIu64
		" are needed: has the host been restarted?", path,
		source->size, end);
}

/*
 * Go on to the source of a chunk, or begin with it: chunks of one file mostly
 * follow one another, and it is opened once for all of these.
 */
static int next_source(const struct ivshmem_device *device,
		       const struct rte_ivshmem_chunk *chunk,
		       struct source *source, struct ivshmem_error *err)
{
	const char *path = ivshmem_chunk_path(&device->md, chunk);
	int ret = 0;

	if (device->is_pci) {
		source->fd = device->fd;
		return 0;
	}
	if (!source->opened || source->path != chunk->path ||
	    source->readonly != is_readonly(chunk)) {
		close_source(source);
		ret = open_file(chunk, path, source, err);
	}
	return ret != 0 ? ret : check_length(chunk, path, source, err);
}

/* In its source, of the byte at an address of the chunk. */
static uint64_t offset_of(const struct ivshmem_device *device,
			  const struct rte_ivshmem_chunk *chunk,
			  uint64_t address)
{
	return (device->is_pci ? chunk->bar_offset : chunk->file_offset) +
	       (address - chunk->address);
}

static int map_recorded(struct ivshmem_device *device, uint64_t address,
			uint64_t length, int prot, int flags, int fd,
			uint64_t offset, const char *what,
			struct ivshmem_error *err)
{
	struct ivshmem_place place = { address, length };
	int ret = ivshmem_vec_reserve(&device->places, 1, sizeof(place));

	if (ret != 0)
		return ivshmem_fail(err, ret, "out of memory");
	ret = ivshmem_map_at(address, length, prot, flags, fd, offset, what,
			     err);
	if (ret == 0)
		ivshmem_vec_append(&device->places, &place, 1, sizeof(place));
	return ret;
}

/* The first caches whose private pages end behind the address; n if none. */
static uint32_t first_private(const struct ivshmem_device *device,
			      uint64_t address)
{
	uint32_t low = 0, high = device->n_caches;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (device->caches[middle].private_end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * In a read-only chunk, a store ends in SIGSEGV here, rather than in nothing in
 * the VM.  A private mapping of it reads the same, and pool_free.c can let DPDK
 * store; not all drivers have one.
 */
static int map_piece(struct ivshmem_device *device,
		     const struct rte_ivshmem_chunk *chunk,
		     const struct source *source, uint64_t start, uint64_t end,
		     struct ivshmem_error *err)
{
	uint64_t offset = offset_of(device, chunk, start);
	int ret;

	if (!is_readonly(chunk))
		return map_recorded(device, start, end - start,
				    PROT_READ | PROT_WRITE, MAP_SHARED,
				    source->fd, offset, "it", err);
	ret = map_recorded(device, start, end - start, PROT_READ,
			   MAP_PRIVATE | MAP_NORESERVE, source->fd, offset,
			   "it", err);
	return ret != -EINVAL ? ret :
	       map_recorded(device, start, end - start, PROT_READ, MAP_SHARED,
			    source->fd, offset, "it", err);
}

/* All of the chunk that is not private. */
static int map_shared(struct ivshmem_device *device,
		      const struct rte_ivshmem_chunk *chunk,
		      const struct source *source, struct ivshmem_error *err)
{
	uint64_t at = chunk->address, end = chunk->address + chunk->length;
	uint32_t i = first_private(device, at);
	int ret = 0;

	while (at < end && ret == 0) {
		const struct ivshmem_caches *caches =
			i < device->n_caches ? &device->caches[i++] : NULL;
		uint64_t stop = caches != NULL ?
				MIN(caches->private_start, end) : end;

		if (stop > at)
			ret = map_piece(device, chunk, source, at, stop, err);
		at = caches != NULL ? MAX(at, caches->private_end) : end;
	}
	return ret;
}

/* The number is put into words only for a message. */
static int map_chunk(struct ivshmem_device *device, uint32_t i,
		     struct source *source, struct ivshmem_error *err)
{
	const struct rte_ivshmem_chunk *chunk = &device->md.chunks[i];
	struct ivshmem_error reason;
	int ret = next_source(device, chunk, source, err);

	if (ret == 0) {
		ret = map_shared(device, chunk, source, &reason);
		if (ret != 0)
			ivshmem_fail(err, ret, "chunk %u: %s", i, reason.text);
	}
	return ret;
}

/* Beginning with the chunk that was found before: caches are sorted, and chunks
 * mostly are. */
static const struct rte_ivshmem_chunk *
chunk_at(const struct ivshmem_metadata *md, uint64_t address,
	 struct source *source)
{
	for (uint32_t n = 0; n < md->n_chunks; n++) {
		uint32_t i = (source->chunk + n) % md->n_chunks;
		const struct rte_ivshmem_chunk *chunk = &md->chunks[i];

		if (i == 0 || address < chunk->address ||
		    address - chunk->address >= chunk->length)
			continue;
		source->chunk = i;
		return chunk;
	}
	return NULL;
}

/* Copy what is shared at `start` up to `end`, or to the end of its page. */
static int copy_page(struct ivshmem_device *device, uint64_t start,
		     uint64_t end, struct source *source, uint64_t *copied,
		     struct ivshmem_error *err)
{
	const struct rte_ivshmem_chunk *chunk = chunk_at(&device->md, start,
							 source);
	uint64_t page = device->is_pci ? PAGE_SIZE : chunk->page_size;
	uint64_t first = start & ~(page - 1);
	int ret = next_source(device, chunk, source, err);
	void *map;

	if (ret != 0)
		return ret;
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, source->fd,
		   (off_t)offset_of(device, chunk, first));
	if (map == MAP_FAILED)
		return ivshmem_fail(err, -errno, "a page cannot be mapped: %s",
				    strerror(errno));
	*copied = MIN(first + page, end) - start;
	memcpy((void *)(uintptr_t)start, (char *)map + (start - first),
	       *copied);
	munmap(map, page);
	return 0;
}

static int copy_range(struct ivshmem_device *device, uint64_t start,
		      uint64_t end, struct source *source,
		      struct ivshmem_error *err)
{
	uint64_t copied = 0;
	int ret = 0;

	for (; start < end && ret == 0; start += copied)
		ret = copy_page(device, start, end, source, &copied, err);
	return ret;
}

/* Empty caches, and a copy of what does not change around them. */
static int map_private(struct ivshmem_device *device,
		       const struct ivshmem_caches *caches,
		       struct source *source, struct ivshmem_error *err)
{
	const struct rte_ivshmem_object *pool = caches->pool;
	uint64_t end = caches->start + caches->size * caches->n;
	uint64_t start = MAX(caches->private_start, pool->address);
	int ret;

	if (caches->private_start == caches->private_end)
		return 0;
	ret = map_recorded(device, caches->private_start,
			   caches->private_end - caches->private_start,
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0, "a copy of caches", err);
	if (ret == 0)
		ret = copy_range(device, start, caches->start, source, err);
	if (ret == 0)
		ret = copy_range(device, end,
				 MIN(caches->private_end,
				     pool->address + pool->length),
				 source, err);
	return ret;
}

static int map_all(struct ivshmem_device *device, struct ivshmem_error *err)
{
	struct source source = { .fd = -1 };
	uint64_t page_size = device->is_pci ? PAGE_SIZE : IVSHMEM_FILE_PAGES;
	int ret = ivshmem_caches_find(&device->md, page_size, &device->caches,
				      &device->n_caches, err);

	for (uint32_t i = 1; i < device->md.n_chunks && ret == 0; i++)
		ret = map_chunk(device, i, &source, err);
	for (uint32_t i = 0; i < device->n_caches && ret == 0; i++)
		ret = map_private(device, &device->caches[i], &source, err);
	close_source(&source);
	return ret;
}

int ivshmem_map_chunks(struct ivshmem_device *device, struct ivshmem_error *err)
{
	int ret = map_all(device, err);

	if (ret != 0)
		ivshmem_unmap_chunks(device);
	return ret;
}

int ivshmem_protect_chunks(const struct ivshmem_device *device)
{
	const struct ivshmem_place *places = device->places.data;

	for (uint32_t i = 0; i < device->places.n; i++)
		if (mprotect((void *)(uintptr_t)places[i].address,
			     places[i].length, PROT_READ) != 0)
			return -errno;
	return 0;
}

void ivshmem_unmap_chunks(struct ivshmem_device *device)
{
	const struct ivshmem_place *places = device->places.data;

	for (uint32_t i = 0; i < device->places.n; i++)
		munmap((void *)(uintptr_t)places[i].address,
		       places[i].length);
	free(device->places.data);
	device->places = (struct ivshmem_vec){ NULL, 0, 0 };
	free(device->caches);
	device->caches = NULL;
	device->n_caches = 0;
}

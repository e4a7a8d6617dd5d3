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
	int fd;
	uint64_t offset; /**< of the chunk's first byte */
	bool opened;     /**< fd is of this chunk alone */
};

static bool is_readonly(const struct rte_ivshmem_chunk *chunk)
{
	return chunk->flags & RTE_IVSHMEM_CHUNK_READONLY;
}

/* A mapping beyond the end of a file, or of something else, ends in SIGBUS. */
static int check_file(int fd, const struct rte_ivshmem_chunk *chunk,
		      const char *path, struct ivshmem_error *err)
{
	uint64_t end = chunk->file_offset + chunk->length;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ivshmem_fail(err, -errno, "chunk file '%.150s': %s",
				    path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ivshmem_fail(err, -EINVAL,
			"chunk file '%.150s' is no regular file", path);
	if ((uint64_t)st.st_size < end)
		return ivshmem_fail(err, -EINVAL,
			"chunk file '%.150s' has %" PRIu64 " bytes, %" PRIu64
			" are needed: has the host been restarted?", path,
			(uint64_t)st.st_size, end);
	return 0;
}

static int open_file(const struct rte_ivshmem_chunk *chunk, const char *path,
		     struct ivshmem_error *err)
{
	/* Without O_NONBLOCK, a FIFO would hold the program up. */
	int fd = open(path, (is_readonly(chunk) ? O_RDONLY : O_RDWR) |
		      O_CLOEXEC | O_NONBLOCK | O_NOCTTY), ret;

	if (fd < 0)
		return ivshmem_fail(err, -errno,
			"chunk file '%.150s': %s: is the host running?", path,
			strerror(errno));
	ret = check_file(fd, chunk, path, err);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

static int open_source(const struct ivshmem_device *device,
		       const struct rte_ivshmem_chunk *chunk,
		       struct source *source, struct ivshmem_error *err)
{
	if (device->is_pci) {
		*source = (struct source){ device->fd, chunk->bar_offset,
					   false };
		return 0;
	}
	*source = (struct source){ open_file(chunk, ivshmem_chunk_path(
					&device->md, chunk), err),
				   chunk->file_offset, true };
	return source->fd < 0 ? source->fd : 0;
}

static void close_source(const struct source *source)
{
	if (source->opened)
		close(source->fd);
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
		     const char *what, struct ivshmem_error *err)
{
	uint64_t offset = source->offset + (start - chunk->address);
	int ret;

	if (!is_readonly(chunk))
		return map_recorded(device, start, end - start,
				    PROT_READ | PROT_WRITE, MAP_SHARED,
				    source->fd, offset, what, err);
	ret = map_recorded(device, start, end - start, PROT_READ,
			   MAP_PRIVATE | MAP_NORESERVE, source->fd, offset,
			   what, err);
	return ret != -EINVAL ? ret :
	       map_recorded(device, start, end - start, PROT_READ, MAP_SHARED,
			    source->fd, offset, what, err);
}

/* All of the chunk that is not private. */
static int map_shared(struct ivshmem_device *device,
		      const struct rte_ivshmem_chunk *chunk,
		      const struct source *source, const char *what,
		      struct ivshmem_error *err)
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
			ret = map_piece(device, chunk, source, at, stop, what,
					err);
		at = caches != NULL ? MAX(at, caches->private_end) : end;
	}
	return ret;
}

static int map_chunk(struct ivshmem_device *device, uint32_t i,
		     struct ivshmem_error *err)
{
	const struct rte_ivshmem_chunk *chunk = &device->md.chunks[i];
	struct source source;
	char what[32];
	int ret = open_source(device, chunk, &source, err);

	if (ret != 0)
		return ret;
	snprintf(what, sizeof(what), "chunk %u", i);
	ret = map_shared(device, chunk, &source, what, err);
	close_source(&source);
	return ret;
}

static const struct rte_ivshmem_chunk *
chunk_at(const struct ivshmem_metadata *md, uint64_t address)
{
	for (uint32_t i = 1; i < md->n_chunks; i++)
		if (address >= md->chunks[i].address &&
		    address - md->chunks[i].address < md->chunks[i].length)
			return &md->chunks[i];
	return NULL;
}

/* Copy what is shared at `start` up to `end`, or to the end of its page. */
static int copy_page(struct ivshmem_device *device, uint64_t start,
		     uint64_t end, uint64_t *copied, struct ivshmem_error *err)
{
	const struct rte_ivshmem_chunk *chunk = chunk_at(&device->md, start);
	uint64_t page = device->is_pci ? PAGE_SIZE : chunk->page_size;
	uint64_t first = start & ~(page - 1);
	struct source source;
	void *map;
	int ret = open_source(device, chunk, &source, err);

	if (ret != 0)
		return ret;
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, source.fd,
		   (off_t)(source.offset + (first - chunk->address)));
	ret = map == MAP_FAILED ? -errno : 0;
	close_source(&source);
	if (ret != 0)
		return ivshmem_fail(err, ret, "a page cannot be mapped: %s",
				    strerror(-ret));
	*copied = MIN(first + page, end) - start;
	memcpy((void *)(uintptr_t)start, (char *)map + (start - first),
	       *copied);
	munmap(map, page);
	return 0;
}

static int copy_range(struct ivshmem_device *device, uint64_t start,
		      uint64_t end, struct ivshmem_error *err)
{
	uint64_t copied = 0;
	int ret = 0;

	for (; start < end && ret == 0; start += copied)
		ret = copy_page(device, start, end, &copied, err);
	return ret;
}

/* Empty caches, and a copy of what does not change around them. */
static int map_private(struct ivshmem_device *device,
		       const struct ivshmem_caches *caches,
		       struct ivshmem_error *err)
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
		ret = copy_range(device, start, caches->start, err);
	if (ret == 0)
		ret = copy_range(device, end,
				 MIN(caches->private_end,
				     pool->address + pool->length), err);
	return ret;
}

static int map_all(struct ivshmem_device *device, struct ivshmem_error *err)
{
	uint64_t page_size = device->is_pci ? PAGE_SIZE : IVSHMEM_FILE_PAGES;
	int ret = ivshmem_caches_find(&device->md, page_size, &device->caches,
				      &device->n_caches, err);

	for (uint32_t i = 1; i < device->md.n_chunks && ret == 0; i++)
		ret = map_chunk(device, i, err);
	for (uint32_t i = 0; i < device->n_caches && ret == 0; i++)
		ret = map_private(device, &device->caches[i], err);
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

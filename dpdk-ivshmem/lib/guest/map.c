/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_memzone.h>

#include "guest.h"

#define PAGE_SIZE ((uint64_t)RTE_IVSHMEM_PAGE_SIZE)

/** A private page of memzone descriptors at the host's address. */
struct descriptor_page {
	SLIST_ENTRY(descriptor_page) next;
	uint64_t address;
};

SLIST_HEAD(descriptor_list, descriptor_page);

static struct descriptor_list descriptor_pages =
	SLIST_HEAD_INITIALIZER(descriptor_pages);

/* What lies in the range already, for the message. */
static void find_mapping(uint64_t start, uint64_t end, char *name, size_t size)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 128], path[PATH_MAX];
	uint64_t low, high;

	snprintf(name, size, "memory of this process");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		path[0] = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %4095[^\n]",
			   &low, &high, path) < 2 || low >= end || high <= start)
			continue;
		snprintf(name, size, "0x%" PRIx64 "-0x%" PRIx64 " %.100s", low,
			 high, path[0] != '\0' ? path : "(anonymous)");
		break;
	}
	if (f != NULL)
		fclose(f);
}

/* Map exactly there, and never over anything. */
static int map_at(uint64_t address, uint64_t length, int prot, int flags,
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
	if (error != EEXIST)
		return ivshmem_fail(err, -error,
			"%s cannot be mapped at 0x%" PRIx64 "-0x%" PRIx64 ": %s",
			what, address, address + length, strerror(error));
	find_mapping(address, address + length, taken_by, sizeof(taken_by));
	return ivshmem_fail(err, -EEXIST,
		"%s needs the addresses 0x%" PRIx64 "-0x%" PRIx64
		", which are taken here (%s): start the host with another --base-virtaddr, for example 0x4000000000",
		what, address, address + length, taken_by);
}

static bool is_readonly(const struct rte_ivshmem_chunk *chunk)
{
	return chunk->flags & RTE_IVSHMEM_CHUNK_READONLY;
}

static int open_chunk(const struct ivshmem_device *device,
		      const struct rte_ivshmem_chunk *chunk,
		      struct ivshmem_error *err)
{
	const char *path = ivshmem_chunk_path(&device->md, chunk);
	int fd = open(path, (is_readonly(chunk) ? O_RDONLY : O_RDWR) |
		      O_CLOEXEC);

	if (fd < 0)
		return ivshmem_fail(err, -errno,
			"chunk file '%.150s': %s: is the host running?", path,
			strerror(errno));
	return fd;
}

static int map_chunk(const struct ivshmem_device *device, uint32_t i,
		     struct ivshmem_error *err)
{
	const struct rte_ivshmem_chunk *chunk = &device->md.chunks[i];
	/* A store ends in SIGSEGV here, rather than in nothing in the VM. */
	int prot = PROT_READ | (is_readonly(chunk) ? 0 : PROT_WRITE);
	char what[32];
	int fd, ret;

	snprintf(what, sizeof(what), "chunk %u", i);
	if (device->bar_fd >= 0)
		return map_at(chunk->address, chunk->length, prot, MAP_SHARED,
			      device->bar_fd, chunk->bar_offset, what, err);
	fd = open_chunk(device, chunk, err);
	if (fd < 0)
		return fd;
	ret = map_at(chunk->address, chunk->length, prot, MAP_SHARED, fd,
		     chunk->file_offset, what, err);
	close(fd);
	return ret;
}

static void unmap_first(const struct ivshmem_device *device, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		const struct rte_ivshmem_chunk *chunk = &device->md.chunks[i];

		munmap((void *)(uintptr_t)chunk->address, chunk->length);
	}
}

int ivshmem_map_chunks(struct ivshmem_device *device, struct ivshmem_error *err)
{
	for (uint32_t i = 1; i < device->md.n_chunks; i++) {
		int ret = map_chunk(device, i, err);

		if (ret != 0) {
			unmap_first(device, i);
			return ret;
		}
	}
	/* The mappings hold what they need; unplug must not wait for us. */
	if (device->bar_fd >= 0) {
		close(device->bar_fd);
		device->bar_fd = -1;
	}
	return 0;
}

void ivshmem_unmap_chunks(struct ivshmem_device *device)
{
	unmap_first(device, device->md.n_chunks);
}

static int map_descriptor_page(uint64_t address, struct ivshmem_error *err)
{
	struct descriptor_page *page;
	int ret;

	SLIST_FOREACH(page, &descriptor_pages, next)
		if (page->address == address)
			return 0;
	page = malloc(sizeof(*page));
	if (page == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	ret = map_at(address, PAGE_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0,
		     "a memzone descriptor", err);
	if (ret != 0) {
		free(page);
		return ret;
	}
	page->address = address;
	SLIST_INSERT_HEAD(&descriptor_pages, page, next);
	return 0;
}

/* Another host may have used the same address for another memzone. */
static int fill_descriptor(const struct rte_ivshmem_object *object,
			   struct ivshmem_error *err)
{
	static const struct rte_memzone empty;
	struct rte_memzone *at = (void *)(uintptr_t)object->memzone;
	struct rte_memzone copy = {
		.iova = RTE_BAD_IOVA,
		.addr_64 = object->address,
		.len = object->length,
		.hugepage_sz = object->hugepage_sz,
		.socket_id = object->socket_id,
		.flags = object->mz_flags,
	};

	memcpy(copy.name, object->name, sizeof(copy.name));
	if (memcmp(at, &empty, sizeof(empty)) != 0 &&
	    memcmp(at, &copy, sizeof(copy)) != 0)
		return ivshmem_fail(err, -EEXIST,
			"memzone '%s' and '%.31s' of another device have the same descriptor address: start the hosts with different --base-virtaddr",
			object->name, at->name);
	*at = copy;
	return 0;
}

static int map_descriptor(const struct rte_ivshmem_object *object,
			  struct ivshmem_error *err)
{
	uint64_t first = object->memzone & ~(PAGE_SIZE - 1);
	uint64_t last = (object->memzone + sizeof(struct rte_memzone) - 1) &
			~(PAGE_SIZE - 1);
	int ret = map_descriptor_page(first, err);

	if (ret == 0 && last != first)
		ret = map_descriptor_page(last, err);
	return ret != 0 ? ret : fill_descriptor(object, err);
}

int ivshmem_map_descriptors(const struct ivshmem_metadata *md,
			    struct ivshmem_error *err)
{
	for (uint32_t i = 0; i < md->n_objects; i++) {
		int ret = 0;

		if (md->objects[i].type == RTE_IVSHMEM_MEMZONE)
			ret = map_descriptor(&md->objects[i], err);
		if (ret != 0)
			return ret;
	}
	return 0;
}

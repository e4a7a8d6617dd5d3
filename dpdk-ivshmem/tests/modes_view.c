/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "modes.h"
#include "modes_view.h"

bool read_metadata(const char *path, struct ivshmem_metadata *md)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct ivshmem_error err;
	struct stat st;
	void *map = MAP_FAILED;
	int ret;

	if (fd >= 0 && fstat(fd, &st) == 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd,
			   0);
	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return false;
	ret = ivshmem_metadata_decode(map, (size_t)st.st_size, UINT64_MAX, md,
				      &err);
	munmap(map, (size_t)st.st_size);
	if (ret != 0)
		printf("# %s\n", err.text);
	return ret == 0;
}

bool lists(const struct ivshmem_metadata *md, const char *name,
	   enum rte_ivshmem_object_type type)
{
	for (uint32_t i = 0; i < md->n_objects; i++)
		if (md->objects[i].type == type &&
		    strcmp(md->objects[i].name, name) == 0)
			return true;
	return false;
}

static void *map_chunk(const struct ivshmem_metadata *md,
		       const struct rte_ivshmem_chunk *chunk)
{
	int fd = open(ivshmem_chunk_path(md, chunk), O_RDWR | O_CLOEXEC);
	struct stat st;
	void *map = MAP_FAILED;

	/* Behind the end, mmap() promises bytes that are none. */
	if (fd >= 0 && fstat(fd, &st) == 0 &&
	    (uint64_t)st.st_size >= chunk->file_offset + chunk->length)
		map = mmap(NULL, chunk->length, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, (off_t)chunk->file_offset);
	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return NULL;
	/* In /proc/self/numa_maps, legacy mode takes any hugepage for its own. */
	madvise(map, chunk->length, MADV_DONTFORK);
	return map;
}

static bool same_bytes(pid_t pid, const char *map, uint64_t address,
		       uint64_t length)
{
	static char bytes[1 << 20];

	for (uint64_t at = 0; at < length; at += sizeof(bytes)) {
		size_t len = length - at < sizeof(bytes) ?
			     (size_t)(length - at) : sizeof(bytes);
		struct iovec here = { bytes, len };
		struct iovec there = { (void *)(uintptr_t)(address + at), len };

		if (process_vm_readv(pid, &here, 1, &there, 1, 0) !=
		    (ssize_t)len || memcmp(bytes, map + at, len) != 0)
			return false;
	}
	return true;
}

bool files_hold_memory(pid_t pid, const struct ivshmem_metadata *md)
{
	bool right = md->n_chunks > 1;

	for (uint32_t i = 1; right && i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *chunk = &md->chunks[i];
		void *map = map_chunk(md, chunk);

		right = map != NULL && same_bytes(pid, map, chunk->address,
						  chunk->length);
		if (!right)
			printf("# chunk %u, '%s': %s\n", i,
			       ivshmem_chunk_path(md, chunk),
			       map == NULL ? "not opened" : "other bytes");
		if (map != NULL)
			munmap(map, chunk->length);
	}
	return right;
}

bool holds(const struct rte_ivshmem_chunk *chunk, uint64_t address,
	   uint64_t length)
{
	return chunk->address < address + length &&
	       chunk->address + chunk->length > address;
}

void close_view(struct view *view)
{
	for (unsigned int i = 0; i < view->n; i++)
		if (view->maps[i] != NULL)
			munmap(view->maps[i], view->chunks[i]->length);
	memset(view->maps, 0, sizeof(view->maps));
}

bool open_view(struct view *view, const struct ivshmem_metadata *md,
	       uint64_t zone)
{
	view->md = md;
	view->zone = zone;
	view->n = 0;
	for (uint32_t i = 1; i < md->n_chunks && view->n < MAX_MAPS; i++) {
		if (!holds(&md->chunks[i], zone, ZONE_SIZE))
			continue;
		view->chunks[view->n] = &md->chunks[i];
		view->maps[view->n] = map_chunk(md, &md->chunks[i]);
		if (view->maps[view->n++] == NULL) {
			close_view(view);
			return false;
		}
	}
	return view->n > 0;
}

static char *look(const struct view *view, uint64_t address)
{
	for (unsigned int i = 0; i < view->n; i++)
		if (view->maps[i] != NULL && holds(view->chunks[i], address, 1))
			return view->maps[i] +
			       (address - view->chunks[i]->address);
	return NULL;
}

bool view_is_zone(const struct view *view)
{
	for (uint64_t at = 8; at < ZONE_SIZE; at += 4096) {
		const char *word = look(view, view->zone + at);

		if (word == NULL || *(const volatile uint64_t *)word !=
				    view->zone + at)
			return false;
	}
	return true;
}

void mark(const struct view *view)
{
	for (uint64_t at = 0; at < ZONE_SIZE; at += MARK_EVERY) {
		char *word = look(view, view->zone + at);

		if (word != NULL)
			*(volatile uint32_t *)word = MARK;
	}
}

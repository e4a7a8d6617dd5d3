/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The EAL manages memory in lists of pages of one size.  It has either one
 * file per list, where a page's offset follows from its place in the list, or
 * one file per page.  So if the first and the last page of a range lie in one
 * file, as far from each other as in memory, then so do all between them.
 *
 * The EAL tells a descriptor for each page, and the link in /proc/self/fd its
 * name.  Where the name is gone (memfd, unlinked hugepage files), QEMU can open
 * /proc/PID/fd/N instead while this process lives.  Only for --legacy-mem with
 * --single-file-segments it tells none; then the kernel knows the file.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_fbarray.h>
#include <rte_memory.h>

#include "backing.h"
#include "host.h"
#include "maps.h"

/** Pages of one list. */
struct range {
	struct rte_memseg_list *msl;
	uint64_t address; /**< of the first page */
	uint64_t pages;
	unsigned int first; /**< index of the first page in the list */
};

/** Where the bytes of a page come from. */
struct place {
	int fd; /**< -1: the EAL tells none */
	uint64_t offset;
};

static uint64_t end_of_list(const struct rte_memseg_list *msl)
{
	return msl->addr_64 + msl->page_sz * msl->memseg_arr.len;
}

/* The pages that hold the bytes from `address` to `end`. */
static int find_range(uint64_t address, uint64_t end, const char *what,
		      struct range *range, struct ivshmem_error *err)
{
	void *pointer = (void *)(uintptr_t)address;
	struct rte_memseg_list *msl = rte_mem_virt2memseg_list(pointer);

	if (msl == NULL || end > end_of_list(msl))
		return ivshmem_fail(err, -EFAULT,
			"%s: %" PRIu64 " bytes at %p are not in memory that the EAL manages: allocate them with DPDK",
			what, end - address, pointer);
	if (msl->external)
		return ivshmem_fail(err, -ENOTSUP,
			"%s: %p is external memory, of which the EAL knows no file that QEMU could open: allocate it on a socket of the machine",
			what, pointer);
	range->msl = msl;
	range->first = (unsigned int)((address - msl->addr_64) / msl->page_sz);
	range->address = msl->addr_64 + range->first * msl->page_sz;
	range->pages = (end - range->address + msl->page_sz - 1) / msl->page_sz;
	return 0;
}

/* Asking for a few pages one by one is quicker than finding the end of all. */
static uint64_t count_used(const struct range *range)
{
	struct rte_fbarray *pages = &range->msl->memseg_arr;
	uint64_t n = 0;
	int used;

	if (range->pages <= 64) {
		while (n < range->pages &&
		       rte_fbarray_is_used(pages, range->first +
					   (unsigned int)n) == 1)
			n++;
		return n;
	}
	used = rte_fbarray_find_contig_used(pages, range->first);
	return used > 0 ? (uint64_t)used : 0;
}

static int check_used(const struct range *range, const char *what,
		      struct ivshmem_error *err)
{
	uint64_t n = count_used(range);

	if (n >= range->pages)
		return 0;
	return ivshmem_fail(err, -EFAULT,
		"%s: the EAL holds no memory at 0x%" PRIx64 ": was it freed?",
		what, range->address + n * range->msl->page_sz);
}

/* True if the link /proc/self/fd/N is a name of that file. */
static bool name_of_fd(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, PATH_MAX - 1);
	if (len <= 0)
		return false;
	path[len] = '\0';
	/* It may have been deleted or replaced since. */
	return path[0] == '/' && ivshmem_file_is_named(fd, path);
}

/* False if /proc is that of another PID namespace: it knows another process by
 * this number, or none. */
static bool name_file(int fd, char path[PATH_MAX])
{
	if (name_of_fd(fd, path))
		return true;
	snprintf(path, PATH_MAX, "/proc/%d/fd/%d", getpid(), fd);
	return ivshmem_file_is_named(fd, path);
}

static bool is_file(const struct stat *st, const struct ivshmem_mapping *m)
{
	return st->st_dev == m->dev && st->st_ino == m->ino;
}

/* A descriptor of this process for a file that may have no name; -1: none. */
static int find_fd(const struct ivshmem_mapping *m)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -1;

	while (dir != NULL && found < 0 && (entry = readdir(dir)) != NULL) {
		int fd = atoi(entry->d_name);
		struct stat st;

		if (entry->d_name[0] != '.' && fd != dirfd(dir) &&
		    fstat(fd, &st) == 0 && is_file(&st, m))
			found = fd;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* The same for memory of which the EAL tells no descriptor. */
static bool name_mapping(const struct ivshmem_mapping *m, char path[PATH_MAX])
{
	struct stat st;
	int fd;

	if (strlen(m->path) < PATH_MAX && stat(m->path, &st) == 0 &&
	    is_file(&st, m)) {
		strcpy(path, m->path);
		return true;
	}
	fd = find_fd(m);
	return fd >= 0 && name_file(fd, path);
}

static bool place_by_eal(const struct range *range, uint64_t page,
			 struct place *place)
{
	struct rte_fbarray *pages = &range->msl->memseg_arr;
	const struct rte_memseg *ms =
		rte_fbarray_get(pages, range->first + (unsigned int)page);
	size_t offset;

	place->fd = ms != NULL && ms->addr != NULL ? rte_memseg_get_fd(ms) : -1;
	if (place->fd < 0 || rte_memseg_get_fd_offset(ms, &offset) != 0)
		return false;
	place->offset = offset;
	return true;
}

/* True if a page lies in the file of the first one, at the same distance. */
static bool same_file(const struct range *range, const struct place *first,
		      uint64_t page)
{
	struct place other;

	return place_by_eal(range, page, &other) && other.fd == first->fd &&
	       other.offset == first->offset + page * range->msl->page_sz;
}

/* Pages from the first one on that lie in its file. */
static uint64_t count_same_file(const struct range *range,
				const struct place *first)
{
	uint64_t n = 1;

	if (range->pages == 1 || same_file(range, first, range->pages - 1))
		return range->pages;
	while (n < range->pages && same_file(range, first, n))
		n++;
	return n;
}

static int find_by_eal(const struct range *range,
		       struct ivshmem_backing *backing, bool named)
{
	struct place place;

	if (!place_by_eal(range, 0, &place))
		return -ENODEV;
	backing->file_offset = place.offset;
	backing->length = count_same_file(range, &place) * range->msl->page_sz;
	/* System calls: not for a check. */
	if (named && place.fd != backing->fd &&
	    !name_file(place.fd, backing->path))
		return -ENODEV;
	backing->fd = place.fd;
	return 0;
}

static int find_by_kernel(const struct range *range,
			  struct ivshmem_backing *backing)
{
	const struct ivshmem_mapping *m = ivshmem_maps_find(range->address);
	uint64_t page_size = range->msl->page_sz;
	uint64_t skipped, pages;

	backing->fd = -1;
	if (m == NULL || !name_mapping(m, backing->path))
		return -ENODEV;
	skipped = range->address - m->start;
	pages = RTE_MIN((m->end - range->address) / page_size, range->pages);
	if (pages == 0 || (m->offset + skipped) % page_size != 0)
		return -ENODEV;
	backing->file_offset = m->offset + skipped;
	backing->length = pages * page_size;
	return 0;
}

static int find_backing(const struct range *range, const char *what,
			struct ivshmem_backing *backing, bool named,
			struct ivshmem_error *err)
{
	backing->address = range->address;
	backing->page_size = range->msl->page_sz;
	if (find_by_eal(range, backing, named) == 0 ||
	    find_by_kernel(range, backing) == 0)
		return 0;
	return ivshmem_fail(err, -ENOTSUP,
		"%s: memory at 0x%" PRIx64 " has no file that QEMU could open: --no-huge and --in-memory need a kernel with memfd, and the /proc of their PID namespace",
		what, range->address);
}

static void skip_pages(struct range *range, uint64_t length)
{
	uint64_t pages = length / range->msl->page_sz;

	range->address += length;
	range->first += (unsigned int)pages;
	range->pages -= pages;
}

int ivshmem_backing_check(const void *address, size_t length, const char *what,
			  struct ivshmem_error *err)
{
	uint64_t start = (uintptr_t)address, end;
	struct range range;
	int ret;

	if (length == 0 || __builtin_add_overflow(start, length, &end))
		return ivshmem_fail(err, -EFAULT, "%s: %zu bytes at %p", what,
				    length, address);
	if (ivshmem_pages_pinned(start, length))
		return 0;
	ret = find_range(start, end, what, &range, err);
	if (ret == 0)
		ret = check_used(&range, what, err);
	while (ret == 0 && range.pages > 0) {
		struct ivshmem_backing backing;

		ret = find_backing(&range, what, &backing, false, err);
		if (ret == 0)
			skip_pages(&range, backing.length);
	}
	return ret;
}

int ivshmem_backing_find(uint64_t address, uint64_t end,
			 struct ivshmem_backing *backing,
			 struct ivshmem_error *err)
{
	static const char what[] = "memory that is shared";
	const struct rte_memseg_list *msl =
		rte_mem_virt2memseg_list((const void *)(uintptr_t)address);
	struct range range;
	int ret;

	if (end <= address)
		return ivshmem_fail(err, -EFAULT, "no bytes at 0x%" PRIx64,
				    address);
	/* The next list may begin where this one ends. */
	if (msl != NULL)
		end = RTE_MIN(end, end_of_list(msl));
	ret = find_range(address, end, what, &range, err);
	if (ret == 0)
		ret = check_used(&range, what, err);
	return ret == 0 ? find_backing(&range, what, backing, true, err) : ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From an address to the file and offset behind it.
 *
 * The EAL knows a descriptor for each of its pages; the link in /proc/self/fd
 * gives the name.  Where the name is gone (memfd, unlinked hugepage files),
 * /proc/PID/fd/N still opens the same file while this process lives.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_memory.h>

#include "host.h"

/** Where a page of an object comes from. */
struct page {
	const struct rte_memseg *ms;
	uint64_t size;
	uint64_t file_offset;
	int fd;
};

static int find_page(uintptr_t address, const char *what, struct page *page,
		     struct ivshmem_error *err)
{
	const void *pointer = (const void *)address;
	struct rte_memseg_list *msl = rte_mem_virt2memseg_list(pointer);
	size_t offset;

	page->ms = msl != NULL ? rte_mem_virt2memseg(pointer, msl) : NULL;
	/* The EAL answers for freed pages as well; those have no address. */
	if (page->ms == NULL || page->ms->addr == NULL)
		return ivshmem_fail(err, -EFAULT,
			"%s: address %p is not in memory that the EAL manages",
			what, pointer);
	page->size = page->ms->hugepage_sz;
	page->fd = rte_memseg_get_fd(page->ms);
	if (page->fd < 0 || rte_memseg_get_fd_offset(page->ms, &offset) < 0)
		return ivshmem_fail(err, -ENOTSUP,
			"%s: memory at %p has no file that QEMU could open (%s); external memory and --legacy-mem with --single-file-segments have none",
			what, pointer, rte_strerror(rte_errno));
	page->file_offset = offset;
	return 0;
}

static void name_file(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, PATH_MAX - 1);
	if (len > 0) {
		path[len] = '\0';
		/* It may have been deleted or replaced since. */
		if (ivshmem_file_is_named(fd, path))
			return;
	}
	snprintf(path, PATH_MAX, "/proc/%d/fd/%d", getpid(), fd);
}

static struct rte_ivshmem_chunk *last_piece(const struct ivshmem_host *host)
{
	struct rte_ivshmem_chunk *pieces = host->pieces.data;

	return host->pieces.n > 0 ? &pieces[host->pieces.n - 1] : NULL;
}

/* Offset of the path in the table; pages mostly share the last one. */
static int intern_path(struct ivshmem_host *host, const char *path,
		       uint32_t *offset)
{
	const struct rte_ivshmem_chunk *last = last_piece(host);
	size_t len = strlen(path) + 1;

	if (last != NULL &&
	    strcmp((const char *)host->paths.data + last->path, path) == 0) {
		*offset = last->path;
		return 0;
	}
	*offset = host->paths.n;
	return ivshmem_vec_append(&host->paths, path, (uint32_t)len, 1);
}

static int append_page(struct ivshmem_host *host, const struct page *page,
		       const char *path)
{
	struct rte_ivshmem_chunk *last = last_piece(host);
	struct rte_ivshmem_chunk piece = {
		.address = page->ms->addr_64,
		.length = page->size,
		.file_offset = page->file_offset,
		.page_size = page->size,
	};

	if (intern_path(host, path, &piece.path) != 0)
		return -ENOMEM;
	if (last != NULL && last->path == piece.path &&
	    last->page_size == piece.page_size &&
	    last->address + last->length == piece.address &&
	    last->file_offset + last->length == piece.file_offset) {
		last->length += piece.length;
		return 0;
	}
	return ivshmem_vec_append(&host->pieces, &piece, 1, sizeof(piece));
}

int ivshmem_add_range(struct ivshmem_host *host, const void *address,
		      size_t length, const char *what,
		      struct ivshmem_error *err)
{
	uintptr_t at = (uintptr_t)address, end;
	char path[PATH_MAX];
	int named_fd = -1;

	if (length == 0 || __builtin_add_overflow(at, length, &end))
		return ivshmem_fail(err, -EFAULT, "%s: %zu bytes at %p", what,
				    length, address);
	while (at < end) {
		struct page page = { .fd = -1 };
		int ret = find_page(at, what, &page, err);

		if (ret != 0)
			return ret;
		if (page.fd != named_fd)
			name_file(page.fd, path);
		named_fd = page.fd;
		if (append_page(host, &page, path) != 0)
			return ivshmem_fail(err, -ENOMEM, "out of memory");
		at = page.ms->addr_64 + page.size;
	}
	return 0;
}

void ivshmem_pin_pages(const struct ivshmem_host *host, uint32_t first)
{
	const struct rte_ivshmem_chunk *pieces = host->pieces.data;

	for (uint32_t i = first; i < host->pieces.n; i++) {
		const struct rte_ivshmem_chunk *p = &pieces[i];

		for (uint64_t at = 0; at < p->length; at += p->page_size) {
			void *page = (void *)(uintptr_t)(p->address + at);

			rte_mem_virt2memseg(page, NULL)->flags |=
				RTE_MEMSEG_FLAG_DO_NOT_FREE;
		}
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "alloc.h"
#include "rte_ivshmem.h"
#include "tailq.h"

/** Kinds of pages that can be asked for. */
static const struct {
	uint64_t size; /**< bytes */
	unsigned int flag;
} page_kinds[] = {
	{ RTE_PGSIZE_256K, RTE_MEMZONE_256KB },
	{ RTE_PGSIZE_2M, RTE_MEMZONE_2MB },
	{ RTE_PGSIZE_16M, RTE_MEMZONE_16MB },
	{ RTE_PGSIZE_256M, RTE_MEMZONE_256MB },
	{ RTE_PGSIZE_512M, RTE_MEMZONE_512MB },
	{ RTE_PGSIZE_1G, RTE_MEMZONE_1GB },
	{ RTE_PGSIZE_4G, RTE_MEMZONE_4GB },
	{ RTE_PGSIZE_16G, RTE_MEMZONE_16GB },
};

#define PAGE_FLAGS (RTE_MEMZONE_256KB | RTE_MEMZONE_2MB | RTE_MEMZONE_16MB | \
		    RTE_MEMZONE_256MB | RTE_MEMZONE_512MB | RTE_MEMZONE_1GB | \
		    RTE_MEMZONE_4GB | RTE_MEMZONE_16GB)

/* 0 for a size that has no flag, such as 4 KiB. */
static unsigned int page_flag(uint64_t size)
{
	for (size_t i = 0; i < RTE_DIM(page_kinds); i++)
		if (page_kinds[i].size == size)
			return page_kinds[i].flag;
	return 0;
}

/** Search for the smallest pages of a socket. */
struct page_search {
	int socket_id;
	uint64_t size; /**< 0: none found */
};

static int compare_page(const struct rte_memseg_list *msl, void *arg)
{
	struct page_search *search = arg;
	bool fits = search->socket_id == SOCKET_ID_ANY ?
		    !msl->external : msl->socket_id == search->socket_id;

	if (fits && (search->size == 0 || msl->page_sz < search->size))
		search->size = msl->page_sz;
	return 0;
}

static uint64_t smallest_page(int socket_id)
{
	struct page_search search = { .socket_id = socket_id };

	/* The EAL's rule: without hugepages there is one kind of memory. */
	if (!rte_eal_has_hugepages() && socket_id < RTE_MAX_NUMA_NODES)
		search.socket_id = SOCKET_ID_ANY;
	rte_memseg_list_walk(compare_page, &search);
	return search.size != 0 ? search.size : (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A length of 0 asks for the longest piece that there is. */
static const struct rte_memzone *reserve_longest(const char *name,
						 int socket_id,
						 unsigned int flags,
						 uint64_t page)
{
	const struct rte_memzone *mz =
		rte_memzone_reserve_aligned(name, 0, socket_id, flags, page);
	size_t len;

	if (mz == NULL)
		return NULL;
	len = RTE_ALIGN_FLOOR(mz->len, mz->hugepage_sz);
	rte_memzone_free(mz);
	if (len == 0) {
		rte_errno = ENOMEM;
		return NULL;
	}
	return rte_memzone_reserve_aligned(name, len, socket_id, flags, page);
}

static const struct rte_memzone *reserve_once(const char *name, size_t len,
					      int socket_id,
					      unsigned int flags, uint64_t page)
{
	if (len == 0)
		return reserve_longest(name, socket_id, flags, page);
	/* Too much for any machine: the error is DPDK's. */
	if (len > SIZE_MAX - page)
		return rte_memzone_reserve(name, len, socket_id, flags);
	/* A page is contiguous by itself.  With physical addresses the EAL
	 * would demand it of the neighbouring page as well. */
	if (len <= page)
		flags &= ~(unsigned int)RTE_MEMZONE_IOVA_CONTIG;
	return rte_memzone_reserve_aligned(name, RTE_ALIGN_CEIL(len, page),
					   socket_id, flags, page);
}

static bool is_whole_pages(uintptr_t address, size_t len, uint64_t page)
{
	return address % page == 0 && len % page == 0;
}

/* The EAL may have taken larger pages than those that were reckoned with. */
static const struct rte_memzone *reserve_pages(const char *name, size_t len,
					       int socket_id,
					       unsigned int flags)
{
	uint64_t page = smallest_page(socket_id);

	for (;;) {
		const struct rte_memzone *mz = reserve_once(name, len,
						socket_id, flags, page);
		uint64_t found;

		if (mz == NULL ||
		    is_whole_pages(mz->addr_64, mz->len, mz->hugepage_sz))
			return mz;
		found = mz->hugepage_sz;
		rte_memzone_free(mz);
		if (found <= page) {
			rte_errno = ENOMEM;
			return NULL;
		}
		page = found;
	}
}

static bool is_final(const struct rte_memzone *mz)
{
	return mz != NULL || rte_errno != ENOMEM;
}

/*
 * Left to itself, the EAL takes any free place, for instance in a page of
 * 1 GiB, which the zone would then own as a whole.  So ask for what the caller
 * prefers, then for the smallest pages, then for any.
 */
const struct rte_memzone *rte_ivshmem_memzone_reserve(const char *name,
						      size_t len, int socket_id,
						      unsigned int flags)
{
	unsigned int wanted = flags & PAGE_FLAGS;
	unsigned int others = flags & ~(PAGE_FLAGS |
					RTE_MEMZONE_SIZE_HINT_ONLY);
	unsigned int smallest;
	const struct rte_memzone *mz;

	if (name == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	if (!rte_eal_has_hugepages() ||
	    (wanted != 0 && !(flags & RTE_MEMZONE_SIZE_HINT_ONLY)))
		return reserve_pages(name, len, socket_id, flags);
	if (wanted != 0) {
		mz = reserve_pages(name, len, socket_id, others | wanted);
		if (is_final(mz))
			return mz;
	}
	smallest = page_flag(smallest_page(socket_id));
	if (smallest != 0) {
		mz = reserve_pages(name, len, socket_id, others | smallest);
		if (is_final(mz))
			return mz;
	}
	return reserve_pages(name, len, socket_id, others);
}

/** A list of blocks that are held. */
struct held {
	struct held *next;
};

static uint64_t page_of(const void *block)
{
	return rte_mem_virt2memseg_list(block)->page_sz;
}

/*
 * rte_malloc() knows no kinds of pages, and takes a free place in a page of
 * 1 GiB as gladly.  Such places are held until it looks elsewhere; if it fetches
 * another large page then, those of this size are used up.
 */
static void *malloc_in_pages_of(uint64_t page, const char *type, size_t len,
				int socket_id)
{
	uint64_t memory = rte_eal_get_physmem_size();
	struct held *held = NULL;
	struct held *block;

	for (;;) {
		block = rte_malloc_socket(type, len, (unsigned int)page,
					  socket_id);
		if (block == NULL || page_of(block) == page)
			break;
		block->next = held;
		held = block;
		block = NULL;
		if (rte_eal_get_physmem_size() > memory)
			break;
	}
	while (held != NULL) {
		struct held *next = held->next;

		rte_free(held);
		held = next;
	}
	return block;
}

void *ivshmem_pages_malloc(const char *type, size_t *size, int socket_id)
{
	uint64_t page = smallest_page(socket_id);

	while (*size <= SIZE_MAX - page) {
		size_t len = RTE_ALIGN_CEIL(*size, (size_t)page);
		void *block = malloc_in_pages_of(page, type, len, socket_id);
		uint64_t found;

		if (block == NULL)
			block = rte_malloc_socket(type, len, (unsigned int)page,
						  socket_id);
		if (block == NULL)
			break;
		found = page_of(block);
		if (is_whole_pages((uintptr_t)block, len, found)) {
			*size = len;
			return block;
		}
		rte_free(block);
		if (found <= page)
			break;
		page = found;
	}
	rte_errno = ENOMEM;
	return NULL;
}

/* Bytes that a ring takes, or a negative errno.  DPDK accepts a ring of 0,
 * also by overflow, and the first object put there lands anywhere. */
static ssize_t ring_size(unsigned int count, unsigned int flags)
{
	if (flags & RING_F_EXACT_SZ)
		count = rte_align32pow2(count + 1);
	return count != 0 ? rte_ring_get_memsize(count) : -EINVAL;
}

static int make_ring(const struct rte_memzone *mz, const char *name,
		     unsigned int count, unsigned int flags)
{
	struct rte_ring *r = mz->addr;
	int ret = rte_ring_init(r, name, count, flags);

	if (ret != 0)
		return ret;
	r->memzone = mz;
	return ivshmem_tailq_insert(IVSHMEM_RING_TAILQ, r);
}

struct rte_ring *rte_ivshmem_ring_create(const char *name, unsigned int count,
					 int socket_id, unsigned int flags)
{
	char mz_name[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz;
	ssize_t size = ring_size(count, flags);
	int ret;

	if (name == NULL || size < 0) {
		rte_errno = name == NULL ? EINVAL : (int)-size;
		return NULL;
	}
	ret = snprintf(mz_name, sizeof(mz_name), RTE_RING_MZ_PREFIX "%s",
		       name);
	if (ret < 0 || (size_t)ret >= sizeof(mz_name)) {
		rte_errno = ENAMETOOLONG;
		return NULL;
	}
	mz = rte_ivshmem_memzone_reserve(mz_name, (size_t)size, socket_id, 0);
	if (mz == NULL)
		return NULL;
	ret = make_ring(mz, name, count, flags);
	if (ret != 0) {
		rte_memzone_free(mz);
		rte_errno = -ret;
		return NULL;
	}
	return mz->addr;
}

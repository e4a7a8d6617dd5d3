/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private pages that shared memory points to, or that DPDK expects around it.
 *
 * - The host's own memzone descriptors, where rings and pools point to.  Those
 *   of several devices may lie on one page, when one process is host of both.
 * - The page in front of a block, where rte_free() looks for the header of the
 *   heap.  If nothing of that page is shared, zeros say that the block is not
 *   in use, so rte_free() refuses it, rather than ending the program.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_memzone.h>

#include "guest.h"
#include "hash.h"

#define PAGE_SIZE ((uint64_t)RTE_IVSHMEM_PAGE_SIZE)

/* More than the header of a block and the padding behind it have. */
#define FRONT_SIZE 1024

struct private_page {
	uint64_t address; /**< key */
	uint32_t users;
	bool not_hashed;
	UT_hash_handle hh;
};

static struct private_page *pages;

static int map_new(uint64_t address, const char *what,
		   struct ivshmem_error *err)
{
	struct private_page *page = calloc(1, sizeof(*page));
	int ret;

	if (page == NULL)
		return -ENOMEM;
	ret = ivshmem_map_at(address, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, what, err);
	if (ret == 0) {
		page->address = address;
		HASH_ADD(hh, pages, address, sizeof(page->address), page);
		ret = page->not_hashed ? -ENOMEM : 0;
		if (ret != 0)
			munmap((void *)(uintptr_t)address, PAGE_SIZE);
	}
	if (ret != 0)
		free(page);
	return ret;
}

static struct private_page *find_page(uint64_t address)
{
	struct private_page *page;

	HASH_FIND(hh, pages, &address, sizeof(address), page);
	return page;
}

static int use_page(struct ivshmem_device *device, uint64_t address,
		    const char *what, struct ivshmem_error *err)
{
	int ret = ivshmem_vec_reserve(&device->descriptors, 1, sizeof(address));

	if (ret == 0 && find_page(address) == NULL)
		ret = map_new(address, what, err);
	if (ret != 0)
		return ret;
	find_page(address)->users++;
	ivshmem_vec_append(&device->descriptors, &address, 1, sizeof(address));
	return 0;
}

static void unuse_page(uint64_t address)
{
	struct private_page *page = find_page(address);

	if (--page->users > 0)
		return;
	HASH_DEL(pages, page);
	munmap((void *)(uintptr_t)address, PAGE_SIZE);
	free(page);
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

static int map_descriptor(struct ivshmem_device *device,
			  const struct rte_ivshmem_object *object,
			  struct ivshmem_error *err)
{
	uint64_t first = object->memzone & ~(PAGE_SIZE - 1);
	uint64_t last = (object->memzone + sizeof(struct rte_memzone) - 1) &
			~(PAGE_SIZE - 1);
	int ret = use_page(device, first, "a memzone descriptor", err);

	if (ret == 0 && last != first)
		ret = use_page(device, last, "a memzone descriptor", err);
	return ret != 0 ? ret : fill_descriptor(object, err);
}

/* Whatever is there already, of the chunks mostly, can be read as well. */
static void map_front(struct ivshmem_device *device,
		      const struct rte_ivshmem_object *object)
{
	uint64_t page = (object->address - FRONT_SIZE) & ~(PAGE_SIZE - 1);

	if (page != (object->address & ~(PAGE_SIZE - 1)))
		use_page(device, page, NULL, NULL);
}

static int map_all(struct ivshmem_device *device, struct ivshmem_error *err)
{
	const struct ivshmem_metadata *md = &device->md;
	int ret = 0;

	for (uint32_t i = 0; i < md->n_objects && ret == 0; i++)
		if (md->objects[i].type == RTE_IVSHMEM_MEMZONE)
			ret = map_descriptor(device, &md->objects[i], err);
	for (uint32_t i = 0; i < md->n_objects && ret == 0; i++)
		if (md->objects[i].type == RTE_IVSHMEM_MEMZONE)
			map_front(device, &md->objects[i]);
	return ret;
}

int ivshmem_map_descriptors(struct ivshmem_device *device,
			    struct ivshmem_error *err)
{
	int ret = map_all(device, err);

	if (ret == -ENOMEM)
		ivshmem_fail(err, ret, "out of memory");
	if (ret != 0)
		ivshmem_unmap_descriptors(device);
	return ret;
}

/* A page that stays for another device loses what this one put there. */
static void clear_descriptors(const struct ivshmem_device *device)
{
	const struct ivshmem_metadata *md = &device->md;

	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];
		struct rte_memzone *mz = (void *)(uintptr_t)o->memzone;
		uint64_t last = o->memzone + sizeof(*mz) - 1;

		if (o->type == RTE_IVSHMEM_MEMZONE &&
		    find_page(o->memzone & ~(PAGE_SIZE - 1)) != NULL &&
		    find_page(last & ~(PAGE_SIZE - 1)) != NULL &&
		    mz->addr_64 == o->address)
			memset(mz, 0, sizeof(*mz));
	}
}

void ivshmem_unmap_descriptors(struct ivshmem_device *device)
{
	const uint64_t *addresses = device->descriptors.data;

	clear_descriptors(device);
	for (uint32_t i = 0; i < device->descriptors.n; i++)
		unuse_page(addresses[i]);
	free(device->descriptors.data);
	device->descriptors = (struct ivshmem_vec){ NULL, 0, 0 };
}

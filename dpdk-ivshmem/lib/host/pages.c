/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages that stay where they are.
 *
 * The EAL unmaps pages whose memory is free; guests would go on seeing pages
 * that nobody knows.  RTE_MEMSEG_FLAG_DO_NOT_FREE keeps a page.  Many objects
 * lie on one page, so users are counted: a counter for each page of each kind
 * of memory that something is shared of.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <rte_fbarray.h>
#include <rte_memory.h>

#include "host.h"

/** The EAL had pinned the page itself before. */
#define PINNED_BEFORE (UINT32_C(1) << 31)

/** Counters for the pages of a list. */
struct pins {
	SLIST_ENTRY(pins) next;
	const struct rte_memseg_list *msl;
	uint32_t users[];
};

static SLIST_HEAD(, pins) all_pins = SLIST_HEAD_INITIALIZER(all_pins);

static struct pins *find_pins(const struct rte_memseg_list *msl)
{
	struct pins *pins;

	SLIST_FOREACH(pins, &all_pins, next)
		if (pins->msl == msl)
			break;
	return pins;
}

static struct pins *make_pins(const struct rte_memseg_list *msl)
{
	struct pins *pins = calloc(1, sizeof(*pins) +
		(size_t)msl->memseg_arr.len * sizeof(pins->users[0]));

	if (pins != NULL) {
		pins->msl = msl;
		SLIST_INSERT_HEAD(&all_pins, pins, next);
	}
	return pins;
}

static void pin(uint32_t *users, struct rte_memseg *ms)
{
	if ((*users)++ > 0)
		return;
	if (ms->flags & RTE_MEMSEG_FLAG_DO_NOT_FREE)
		*users |= PINNED_BEFORE;
	ms->flags |= RTE_MEMSEG_FLAG_DO_NOT_FREE;
}

static void unpin(uint32_t *users, struct rte_memseg *ms)
{
	if ((--(*users) & ~PINNED_BEFORE) > 0)
		return;
	if (!(*users & PINNED_BEFORE))
		ms->flags &= ~RTE_MEMSEG_FLAG_DO_NOT_FREE;
	*users = 0;
}

static void for_pages(struct pins *pins, uint64_t address, uint64_t length,
		      void (*change)(uint32_t *users, struct rte_memseg *ms))
{
	const struct rte_memseg_list *msl = pins->msl;
	uint64_t first = (address - msl->addr_64) / msl->page_sz;
	uint64_t last = (address + length - 1 - msl->addr_64) / msl->page_sz;

	for (uint64_t i = first; i <= last; i++)
		change(&pins->users[i],
		       rte_fbarray_get(&msl->memseg_arr, (unsigned int)i));
}

bool ivshmem_pages_pinned(uint64_t address, uint64_t length)
{
	const struct rte_memseg_list *msl =
		rte_mem_virt2memseg_list((void *)(uintptr_t)address);
	const struct pins *pins = msl != NULL ? find_pins(msl) : NULL;
	uint64_t i, last;

	if (pins == NULL)
		return false;
	i = (address - msl->addr_64) / msl->page_sz;
	last = (address + length - 1 - msl->addr_64) / msl->page_sz;
	while (i <= last && last < msl->memseg_arr.len && pins->users[i] > 0)
		i++;
	return i > last;
}

int ivshmem_pin_pages(uint64_t address, uint64_t length, uint64_t *page_size,
		      struct ivshmem_error *err)
{
	const struct rte_memseg_list *msl =
		rte_mem_virt2memseg_list((void *)(uintptr_t)address);
	struct pins *pins = find_pins(msl);

	if (pins == NULL)
		pins = make_pins(msl);
	if (pins == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	for_pages(pins, address, length, pin);
	*page_size = msl->page_sz;
	return 0;
}

void ivshmem_unpin_pages(uint64_t address, uint64_t length)
{
	for_pages(find_pins(rte_mem_virt2memseg_list(
			(void *)(uintptr_t)address)),
		  address, length, unpin);
}

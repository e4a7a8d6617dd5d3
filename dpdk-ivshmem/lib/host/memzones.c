/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <string.h>

#include <rte_common.h>
#include <rte_memzone.h>

#include "memzones.h"

#define PAGE ((uintptr_t)4096)

/*
 * Descriptors lie in one table, one after the other, mapped in whole pages; the
 * entries that are free are zero.  So much of it as was seen; 0: nothing.
 */
static uintptr_t table_first, table_end;

static void see(const struct rte_memzone *mz, void *arg __rte_unused)
{
	uintptr_t at = (uintptr_t)mz;

	if (table_first == 0 || at < table_first)
		table_first = at;
	if (at + sizeof(*mz) > table_end)
		table_end = at + sizeof(*mz);
}

static bool in_table(const struct rte_memzone *mz)
{
	uintptr_t at = (uintptr_t)mz;

	return table_first != 0 && at >= table_first &&
	       at + sizeof(*mz) <= RTE_ALIGN_CEIL(table_end, PAGE) &&
	       (at - table_first) % sizeof(*mz) == 0;
}

bool ivshmem_memzone_exists(const struct rte_memzone *mz)
{
	if (!in_table(mz))
		rte_memzone_walk(see, NULL);
	return in_table(mz) && mz->addr != NULL &&
	       memchr(mz->name, '\0', sizeof(mz->name)) != NULL;
}

static bool holds(const struct rte_memzone *mz, uintptr_t address,
		  size_t length)
{
	return address >= mz->addr_64 && length <= mz->len &&
	       address - mz->addr_64 <= mz->len - length;
}

/** Search for the memzone that holds an address. */
struct search {
	uintptr_t address;
	size_t length;
	const struct rte_memzone *found;
};

static void match(const struct rte_memzone *mz, void *arg)
{
	struct search *search = arg;

	if (holds(mz, search->address, search->length))
		search->found = mz;
}

static bool is_there(const struct rte_memzone *mz, uintptr_t address,
		     size_t length)
{
	return in_table(mz) && ivshmem_memzone_exists(mz) &&
	       holds(mz, address, length);
}

const struct rte_memzone *ivshmem_memzone_of(const void *address, size_t length,
					     const void *guess)
{
	/* Many objects may lie in one memzone of the application. */
	static const struct rte_memzone *last;
	struct search search = {
		.address = (uintptr_t)address, .length = length,
	};

	if (is_there(guess, search.address, length))
		return guess;
	if (!is_there(last, search.address, length)) {
		rte_memzone_walk(match, &search);
		last = search.found;
	}
	return last;
}

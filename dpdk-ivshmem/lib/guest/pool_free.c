/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_mempool_free() of a pool that belongs to the host.
 *
 * DPDK empties the pool's lists of objects and memory, by way of functions of
 * the process that created it, and then lets the ops free what they have.  It
 * announces that, and calls the ops by a table of this process.  So the lists
 * are hidden at the announcement and put back by the ops:
 *
 *     rte_mempool_free() -> announcement   lists hidden
 *                           lists emptied  nothing is there
 *                           ops->free()    lists and entry put back
 *                           memzone freed  not one of this process: refused
 *
 * DPDK stores into the pool meanwhile, also into one that can only be read: it
 * gets a private copy of the page for that time.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

/* The announcement is for drivers; its symbols are in every DPDK. */
#define ALLOW_INTERNAL_API
#include <rte_mempool.h>

#include "guest.h"
#include "log.h"

/** Of the pool that this thread is freeing. */
static __thread struct {
	struct rte_mempool *pool;
	struct rte_mempool_objhdr_list objects;
	struct rte_mempool_memhdr_list memory;
	bool readonly;
} hidden;

/** The `free` of each kind of ops; a pool's index may change, names do not. */
static struct {
	char name[RTE_MEMPOOL_OPS_NAMESIZE];
	rte_mempool_free_t free; /**< may be NULL */
} kept[RTE_MEMPOOL_MAX_OPS_IDX];

static uint32_t n_kept;

/* Of the page of a pool's header; its size, that of the file, or 0. */
static size_t set_protection(struct rte_mempool *mp, int prot)
{
	static const size_t sizes[] = { RTE_PGSIZE_4K, RTE_PGSIZE_2M,
					RTE_PGSIZE_1G };

	for (size_t i = 0; i < RTE_DIM(sizes); i++)
		if (mprotect(RTE_PTR_ALIGN_FLOOR(mp, sizes[i]), sizes[i],
			     prot) == 0)
			return sizes[i];
	return 0;
}

/*
 * The mapping is private where it can be, and the first store makes a copy.
 * Else a store may have no effect, and DPDK would empty a list for ever: then
 * its first one is to end the program.
 */
static bool begin_stores(struct rte_mempool *mp)
{
	uint32_t *word = &mp->nb_mem_chunks, old = *word;
	bool works;

	if (set_protection(mp, PROT_READ | PROT_WRITE) == 0)
		return false;
	__atomic_store_n(word, ~old, __ATOMIC_RELAXED);
	works = __atomic_load_n(word, __ATOMIC_RELAXED) == ~old;
	__atomic_store_n(word, old, __ATOMIC_RELAXED);
	if (!works)
		set_protection(mp, PROT_READ);
	return works;
}

/* The copy goes away where Linux can do that: not that of a PCI resource. */
static void end_stores(struct rte_mempool *mp)
{
	size_t size = set_protection(mp, PROT_READ);

	if (size != 0)
		madvise(RTE_PTR_ALIGN_FLOOR(mp, size), size, MADV_DONTNEED);
}

static void on_pool_event(enum rte_mempool_event event, struct rte_mempool *mp,
			  void *arg __rte_unused)
{
	struct rte_ivshmem_object object;

	if (event != RTE_MEMPOOL_EVENT_DESTROY ||
	    !ivshmem_find_pool(mp, &object))
		return;
	IVSHMEM_LOG(ERR, "mempool '%s' belongs to the host: it is not freed",
		    object.name);
	hidden.readonly = object.flags & RTE_IVSHMEM_OBJECT_READONLY;
	if (hidden.readonly && !begin_stores(mp))
		return;
	hidden.pool = mp;
	hidden.objects = mp->elt_list;
	hidden.memory = mp->mem_list;
	STAILQ_INIT(&mp->elt_list);
	STAILQ_INIT(&mp->mem_list);
}

static void put_back(struct rte_mempool *mp)
{
	mp->elt_list = hidden.objects;
	mp->mem_list = hidden.memory;
	hidden.pool = NULL;
	if (hidden.readonly)
		end_stores(mp);
	if (ivshmem_insert_pool(mp) != 0)
		IVSHMEM_LOG(ERR, "a mempool of the host is not found by its name any more: out of memory");
}

static void guarded_free(struct rte_mempool *mp)
{
	const char *name = rte_mempool_get_ops(mp->ops_index)->name;
	uint32_t i = 0;

	if (mp == hidden.pool) {
		put_back(mp);
		return;
	}
	while (i < n_kept && strcmp(kept[i].name, name) != 0)
		i++;
	if (i < n_kept && kept[i].free != NULL)
		kept[i].free(mp);
}

void ivshmem_guard_ops(struct rte_mempool_ops *ops)
{
	if (ops->free == guarded_free || n_kept == RTE_DIM(kept))
		return;
	memcpy(kept[n_kept].name, ops->name, sizeof(kept[n_kept].name));
	kept[n_kept++].free = ops->free;
	ops->free = guarded_free;
}

int ivshmem_guard_pools(struct ivshmem_error *err)
{
	static bool done;

	if (done)
		return 0;
	if (rte_mempool_event_callback_register(on_pool_event, NULL) != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	done = true;
	return 0;
}

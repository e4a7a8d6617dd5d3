/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>

#include <rte_eal_memconfig.h>
#include <rte_malloc.h>
#include <rte_tailq.h>

#include "tailq.h"

static struct rte_tailq_entry_head *find_tailq(const char *name)
{
	struct rte_tailq_head *head = rte_eal_tailq_lookup(name);

	return head != NULL ? &head->tailq_head : NULL;
}

static struct rte_tailq_entry *find_entry(struct rte_tailq_entry_head *tailq,
					  const void *object)
{
	struct rte_tailq_entry *entry;

	TAILQ_FOREACH(entry, tailq, next)
		if (entry->data == object)
			break;
	return entry;
}

/* In rte_malloc() memory, so that secondary processes see the entry, and
 * because rte_ring_free() and rte_mempool_free() release it so. */
int ivshmem_tailq_insert(const char *tailq, void *object)
{
	struct rte_tailq_entry_head *head = find_tailq(tailq);
	struct rte_tailq_entry *entry;

	if (head == NULL)
		return -ENOTSUP;
	entry = rte_zmalloc("IVSHMEM_TAILQ", sizeof(*entry), 0);
	if (entry == NULL)
		return -ENOMEM;
	entry->data = object;
	rte_mcfg_tailq_write_lock();
	TAILQ_INSERT_TAIL(head, entry, next);
	rte_mcfg_tailq_write_unlock();
	return 0;
}

void ivshmem_tailq_replace(const char *tailq, const void *old, void *object)
{
	struct rte_tailq_entry_head *head = find_tailq(tailq);
	struct rte_tailq_entry *entry;

	if (head == NULL)
		return;
	rte_mcfg_tailq_write_lock();
	entry = find_entry(head, old);
	if (entry != NULL)
		entry->data = object;
	rte_mcfg_tailq_write_unlock();
}

void ivshmem_tailq_remove(const char *tailq, const void *object)
{
	struct rte_tailq_entry_head *head = find_tailq(tailq);
	struct rte_tailq_entry *entry;

	if (head == NULL)
		return;
	rte_mcfg_tailq_write_lock();
	entry = find_entry(head, object);
	if (entry != NULL)
		TAILQ_REMOVE(head, entry, next);
	rte_mcfg_tailq_write_unlock();
	rte_free(entry);
}

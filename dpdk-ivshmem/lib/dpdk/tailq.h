/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The EAL's lists of objects by type, where rte_ring_lookup() and
 * rte_mempool_lookup() search.
 *
 * Each call takes the tailq lock.  DPDK holds the mempool lock around it for
 * mempools; so does the caller here, because that lock is not recursive and
 * often covers more.
 */
#ifndef IVSHMEM_TAILQ_H
#define IVSHMEM_TAILQ_H

#define IVSHMEM_RING_TAILQ "RTE_RING"
#define IVSHMEM_MEMPOOL_TAILQ "RTE_MEMPOOL"

/**
 * Append an object, which must be complete: others find it at once.
 *
 * @return
 *   0, -ENOMEM, or -ENOTSUP if DPDK has no such list.
 */
int ivshmem_tailq_insert(const char *tailq, void *object);

/** Put `object` at the place of `old`, which is in the list. */
void ivshmem_tailq_replace(const char *tailq, const void *old, void *object);

/** Remove an object, if it is in the list. */
void ivshmem_tailq_remove(const char *tailq, const void *object);

#endif

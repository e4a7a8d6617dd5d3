/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lcore ids of the host, once guests rely on them.
 *
 * The per-lcore caches of a shared pool belong to whoever holds the lcore id.
 * Guests stay away from the ids that the metadata lists; so this process may
 * not take others afterwards, for a guest may hold them.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <rte_lcore.h>

#include "host.h"
#include "log.h"

static bool listed[RTE_MAX_LCORE];
static void *callback;

/* Called by the EAL for each lcore, now and when a thread registers. */
static int lcore_starts(unsigned int lcore_id, void *arg __rte_unused)
{
	if (lcore_id < RTE_MAX_LCORE && listed[lcore_id])
		return 0;
	IVSHMEM_LOG(ERR, "no thread may become lcore %u now: a guest may use that id with a shared mempool's cache; register threads before rte_ivshmem_metadata_cmdline_generate(), or share pools with a cache of 0",
		    lcore_id);
	return -1;
}

static bool has_cached_pool(const struct ivshmem_metadata *md)
{
	for (uint32_t i = 0; i < md->n_objects; i++)
		if (md->objects[i].type == RTE_IVSHMEM_MEMPOOL &&
		    md->objects[i].cache_size > 0)
			return true;
	return false;
}

int ivshmem_freeze_lcores(const struct ivshmem_metadata *md, bool *frozen,
			  struct ivshmem_error *err)
{
	*frozen = false;
	if (callback != NULL || !has_cached_pool(md))
		return 0;
	for (uint32_t i = 0; i < md->n_lcores; i++)
		listed[md->lcores[i]] = true;
	callback = rte_lcore_callback_register("ivshmem_host", lcore_starts,
					       NULL, NULL);
	*frozen = callback != NULL;
	if (*frozen)
		return 0;
	memset(listed, 0, sizeof(listed));
	return ivshmem_fail(err, -ENOMEM,
			    "the lcore callback cannot be registered");
}

void ivshmem_thaw_lcores(void)
{
	rte_lcore_callback_unregister(callback);
	callback = NULL;
	memset(listed, 0, sizeof(listed));
}

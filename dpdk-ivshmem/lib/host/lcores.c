/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lcore ids of the host, once other processes rely on them.
 *
 * Who attaches takes private pages for a pool's caches where the pages hold
 * nothing else, and stays away from the ids that the metadata lists where they
 * do.  In the latter case this process may not take others afterwards, for
 * somebody may hold them.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>

#include "caches.h"
#include "host.h"
#include "log.h"

static bool listed[RTE_MAX_LCORE];
static void *callback;

/* Called by the EAL for each lcore, now and when a thread registers. */
static int lcore_starts(unsigned int lcore_id, void *arg __rte_unused)
{
	if (lcore_id < RTE_MAX_LCORE && listed[lcore_id])
		return 0;
	IVSHMEM_LOG(ERR, "no thread may become lcore %u now: a guest may use that id with a shared mempool's cache; register threads before rte_ivshmem_metadata_cmdline_generate(), or create the pool with rte_ivshmem_pktmbuf_pool_create() or a cache of 0",
		    lcore_id);
	return -1;
}

/* Is there a cache that nobody can have for itself? */
static int find_shared_cache(const struct ivshmem_metadata *md, bool *found,
			     struct ivshmem_error *err)
{
	struct ivshmem_caches *caches;
	uint32_t n;
	int ret = ivshmem_caches_find(md, IVSHMEM_FILE_PAGES, &caches, &n,
				      err);

	*found = false;
	for (uint32_t i = 0; i < n; i++)
		*found = *found || !ivshmem_cache_is_private(&caches[i], 0) ||
			 !ivshmem_cache_is_private(&caches[i],
						   caches[i].n - 1);
	free(caches);
	return ret;
}

int ivshmem_freeze_lcores(const struct ivshmem_metadata *md, bool *frozen,
			  struct ivshmem_error *err)
{
	bool shared;
	int ret;

	*frozen = false;
	if (callback != NULL)
		return 0;
	ret = find_shared_cache(md, &shared, err);
	if (ret != 0 || !shared)
		return ret;
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

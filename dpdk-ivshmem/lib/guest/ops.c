/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mempool ops at the host's indexes.
 *
 * A shared pool names its ops by an index into a table of the process, whose
 * order depends on linking and on the order of plugins.  While this runs there
 * are no pools in this process yet, so its table can still be reordered.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "guest.h"

/** Indexes that a device attached before relies on. */
static bool settled[RTE_MEMPOOL_MAX_OPS_IDX];

/* A table under work, and which of its indexes are settled. */
struct ops_plan {
	struct rte_mempool_ops ops[RTE_MEMPOOL_MAX_OPS_IDX];
	bool settled[RTE_MEMPOOL_MAX_OPS_IDX];
	uint32_t n;
};

static int find_ops(const struct ops_plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->n; i++)
		if (strcmp(plan->ops[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int place_ops(struct ops_plan *plan, const struct rte_ivshmem_ops *ops,
		     struct ivshmem_error *err)
{
	int here = find_ops(plan, ops->name);
	struct rte_mempool_ops moved;

	if (here < 0)
		return ivshmem_fail(err, -ENOTSUP,
			"a shared mempool uses the ops '%s', which this process has not: load their driver, for example -d librte_mempool_%.*s.so",
			ops->name, (int)strcspn(ops->name, "_"), ops->name);
	if (ops->index >= RTE_MEMPOOL_MAX_OPS_IDX)
		return ivshmem_fail(err, -EINVAL, "mempool ops index %u",
				    ops->index);
	if ((uint32_t)here != ops->index &&
	    (plan->settled[ops->index] || plan->settled[here]))
		return ivshmem_fail(err, -EEXIST,
			"mempool ops '%s' have another index on the host of another device: start both hosts with the same mempool drivers",
			ops->name);
	moved = plan->ops[here];
	plan->ops[here] = plan->ops[ops->index];
	plan->ops[ops->index] = moved;
	plan->settled[ops->index] = true;
	if (plan->n <= ops->index)
		plan->n = ops->index + 1;
	return 0;
}

int ivshmem_agree_on_ops(const struct ivshmem_metadata *md,
			 struct ivshmem_error *err)
{
	struct ops_plan plan;
	int ret = 0;

	rte_spinlock_lock(&rte_mempool_ops_table.sl);
	memcpy(plan.ops, rte_mempool_ops_table.ops, sizeof(plan.ops));
	memcpy(plan.settled, settled, sizeof(plan.settled));
	plan.n = rte_mempool_ops_table.num_ops;
	for (uint32_t i = 0; i < md->n_ops && ret == 0; i++)
		ret = place_ops(&plan, &md->ops[i], err);
	if (ret == 0) {
		memcpy(rte_mempool_ops_table.ops, plan.ops, sizeof(plan.ops));
		memcpy(settled, plan.settled, sizeof(plan.settled));
		rte_mempool_ops_table.num_ops = plan.n;
	}
	rte_spinlock_unlock(&rte_mempool_ops_table.sl);
	return ret;
}

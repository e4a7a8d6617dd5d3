/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mempool ops at the host's indexes.
 *
 * A shared pool names its ops by an index into a table of the process, whose
 * order depends on linking and on the order of plugins.  Before this process
 * has pools, its table can be put into any order; later, what its pools use
 * stays where it is, and the host's ops get a second place.
 */
#include <errno.h>
#include <string.h>

#include <rte_mempool.h>

#include "guest.h"
#include "log.h"

/** Devices that rely on each index. */
static uint32_t users[RTE_MEMPOOL_MAX_OPS_IDX];

/* A table under work, and which of its indexes stay. */
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

/* Put away what is at `index`: to `vacant`, or behind the table's end. */
static bool displace(struct ops_plan *plan, uint32_t index, int vacant)
{
	if (index >= plan->n || plan->ops[index].name[0] == '\0')
		return true;
	if (plan->settled[index])
		return false;
	if (vacant < 0 && plan->n == RTE_MEMPOOL_MAX_OPS_IDX)
		return false;
	plan->ops[vacant < 0 ? plan->n++ : (uint32_t)vacant] =
		plan->ops[index];
	return true;
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
	moved = plan->ops[here];
	if (strcmp(plan->ops[ops->index].name, ops->name) != 0 &&
	    !displace(plan, ops->index, plan->settled[here] ? -1 : here))
		return ivshmem_fail(err, -EEXIST,
			"mempool ops '%s' are number %u on the host, and '%s' here: start both with the same mempool drivers, loaded in the same order",
			ops->name, ops->index, plan->ops[ops->index].name);
	if ((uint32_t)here != ops->index)
		IVSHMEM_LOG(INFO, "mempool ops '%s' are number %u on the host and %d here: made %u here",
			    ops->name, ops->index, here, ops->index);
	plan->ops[ops->index] = moved;
	ivshmem_guard_ops(&plan->ops[ops->index]);
	plan->settled[ops->index] = true;
	if (plan->n <= ops->index)
		plan->n = ops->index + 1;
	return 0;
}

static void settle_pool(struct rte_mempool *mp, void *arg)
{
	struct ops_plan *plan = arg;

	if ((uint32_t)mp->ops_index < RTE_MEMPOOL_MAX_OPS_IDX)
		plan->settled[mp->ops_index] = true;
}

static void begin_plan(struct ops_plan *plan, bool running)
{
	memcpy(plan->ops, rte_mempool_ops_table.ops, sizeof(plan->ops));
	plan->n = rte_mempool_ops_table.num_ops;
	for (uint32_t i = 0; i < RTE_MEMPOOL_MAX_OPS_IDX; i++)
		plan->settled[i] = users[i] > 0;
	/* Before, there are no pools, and no list of them. */
	if (running)
		rte_mempool_walk(settle_pool, plan);
}

int ivshmem_agree_on_ops(struct ivshmem_device *device, bool running,
			 struct ivshmem_error *err)
{
	const struct ivshmem_metadata *md = &device->md;
	struct ops_plan plan;
	int ret = 0;

	begin_plan(&plan, running);
	rte_spinlock_lock(&rte_mempool_ops_table.sl);
	for (uint32_t i = 0; i < md->n_ops && ret == 0; i++)
		ret = place_ops(&plan, &md->ops[i], err);
	if (ret == 0) {
		memcpy(rte_mempool_ops_table.ops, plan.ops, sizeof(plan.ops));
		rte_mempool_ops_table.num_ops = plan.n;
		for (uint32_t i = 0; i < md->n_ops; i++)
			users[md->ops[i].index]++;
		device->ops_settled = true;
	}
	rte_spinlock_unlock(&rte_mempool_ops_table.sl);
	return ret;
}

void ivshmem_release_ops(struct ivshmem_device *device)
{
	for (uint32_t i = 0; i < device->md.n_ops && device->ops_settled; i++)
		users[device->md.ops[i].index]--;
	device->ops_settled = false;
}

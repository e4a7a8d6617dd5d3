/* SPDX-License-Identifier: BSD-3-Clause */
/* The public calls that add objects to metadata and remove them from it. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "host.h"

/** Any of ivshmem_add_memzone(), _ring() and _mempool(). */
typedef int (*add_function)(struct ivshmem_host *host, const void *object,
			    bool readonly, struct ivshmem_error *err);

static int begin(const void *object, const char *md_name,
		 struct ivshmem_host **host, struct ivshmem_error *err)
{
	return object == NULL ?
	       ivshmem_fail(err, -EINVAL, "the object is NULL") :
	       ivshmem_get_host(md_name, host, err);
}

static int add(const void *object, const char *md_name, bool readonly,
	       add_function function)
{
	struct ivshmem_host *host;
	struct ivshmem_error err;
	int ret;

	ivshmem_lock();
	ret = begin(object, md_name, &host, &err);
	if (ret == 0)
		ret = function(host, object, readonly, &err);
	if (ret == 0)
		host->state = RTE_IVSHMEM_BUILDING;
	ivshmem_unlock();
	return ivshmem_result(ret, &err);
}

static int remove_object(const void *object, const char *md_name,
			 enum rte_ivshmem_object_type type)
{
	struct ivshmem_host *host;
	struct ivshmem_error err;
	int ret;

	ivshmem_lock();
	ret = begin(object, md_name, &host, &err);
	if (ret == 0)
		ret = ivshmem_remove(host, type, object, &err);
	if (ret == 0)
		host->state = RTE_IVSHMEM_BUILDING;
	ivshmem_unlock();
	return ivshmem_result(ret, &err);
}

int rte_ivshmem_metadata_add_memzone(const struct rte_memzone *mz,
				     const char *md_name)
{
	return add(mz, md_name, false, ivshmem_add_memzone);
}

int rte_ivshmem_metadata_add_ring(const struct rte_ring *r,
				  const char *md_name)
{
	return add(r, md_name, false, ivshmem_add_ring);
}

int rte_ivshmem_metadata_add_mempool(const struct rte_mempool *mp,
				     const char *md_name)
{
	return add(mp, md_name, false, ivshmem_add_mempool);
}

int rte_ivshmem_metadata_add_memzone_readonly(const struct rte_memzone *mz,
					      const char *md_name)
{
	return add(mz, md_name, true, ivshmem_add_memzone);
}

int rte_ivshmem_metadata_add_ring_readonly(const struct rte_ring *r,
					   const char *md_name)
{
	return add(r, md_name, true, ivshmem_add_ring);
}

int rte_ivshmem_metadata_add_mempool_readonly(const struct rte_mempool *mp,
					      const char *md_name)
{
	return add(mp, md_name, true, ivshmem_add_mempool);
}

int rte_ivshmem_metadata_remove_memzone(const struct rte_memzone *mz,
					const char *md_name)
{
	return remove_object(mz, md_name, RTE_IVSHMEM_MEMZONE);
}

int rte_ivshmem_metadata_remove_ring(const struct rte_ring *r,
				     const char *md_name)
{
	return remove_object(r, md_name, RTE_IVSHMEM_RING);
}

int rte_ivshmem_metadata_remove_mempool(const struct rte_mempool *mp,
					const char *md_name)
{
	return remove_object(mp, md_name, RTE_IVSHMEM_MEMPOOL);
}

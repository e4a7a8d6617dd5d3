/* SPDX-License-Identifier: BSD-3-Clause */
/* What guests see beyond the shared objects: this process knows the names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_memzone.h>

#include "audit.h"
#include "host.h"

/** The memzones of this process, while they are listed. */
struct listing {
	struct ivshmem_vec neighbours; /**< struct ivshmem_neighbour */
	int ret;
};

static void list_memzone(const struct rte_memzone *mz, void *arg)
{
	struct listing *listing = arg;
	struct ivshmem_neighbour neighbour = {
		.address = mz->addr_64, .length = mz->len,
	};

	memcpy(neighbour.name, mz->name, sizeof(neighbour.name) - 1);
	if (listing->ret == 0)
		listing->ret = ivshmem_vec_append(&listing->neighbours,
				&neighbour, 1, sizeof(neighbour));
}

static int audit_metadata(FILE *f, const struct ivshmem_metadata *md,
			  uint64_t *bytes, struct ivshmem_error *err)
{
	struct listing listing = { 0 };
	int ret;

	rte_memzone_walk(list_memzone, &listing);
	ret = listing.ret != 0 ?
	      ivshmem_fail(err, -ENOMEM, "out of memory") :
	      ivshmem_audit(md, listing.neighbours.data, listing.neighbours.n,
			    f != NULL ? ivshmem_audit_print : NULL, f, bytes,
			    err);
	free(listing.neighbours.data);
	if (ret == 0 && f != NULL && (fflush(f) != 0 || ferror(f)))
		return ivshmem_fail(err, -EIO, "cannot write the audit");
	return ret;
}

int ivshmem_host_audit(const struct ivshmem_host *host, FILE *f,
		       uint64_t *bytes, struct ivshmem_error *err)
{
	struct ivshmem_metadata md;
	int ret = ivshmem_publish_build(host, host->generation, host->state,
					&md, err);

	if (ret != 0)
		return ret;
	ret = audit_metadata(f, &md, bytes, err);
	ivshmem_published_free(&md);
	return ret;
}

int64_t rte_ivshmem_metadata_audit(FILE *f, const char *name)
{
	struct ivshmem_host *host;
	struct ivshmem_error err;
	uint64_t bytes = 0;
	int ret;

	ivshmem_lock();
	ret = ivshmem_get_host(name, &host, &err);
	if (ret == 0)
		ret = ivshmem_host_audit(host, f, &bytes, &err);
	ivshmem_unlock();
	return ret == 0 ? (int64_t)bytes : ivshmem_result(ret, &err);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From what was added to what guests read: pieces in the order of their
 * addresses, neighbours of one file merged, each at the BAR offset that the
 * device will give it (docs: QEMU's ivshmem, "guest-visible layout").
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include "host.h"
#include "layout.h"
#include "mbuf_dyn.h"

static int compare_addresses(const void *a, const void *b)
{
	const struct rte_ivshmem_chunk *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* True if y begins in x or right behind it, in the file as in memory. */
static bool continues(const struct rte_ivshmem_chunk *x,
		      const struct rte_ivshmem_chunk *y, const char *paths)
{
	return y->address - x->address <= x->length &&
	       y->file_offset - x->file_offset == y->address - x->address &&
	       x->page_size == y->page_size &&
	       (x->path == y->path ||
		strcmp(paths + x->path, paths + y->path) == 0);
}

/* Chunk 0 is left for the metadata. */
static void merge_pieces(struct ivshmem_metadata *md,
			 const struct rte_ivshmem_chunk *pieces, uint32_t n)
{
	struct rte_ivshmem_chunk *sorted = &md->chunks[1];
	uint32_t last = 0;

	md->n_chunks = 1;
	if (n == 0)
		return;
	memcpy(sorted, pieces, n * sizeof(*pieces));
	qsort(sorted, n, sizeof(*sorted), compare_addresses);
	for (uint32_t i = 1; i < n; i++) {
		uint64_t end = sorted[i].address + sorted[i].length;

		if (!continues(&sorted[last], &sorted[i], md->paths))
			sorted[++last] = sorted[i];
		else if (end > sorted[last].address + sorted[last].length)
			sorted[last].length = end - sorted[last].address;
	}
	md->n_chunks = last + 2;
}

static void place_chunks(struct ivshmem_metadata *md, uint64_t metadata_length)
{
	uint64_t offset = 0;

	md->chunks[0] = (struct rte_ivshmem_chunk){
		.length = metadata_length,
		.page_size = RTE_IVSHMEM_PAGE_SIZE,
		.path = md->chunks[0].path,
		.flags = RTE_IVSHMEM_CHUNK_METADATA |
			 RTE_IVSHMEM_CHUNK_READONLY,
	};
	for (uint32_t i = 0; i < md->n_chunks; i++) {
		struct rte_ivshmem_chunk *chunk = &md->chunks[i];

		offset = RTE_ALIGN_CEIL(offset, chunk->page_size);
		chunk->bar_offset = offset;
		offset += chunk->length;
	}
}

/* Every id that an EAL or registered thread holds may use a pool's cache. */
static int list_lcores(struct ivshmem_metadata *md)
{
	md->lcores = calloc(RTE_MAX_LCORE, sizeof(*md->lcores));
	if (md->lcores == NULL)
		return -ENOMEM;
	for (uint32_t id = 0; id < RTE_MAX_LCORE; id++)
		if (rte_eal_lcore_role(id) != ROLE_OFF)
			md->lcores[md->n_lcores++] = id;
	return 0;
}

/* The host's paths, then that of the metadata file. */
static int list_paths(const struct ivshmem_host *host,
		      struct ivshmem_metadata *md)
{
	size_t own = strlen(host->file.path) + 1;

	md->paths = malloc(host->paths.n + own);
	if (md->paths == NULL)
		return -ENOMEM;
	if (host->paths.n > 0)
		memcpy(md->paths, host->paths.data, host->paths.n);
	memcpy(md->paths + host->paths.n, host->file.path, own);
	md->chunks[0].path = host->paths.n;
	md->n_paths = host->paths.n + (uint32_t)own;
	return 0;
}

static int list_chunks(const struct ivshmem_host *host,
		       struct ivshmem_metadata *md)
{
	md->chunks = calloc((size_t)host->pieces.n + 1, sizeof(*md->chunks));
	if (md->chunks == NULL || list_paths(host, md) != 0)
		return -ENOMEM;
	merge_pieces(md, host->pieces.data, host->pieces.n);
	return 0;
}

static void fill(const struct ivshmem_host *host, uint64_t generation,
		 uint32_t state, struct ivshmem_metadata *md)
{
	snprintf(md->name, sizeof(md->name), "%s", host->name);
	snprintf(md->dpdk_version, sizeof(md->dpdk_version), "%s",
		 rte_version());
	md->generation = generation;
	md->state = state;
	md->objects = host->objects.data;
	md->n_objects = host->objects.n;
	md->ops = host->ops.data;
	md->n_ops = host->ops.n;
	md->layout = (uint32_t *)(uintptr_t)ivshmem_layout;
	md->n_layout = RTE_IVSHMEM_LAYOUT_N;
}

int ivshmem_publish_build(const struct ivshmem_host *host, uint64_t generation,
			  uint32_t state, struct ivshmem_metadata *md,
			  struct ivshmem_error *err)
{
	uint64_t length;

	memset(md, 0, sizeof(*md));
	fill(host, generation, state, md);
	if (list_lcores(md) != 0 || list_chunks(host, md) != 0 ||
	    ivshmem_mbuf_dyn_list(&md->dyns, &md->n_dyns) != 0) {
		ivshmem_published_free(md);
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	length = ivshmem_file_length(md);
	if (length == 0) {
		ivshmem_published_free(md);
		return ivshmem_fail(err, -E2BIG,
			"metadata '%s' would be larger than 1 GiB", host->name);
	}
	place_chunks(md, length);
	return 0;
}

void ivshmem_published_free(struct ivshmem_metadata *md)
{
	free(md->chunks);
	free(md->lcores);
	free(md->paths);
	free(md->dyns);
	memset(md, 0, sizeof(*md));
}

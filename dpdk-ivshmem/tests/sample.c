/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "crc32c.h"
#include "sample.h"

#define MIB UINT64_C(0x100000)

static const char sample_paths[] = "/run/meta\0/hp/a\0/hp/b";

static const struct rte_ivshmem_chunk sample_chunks[] = {
	{ .length = 0x1000, .page_size = 0x1000, .path = 0,
	  .flags = RTE_IVSHMEM_CHUNK_METADATA | RTE_IVSHMEM_CHUNK_READONLY },
	{ .address = 0x100200000, .length = 2 * MIB, .bar_offset = 2 * MIB,
	  .file_offset = 0, .page_size = 2 * MIB, .path = 10 },
	{ .address = 0x100400000, .length = 2 * MIB, .bar_offset = 4 * MIB,
	  .file_offset = 6 * MIB, .page_size = 2 * MIB, .path = 16 },
};

static const struct rte_ivshmem_object sample_objects[] = {
	{ .name = "RG_r", .type = RTE_IVSHMEM_MEMZONE,
	  .flags = RTE_IVSHMEM_OBJECT_IMPLIED, .address = 0x100200080,
	  .length = 0x1000, .memzone = 0x100005048, .hugepage_sz = 2 * MIB },
	{ .name = "r", .type = RTE_IVSHMEM_RING, .address = 0x100200080,
	  .length = 0x1000 },
	/* Reaches over the border of two chunks. */
	{ .name = "MP_p", .type = RTE_IVSHMEM_MEMZONE, .address = 0x1003f0000,
	  .length = 0x20000, .memzone = 0x100005090, .hugepage_sz = 2 * MIB },
	{ .name = "p", .type = RTE_IVSHMEM_MEMPOOL, .address = 0x1003f0000,
	  .length = 0x20000, .ops = 0, .cache_size = 32 },
};

static const uint32_t sample_lcores[] = { 0, 3 };

static const struct rte_ivshmem_ops sample_ops[] = {
	{ .name = "ring_mp_mc", .index = 2 },
};

static const struct rte_ivshmem_dyn sample_dyns[] = {
	{ .name = "timestamp", .kind = RTE_IVSHMEM_DYNFIELD, .position = 88,
	  .size = 8, .align = 8 },
};

static const uint32_t sample_layout[] = { 8, 64, 128 };

#define TAKE(array) do { \
	static char copy[sizeof(sample_##array)]; \
	memcpy(copy, sample_##array, sizeof(copy)); \
	md->array = (void *)copy; \
	md->n_##array = sizeof(copy) / sizeof(sample_##array[0]); \
} while (0)

void sample_metadata(struct ivshmem_metadata *md)
{
	memset(md, 0, sizeof(*md));
	strcpy(md->name, "sample");
	strcpy(md->dpdk_version, "DPDK 22.11.0");
	md->generation = 42;
	md->state = RTE_IVSHMEM_READY;
	TAKE(chunks);
	TAKE(objects);
	TAKE(lcores);
	TAKE(ops);
	TAKE(dyns);
	TAKE(layout);
	TAKE(paths);
}

void seal(void *image, size_t size)
{
	struct rte_ivshmem_header *header = image;
	uint32_t state = header->state;
	uint64_t heartbeat = header->heartbeat;

	header->checksum = 0;
	header->state = 0;
	header->heartbeat = 0;
	header->checksum = ivshmem_crc32c(0, image, size);
	header->state = state;
	header->heartbeat = heartbeat;
}

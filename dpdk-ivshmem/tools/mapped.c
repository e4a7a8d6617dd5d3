/* SPDX-License-Identifier: BSD-3-Clause */
#include "mapped.h"
#include "process_maps.h"

static bool is_file(const struct ivshmem_mapping *mapping)
{
	return mapping->ino != 0;
}

int mapped_read(pid_t pid, struct ivshmem_vec *maps)
{
	return ivshmem_mappings_read(pid, is_file, maps);
}

/* The first mapping that ends behind the address. */
static uint32_t find_mapping(const struct ivshmem_vec *maps, uint64_t address)
{
	const struct ivshmem_mapping *list = maps->data;
	uint32_t low = 0, high = maps->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool mapped_has(const struct ivshmem_vec *maps,
		const struct rte_ivshmem_chunk *chunk, const struct stat *file)
{
	const struct ivshmem_mapping *m = maps->data;
	uint64_t at = chunk->address, end = at + chunk->length;

	for (uint32_t i = find_mapping(maps, at); at < end; i++) {
		if (i >= maps->n || m[i].start > at ||
		    m[i].dev != file->st_dev || m[i].ino != file->st_ino ||
		    m[i].offset + (at - m[i].start) !=
		    chunk->file_offset + (at - chunk->address))
			return false;
		at = m[i].end;
	}
	return true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "format.h"

/** One table of the metadata as bytes. */
struct table_source {
	const void *data;
	uint32_t count;
	uint32_t entry_size;
};

int ivshmem_fail(struct ivshmem_error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

static void table_sources(const struct ivshmem_metadata *md,
			  struct table_source source[RTE_IVSHMEM_N_TABLES])
{
	source[RTE_IVSHMEM_CHUNKS] = (struct table_source){
		md->chunks, md->n_chunks, sizeof(*md->chunks) };
	source[RTE_IVSHMEM_OBJECTS] = (struct table_source){
		md->objects, md->n_objects, sizeof(*md->objects) };
	source[RTE_IVSHMEM_LCORES] = (struct table_source){
		md->lcores, md->n_lcores, sizeof(*md->lcores) };
	source[RTE_IVSHMEM_OPS] = (struct table_source){
		md->ops, md->n_ops, sizeof(*md->ops) };
	source[RTE_IVSHMEM_DYN] = (struct table_source){
		md->dyns, md->n_dyns, sizeof(*md->dyns) };
	source[RTE_IVSHMEM_LAYOUT] = (struct table_source){
		md->layout, md->n_layout, sizeof(*md->layout) };
	source[RTE_IVSHMEM_PATHS] = (struct table_source){
		md->paths, md->n_paths, 1 };
}

static uint64_t align8(uint64_t offset)
{
	return (offset + 7) & ~UINT64_C(7);
}

/* Cannot overflow: a handful of products of 32-bit numbers. */
static uint64_t place_tables(const struct ivshmem_metadata *md,
			     struct rte_ivshmem_table *tables)
{
	struct table_source source[RTE_IVSHMEM_N_TABLES];
	uint64_t offset = sizeof(struct rte_ivshmem_header);

	table_sources(md, source);
	for (int i = 0; i < RTE_IVSHMEM_N_TABLES; i++) {
		tables[i].offset = offset;
		tables[i].count = source[i].count;
		tables[i].entry_size = source[i].entry_size;
		offset = align8(offset + (uint64_t)source[i].count *
				source[i].entry_size);
	}
	return offset;
}

uint64_t ivshmem_metadata_size(const struct ivshmem_metadata *md)
{
	struct rte_ivshmem_table tables[RTE_IVSHMEM_N_TABLES];
	uint64_t size = place_tables(md, tables);

	return size <= RTE_IVSHMEM_TOTAL_MAX ? size : 0;
}

static void fill_header(const struct ivshmem_metadata *md,
			struct rte_ivshmem_header *header)
{
	header->magic = RTE_IVSHMEM_MAGIC;
	header->major = RTE_IVSHMEM_VERSION_MAJOR;
	header->minor = RTE_IVSHMEM_VERSION_MINOR;
	header->header_size = sizeof(*header);
	header->generation = md->generation;
	header->n_tables = RTE_IVSHMEM_N_TABLES;
	header->fingerprint = ivshmem_crc32c(0, md->layout, md->n_layout *
					     sizeof(*md->layout));
	snprintf(header->name, sizeof(header->name), "%s", md->name);
	snprintf(header->dpdk_version, sizeof(header->dpdk_version), "%s",
		 md->dpdk_version);
}

/* Tables begin at multiples of 8. */
static int list_pieces(const struct table_source source[RTE_IVSHMEM_N_TABLES],
		       struct iovec *pieces)
{
	static const uint64_t zero;
	int n = 0;

	for (int i = 0; i < RTE_IVSHMEM_N_TABLES; i++) {
		uint64_t bytes = (uint64_t)source[i].count *
				 source[i].entry_size;

		if (bytes > 0)
			pieces[n++] = (struct iovec){
				(void *)(uintptr_t)source[i].data, bytes };
		if (bytes % 8 != 0)
			pieces[n++] = (struct iovec){
				(void *)(uintptr_t)&zero, 8 - bytes % 8 };
	}
	return n;
}

int ivshmem_metadata_pieces(const struct ivshmem_metadata *md,
			    struct rte_ivshmem_header *header,
			    struct iovec pieces[IVSHMEM_PIECES])
{
	struct table_source source[RTE_IVSHMEM_N_TABLES];
	uint32_t checksum = 0;
	int n;

	memset(header, 0, sizeof(*header));
	fill_header(md, header);
	header->total_size = place_tables(md, header->tables);
	if (header->total_size > RTE_IVSHMEM_TOTAL_MAX)
		return -E2BIG;
	table_sources(md, source);
	pieces[0] = (struct iovec){ header, sizeof(*header) };
	n = 1 + list_pieces(source, &pieces[1]);
	for (int i = 0; i < n; i++)
		checksum = ivshmem_crc32c(checksum, pieces[i].iov_base,
					  pieces[i].iov_len);
	header->checksum = checksum;
	header->state = md->state;
	header->heartbeat = md->heartbeat;
	return n;
}

int ivshmem_metadata_encode(const struct ivshmem_metadata *md, void **image)
{
	struct iovec pieces[IVSHMEM_PIECES];
	struct rte_ivshmem_header header;
	int n = ivshmem_metadata_pieces(md, &header, pieces);
	char *to;

	if (n < 0)
		return n;
	to = malloc(header.total_size);
	if (to == NULL)
		return -ENOMEM;
	*image = to;
	for (int i = 0; i < n; i++) {
		memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
		to += pieces[i].iov_len;
	}
	return 0;
}

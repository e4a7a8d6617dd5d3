/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>

#include "drawing.h"

/* Objects drawn per chunk; more are counted. */
#define DRAWN_MAX 12

static const char line[] =
	"+--------------------------------------------------------";

const char *ivshmem_state_name(uint32_t state)
{
	switch (state) {
	case RTE_IVSHMEM_BUILDING:
		return "building";
	case RTE_IVSHMEM_READY:
		return "ready";
	default:
		return "closing";
	}
}

const char *ivshmem_type_name(uint32_t type)
{
	switch (type) {
	case RTE_IVSHMEM_RING:
		return "ring";
	case RTE_IVSHMEM_MEMPOOL:
		return "mempool";
	case RTE_IVSHMEM_PART:
		return "part";
	default:
		return "memzone";
	}
}

/* "4 KiB", "2.5 MiB": at most one digit behind the point. */
const char *ivshmem_human_size(uint64_t bytes, char text[32])
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	unsigned int i = 0;

	while (value >= 1024 && i < 4) {
		value /= 1024;
		i++;
	}
	snprintf(text, 32, value == (double)(uint64_t)value ?
		 "%.0f %s" : "%.1f %s", value, unit[i]);
	return text;
}

static void draw_hole(FILE *f, uint64_t start, uint64_t end)
{
	char size[32];

	if (start == end)
		return;
	fprintf(f, "0x%012" PRIx64 " %s\n", start, line);
	fprintf(f, "%14s |   (%s: nothing, reads as zero)\n", "",
		ivshmem_human_size(end - start, size));
}

static void draw_objects(FILE *f, const struct ivshmem_metadata *md,
			 const struct rte_ivshmem_chunk *chunk)
{
	unsigned int drawn = 0, more = 0;

	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];

		if (o->address >= chunk->address + chunk->length ||
		    o->address + o->length <= chunk->address)
			continue;
		if (drawn == DRAWN_MAX) {
			more++;
			continue;
		}
		fprintf(f, "%14s |   %-8s %-32s at 0x%" PRIx64 ", %" PRIu64
			" bytes\n", "", ivshmem_type_name(o->type), o->name,
			o->address, o->length);
		drawn++;
	}
	if (more > 0)
		fprintf(f, "%14s |   and %u more\n", "", more);
}

static void draw_chunk(FILE *f, const struct ivshmem_metadata *md,
		       const struct rte_ivshmem_chunk *chunk)
{
	char size[32];

	fprintf(f, "0x%012" PRIx64 " %s\n", chunk->bar_offset, line);
	fprintf(f, "%14s | %s", "", ivshmem_human_size(chunk->length, size));
	if (chunk->flags & RTE_IVSHMEM_CHUNK_METADATA)
		fputs(" of metadata\n", f);
	else
		fprintf(f, " at host address 0x%" PRIx64 "%s\n",
			chunk->address,
			chunk->flags & RTE_IVSHMEM_CHUNK_READONLY ?
			", read-only" : "");
	fprintf(f, "%14s | %s + 0x%" PRIx64 " (%s pages)\n", "",
		ivshmem_chunk_path(md, chunk), chunk->file_offset,
		ivshmem_human_size(chunk->page_size, size));
	draw_objects(f, md, chunk);
}

static void draw_bar(FILE *f, const struct ivshmem_metadata *md)
{
	uint64_t end = 0, size = ivshmem_bar_size(md);
	char text[32];

	fprintf(f, "BAR 2, %s:\n", ivshmem_human_size(size, text));
	for (uint32_t i = 0; i < md->n_chunks; i++) {
		draw_hole(f, end, md->chunks[i].bar_offset);
		draw_chunk(f, md, &md->chunks[i]);
		end = md->chunks[i].bar_offset + md->chunks[i].length;
	}
	draw_hole(f, end, size);
	fprintf(f, "0x%012" PRIx64 " %s\n", size, line);
}

static void list_objects(FILE *f, const struct ivshmem_metadata *md)
{
	fprintf(f, "%-8s %-32s %-14s %12s\n", "type", "name", "address",
		"bytes");
	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];

		fprintf(f, "%-8s %-32s 0x%-12" PRIx64 " %12" PRIu64,
			ivshmem_type_name(o->type), o->name, o->address,
			o->length);
		if (o->flags & RTE_IVSHMEM_OBJECT_READONLY)
			fputs("  (read-only)", f);
		if (o->flags & RTE_IVSHMEM_OBJECT_IMPLIED)
			fputs("  (another object needs it)", f);
		if (o->type == RTE_IVSHMEM_MEMPOOL)
			fprintf(f, "  (ops %s, cache of %u)",
				md->ops[o->ops].name, o->cache_size);
		fputc('\n', f);
	}
}

void ivshmem_draw_text(FILE *f, const struct ivshmem_metadata *md)
{
	fprintf(f, "metadata '%s': generation %" PRIu64
		", %s, DPDK '%s', %u chunks, %u objects\n", md->name,
		md->generation, ivshmem_state_name(md->state), md->dpdk_version,
		md->n_chunks, md->n_objects);
	list_objects(f, md);
	draw_bar(f, md);
}

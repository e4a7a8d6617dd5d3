/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdbool.h>

#include "draw_svg.h"
#include "drawing.h"

/* Of the picture, in pixels. */
#define WIDTH 980
#define BAR_LEFT 150
#define BAR_WIDTH 210
#define TEXT_LEFT (BAR_LEFT + BAR_WIDTH + 24)
#define TOP 84
#define LINE 18
#define BAND_MIN 2
#define PROPORTIONAL 600 /* shared by all blocks in proportion */

/* What is drawn; the rest is counted. */
#define CHUNKS_MAX 48
#define OBJECTS_MAX 12

/* A block of the BAR: a chunk, or a hole. */
struct block {
	const struct rte_ivshmem_chunk *chunk; /**< NULL: a hole */
	uint64_t offset;
	uint64_t length;
	uint32_t n_objects;
	unsigned int height;
};

static void put_text(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*text, f);
		}
	}
}

static const char *object_color(uint32_t type)
{
	switch (type) {
	case RTE_IVSHMEM_RING:
		return "#3a9d5d";
	case RTE_IVSHMEM_MEMPOOL:
		return "#d98324";
	case RTE_IVSHMEM_PART:
		return "#e8c07d";
	default:
		return "#5b8ac6";
	}
}

static bool lies_in(const struct rte_ivshmem_object *object,
		    const struct rte_ivshmem_chunk *chunk)
{
	return object->address < chunk->address + chunk->length &&
	       object->address + object->length > chunk->address;
}

static uint32_t count_objects(const struct ivshmem_metadata *md,
			      const struct rte_ivshmem_chunk *chunk)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < md->n_objects; i++)
		n += lies_in(&md->objects[i], chunk);
	return n;
}

static unsigned int count_lines(const struct block *block)
{
	if (block->chunk == NULL)
		return 1;
	if (block->n_objects > OBJECTS_MAX)
		return 2 + OBJECTS_MAX + 1;
	return 2 + block->n_objects;
}

/* Room for its lines, or its share of the BAR, whichever is more. */
static void set_height(struct block *block, uint64_t bar)
{
	double share = (double)block->length / (double)bar * PROPORTIONAL;
	unsigned int least = count_lines(block) * LINE + 14;

	block->height = share > least ? (unsigned int)share : least;
}

static uint32_t add_hole(struct block *blocks, uint32_t n, uint64_t start,
			 uint64_t end)
{
	if (start >= end)
		return n;
	blocks[n] = (struct block){ .offset = start, .length = end - start };
	return n + 1;
}

/* The blocks in the order of the BAR; `blocks` has room for all. */
static uint32_t list_blocks(const struct ivshmem_metadata *md, uint64_t bar,
			    struct block *blocks)
{
	uint32_t drawn = md->n_chunks < CHUNKS_MAX ? md->n_chunks : CHUNKS_MAX;
	uint64_t end = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < drawn; i++) {
		const struct rte_ivshmem_chunk *c = &md->chunks[i];

		n = add_hole(blocks, n, end, c->bar_offset);
		blocks[n++] = (struct block){
			.chunk = c,
			.offset = c->bar_offset,
			.length = c->length,
			.n_objects = count_objects(md, c),
		};
		end = c->bar_offset + c->length;
	}
	if (drawn == md->n_chunks)
		n = add_hole(blocks, n, end, bar);
	for (uint32_t i = 0; i < n; i++)
		set_height(&blocks[i], bar);
	return n;
}

static void draw_box(FILE *f, const struct block *block, unsigned int y)
{
	const char *fill = block->chunk == NULL ? "#ffffff" :
		block->chunk->flags & RTE_IVSHMEM_CHUNK_METADATA ? "#d9d9d9" :
		block->chunk->flags & RTE_IVSHMEM_CHUNK_READONLY ? "#f3e9dc" :
		"#e9eef5";

	fprintf(f, "<rect x=\"%d\" y=\"%u\" width=\"%d\" height=\"%u\" fill=\"%s\" stroke=\"#333333\"%s/>\n",
		BAR_LEFT, y, BAR_WIDTH, block->height, fill,
		block->chunk == NULL ? " stroke-dasharray=\"4 3\"" : "");
	fprintf(f, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">0x%" PRIx64
		"</text>\n", BAR_LEFT - 8, y + 12, block->offset);
}

/* Where in the block an object lies; memzones to the left of what is in them. */
static void draw_band(FILE *f, const struct block *block,
		      const struct rte_ivshmem_object *o, unsigned int y)
{
	const struct rte_ivshmem_chunk *c = block->chunk;
	uint64_t start = o->address > c->address ? o->address - c->address : 0;
	uint64_t end = o->address + o->length - c->address;
	double scale = (double)block->height / (double)c->length;
	double height, top = (double)start * scale;
	bool memzone = o->type == RTE_IVSHMEM_MEMZONE;

	if (end > c->length)
		end = c->length;
	height = (double)(end - start) * scale;
	if (height < BAND_MIN)
		height = BAND_MIN;
	if (top + height > block->height)
		top = block->height - height;
	fprintf(f, "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"%s\"><title>",
		BAR_LEFT + (memzone ? 20 : 115), y + top,
		BAR_WIDTH / 2 - 30, height, object_color(o->type));
	put_text(f, o->name);
	fputs("</title></rect>\n", f);
}

static void draw_label(FILE *f, const struct rte_ivshmem_object *o,
		       unsigned int y)
{
	char size[32];

	fprintf(f, "<rect x=\"%d\" y=\"%u\" width=\"10\" height=\"10\" fill=\"%s\"/>\n",
		TEXT_LEFT, y - 9, object_color(o->type));
	fprintf(f, "<text x=\"%d\" y=\"%u\">%s <tspan font-weight=\"bold\">",
		TEXT_LEFT + 18, y, ivshmem_type_name(o->type));
	put_text(f, o->name);
	fprintf(f, "</tspan> %s at 0x%" PRIx64 "</text>\n",
		ivshmem_human_size(o->length, size), o->address);
}

static void draw_objects(FILE *f, const struct ivshmem_metadata *md,
			 const struct block *block, unsigned int y)
{
	unsigned int line = y + 2 * LINE + 12, n = 0;

	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];

		if (!lies_in(o, block->chunk))
			continue;
		draw_band(f, block, o, y);
		if (n++ >= OBJECTS_MAX)
			continue;
		draw_label(f, o, line);
		line += LINE;
	}
	if (n > OBJECTS_MAX)
		fprintf(f, "<text x=\"%d\" y=\"%u\">and %u more</text>\n",
			TEXT_LEFT + 18, line, n - OBJECTS_MAX);
}

static void draw_chunk(FILE *f, const struct ivshmem_metadata *md,
		       const struct block *block, unsigned int y)
{
	const struct rte_ivshmem_chunk *c = block->chunk;
	bool metadata = c->flags & RTE_IVSHMEM_CHUNK_METADATA;
	char size[32];

	fprintf(f, "<text x=\"%d\" y=\"%u\"><tspan font-weight=\"bold\">%s</tspan>",
		TEXT_LEFT, y + 12, ivshmem_human_size(c->length, size));
	if (metadata)
		fputs(" of metadata", f);
	else
		fprintf(f, " at host address 0x%" PRIx64 "%s", c->address,
			c->flags & RTE_IVSHMEM_CHUNK_READONLY ?
			", read-only" : "");
	fprintf(f, "</text>\n<text x=\"%d\" y=\"%u\" fill=\"#555555\">",
		TEXT_LEFT, y + LINE + 12);
	put_text(f, ivshmem_chunk_path(md, c));
	fprintf(f, " + 0x%" PRIx64 ", %s pages</text>\n", c->file_offset,
		ivshmem_human_size(c->page_size, size));
	if (!metadata)
		draw_objects(f, md, block, y);
}

static void draw_block(FILE *f, const struct ivshmem_metadata *md,
		       const struct block *block, unsigned int y)
{
	char size[32];

	draw_box(f, block, y);
	if (block->chunk != NULL)
		draw_chunk(f, md, block, y);
	else
		fprintf(f, "<text x=\"%d\" y=\"%u\" fill=\"#555555\">%s: nothing, reads as zero</text>\n",
			TEXT_LEFT, y + 14,
			ivshmem_human_size(block->length, size));
}

static void draw_head(FILE *f, const struct ivshmem_metadata *md, uint64_t bar,
		      unsigned int height)
{
	char size[32];

	fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\" font-family=\"DejaVu Sans, Helvetica, sans-serif\" font-size=\"12\">\n"
		"<rect width=\"%d\" height=\"%u\" fill=\"#ffffff\"/>\n",
		WIDTH, height, WIDTH, height, WIDTH, height);
	fputs("<text x=\"20\" y=\"28\" font-size=\"17\" font-weight=\"bold\">", f);
	put_text(f, md->name);
	fputs("</text>\n<text x=\"20\" y=\"48\" fill=\"#555555\">", f);
	fprintf(f, "%s, generation %" PRIu64 ", ",
		ivshmem_state_name(md->state), md->generation);
	put_text(f, md->dpdk_version);
	fprintf(f, "; BAR 2 of %s: %u chunks, %u objects</text>\n",
		ivshmem_human_size(bar, size), md->n_chunks, md->n_objects);
}

static void draw_legend(FILE *f)
{
	int x = TEXT_LEFT;

	fputs("<text x=\"20\" y=\"68\" fill=\"#555555\">small blocks are drawn larger than they are</text>\n",
	      f);
	for (uint32_t type = RTE_IVSHMEM_MEMZONE; type <= RTE_IVSHMEM_PART;
	     type++, x += 100)
		fprintf(f, "<rect x=\"%d\" y=\"59\" width=\"10\" height=\"10\" fill=\"%s\"/>\n<text x=\"%d\" y=\"68\">%s</text>\n",
			x, object_color(type), x + 16,
			ivshmem_type_name(type));
}

void draw_svg(FILE *f, const struct ivshmem_metadata *md)
{
	struct block blocks[2 * CHUNKS_MAX + 1];
	uint64_t bar = ivshmem_bar_size(md);
	uint32_t n = list_blocks(md, bar, blocks);
	unsigned int y = TOP, height = TOP + 40;

	for (uint32_t i = 0; i < n; i++)
		height += blocks[i].height;
	draw_head(f, md, bar, height);
	draw_legend(f);
	for (uint32_t i = 0; i < n; i++) {
		draw_block(f, md, &blocks[i], y);
		y += blocks[i].height;
	}
	if (md->n_chunks > CHUNKS_MAX)
		fprintf(f, "<text x=\"%d\" y=\"%u\">and %u more chunks</text>\n",
			BAR_LEFT, y + 20, md->n_chunks - CHUNKS_MAX);
	else
		fprintf(f, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">0x%"
			PRIx64 "</text>\n", BAR_LEFT - 8, y + 12, bar);
	fputs("</svg>\n", f);
}

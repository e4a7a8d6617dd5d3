/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "sort.h"

/** A half-open range [start, end). */
struct range {
	uint64_t start;
	uint64_t end;
};

/** What is passed down while the gaps are walked in the order of addresses. */
struct walk {
	const struct ivshmem_neighbour *next; /**< first that may reach in */
	const struct ivshmem_neighbour *end;
	ivshmem_exposed_visit visit;
	void *arg;
	uint64_t bytes;
};

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Sort, and join what overlaps or adjoins; returns how many are left. */
static uint32_t join(struct range *ranges, uint32_t n)
{
	uint32_t last = 0;

	if (n == 0)
		return 0;
	ivshmem_sort(ranges, n, sizeof(*ranges), compare_ranges);
	for (uint32_t i = 1; i < n; i++) {
		if (ranges[i].start > ranges[last].end)
			ranges[++last] = ranges[i];
		else if (ranges[i].end > ranges[last].end)
			ranges[last].end = ranges[i].end;
	}
	return last + 1;
}

static int compare_neighbours(const void *a, const void *b)
{
	const struct ivshmem_neighbour *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/*
 * Sort the neighbours and cut what overlaps, so that one walk suffices.  They
 * come from another process' memory: nothing about them is sure.
 */
static uint32_t tidy(struct ivshmem_neighbour *neighbours, uint32_t n)
{
	uint32_t kept = 0;
	uint64_t end = 0;

	if (n == 0)
		return 0;
	ivshmem_sort(neighbours, n, sizeof(*neighbours), compare_neighbours);
	for (uint32_t i = 0; i < n; i++) {
		struct ivshmem_neighbour one = neighbours[i];
		uint64_t cut = end > one.address ? end - one.address : 0;

		if (one.length > UINT64_MAX - one.address)
			one.length = UINT64_MAX - one.address;
		if (one.length <= cut)
			continue;
		one.name[sizeof(one.name) - 1] = '\0';
		one.address += cut;
		one.length -= cut;
		end = one.address + one.length;
		neighbours[kept++] = one;
	}
	return kept;
}

static void report(struct walk *walk, uint64_t start, uint64_t end,
		   const char *name)
{
	const struct ivshmem_exposed exposed = {
		.address = start,
		.length = end - start,
		.name = name,
	};

	if (start == end)
		return;
	walk->bytes += exposed.length;
	if (walk->visit != NULL)
		walk->visit(&exposed, walk->arg);
}

/* Split a range that is not shared by the memzones in it. */
static void report_gap(struct walk *walk, uint64_t start, uint64_t end)
{
	while (start < end) {
		const struct ivshmem_neighbour *zone = walk->next;
		uint64_t zone_end;

		if (zone == walk->end || zone->address >= end) {
			report(walk, start, end, NULL);
			return;
		}
		zone_end = zone->address + zone->length;
		if (zone_end <= start) {
			walk->next++;
			continue;
		}
		if (zone->address > start) {
			report(walk, start, zone->address, NULL);
			start = zone->address;
		}
		if (zone_end > end)
			zone_end = end;
		report(walk, start, zone_end, zone->name);
		start = zone_end;
	}
}

/* What of the chunks is left when the objects are taken away. */
static void walk_gaps(struct walk *walk, const struct range *chunks,
		      uint32_t n_chunks, const struct range *objects,
		      uint32_t n_objects)
{
	uint32_t o = 0;

	for (uint32_t c = 0; c < n_chunks; c++) {
		uint64_t start = chunks[c].start;

		for (; o < n_objects && objects[o].start < chunks[c].end; o++) {
			if (objects[o].start > start)
				report_gap(walk, start, objects[o].start);
			start = objects[o].end;
		}
		if (start < chunks[c].end)
			report_gap(walk, start, chunks[c].end);
	}
}

static uint32_t list_chunks(const struct ivshmem_metadata *md,
			    struct range *ranges)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *c = &md->chunks[i];

		if (!(c->flags & RTE_IVSHMEM_CHUNK_METADATA))
			ranges[n++] = (struct range){ c->address,
						      c->address + c->length };
	}
	return join(ranges, n);
}

static uint32_t list_objects(const struct ivshmem_metadata *md,
			     struct range *ranges)
{
	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];

		ranges[i] = (struct range){ o->address,
					    o->address + o->length };
	}
	return join(ranges, md->n_objects);
}

int ivshmem_audit(const struct ivshmem_metadata *md,
		  struct ivshmem_neighbour *neighbours, uint32_t n,
		  ivshmem_exposed_visit visit, void *arg, uint64_t *bytes,
		  struct ivshmem_error *err)
{
	struct walk walk = { .visit = visit, .arg = arg };
	struct range *chunks = calloc((size_t)md->n_chunks + md->n_objects + 1,
				      sizeof(*chunks));
	struct range *objects;
	uint32_t n_chunks, n_objects;

	if (chunks == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	objects = chunks + md->n_chunks;
	n_chunks = list_chunks(md, chunks);
	n_objects = list_objects(md, objects);
	walk.next = neighbours;
	walk.end = n == 0 ? neighbours : neighbours + tidy(neighbours, n);
	walk_gaps(&walk, chunks, n_chunks, objects, n_objects);
	free(chunks);
	*bytes = walk.bytes;
	return 0;
}

void ivshmem_audit_print(const struct ivshmem_exposed *exposed, void *arg)
{
	fprintf(arg, "0x%012" PRIx64 " %12" PRIu64 " bytes  ",
		exposed->address, exposed->length);
	if (exposed->name != NULL)
		fprintf(arg, "memzone '%s'\n", exposed->name);
	else
		fputs("in no memzone\n", arg);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One sample of the benchmark "publish": DPDK makes objects, the library shares
 * them and produces the device string.
 *
 * usage: bench-publish KIND N [turn | files]
 *
 *   turn    each object is shared when it has been made
 *   files   N metadata files, all with the same objects
 *
 * Prints the microseconds of DPDK and of the library; the library's are those
 * of the first metadata of a process, and of another one with the same objects.
 * The metadata files go where RTE_IVSHMEM_DIR says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"
#include "program.h"
#include "rte_ivshmem.h"

#define PER_FILE 10

static const void *objects[KINDS_MOST];
static unsigned int n_added;
static double spent_by_dpdk, spent_by_us;
static char text[1 << 20];

static void create_objects(const struct kind *kind, unsigned int first,
			   unsigned int end)
{
	double begun = spent();

	for (unsigned int i = first; i < end; i++) {
		objects[i] = kind->create(i);
		must(objects[i] != NULL, kind->name);
	}
	spent_by_dpdk += spent() - begun;
}

static void add_objects(const struct kind *kind, const char *md_name,
			unsigned int first, unsigned int end)
{
	double begun = spent();

	for (unsigned int i = first; i < end; i++)
		must(kind->add(objects[i], md_name) == 0, "add");
	spent_by_us += spent() - begun;
	n_added += end - first;
}

static void create_metadata(const char *md_name)
{
	double begun = spent();

	must(rte_ivshmem_metadata_create(md_name) == 0, "create");
	spent_by_us += spent() - begun;
}

static void publish(const char *md_name)
{
	double begun = spent();

	must(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						   md_name) == 0, "publish");
	spent_by_us += spent() - begun;
}

static void share_all(const struct kind *kind, const char *md_name,
		      unsigned int n)
{
	create_metadata(md_name);
	add_objects(kind, md_name, 0, n);
	publish(md_name);
}

static void measure(const struct kind *kind, unsigned int n)
{
	double first;

	create_objects(kind, 0, n);
	share_all(kind, "first", n);
	first = spent_by_us;
	share_all(kind, "another", n);
	printf("%.1f %.1f %.1f\n", spent_by_dpdk, first, spent_by_us - first);
}

static void measure_in_turn(const struct kind *kind, unsigned int n)
{
	create_metadata("first");
	for (unsigned int i = 0; i < n; i++) {
		create_objects(kind, i, i + 1);
		add_objects(kind, "first", i, i + 1);
	}
	publish("first");
	printf("%.1f %.1f\n", spent_by_dpdk, spent_by_us);
}

static void measure_files(const struct kind *kind, unsigned int n)
{
	char name[32];

	create_objects(kind, 0, PER_FILE);
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "bench-%u", i);
		share_all(kind, name, PER_FILE);
	}
	printf("%.1f %.1f\n", spent_by_dpdk, spent_by_us);
}

int main(int argc, char **argv)
{
	const struct kind *kind = argc < 3 ? NULL : find_kind(argv[1]);
	unsigned int n = argc < 3 ? 0 : (unsigned int)atoi(argv[2]);
	const char *how = argc > 3 ? argv[3] : "";

	if (kind == NULL || kind->one || n == 0 || n > KINDS_MOST) {
		fprintf(stderr, "usage: bench-publish KIND N [turn | files]\n");
		return 2;
	}
	allow_many_memzones();
	start_eal("0x100000000", "512");
	if (kind->prepare != NULL)
		kind->prepare(n);
	if (strcmp(how, "turn") == 0)
		measure_in_turn(kind, n);
	else if (strcmp(how, "files") == 0)
		measure_files(kind, n);
	else
		measure(kind, n);
	end_eal();
	return n_added > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

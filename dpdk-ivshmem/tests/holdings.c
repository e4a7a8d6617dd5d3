/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include "holdings.h"

size_t heap_in_use(void)
{
	struct rte_malloc_socket_stats stats;
	size_t sum = 0;

	for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++)
		if (rte_malloc_get_socket_stats(socket, &stats) == 0)
			sum += stats.heap_allocsz_bytes;
	return sum;
}

static int count_pinned(const struct rte_memseg_list *msl __rte_unused,
			const struct rte_memseg *ms, void *arg)
{
	unsigned int *pinned = arg;

	*pinned += (ms->flags & RTE_MEMSEG_FLAG_DO_NOT_FREE) != 0;
	return 0;
}

unsigned int pinned_pages(void)
{
	unsigned int pinned = 0;

	rte_memseg_walk(count_pinned, &pinned);
	return pinned;
}

static struct dirent *next_entry(DIR *dir)
{
	struct dirent *entry;

	do
		entry = readdir(dir);
	while (entry != NULL && (strcmp(entry->d_name, ".") == 0 ||
				 strcmp(entry->d_name, "..") == 0));
	return entry;
}

unsigned int count_entries(const char *folder, const char *but)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned int n = 0;

	while (dir != NULL && (entry = next_entry(dir)) != NULL)
		n += but == NULL || strstr(entry->d_name, but) == NULL;
	if (dir != NULL)
		closedir(dir);
	return n;
}

unsigned int open_descriptors(void)
{
	return count_entries("/proc/self/fd", NULL);
}

bool is_empty(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool empty = dir != NULL;

	while (dir != NULL && (entry = next_entry(dir)) != NULL) {
		printf("# left: %s\n", entry->d_name);
		empty = false;
	}
	if (dir != NULL)
		closedir(dir);
	return empty;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "process_maps.h"
#include "vec.h"

static const char memzones_file[] = "/fbarray_memzone";

/* "START-END PERMISSIONS OFFSET MAJOR:MINOR INODE   PATH" */
static bool parse(const char *line, struct mapping *mapping)
{
	unsigned int device_major, device_minor;
	unsigned long inode;
	const char *path;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %x:%x %lu",
		   &mapping->start, &mapping->end, &mapping->offset,
		   &device_major, &device_minor, &inode) != 6 || inode == 0)
		return false;
	mapping->device = makedev(device_major, device_minor);
	mapping->inode = inode;
	path = strchr(line, '/');
	mapping->is_memzones = path != NULL &&
		strlen(path) >= sizeof(memzones_file) - 1 &&
		strcmp(path + strlen(path) - (sizeof(memzones_file) - 1),
		       memzones_file) == 0;
	return true;
}

int maps_read(struct maps *maps, pid_t pid)
{
	struct ivshmem_vec found = { 0 };
	struct mapping mapping;
	char path[64], *line = NULL;
	size_t size = 0;
	int ret = 0;
	FILE *f;

	*maps = (struct maps){ 0 };
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	while (ret == 0 && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (parse(line, &mapping))
			ret = ivshmem_vec_append(&found, &mapping, 1,
						 sizeof(mapping));
	}
	/* Opening always works; reading needs the right to look. */
	if (ret == 0 && ferror(f))
		ret = -EACCES;
	free(line);
	fclose(f);
	if (ret != 0) {
		free(found.data);
		return ret;
	}
	maps->list = found.data;
	maps->n = found.n;
	return 0;
}

/* The first mapping that ends behind the address. */
static uint32_t find(const struct maps *maps, uint64_t address)
{
	uint32_t low = 0, high = maps->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (maps->list[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool maps_hold(const struct maps *maps, uint64_t address, uint64_t length,
	       dev_t device, ino_t inode, uint64_t file_offset)
{
	uint64_t at = address, end = address + length;

	for (uint32_t i = find(maps, address); at < end; i++) {
		const struct mapping *m = &maps->list[i];

		if (i >= maps->n || m->start > at || m->device != device ||
		    m->inode != inode || m->offset + (at - m->start) !=
		    file_offset + (at - address))
			return false;
		at = m->end;
	}
	return true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "process_maps.h"

/* The kernel writes a newline in a name as \012, and nothing else so. */
static void restore_newlines(char *path)
{
	char *to = path;

	while (*path != '\0') {
		if (strncmp(path, "\\012", 4) == 0) {
			*to++ = '\n';
			path += 4;
		} else {
			*to++ = *path++;
		}
	}
	*to = '\0';
}

/* "7f00-7f10 rw-s 00000000 00:1f 1234      /a file" */
static bool parse_line(char *line, struct ivshmem_mapping *m)
{
	unsigned int dev_major, dev_minor;
	uint64_t ino;
	int path = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %"
		   SCNu64 " %n", &m->start, &m->end, m->perms, &m->offset,
		   &dev_major, &dev_minor, &ino, &path) != 7 || path == 0)
		return false;
	m->dev = makedev(dev_major, dev_minor);
	m->ino = ino;
	m->path = line + path;
	restore_newlines(m->path);
	return true;
}

static int walk_lines(FILE *f, ivshmem_mapping_visit visit, void *arg)
{
	struct ivshmem_mapping m;
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	while (ret == 0 && getline(&line, &size, f) > 0)
		if (parse_line(line, &m))
			ret = visit(&m, arg);
	/* A part of the list is worse than none. */
	if (ret == 0 && !feof(f))
		ret = -errno;
	free(line);
	return ret;
}

int ivshmem_mappings_walk(pid_t pid, ivshmem_mapping_visit visit, void *arg)
{
	char path[64] = "/proc/self/maps";
	FILE *f;
	int ret;

	if (pid != 0)
		snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	ret = walk_lines(f, visit, arg);
	fclose(f);
	return ret;
}

/** A list in the making. */
struct reading {
	bool (*wanted)(const struct ivshmem_mapping *mapping);
	struct ivshmem_vec *mappings;
};

static int append(const struct ivshmem_mapping *mapping, void *arg)
{
	struct reading *reading = arg;
	struct ivshmem_mapping copy = *mapping;
	int ret;

	if (!reading->wanted(mapping))
		return 0;
	copy.path = strdup(mapping->path);
	if (copy.path == NULL)
		return -ENOMEM;
	ret = ivshmem_vec_append(reading->mappings, &copy, 1, sizeof(copy));
	if (ret != 0)
		free(copy.path);
	return ret;
}

int ivshmem_mappings_read(pid_t pid,
			  bool (*wanted)(const struct ivshmem_mapping *mapping),
			  struct ivshmem_vec *mappings)
{
	struct reading reading = { .wanted = wanted, .mappings = mappings };
	int ret;

	memset(mappings, 0, sizeof(*mappings));
	ret = ivshmem_mappings_walk(pid, append, &reading);
	if (ret != 0)
		ivshmem_mappings_free(mappings);
	return ret;
}

void ivshmem_mappings_free(struct ivshmem_vec *mappings)
{
	struct ivshmem_mapping *m = mappings->data;

	for (uint32_t i = 0; i < mappings->n; i++)
		free(m[i].path);
	free(mappings->data);
	memset(mappings, 0, sizeof(*mappings));
}

/** Search for what lies in a range. */
struct search {
	uint64_t start, end;
	struct ivshmem_mapping *found;
	char *path;
	size_t size;
};

static int match(const struct ivshmem_mapping *mapping, void *arg)
{
	struct search *search = arg;

	if (mapping->start >= search->end || mapping->end <= search->start)
		return 0;
	*search->found = *mapping;
	search->found->path = search->path;
	snprintf(search->path, search->size, "%s", mapping->path);
	return 1;
}

bool ivshmem_mappings_overlap(uint64_t start, uint64_t end,
			      struct ivshmem_mapping *mapping, char *path,
			      size_t size)
{
	struct search search = { start, end, mapping, path, size };

	return ivshmem_mappings_walk(0, match, &search) == 1;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <rte_common.h>

#include "maps.h"
#include "vec.h"

/** struct ivshmem_mapping, by address; kept, because there may be thousands. */
static struct ivshmem_vec known;

static void forget(struct ivshmem_vec *maps)
{
	struct ivshmem_mapping *m = maps->data;

	for (uint32_t i = 0; i < maps->n; i++)
		free(m[i].path);
	free(maps->data);
	memset(maps, 0, sizeof(*maps));
}

RTE_FINI(ivshmem_maps_forget)
{
	forget(&known);
}

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

/* "7f00-7f10 rw-s 00000000 00:1f 1234      /a file": false for other kinds. */
static bool parse_line(char *line, struct ivshmem_mapping *m)
{
	unsigned int dev_major, dev_minor;
	uint64_t ino;
	char perms[5];
	int path = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %"
		   SCNu64 " %n", &m->start, &m->end, perms, &m->offset,
		   &dev_major, &dev_minor, &ino, &path) != 7)
		return false;
	if (strncmp(perms, "rw", 2) != 0 || perms[3] != 's' || ino == 0 ||
	    path == 0 || line[path] == '\0')
		return false;
	m->dev = makedev(dev_major, dev_minor);
	m->ino = ino;
	m->path = line + path;
	restore_newlines(m->path);
	return true;
}

static int append_line(struct ivshmem_vec *maps, char *line)
{
	struct ivshmem_mapping m;

	if (!parse_line(line, &m))
		return 0;
	m.path = strdup(m.path);
	if (m.path != NULL &&
	    ivshmem_vec_append(maps, &m, 1, sizeof(m)) == 0)
		return 0;
	free(m.path);
	return -1;
}

/* The kernel lists mappings by address.  On failure `known` stays. */
static void read_maps(void)
{
	struct ivshmem_vec maps = { 0 };
	FILE *f = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	if (f == NULL)
		return;
	while (ret == 0 && getline(&line, &size, f) > 0)
		ret = append_line(&maps, line);
	free(line);
	if (ret == 0 && !ferror(f)) {
		forget(&known);
		known = maps;
	} else {
		forget(&maps);
	}
	fclose(f);
}

static int compare(const void *key, const void *entry)
{
	const uint64_t address = *(const uint64_t *)key;
	const struct ivshmem_mapping *m = entry;

	return address < m->start ? -1 : address >= m->end;
}

static const struct ivshmem_mapping *find_known(uint64_t address)
{
	return known.n == 0 ? NULL :
	       bsearch(&address, known.data, known.n,
		       sizeof(struct ivshmem_mapping), compare);
}

const struct ivshmem_mapping *ivshmem_maps_find(uint64_t address)
{
	const struct ivshmem_mapping *m = find_known(address);

	if (m == NULL) {
		read_maps();
		m = find_known(address);
	}
	return m;
}

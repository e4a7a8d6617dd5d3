/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "maps.h"

/** struct ivshmem_mapping, by address; kept, because there may be thousands. */
static struct ivshmem_vec known;

RTE_FINI(ivshmem_maps_forget)
{
	ivshmem_mappings_free(&known);
}

static bool is_shared_file(const struct ivshmem_mapping *m)
{
	return strncmp(m->perms, "rw", 2) == 0 && m->perms[3] == 's' &&
	       m->ino != 0 && m->path[0] != '\0';
}

/* On failure `known` stays. */
static void read_maps(void)
{
	struct ivshmem_vec maps;

	if (ivshmem_mappings_read(0, is_shared_file, &maps) != 0)
		return;
	ivshmem_mappings_free(&known);
	known = maps;
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

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_memzone.h>

#include "memzones.h"
#include "process_maps.h"
#include "vec.h"

/* The EAL's default has some 180 KiB. */
#define TABLE_MAX (64 << 20)
#define TABLE_FILE "fbarray_memzone"
#define ADDRESS_MAX (UINT64_C(1) << 47)

/** A copy of the host's table. */
struct table {
	void *bytes;
	size_t size;
};

static int read_all(int fd, off_t offset, struct table *table)
{
	size_t done = 0;

	table->bytes = malloc(table->size);
	if (table->bytes == NULL)
		return -ENOMEM;
	while (done < table->size) {
		ssize_t n = pread(fd, (char *)table->bytes + done,
				  table->size - done, offset + (off_t)done);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	table->size = done;
	return 0;
}

static int read_file(const char *path, struct table *table)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int ret;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > TABLE_MAX) {
		close(fd);
		return -EINVAL;
	}
	table->size = (size_t)st.st_size;
	ret = read_all(fd, 0, table);
	close(fd);
	return ret;
}

static bool is_table(const struct ivshmem_mapping *m)
{
	const char *slash = strrchr(m->path, '/');

	return m->ino != 0 && slash != NULL &&
	       strcmp(slash + 1, TABLE_FILE) == 0 &&
	       m->end - m->start <= TABLE_MAX;
}

/* What the owner has mapped, wherever the file is by now. */
static int read_memory(pid_t owner, struct table *table)
{
	const struct ivshmem_mapping *m;
	struct ivshmem_vec tables;
	char path[64];
	int fd, ret = ivshmem_mappings_read(owner, is_table, &tables);

	if (ret != 0)
		return ret;
	if (tables.n == 0)
		return -ENOENT;
	m = tables.data;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)owner);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	table->size = m->end - m->start;
	ret = fd < 0 ? -errno : read_all(fd, (off_t)m->start, table);
	if (fd >= 0)
		close(fd);
	ivshmem_mappings_free(&tables);
	return ret;
}

/* `ivshmem` is a folder in the EAL's runtime folder. */
static int read_beside(const char *metadata, struct table *table)
{
	char path[PATH_MAX];
	char *slash;

	snprintf(path, sizeof(path), "%s", metadata);
	for (int i = 0; i < 2; i++) {
		slash = strrchr(path, '/');
		if (slash == NULL)
			return -ENOENT;
		*slash = '\0';
	}
	if ((size_t)(slash - path) + sizeof("/" TABLE_FILE) > sizeof(path))
		return -ENAMETOOLONG;
	strcpy(slash, "/" TABLE_FILE);
	return read_file(path, table);
}

/* Free elements are zero; behind the last one there is a mask of bits. */
static bool is_memzone(const struct rte_memzone *mz)
{
	return mz->addr_64 != 0 && mz->addr_64 < ADDRESS_MAX &&
	       mz->len != 0 && mz->len <= ADDRESS_MAX - mz->addr_64 &&
	       mz->hugepage_sz != 0 &&
	       (mz->hugepage_sz & (mz->hugepage_sz - 1)) == 0 &&
	       mz->name[0] != '\0' &&
	       memchr(mz->name, '\0', sizeof(mz->name)) != NULL;
}

static int take_memzones(const struct table *table, struct ivshmem_vec *zones)
{
	struct rte_memzone mz;
	int ret = 0;

	for (size_t at = 0; at + sizeof(mz) <= table->size && ret == 0;
	     at += sizeof(mz)) {
		struct ivshmem_neighbour zone = { 0 };

		memcpy(&mz, (const char *)table->bytes + at, sizeof(mz));
		if (!is_memzone(&mz))
			continue;
		memcpy(zone.name, mz.name, sizeof(zone.name));
		zone.address = mz.addr_64;
		zone.length = mz.len;
		ret = ivshmem_vec_append(zones, &zone, 1, sizeof(zone));
	}
	return ret;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct ivshmem_neighbour *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static bool has_shared_memzone(const struct ivshmem_vec *zones,
			       const struct ivshmem_metadata *md)
{
	if (zones->n == 0)
		return false;
	qsort(zones->data, zones->n, sizeof(struct ivshmem_neighbour),
	      compare_addresses);
	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];
		const struct ivshmem_neighbour wanted = {
			.address = o->address };
		const struct ivshmem_neighbour *zone =
			o->type != RTE_IVSHMEM_MEMZONE ? NULL :
			bsearch(&wanted, zones->data, zones->n, sizeof(wanted),
				compare_addresses);

		if (zone != NULL && zone->length == o->length &&
		    strcmp(zone->name, o->name) == 0)
			return true;
	}
	return false;
}

/* The struct may differ in another DPDK; the metadata tells the host's. */
static bool same_struct(const struct ivshmem_metadata *md)
{
	const uint32_t *layout = md->layout;

	return md->n_layout > RTE_IVSHMEM_LAYOUT_memzone_len &&
	       layout[RTE_IVSHMEM_LAYOUT_sizeof_memzone] ==
			sizeof(struct rte_memzone) &&
	       layout[RTE_IVSHMEM_LAYOUT_memzone_addr] ==
			offsetof(struct rte_memzone, addr) &&
	       layout[RTE_IVSHMEM_LAYOUT_memzone_len] ==
			offsetof(struct rte_memzone, len);
}

static int64_t take_table(const struct target *target,
			  const struct table *table,
			  struct ivshmem_neighbour **zones,
			  struct ivshmem_error *err)
{
	struct ivshmem_vec found = { 0 };

	if (take_memzones(table, &found) != 0) {
		free(found.data);
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	if (!has_shared_memzone(&found, &target->md)) {
		free(found.data);
		return ivshmem_fail(err, -ESRCH,
			"the table of memzones there is not that of this metadata's host");
	}
	*zones = found.data;
	return found.n;
}

int64_t memzones_read(const struct target *target,
		      struct ivshmem_neighbour **zones,
		      struct ivshmem_error *err)
{
	struct table table = { 0 };
	int64_t n;
	int ret;

	*zones = NULL;
	if (!same_struct(&target->md))
		return ivshmem_fail(err, -ENOTSUP,
			"the host's DPDK has another struct rte_memzone");
	ret = target->owner > 0 ? read_memory(target->owner, &table) : -ENOENT;
	if (ret != 0) {
		free(table.bytes);
		table.bytes = NULL;
		ret = read_beside(target->path, &table);
	}
	if (ret == 0)
		n = take_table(target, &table, zones, err);
	else
		n = ivshmem_fail(err, ret, TABLE_FILE ", the table of memzones in the host's runtime folder: %s",
				 strerror(-ret));
	free(table.bytes);
	return n;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The notations made of lists.  They have no word for a place in the BAR, nor
 * for read-only chunks; of the metadata the latter is given up: a guest that
 * changes it is refused by the checks of those who read it later.
 *
 * Where a path is transient, the plain form identifies the files, and then all
 * of them, because a list has an element for each: also the metadata file,
 * which the next publication replaces.  The historical form cannot.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "device_forms.h"

#define OTHER_FORM "use RTE_IVSHMEM_FORM_JSON or RTE_IVSHMEM_FORM_AUTO"

bool ivshmem_is_plain(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+@%=";

	return path[0] != '\0' && path[strspn(path, plain)] == '\0';
}

uint64_t ivshmem_default_place(const struct ivshmem_metadata *md, uint32_t i)
{
	const struct rte_ivshmem_chunk *chunk = &md->chunks[i];
	uint64_t mask = chunk->page_size - 1;

	if (i == 0)
		return 0;
	return (chunk[-1].bar_offset + chunk[-1].length + mask) & ~mask;
}

static int check_chunk(const struct ivshmem_metadata *md, uint32_t i,
		       struct ivshmem_error *err)
{
	const struct rte_ivshmem_chunk *chunk = &md->chunks[i];
	const char *path = ivshmem_chunk_path(md, chunk);

	if (!ivshmem_is_plain(path))
		return ivshmem_fail(err, -ENOTSUP,
			"file name '%.150s' of chunk %u has characters that a shell or a list changes: "
			OTHER_FORM, path, i);
	if (chunk->flags & RTE_IVSHMEM_CHUNK_READONLY &&
	    !(chunk->flags & RTE_IVSHMEM_CHUNK_METADATA))
		return ivshmem_fail(err, -ENOTSUP,
			"chunk %u is read-only, which lists cannot express: "
			OTHER_FORM, i);
	return 0;
}

static int check_plain(const struct ivshmem_metadata *md,
		       struct ivshmem_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < md->n_chunks && ret == 0; i++) {
		uint64_t place = ivshmem_default_place(md, i);

		ret = check_chunk(md, i, err);
		if (ret == 0 && md->chunks[i].bar_offset != place)
			ret = ivshmem_fail(err, -ENOTSUP,
				"chunk %u lies at 0x%" PRIx64
				" of the BAR, and lists would place it at 0x%"
				PRIx64 ": " OTHER_FORM, i,
				md->chunks[i].bar_offset, place);
	}
	return ret;
}

static int check_identities(const struct ivshmem_device *device,
			    struct ivshmem_error *err)
{
	const struct ivshmem_metadata *md = device->md;

	for (uint32_t i = 0; i < md->n_chunks && device->files != NULL; i++)
		if (device->files[i].inode == 0)
			return ivshmem_fail(err, -ENOENT,
				"chunk %u ('%.150s'): the file is missing, and lists must identify each file: "
				OTHER_FORM, i,
				ivshmem_chunk_path(md, &md->chunks[i]));
	return 0;
}

static void print_identities(FILE *f, const struct ivshmem_device *device)
{
	uint32_t n = device->files != NULL ? device->md->n_chunks : 0;

	for (uint32_t i = 0; i < n; i++)
		fprintf(f, "%s%" PRIu64, i == 0 ? ",dev=" : ":",
			device->files[i].dev);
	for (uint32_t i = 0; i < n; i++)
		fprintf(f, "%s%" PRIu64, i == 0 ? ",inode=" : ":",
			device->files[i].inode);
}

/* The metadata is a file of its own, so one file never serves all chunks. */
int ivshmem_print_plain(FILE *f, const struct ivshmem_device *device,
			struct ivshmem_error *err)
{
	const struct ivshmem_metadata *md = device->md;
	int ret = check_plain(md, err);

	if (ret == 0)
		ret = check_identities(device, err);
	if (ret != 0)
		return ret;
	fputs("ivshmem,file=", f);
	for (uint32_t i = 0; i < md->n_chunks; i++)
		fprintf(f, "%s%s", i == 0 ? "" : ":",
			ivshmem_chunk_path(md, &md->chunks[i]));
	fputs(",offset=", f);
	for (uint32_t i = 0; i < md->n_chunks; i++)
		fprintf(f, "%s0x%" PRIx64, i == 0 ? "" : ":",
			md->chunks[i].file_offset);
	fputs(",size=", f);
	for (uint32_t i = 0; i < md->n_chunks; i++)
		fprintf(f, "%s0x%" PRIx64, i == 0 ? "" : ":",
			md->chunks[i].length);
	print_identities(f, device);
	return 0;
}

/* Chunks in the order of the BAR. */
static int check_shm(const struct ivshmem_metadata *md,
		     struct ivshmem_error *err)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *chunk = &md->chunks[i];
		int ret = check_chunk(md, i, err);

		if (ret != 0)
			return ret;
		if (strcmp(ivshmem_chunk_path(md, chunk), "/dev/zero") == 0)
			return ivshmem_fail(err, -ENOTSUP,
				"file name '/dev/zero' of chunk %u means padding: "
				OTHER_FORM, i);
		if (chunk->bar_offset < end)
			return ivshmem_fail(err, -ENOTSUP,
				"chunk %u lies before chunk %u in the BAR: "
				OTHER_FORM, i, i - 1);
		end = chunk->bar_offset + chunk->length;
	}
	if (end > UINT64_C(1) << 63)
		return ivshmem_fail(err, -ENOTSUP,
			"no BAR is large enough for 0x%" PRIx64 " bytes", end);
	return 0;
}

static void print_padding(FILE *f, uint64_t length)
{
	if (length > 0)
		fprintf(f, ":/dev/zero:0x0:0x%" PRIx64, length);
}

/* The historical device read megabytes; a smaller BAR is today's only. */
static void print_bar_size(FILE *f, uint64_t size)
{
	if (size >> 20 != 0)
		fprintf(f, "%" PRIu64 "M", size >> 20);
	else
		fprintf(f, "%" PRIu64 "K", size >> 10);
}

int ivshmem_print_shm(FILE *f, const struct ivshmem_device *device,
		      struct ivshmem_error *err)
{
	const struct ivshmem_metadata *md = device->md;
	uint64_t at = 0, size = ivshmem_bar_size(md);
	int ret = check_shm(md, err);

	if (ret != 0)
		return ret;
	fputs("ivshmem,size=", f);
	print_bar_size(f, size);
	fputs(",shm=fd", f);
	for (uint32_t i = 0; i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *chunk = &md->chunks[i];

		print_padding(f, chunk->bar_offset - at);
		fprintf(f, ":%s:0x%" PRIx64 ":0x%" PRIx64,
			ivshmem_chunk_path(md, chunk), chunk->file_offset,
			chunk->length);
		at = chunk->bar_offset + chunk->length;
	}
	print_padding(f, size - at);
	return 0;
}

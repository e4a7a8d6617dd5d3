/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layout file, a line per chunk; `file` comes last and extends to the end
 * of the line:
 *
 *   # dpdk-ivshmem layout: chunks of metadata set 'vm0' for QEMU, ...
 *   offset=0x0 size=0x1000 at=0x0 readonly=on file=/run/dpdk/rte/ivshmem/vm0
 *   offset=0x0 size=0x200000 at=0x200000 dev=1 inode=7 file=/proc/4711/fd/20
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device_forms.h"
#include "device_text.h"

/* QEMU reads no longer layout file. */
#define LAYOUT_MAX (64 << 20)

/* The name may come from damaged metadata, and must not end the line. */
static void print_title(FILE *f, const struct ivshmem_metadata *md)
{
	fputs(IVSHMEM_LAYOUT_START ": chunks of metadata set '", f);
	for (const char *c = md->name; *c != '\0'; c++)
		putc(*c > ' ' && *c <= '~' ? *c : '?', f);
	fputs("' for QEMU, -device ivshmem,layout=FILE\n", f);
}

static int print_chunk(FILE *f, const struct ivshmem_device *device, uint32_t i,
		       struct ivshmem_error *err)
{
	const struct rte_ivshmem_chunk *chunk = &device->md->chunks[i];
	const struct ivshmem_identity *identity = ivshmem_identity(device, i);
	const char *path = ivshmem_chunk_path(device->md, chunk);

	if (strchr(path, '\n') != NULL)
		return ivshmem_fail(err, -ENOTSUP,
			"chunk %u ('%.150s'): a file name with a newline fits in no layout file: rename the file or its directory",
			i, path);
	fprintf(f, "offset=0x%" PRIx64 " size=0x%" PRIx64 " at=0x%" PRIx64,
		chunk->file_offset, chunk->length, chunk->bar_offset);
	if (chunk->flags & RTE_IVSHMEM_CHUNK_READONLY)
		fputs(" readonly=on", f);
	if (identity != NULL)
		fprintf(f, " dev=%" PRIu64 " inode=%" PRIu64, identity->dev,
			identity->inode);
	fprintf(f, " file=%s\n", path);
	return 0;
}

static int print_lines(FILE *f, const struct ivshmem_device *device,
		       struct ivshmem_error *err)
{
	int ret = 0;

	print_title(f, device->md);
	for (uint32_t i = 0; i < device->md->n_chunks && ret == 0; i++)
		ret = print_chunk(f, device, i, err);
	return ret;
}

/* *text is NULL on failure. */
static int make_text(const struct ivshmem_device *device, char **text,
		     size_t *size, struct ivshmem_error *err)
{
	FILE *f = open_memstream(text, size);
	int ret;

	if (f == NULL) {
		*text = NULL;
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	ret = print_lines(f, device, err);
	if (fclose(f) != 0 && ret == 0)
		ret = ivshmem_fail(err, -ENOMEM, "out of memory");
	if (ret != 0) {
		free(*text);
		*text = NULL;
	}
	return ret;
}

int ivshmem_layout_text(const struct ivshmem_metadata *md, char **text,
			struct ivshmem_error *err)
{
	struct ivshmem_identity *files;
	size_t size;
	int ret = ivshmem_identify_files(md, NULL, &files, err);

	*text = NULL;
	if (ret == 0)
		ret = make_text(&(struct ivshmem_device){
			.md = md, .files = files,
		}, text, &size, err);
	free(files);
	return ret;
}

int ivshmem_layout_file_check(const struct ivshmem_device *device,
			      struct ivshmem_error *err)
{
	char *text;
	size_t size;
	int ret = make_text(device, &text, &size, err);

	free(text);
	if (ret == 0 && size > LAYOUT_MAX)
		return ivshmem_fail(err, -E2BIG,
			"the layout file of %u chunks has %zu bytes, QEMU reads %d: use --single-file-segments or larger pages",
			device->md->n_chunks, size, LAYOUT_MAX);
	return ret;
}

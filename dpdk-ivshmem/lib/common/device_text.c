/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The QEMU argument: the plain form where names permit it, else JSON in single
 * quotes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_text.h"

/* Linux refuses a single argument of 128 KiB and more, with its NUL. */
#define ARGUMENT_MAX (128 * 1024 - 1)

static const char plain_prefix[] = "-device ";

/* ':' and ',' separate in the plain form; the rest is special to shells. */
static bool is_plain(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+@%=";

	return strspn(path, plain) == strlen(path);
}

static bool all_plain(const struct ivshmem_metadata *md)
{
	for (uint32_t i = 0; i < md->n_chunks; i++)
		if (!is_plain(ivshmem_chunk_path(md, &md->chunks[i])))
			return false;
	return true;
}

static void print_plain(FILE *f, const struct ivshmem_metadata *md)
{
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
}

/* A JSON string inside a shell's single quotes: no ' and no control bytes. */
static void print_json_string(FILE *f, const char *text)
{
	fputc('"', f);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c == '\'' || *c == '"' || *c == '\\')
			fprintf(f, "\\u%04x", *c);
		else
			fputc(*c, f);
	}
	fputc('"', f);
}

static void print_json(FILE *f, const struct ivshmem_metadata *md)
{
	fputs("'{\"driver\":\"ivshmem\",\"chunks\":[", f);
	for (uint32_t i = 0; i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *chunk = &md->chunks[i];

		fprintf(f, "%s{\"file\":", i == 0 ? "" : ",");
		print_json_string(f, ivshmem_chunk_path(md, chunk));
		fprintf(f, ",\"offset\":%" PRIu64 ",\"size\":%" PRIu64 "}",
			chunk->file_offset, chunk->length);
	}
	fputs("]}'", f);
}

int ivshmem_device_text(const struct ivshmem_metadata *md,
			enum rte_ivshmem_form form, const char *layout,
			char **text, bool *uses_layout,
			struct ivshmem_error *err)
{
	size_t size;
	FILE *f = open_memstream(text, &size);

	(void)layout;
	(void)form;
	*uses_layout = false;
	if (f == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	fputs(plain_prefix, f);
	if (all_plain(md))
		print_plain(f, md);
	else
		print_json(f, md);
	if (fclose(f) != 0) {
		free(*text);
		*text = NULL;
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	if (size - strlen(plain_prefix) > ARGUMENT_MAX) {
		free(*text);
		*text = NULL;
		return ivshmem_fail(err, -E2BIG,
			"the QEMU argument for %u chunks has %zu bytes, a program takes %d: use --single-file-segments or larger pages",
			md->n_chunks, size, ARGUMENT_MAX);
	}
	return 0;
}

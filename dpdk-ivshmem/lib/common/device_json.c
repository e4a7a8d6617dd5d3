/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The notations made of JSON.
 *
 * Written by hand: strings, numbers and `true` are written and nothing is read,
 * which is no reason to have every guest load a JSON library.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "device_forms.h"
#include "utf8.h"

/* As UTF-16, of which JSON's escapes are made. */
static void print_escape(FILE *f, uint32_t code)
{
	if (code > 0xffff) {
		fprintf(f, "\\u%04x", 0xd800 + ((code - 0x10000) >> 10));
		code = 0xdc00 + (code & 0x3ff);
	}
	fprintf(f, "\\u%04x", code);
}

/*
 * Fit for single quotes of any shell: some give ! and \ a meaning even there,
 * and a control character must not split the line.  So all escapes are \uXXXX,
 * without a second backslash.  What is not ASCII is escaped, too, because
 * libvirt 11 of Debian 13 takes none of it ("invalid utf-8 string", json-c 0.18).
 */
static void print_string(FILE *f, const char *text)
{
	uint32_t code;

	putc('"', f);
	while (*text != '\0') {
		text = ivshmem_utf8_next(text, &code);
		if (code < 0x20 || code > 0x7e ||
		    strchr("'\"\\!", (int)code) != NULL)
			print_escape(f, code);
		else
			putc((int)code, f);
	}
	putc('"', f);
}

static void print_chunk(FILE *f, const struct ivshmem_device *device,
			uint32_t i)
{
	const struct ivshmem_identity *identity = ivshmem_identity(device, i);
	const struct ivshmem_metadata *md = device->md;
	const struct rte_ivshmem_chunk *chunk = &md->chunks[i];

	fputs("{\"file\":", f);
	print_string(f, ivshmem_chunk_path(md, chunk));
	fprintf(f, ",\"offset\":%" PRIu64 ",\"size\":%" PRIu64,
		chunk->file_offset, chunk->length);
	if (chunk->bar_offset != ivshmem_default_place(md, i))
		fprintf(f, ",\"at\":%" PRIu64, chunk->bar_offset);
	if (chunk->flags & RTE_IVSHMEM_CHUNK_READONLY)
		fputs(",\"readonly\":true", f);
	if (identity != NULL)
		fprintf(f, ",\"dev\":%" PRIu64 ",\"inode\":%" PRIu64,
			identity->dev, identity->inode);
	putc('}', f);
}

static int check_name(const char *path, struct ivshmem_error *err)
{
	if (ivshmem_is_utf8(path))
		return 0;
	return ivshmem_fail(err, -ENOTSUP,
		"file name '%.150s' is not UTF-8, and JSON can hold nothing else: rename the file or its directory",
		path);
}

static int check_names(const struct ivshmem_metadata *md,
		       struct ivshmem_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < md->n_chunks && ret == 0; i++)
		ret = check_name(ivshmem_chunk_path(md, &md->chunks[i]), err);
	return ret;
}

static int print_chunks(FILE *f, const struct ivshmem_device *device,
			struct ivshmem_error *err)
{
	int ret = check_names(device->md, err);

	if (ret != 0)
		return ret;
	putc('[', f);
	for (uint32_t i = 0; i < device->md->n_chunks; i++) {
		if (i > 0)
			putc(',', f);
		print_chunk(f, device, i);
	}
	putc(']', f);
	return 0;
}

/* The members of a device with its chunks, without braces. */
static int print_members(FILE *f, const struct ivshmem_device *device,
			 struct ivshmem_error *err)
{
	fputs("\"chunks\":", f);
	return print_chunks(f, device, err);
}

static int print_layout_member(FILE *f, const struct ivshmem_device *device,
			       struct ivshmem_error *err)
{
	int ret = check_name(device->layout, err);

	if (ret == 0)
		ret = ivshmem_layout_file_check(device, err);
	if (ret != 0)
		return ret;
	fputs("\"layout\":", f);
	print_string(f, device->layout);
	return 0;
}

/* QEMU takes letters, digits, '-', '.' and '_' in an id, as we do in a name. */
static int print_id(FILE *f, const struct ivshmem_metadata *md,
		    struct ivshmem_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	if (md->name[strspn(md->name, allowed)] != '\0')
		return ivshmem_fail(err, -ENOTSUP,
			"metadata name '%s' makes no id of a QEMU device: use letters, digits, '_', '-' and '.'",
			md->name);
	fprintf(f, "\"id\":\"ivshmem-%s\"", md->name);
	return 0;
}

/* With the id by which QMP_DEL unplugs it. */
static int print_device(FILE *f, const struct ivshmem_device *device,
			ivshmem_print *print_rest, struct ivshmem_error *err)
{
	int ret;

	fputs("{\"driver\":\"ivshmem\",", f);
	ret = print_id(f, device->md, err);
	putc(',', f);
	if (ret == 0)
		ret = print_rest(f, device, err);
	putc('}', f);
	return ret;
}

int ivshmem_print_json(FILE *f, const struct ivshmem_device *device,
		       struct ivshmem_error *err)
{
	return print_device(f, device, print_members, err);
}

int ivshmem_print_layout(FILE *f, const struct ivshmem_device *device,
			 struct ivshmem_error *err)
{
	if (!ivshmem_is_plain(device->layout))
		return print_device(f, device, print_layout_member, err);
	fprintf(f, "ivshmem,layout=%s", device->layout);
	return ivshmem_layout_file_check(device, err);
}

static int print_add(FILE *f, const struct ivshmem_device *device,
		     ivshmem_print *print_rest, struct ivshmem_error *err)
{
	int ret;

	fputs("{\"execute\":\"device_add\",\"arguments\":", f);
	ret = print_device(f, device, print_rest, err);
	putc('}', f);
	return ret;
}

int ivshmem_print_add(FILE *f, const struct ivshmem_device *device,
		      struct ivshmem_error *err)
{
	return print_add(f, device, print_members, err);
}

int ivshmem_print_add_layout(FILE *f, const struct ivshmem_device *device,
			     struct ivshmem_error *err)
{
	return print_add(f, device, print_layout_member, err);
}

int ivshmem_print_del(FILE *f, const struct ivshmem_device *device,
		      struct ivshmem_error *err)
{
	int ret;

	fputs("{\"execute\":\"device_del\",\"arguments\":{", f);
	ret = print_id(f, device->md, err);
	fputs("}}", f);
	return ret;
}

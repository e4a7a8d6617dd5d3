/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which notation a form uses, and what is put around it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device_forms.h"
#include "device_text.h"

/* Linux refuses a single argument of more than 128 KiB with its NUL.  A line
 * of QMP is held to the same, because virsh takes it as an argument. */
#define ARGUMENT_MAX (128 * 1024 - 1)

static const struct notation {
	ivshmem_print *print;
	bool uses_layout;
} plain = { ivshmem_print_plain, false },
  shm = { ivshmem_print_shm, false },
  json = { ivshmem_print_json, false },
  layout_file = { ivshmem_print_layout, true },
  add = { ivshmem_print_add, false },
  add_layout = { ivshmem_print_add_layout, true },
  del = { ivshmem_print_del, false };

typedef void wrap(FILE *f, const char *argument);

/* A plain argument needs no quotes, and JSON has no quote inside. */
static void wrap_shell(FILE *f, const char *argument)
{
	const char *quote = argument[0] == '{' ? "'" : "";

	fprintf(f, "-device %s%s%s", quote, argument, quote);
}

/* The value of an attribute in single quotes; control characters are in JSON's
 * escapes already. */
static void wrap_xml(FILE *f, const char *argument)
{
	fputs("<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
	      "  <qemu:arg value='-device'/>\n"
	      "  <qemu:arg value='", f);
	for (const char *c = argument; *c != '\0'; c++) {
		if (*c == '&')
			fputs("&amp;", f);
		else if (*c == '<')
			fputs("&lt;", f);
		else if (*c == '>')
			fputs("&gt;", f);
		else
			putc(*c, f);
	}
	fputs("'/>\n</qemu:commandline>", f);
}

static void wrap_nothing(FILE *f, const char *line)
{
	fputs(line, f);
}

/** The first notation that can express the device is taken. */
static const struct form {
	const struct notation *notations[3];
	wrap *wrap;
	bool no_identities; /**< says nothing of which files they are */
} forms[] = {
	[RTE_IVSHMEM_FORM_AUTO] = {
		{ &plain, &json, &layout_file }, wrap_shell },
	[RTE_IVSHMEM_FORM_PLAIN] = { { &plain }, wrap_shell },
	[RTE_IVSHMEM_FORM_JSON] = { { &json }, wrap_shell },
	[RTE_IVSHMEM_FORM_LAYOUT] = { { &layout_file }, wrap_shell },
	[RTE_IVSHMEM_FORM_SHM] = { { &shm }, wrap_shell, true },
	[RTE_IVSHMEM_FORM_QMP_ADD] = { { &add, &add_layout }, wrap_nothing },
	[RTE_IVSHMEM_FORM_QMP_DEL] = { { &del }, wrap_nothing, true },
	[RTE_IVSHMEM_FORM_LIBVIRT] = { { &json, &layout_file }, wrap_xml },
};

#define N_FORMS (sizeof(forms) / sizeof(forms[0]))
#define N_NOTATIONS 3

/* Close a memory stream; on failure, before or in it, *text is NULL. */
static int finish(FILE *f, char **text, int ret, struct ivshmem_error *err)
{
	if (fclose(f) != 0 && ret == 0)
		ret = ivshmem_fail(err, -ENOMEM, "out of memory");
	if (ret != 0) {
		free(*text);
		*text = NULL;
	}
	return ret;
}

static int out_of_memory(char **text, struct ivshmem_error *err)
{
	*text = NULL;
	return ivshmem_fail(err, -ENOMEM, "out of memory");
}

static int print_argument(const struct notation *notation,
			  const struct ivshmem_device *device, char **argument,
			  struct ivshmem_error *err)
{
	size_t size;
	FILE *f = open_memstream(argument, &size);
	int ret;

	if (f == NULL)
		return out_of_memory(argument, err);
	ret = finish(f, argument, notation->print(f, device, err), err);
	if (ret != 0 || size <= ARGUMENT_MAX)
		return ret;
	free(*argument);
	*argument = NULL;
	return ivshmem_fail(err, -E2BIG,
		"the QEMU argument for %u chunks has %zu bytes, a program takes %d: use RTE_IVSHMEM_FORM_LAYOUT, --single-file-segments or larger pages",
		device->md->n_chunks, size, ARGUMENT_MAX);
}

static int print_first(const struct form *form,
		       const struct ivshmem_device *device, char **argument,
		       bool *uses_layout, struct ivshmem_error *err)
{
	int ret = -EINVAL;

	ivshmem_fail(err, ret, "this form needs a layout file");
	for (int i = 0; i < N_NOTATIONS && form->notations[i] != NULL; i++) {
		*uses_layout = form->notations[i]->uses_layout;
		if (*uses_layout && device->layout == NULL)
			break;
		ret = print_argument(form->notations[i], device, argument, err);
		if (ret != -ENOTSUP && ret != -E2BIG)
			break;
	}
	return ret;
}

static int wrap_argument(const struct form *form, const char *argument,
			 char **text, struct ivshmem_error *err)
{
	size_t size;
	FILE *f = open_memstream(text, &size);

	if (f == NULL)
		return out_of_memory(text, err);
	form->wrap(f, argument);
	return finish(f, text, 0, err);
}

int ivshmem_device_text(const struct ivshmem_metadata *md,
			enum rte_ivshmem_form form, const char *layout,
			const struct ivshmem_identity *metadata, char **text,
			bool *uses_layout, struct ivshmem_error *err)
{
	struct ivshmem_identity *files = NULL;
	char *argument = NULL;
	int ret = 0;

	*text = NULL;
	*uses_layout = false;
	if ((unsigned int)form >= N_FORMS)
		return ivshmem_fail(err, -EINVAL, "no form %d of the device",
				    (int)form);
	if (!forms[form].no_identities)
		ret = ivshmem_identify_files(md, metadata, &files, err);
	if (ret == 0)
		ret = print_first(&forms[form],
				  &(struct ivshmem_device){ md, layout, files },
				  &argument, uses_layout, err);
	if (ret == 0)
		ret = wrap_argument(&forms[form], argument, text, err);
	if (ret != 0)
		*uses_layout = false;
	free(argument);
	free(files);
	return ret;
}

const struct ivshmem_identity *
ivshmem_identity(const struct ivshmem_device *device, uint32_t i)
{
	const struct rte_ivshmem_chunk *chunk = &device->md->chunks[i];

	return device->files != NULL &&
	       ivshmem_path_is_transient(ivshmem_chunk_path(device->md, chunk)) ?
	       &device->files[i] : NULL;
}

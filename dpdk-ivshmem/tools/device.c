/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device_text.h"
#include "leavings.h"
#include "mapped.h"
#include "process_maps.h"
#include "target.h"
#include "tool.h"

static const char *const forms[] = {
	[RTE_IVSHMEM_FORM_AUTO] = "auto",
	[RTE_IVSHMEM_FORM_PLAIN] = "plain",
	[RTE_IVSHMEM_FORM_JSON] = "json",
	[RTE_IVSHMEM_FORM_LAYOUT] = "layout",
	[RTE_IVSHMEM_FORM_SHM] = "shm",
	[RTE_IVSHMEM_FORM_QMP_ADD] = "qmp-add",
	[RTE_IVSHMEM_FORM_QMP_DEL] = "qmp-del",
	[RTE_IVSHMEM_FORM_LIBVIRT] = "libvirt",
};

static int find_form(const char *name)
{
	for (int i = 0; i < (int)(sizeof(forms) / sizeof(forms[0])); i++)
		if (strcmp(forms[i], name) == 0)
			return i;
	return -1;
}

/* QEMU opens the file from a folder of its own. */
static int absolute_path(const char *path, char absolute[PATH_MAX],
			 struct ivshmem_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	char folder[PATH_MAX], *real;
	int len;

	len = snprintf(folder, sizeof(folder), "%.*s",
		       slash == NULL ? 1 : (int)(name - path),
		       slash == NULL ? "." : path);
	if (len >= (int)sizeof(folder) || name[0] == '\0')
		return ivshmem_fail(err, -EINVAL, "--layout: '%.200s' is no file name",
				    path);
	real = realpath(folder, NULL);
	if (real == NULL)
		return ivshmem_fail(err, -errno, "--layout: '%.200s': %s",
				    folder, strerror(errno));
	len = snprintf(absolute, PATH_MAX, "%s/%s",
		       strcmp(real, "/") == 0 ? "" : real, name);
	free(real);
	return len < PATH_MAX ? 0 :
	       ivshmem_fail(err, -ENAMETOOLONG, "--layout: the path is too long");
}

/* Replaced at once, so that QEMU never reads half of it. */
static int write_layout(const char *path, const char *text,
			struct ivshmem_error *err)
{
	char temporary[PATH_MAX];
	size_t len = strlen(text);
	int fd, ret = 0;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
	    (int)sizeof(temporary))
		return ivshmem_fail(err, -ENAMETOOLONG,
				    "--layout: the path is too long");
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return ivshmem_fail(err, -errno, "--layout: '%.200s': %s",
				    temporary, strerror(errno));
	for (size_t done = 0; done < len && ret == 0; ) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0)
			ret = -errno;
		else
			done += (size_t)n;
	}
	close(fd);
	if (ret == 0 && rename(temporary, path) != 0)
		ret = -errno;
	if (ret == 0)
		return 0;
	unlink(temporary);
	return ivshmem_fail(err, ret, "--layout: '%.200s': %s", path,
			    strerror(-ret));
}

/* True if the file holds just that text. */
static bool holds(const char *path, const char *text)
{
	size_t len = strlen(text), got;
	char *contents = malloc(len + 1);
	FILE *f = contents == NULL ? NULL : fopen(path, "re");
	bool same;

	if (f == NULL) {
		free(contents);
		return false;
	}
	got = fread(contents, 1, len + 1, f);
	same = got == len && memcmp(contents, text, len) == 0;
	fclose(f);
	free(contents);
	return same;
}

/* Of the host's own layout file, if it is that of this generation. */
static const char *find_layout(const struct target *target, char path[PATH_MAX])
{
	struct ivshmem_error err;
	const char *found;
	char *text;

	if (ivshmem_layout_text(&target->md, &text, &err) != 0)
		return NULL;
	ivshmem_layout_path(target->path, path);
	found = holds(path, text) ? path : NULL;
	free(text);
	return found;
}

static int make_layout(const struct target *target, const char *path,
		       struct ivshmem_error *err)
{
	char *text;
	int ret = ivshmem_layout_text(&target->md, &text, err);

	if (ret == 0)
		ret = write_layout(path, text, err);
	free(text);
	return ret;
}

/* PID of /proc/PID/fd/N; 0: it is no such path. */
static pid_t pid_of(const char *path)
{
	int pid = 0;

	return sscanf(path, "/proc/%d/fd/", &pid) == 1 && pid > 0 ? pid : 0;
}

/* What cannot be looked at is not judged: QEMU could not open it either. */
static int check_chunk(const struct target *target, uint32_t i,
		       const struct ivshmem_vec *maps,
		       struct ivshmem_error *err)
{
	const struct rte_ivshmem_chunk *chunk = &target->md.chunks[i];
	const char *path = ivshmem_chunk_path(&target->md, chunk);
	struct stat st;

	if (stat(path, &st) != 0 || mapped_has(maps, chunk, &st))
		return 0;
	return ivshmem_fail(err, -ESTALE,
		"chunk %u ('%.150s'): process %d does not have this at 0x%" PRIx64
		": the process that shared it has probably ended, and another one has its number",
		i, path, pid_of(path), chunk->address);
}

/* The number of a process that has ended may be another one's by now, or in
 * this PID namespace. */
static int check_processes(const struct target *target,
			   struct ivshmem_error *err)
{
	const struct ivshmem_metadata *md = &target->md;
	struct ivshmem_vec maps = { 0 };
	pid_t pid, last = 0;
	int ret = 0;

	for (uint32_t i = 0; i < md->n_chunks && ret == 0; i++) {
		pid = pid_of(ivshmem_chunk_path(md, &md->chunks[i]));
		if (pid == 0)
			continue;
		if (pid != last) {
			ivshmem_mappings_free(&maps);
			if (mapped_read(pid, &maps) != 0)
				continue;
			last = pid;
		}
		ret = check_chunk(target, i, &maps, err);
	}
	ivshmem_mappings_free(&maps);
	return ret;
}

/* A form that needs a layout file fails without one; here is how to get it. */
static void hint_at_layout(const struct target *target, int form)
{
	struct ivshmem_error err;
	bool uses_layout;
	char *text;

	if (ivshmem_device_text(&target->md, (enum rte_ivshmem_form)form,
				"/layout", NULL, &text, &uses_layout,
				&err) == 0 && uses_layout)
		tool_error("--layout=PATH writes the layout file that this needs");
	free(text);
}

static int print_device(const struct target *target, int form,
			const char *wanted, struct ivshmem_error *err)
{
	char path[PATH_MAX], *text = NULL;
	const char *layout = path;
	bool uses_layout = false;
	int ret = 0;

	if (form != RTE_IVSHMEM_FORM_QMP_DEL)
		ret = check_processes(target, err);
	if (ret == 0 && wanted != NULL)
		ret = absolute_path(wanted, path, err);
	else if (ret == 0)
		layout = find_layout(target, path);
	if (ret == 0)
		ret = ivshmem_device_text(&target->md,
					  (enum rte_ivshmem_form)form, layout,
					  NULL, &text, &uses_layout, err);
	if (ret == 0 && uses_layout && wanted != NULL)
		ret = make_layout(target, path, err);
	if (ret == 0)
		puts(text);
	free(text);
	return ret;
}

static enum tool_status device(const char *word, int form, const char *layout)
{
	struct ivshmem_error err;
	struct target target;
	int ret = target_open(&target, word);

	if (ret != 0) {
		tool_error("%s: %s", word, target.err.text);
	} else if (target.is_device) {
		tool_error("%s: a device is made on the host: give the metadata file there",
			   word);
		ret = -EINVAL;
	} else {
		if (target_is_stale(&target))
			tool_error("%s: warning: no living process owns it",
				   word);
		ret = print_device(&target, form, layout, &err);
		if (ret != 0) {
			tool_error("%s: %s", word, err.text);
			if (layout == NULL)
				hint_at_layout(&target, form);
		}
	}
	target_close(&target);
	return ret == 0 ? TOOL_OK : TOOL_FAILED;
}

static enum tool_status run(const struct tool_options *options)
{
	int form = options->form == NULL ? RTE_IVSHMEM_FORM_AUTO :
		   find_form(options->form);

	if (form < 0)
		return tool_wrong_usage(&tool_device, "no form '%s'",
					options->form);
	return device(options->words[0], form, options->layout);
}

const struct tool_command tool_device = {
	.name = "device",
	.summary = "print the device as QEMU, QMP or libvirt want it",
	.words = "FILE",
	.help = "Forms:\n"
		"  auto      the first of plain, json and layout that can express it\n"
		"  plain     -device ivshmem,file=...,offset=...,size=...\n"
		"  json      -device with JSON in a shell's quotes\n"
		"  layout    -device ivshmem,layout=PATH, for any number of chunks\n"
		"  shm       -device ivshmem,size=...,shm=..., as of DPDK 1.6\n"
		"  qmp-add   the QMP command that plugs the device\n"
		"  qmp-del   the QMP command that unplugs it\n"
		"  libvirt   an element <qemu:commandline>\n"
		"\n"
		"A layout file of the host is used if it is there; --layout writes one.\n",
	.options = "fl",
	.min_words = 1,
	.max_words = 1,
	.run = run,
};

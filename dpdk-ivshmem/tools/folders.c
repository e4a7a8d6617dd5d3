/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folders.h"
#include "leavings.h"
#include "rte_ivshmem.h"

/* Takes path over. */
static int append(struct folders *folders, char *path)
{
	char **paths;

	if (path == NULL)
		return -ENOMEM;
	for (int i = 0; i < folders->n; i++)
		if (strcmp(folders->paths[i], path) == 0) {
			free(path);
			return 0;
		}
	paths = realloc(folders->paths,
			(size_t)(folders->n + 1) * sizeof(*paths));
	if (paths == NULL) {
		free(path);
		return -ENOMEM;
	}
	paths[folders->n++] = path;
	folders->paths = paths;
	return 0;
}

/* `PARENT/dpdk/PREFIX/ivshmem` for each PREFIX; the parent is no pattern. */
static int append_runtime(struct folders *folders, const char *parent)
{
	char pattern[2 * PATH_MAX];
	glob_t found;
	size_t len = 0;
	int ret = 0;

	for (; *parent != '\0' && len < sizeof(pattern) - 32; parent++) {
		if (strchr("*?[\\", *parent) != NULL)
			pattern[len++] = '\\';
		pattern[len++] = *parent;
	}
	strcpy(pattern + len, "/dpdk/*/ivshmem/");
	ret = glob(pattern, 0, NULL, &found);
	if (ret != 0)
		return ret == GLOB_NOSPACE ? -ENOMEM : 0;
	for (size_t i = 0; i < found.gl_pathc && ret == 0; i++) {
		char *path = realpath(found.gl_pathv[i], NULL);

		/* It may be gone by now. */
		ret = path == NULL && errno != ENOMEM ? 0 :
		      append(folders, path);
	}
	globfree(&found);
	return ret;
}

/* As the EAL chooses its runtime folder, for root and for users. */
int folders_default(struct folders *folders)
{
	const char *chosen = getenv(RTE_IVSHMEM_DIR_ENV);
	const char *service = getenv("RUNTIME_DIRECTORY"); /* systemd's */
	const char *user = getenv("XDG_RUNTIME_DIR");
	int ret;

	*folders = (struct folders){ 0 };
	if (chosen != NULL && chosen[0] != '\0')
		return append(folders, strdup(chosen));
	ret = append_runtime(folders, "/var/run");
	if (ret == 0)
		ret = append_runtime(folders, user != NULL ? user : "/tmp");
	if (ret == 0 && service != NULL)
		ret = append_runtime(folders, service);
	return ret;
}

void folders_free(struct folders *folders)
{
	while (folders->n > 0)
		free(folders->paths[--folders->n]);
	free(folders->paths);
	folders->paths = NULL;
}

static int choose(struct folders *folders, const struct tool_options *options)
{
	int ret = 0;

	if (options->n_words == 0)
		return folders_default(folders);
	*folders = (struct folders){ 0 };
	for (int i = 0; i < options->n_words && ret == 0; i++)
		ret = append(folders, strdup(options->words[i]));
	return ret;
}

static enum tool_status work_in(const char *folder, folder_work work, void *arg)
{
	struct ivshmem_error err = { "out of memory" };
	int lock = ivshmem_folder_lock(folder, &err), ret = lock;

	if (lock >= 0) {
		ret = work(folder, arg, &err);
		close(lock);
	}
	if (ret < 0)
		tool_error("%s", err.text);
	return ret < 0 ? TOOL_FAILED : TOOL_OK;
}

enum tool_status folders_work(const struct tool_options *options,
			      bool (*wanted)(const char *folder),
			      folder_work work, void *arg)
{
	bool is_default = options->n_words == 0;
	enum tool_status status = TOOL_OK;
	struct folders folders;

	if (choose(&folders, options) != 0) {
		folders_free(&folders);
		tool_error("out of memory");
		return TOOL_FAILED;
	}
	for (int i = 0; i < folders.n; i++) {
		if (is_default && wanted != NULL && !wanted(folders.paths[i]))
			continue;
		if (work_in(folders.paths[i], work, arg) != TOOL_OK)
			status = TOOL_FAILED;
	}
	folders_free(&folders);
	return status;
}

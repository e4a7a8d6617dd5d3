/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

static int remove_entry(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void cleanup_tree(const char *path)
{
	if (path[0] != '\0')
		nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

bool cleanup_is_prefix(const char *prefix)
{
	size_t letters = strspn(prefix, "abcdefghijklmnopqrstuvwxyz");

	return strncmp(prefix, "iv", 2) == 0 &&
	       isdigit((unsigned char)prefix[letters]) &&
	       strchr(prefix, '/') == NULL;
}

bool cleanup_is_page(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return cleanup_is_prefix(prefix) &&
	       strncmp(name, prefix, length) == 0 &&
	       strncmp(name + length, "map_", 4) == 0;
}

void cleanup_pages(const char *directory, const char *prefix)
{
	struct dirent *entry;
	DIR *dir = directory != NULL ? opendir(directory) : NULL;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (cleanup_is_page(entry->d_name, prefix))
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
}

void cleanup_runtime(const char *runtime, const char *prefix)
{
	const char *slash = strrchr(runtime, '/');
	char path[PATH_MAX];

	if (slash == NULL || !cleanup_is_prefix(prefix) ||
	    snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - runtime),
		     runtime, prefix) >= (int)sizeof(path))
		return;
	cleanup_tree(path);
}

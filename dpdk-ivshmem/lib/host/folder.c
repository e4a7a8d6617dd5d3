/* SPDX-License-Identifier: BSD-3-Clause */
/* Where metadata files lie. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_eal.h>

#include "host.h"
#include "started.h"

/* mkdir -p, private to the user. */
static int make_folder(const char *folder)
{
	char path[PATH_MAX];
	struct stat st;

	if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	snprintf(path, sizeof(path), "%s", folder);
	for (char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST &&
		    stat(path, &st) != 0)
			return -errno;
		*slash = '/';
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -errno;
	if (stat(path, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int ivshmem_folder_choose(char folder[PATH_MAX], struct ivshmem_error *err)
{
	const char *chosen = getenv(RTE_IVSHMEM_DIR_ENV);
	const char *runtime = rte_eal_get_runtime_dir();
	char resolved[PATH_MAX];
	int len, ret;

	ret = ivshmem_check_started(err);
	if (ret != 0)
		return ret;
	if (chosen != NULL && chosen[0] != '\0')
		len = snprintf(folder, PATH_MAX, "%s", chosen);
	else
		len = snprintf(folder, PATH_MAX, "%s/ivshmem", runtime);
	/* Room for the name, a temporary suffix and their separators. */
	if (len < 0 || len >= PATH_MAX - RTE_IVSHMEM_NAME_SIZE - 32)
		return ivshmem_fail(err, -ENAMETOOLONG,
			"the metadata folder's name is too long: " FOLDER_WAY_OUT);
	ret = make_folder(folder);
	if (ret == 0 && realpath(folder, resolved) == NULL)
		ret = -errno;
	if (ret == 0 &&
	    strlen(resolved) >= PATH_MAX - RTE_IVSHMEM_NAME_SIZE - 32)
		ret = -ENAMETOOLONG;
	if (ret != 0)
		return ivshmem_fail(err, ret, "metadata folder '%.150s': %s: "
				    FOLDER_WAY_OUT, folder, strerror(-ret));
	/* QEMU opens the file from a folder of its own. */
	strcpy(folder, resolved);
	return 0;
}

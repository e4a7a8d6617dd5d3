/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DPDK_IVSHMEM_FOLDERS_H
#define DPDK_IVSHMEM_FOLDERS_H

#include "format.h"
#include "tool.h"

/** Folders, without links and each once. */
struct folders {
	char **paths;
	int n;
};

/**
 * Where hosts of this machine keep their metadata: RTE_IVSHMEM_DIR if it is
 * set, else `ivshmem` in each runtime folder of an EAL.
 *
 * @return
 *   0 or -ENOMEM.
 */
int folders_default(struct folders *folders);

void folders_free(struct folders *folders);

/** What a command does in a folder; 0, or negative with the reason in err. */
typedef int (*folder_work)(const char *folder, void *arg,
			   struct ivshmem_error *err);

/**
 * Do it in each folder that the command line names, or else in the default
 * ones, with the folder locked.  What goes wrong is told.
 *
 * @param wanted
 *   Tells and returns false if a default one is to be left alone; NULL: none.
 */
enum tool_status folders_work(const struct tool_options *options,
			      bool (*wanted)(const char *folder),
			      folder_work work, void *arg);

#endif

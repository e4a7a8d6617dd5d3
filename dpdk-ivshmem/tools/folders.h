/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DPDK_IVSHMEM_FOLDERS_H
#define DPDK_IVSHMEM_FOLDERS_H

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

/** The given ones, as they are; or else the default ones. */
int folders_choose(struct folders *folders, char **words, int n_words);

void folders_free(struct folders *folders);

#endif

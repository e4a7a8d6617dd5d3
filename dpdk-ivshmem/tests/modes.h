/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK processes of test_modes: started with the EAL options of a memory mode,
 * told what to do through a socket, and killed.
 */
#ifndef IVSHMEM_TEST_MODES_H
#define IVSHMEM_TEST_MODES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** The zone; words in it hold their own address. */
#define ZONE_SIZE (32 << 20)
/** Room for zone, ring and pool. */
#define MEMORY_MIB 48
/** Room for a pool that the EAL has to fetch more pages of 2 MiB for. */
#define OWN_MIB 32

/** Bytes at every multiple of this in the zone are the other process's. */
#define MARK_EVERY 65536
#define MARK 0x4d41524bu

/** Where a mode's memory comes from. */
enum memory {
	MEMORY_ORDINARY, /**< no hugepages */
	MEMORY_2M,       /**< --huge-dir */
	MEMORY_1G,       /**< --huge-dir */
	MEMORY_BOTH,     /**< whatever is mounted, 2 MiB and 1 GiB */
	MEMORY_UNNAMED,  /**< hugepages without hugetlbfs */
};

struct mode {
	const char *name;
	enum memory memory;
	const char *options; /**< of the EAL, without sizes and folders */
};

/** What a process is to do. */
enum role {
	ROLE_SHARE,     /**< make objects, publish */
	ROLE_START,     /**< the next start of the application: the EAL only */
	ROLE_SECONDARY, /**< publish what the primary process made */
};

/** How to start it. */
struct start {
	const struct mode *mode;
	enum role role;
	const char *prefix;   /**< --file-prefix */
	const char *huge_dir; /**< --huge-dir, if the mode has one */
	const char *folder;   /**< for metadata files */
	uid_t uid;            /**< who it is, if the caller is root */
};

/** What it says when it is ready. */
struct hello {
	char error[200]; /**< why it could not; empty if it could */
	char runtime[256]; /**< the EAL's folder, if it made one */
	char metadata[PATH_MAX];
	uint64_t zone; /**< address */
	uint64_t big;  /**< address of a zone in a page of 1 GiB, or 0 */
	bool is_small; /**< a pool beside that takes pages of 2 MiB alone */
};

struct process {
	pid_t pid;
	int fd;
	struct hello hello;
};

/** Start it and wait until it is ready; false if hello.error says why not. */
bool process_start(struct process *process, const struct start *start);

/** True if the process reads a MARK wherever the caller has written one. */
bool process_sees_marks(struct process *process);

/** End it in order. */
void process_quit(struct process *process);

/** End it as a crash does. */
void process_kill(struct process *process);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EAL set-up of the tests.
 *
 * A mode is given as the program's only argument:
 *   no-huge    memory in a memfd; needs neither root nor hugepages
 *   telemetry  as no-huge, with DPDK's telemetry, which is off otherwise
 *   huge       default hugetlbfs mode: one file per page
 *   huge-sfs   --single-file-segments
 *   huge-legacy-sfs
 *              the same with --legacy-mem: one file per page, and no descriptor
 *   huge-pa    as huge, with physical addresses for devices; needs root
 *   huge-va    as huge, with virtual addresses for devices
 * Hugepage modes use the hugetlbfs in IVSHMEM_HUGE, which must have a limit
 * (hugetlbfs.h).
 */
#ifndef IVSHMEM_TEST_EAL_H
#define IVSHMEM_TEST_EAL_H

#include <stdbool.h>

/**
 * AddressSanitizer's shadow occupies the EAL's default base address; this one
 * is free with and without it.  ThreadSanitizer leaves an application little
 * but the first 512 GiB.
 */
#ifdef __SANITIZE_THREAD__
#define TEST_BASE "0x100000000"
#else
#define TEST_BASE "0x200000000000"
#endif

/** A folder for metadata files of this test; removed at exit. */
extern char test_dir[];

/** File prefix for guests of this test; what they leave is removed at exit. */
extern char test_guest[];

/** File prefix of the host. */
extern char test_prefix[];

/**
 * Start the EAL as host in the mode, with metadata in test_dir; or print why
 * all is skipped, and exit.
 */
void start_host(const char *mode);

/**
 * The two halves of start_host(): once in a process that starts no EAL itself,
 * then in any number of its children.
 */
void prepare_host(const char *mode);
void start_eal(const char *mode);

/** What the exit of the process that called start_host() does: end the EAL,
 *  and remove its folder. */
void end_eal(void);

/** True in a mode with hugepages. */
bool has_hugepages(const char *mode);

#endif

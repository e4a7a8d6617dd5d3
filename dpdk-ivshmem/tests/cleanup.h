/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tests remove at their end, many of them as root.  Files that the EAL made are
 * removed by the --file-prefix in their names.  A prefix that is not one of the tests'
 * removes nothing: with an empty one it would be the files of every DPDK program.
 */
#ifndef IVSHMEM_TEST_CLEANUP_H
#define IVSHMEM_TEST_CLEANUP_H

#include <stdbool.h>

/** True of the prefixes that tests use: "iv", letters, the number of a process. */
bool cleanup_is_prefix(const char *prefix);

/** True of a hugepage file that the EAL has made for that prefix. */
bool cleanup_is_page(const char *name, const char *prefix);

/** Remove the hugepage files of the prefix; NULL is no directory. */
void cleanup_pages(const char *directory, const char *prefix);

/** Remove the runtime directory that the EAL has made for the prefix, in the same
 *  place as `runtime`, that of any prefix. */
void cleanup_runtime(const char *runtime, const char *prefix);

/** Remove a directory with all in it, but nothing that is mounted there. */
void cleanup_tree(const char *path);

#endif

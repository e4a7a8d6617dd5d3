/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metadata is untrusted: a name in it may hold a terminal's escape sequences,
 * or be no text at all.
 */
#ifndef DPDK_IVSHMEM_TEXT_H
#define DPDK_IVSHMEM_TEXT_H

#include <sys/types.h>

#include "format.h"

/** Replace each control character, and each byte that is not UTF-8, by `?`. */
void text_clean(char *text);

/** text_clean() all names and paths; the paths then serve for printing only. */
void text_clean_metadata(struct ivshmem_metadata *md);

/** Name of the program that a process runs; "?" if it is not known. */
const char *text_command(pid_t pid, char name[64]);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allocation with pages of its own.
 *
 *   alloc.c          pages: memzones, rings, plain memory
 *   alloc_mempool.c  mempools, which consist of all three
 *
 * The EAL puts a header of its own in front of what it hands out.  Asked for
 * memory that begins with a page, it places that header on the page before:
 * so a start and a length in whole pages are all that is needed.
 */
#ifndef IVSHMEM_ALLOC_H
#define IVSHMEM_ALLOC_H

#include <stddef.h>

/**
 * As rte_malloc_socket(), on pages of its own.
 *
 * @param[in,out] size
 *   Bytes; rounded up to whole pages on success.
 * @return
 *   Memory for rte_free(), or NULL with rte_errno ENOMEM.
 */
void *ivshmem_pages_malloc(const char *type, size_t *size, int socket_id);

#endif

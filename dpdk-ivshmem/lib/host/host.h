/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host side inside: metadata that this process builds and publishes.
 *
 *   metadata.c  the public calls: names, locking, transactions
 *   objects.c   what an object consists of: memzones, rings, mempools
 *   pages.c     from an address to (file, offset); pinning
 *   publish.c   chunks in BAR order, and the image that guests read
 *   lcores.c    lcore ids that guests rely on
 *   file.c      the metadata file: owner, replacement, removal
 *
 * Functions here return 0 or a negative errno with the reason in `err`.  They
 * are called with the lock of metadata.c held.
 */
#ifndef IVSHMEM_HOST_H
#define IVSHMEM_HOST_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "format.h"
#include "vec.h"

struct rte_memzone;
struct rte_ring;
struct rte_mempool;

/** The file of one metadata. */
struct ivshmem_file {
	char path[PATH_MAX];
	int fd;      /**< open and locked as long as this process owns it */
	pid_t owner; /**< a forked child owns nothing */
};

/** Metadata that this process created. */
struct ivshmem_host {
	TAILQ_ENTRY(ivshmem_host) next;
	char name[RTE_IVSHMEM_META_NAME_LEN];
	struct ivshmem_file file;
	uint64_t generation;
	uint32_t state; /**< BUILDING from an addition to publication */

	struct ivshmem_vec objects; /**< struct rte_ivshmem_object */
	struct ivshmem_vec pieces;  /**< struct rte_ivshmem_chunk without BAR
				     *  offsets, in the order of adding; they
				     *  may overlap */
	struct ivshmem_vec ops;     /**< struct rte_ivshmem_ops */
	struct ivshmem_vec paths;   /**< bytes */
};

TAILQ_HEAD(ivshmem_host_list, ivshmem_host);

/* objects.c: add an object and all that it needs.  On failure the caller
 * restores the vectors. */
int ivshmem_add_memzone(struct ivshmem_host *host, const struct rte_memzone *mz,
			struct ivshmem_error *err);
int ivshmem_add_ring(struct ivshmem_host *host, const struct rte_ring *r,
		     struct ivshmem_error *err);
int ivshmem_add_mempool(struct ivshmem_host *host, const struct rte_mempool *mp,
			struct ivshmem_error *err);

/**
 * Add the pages that hold `length` bytes at `address`.
 *
 * @param what
 *   For messages: "ring 'r'".
 * @return
 *   0, -EFAULT (not EAL memory), -ENOTSUP (no file behind it) or -ENOMEM.
 */
int ivshmem_add_range(struct ivshmem_host *host, const void *address,
		      size_t length, const char *what,
		      struct ivshmem_error *err);

/** Keep the EAL from giving the pages of pieces[first...] back to the system. */
void ivshmem_pin_pages(const struct ivshmem_host *host, uint32_t first);

/**
 * The metadata as guests will see it, in new memory: chunks merged, in BAR
 * order, chunk 0 being the metadata itself.
 *
 * @param[out] md
 *   To be released with ivshmem_published_free().
 */
int ivshmem_publish_build(const struct ivshmem_host *host, uint64_t generation,
			  uint32_t state, struct ivshmem_metadata *md,
			  struct ivshmem_error *err);
void ivshmem_published_free(struct ivshmem_metadata *md);

/**
 * From now on refuse lcore ids that md does not list, if it shares a pool with
 * per-lcore caches.  The first call counts: the ids can only become fewer.
 */
int ivshmem_freeze_lcores(const struct ivshmem_metadata *md,
			  struct ivshmem_error *err);

/**
 * Take possession of the file of a name; leavings of the dead are marked
 * CLOSING.
 *
 * @param[out] generation
 *   One that no earlier file of this name had.
 * @return
 *   0, -EEXIST if a living process owns it, or why it cannot be written.
 */
int ivshmem_file_claim(struct ivshmem_file *file, const char *name,
		       uint64_t *generation, struct ivshmem_error *err);

/** Replace the file's contents at once by md; on failure nothing changes. */
int ivshmem_file_write(struct ivshmem_file *file,
		       const struct ivshmem_metadata *md,
		       struct ivshmem_error *err);

/** Tell guests that the host goes (CLOSING) and remove the file. */
void ivshmem_file_remove(struct ivshmem_file *file);

/** True if `path` names the file that is open as `fd`. */
bool ivshmem_file_is_named(int fd, const char *path);

/** Bytes that the metadata file has, whole pages; 0 if it would be too large. */
uint64_t ivshmem_file_length(const struct ivshmem_metadata *md);

#endif

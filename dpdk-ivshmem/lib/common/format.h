/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Encode and check metadata.  Knows nothing of DPDK, so that it can be tested
 * and fuzzed alone.  No global state; thread-safe for distinct arguments.
 */
#ifndef IVSHMEM_FORMAT_H
#define IVSHMEM_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "rte_ivshmem_format.h"

/** Why a call failed, in words for a log. */
struct ivshmem_error {
	char text[320];
};

/** Write the reason into `err` and return `code`. */
__attribute__((format(printf, 3, 4)))
int ivshmem_fail(struct ivshmem_error *err, int code, const char *format, ...);

/**
 * Metadata in the reader's or writer's private memory: what to encode, or what
 * decoding found.  The arrays belong to the caller when encoding, and to
 * `storage` after decoding.
 */
struct ivshmem_metadata {
	char name[RTE_IVSHMEM_META_NAME_LEN];
	char dpdk_version[RTE_IVSHMEM_DPDK_VERSION_LEN];
	uint64_t generation;
	uint64_t total_size; /**< set by decoding */
	uint64_t heartbeat;
	uint32_t state;
	uint32_t fingerprint; /**< set by decoding */

	struct rte_ivshmem_chunk *chunks;
	struct rte_ivshmem_object *objects;
	uint32_t *lcores;
	struct rte_ivshmem_ops *ops;
	struct rte_ivshmem_dyn *dyns;
	uint32_t *layout;
	char *paths;

	uint32_t n_chunks;
	uint32_t n_objects;
	uint32_t n_lcores;
	uint32_t n_ops;
	uint32_t n_dyns;
	uint32_t n_layout;
	uint32_t n_paths; /**< bytes, with the NUL of the last one */

	void *storage; /**< set by decoding; ivshmem_metadata_free() */
};

/** Bytes that the metadata occupies when encoded; 0 if it is too large. */
uint64_t ivshmem_metadata_size(const struct ivshmem_metadata *md);

/**
 * Encode into new memory.
 *
 * @param[out] image
 *   ivshmem_metadata_size() bytes, to be released with free().
 * @return
 *   0, -ENOMEM, or -E2BIG if it would exceed RTE_IVSHMEM_TOTAL_MAX.
 */
int ivshmem_metadata_encode(const struct ivshmem_metadata *md, void **image);

/** Most pieces of an encoded image: header, tables and what lies between. */
#define IVSHMEM_PIECES (1 + 2 * RTE_IVSHMEM_N_TABLES)

/**
 * The same without a copy: where the bytes are, one piece behind the other.
 *
 * @param[out] header
 *   The first piece.
 * @param[out] pieces
 *   Valid as long as md and header.
 * @return
 *   How many there are, or -E2BIG.
 */
int ivshmem_metadata_pieces(const struct ivshmem_metadata *md,
			    struct rte_ivshmem_header *header,
			    struct iovec pieces[IVSHMEM_PIECES]);

/**
 * Copy metadata out of shared memory and check every byte of the copy.
 *
 * The other side may change the memory meanwhile: each byte is read once for
 * the copy, and only the copy is looked at.
 *
 * @param shared
 *   Where the metadata begins.
 * @param available
 *   Bytes readable there.
 * @param bar_size
 *   Bytes of BAR 2; every chunk must lie inside.  UINT64_MAX without a BAR.
 * @param[out] md
 *   Zeroed on failure.
 * @param[out] err
 *   The reason, naming field, entry and values.
 * @return
 *   0, or negative:
 *   - -ENOENT: not this format (no magic); the memory is somebody else's
 *   - -ENOTSUP: a newer major version
 *   - -EINVAL: damaged, torn or malicious
 *   - -ENOMEM: out of memory
 */
int ivshmem_metadata_decode(const volatile void *shared, size_t available,
			    uint64_t bar_size, struct ivshmem_metadata *md,
			    struct ivshmem_error *err);

/**
 * The same for metadata in private memory, without a BAR and without a copy.
 *
 * @param image
 *   Of malloc(); belongs to md from now on, and is released on failure.
 */
int ivshmem_metadata_take(void *image, size_t size, struct ivshmem_metadata *md,
			  struct ivshmem_error *err);

/** Release what decoding allocated, and zero the structure. */
void ivshmem_metadata_free(struct ivshmem_metadata *md);

/** The file name of a chunk. */
const char *ivshmem_chunk_path(const struct ivshmem_metadata *md,
			       const struct rte_ivshmem_chunk *chunk);

/** Bytes of BAR 2: the smallest power of two that holds all chunks. */
uint64_t ivshmem_bar_size(const struct ivshmem_metadata *md);

/** Bytes of all chunks, chunk 0, the metadata, among them. */
uint64_t ivshmem_chunk_bytes(const struct ivshmem_metadata *md);

#endif

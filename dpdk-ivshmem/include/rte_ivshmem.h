/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK IVSHMEM: share rings, mempools and memzones with virtual machines.
 *
 * A host application names what it shares in a metadata file and gives the
 * string that the library prints to a QEMU with the `ivshmem` device:
 *
 *     rte_ivshmem_metadata_create("vm0");
 *     rte_ivshmem_metadata_add_ring(ring, "vm0");
 *     rte_ivshmem_metadata_add_mempool(pool, "vm0");
 *     rte_ivshmem_metadata_cmdline_generate(buffer, sizeof(buffer), "vm0");
 *
 * A DPDK application in the guest calls nothing of this header.  With this
 * library loaded (`-d librte_ivshmem.so`, DPDK's plugin folder, or linked in)
 * rte_ring_lookup(), rte_mempool_lookup() and rte_memzone_lookup() find the
 * host's objects, at the host's addresses, with nothing copied.
 *
 * Thread-safety: all calls may be made from any thread of one process, after
 * rte_eal_init().
 *
 * Ownership: the application keeps its objects.  The pages that hold a shared
 * object are pinned until the process ends; sharing an object and then freeing
 * it is an error of the application that the library cannot see.
 *
 * Errors: every call returns 0 on success and a negative value on failure, with
 * the reason in rte_errno and in words in the log (type `lib.ivshmem`).  A
 * failed call changes nothing.
 *
 * Stability: experimental.
 */
#ifndef RTE_IVSHMEM_H
#define RTE_IVSHMEM_H

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_memzone;
struct rte_ring;
struct rte_mempool;

/** Size of a metadata name in bytes, with its NUL. */
#define RTE_IVSHMEM_NAME_SIZE 64

/** Environment variable that replaces the folder of the metadata files. */
#define RTE_IVSHMEM_DIR_ENV "RTE_IVSHMEM_DIR"

/**
 * Create an empty metadata file and become its owner.
 *
 * The file is `NAME` in the folder `ivshmem` below rte_eal_get_runtime_dir(),
 * or in the folder that the environment variable RTE_IVSHMEM_DIR names.  What
 * a dead process left there under the same name is replaced.  The file goes
 * away when the process exits in order.
 *
 * @param name
 *   1 to 63 characters out of letters, digits, `_`, `-` and `.`, not starting
 *   with `.`.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: name is NULL, empty or has other characters
 *   - ENAMETOOLONG: name has more than 63 characters
 *   - EEXIST: this process, or another one that lives, owns that name
 *   - ENOMEM: out of memory
 *   - others (EACCES, EROFS, ENOSPC, ...): the folder cannot be written
 */
int rte_ivshmem_metadata_create(const char *name);

/**
 * Share a memzone.
 *
 * @param mz
 *   A memzone of this process, as rte_memzone_reserve() or
 *   rte_memzone_lookup() returned it.
 * @param md_name
 *   Name of metadata that this process created.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: a NULL argument
 *   - ENOENT: no such metadata, or mz is not a memzone of this process
 *   - EEXIST: the metadata has this memzone already
 *   - EFAULT: some byte of it is not in memory that the EAL manages
 *   - ENOTSUP: its memory has no file behind it that QEMU could open
 *   - ENOMEM: out of memory
 */
int rte_ivshmem_metadata_add_memzone(const struct rte_memzone *mz,
				     const char *md_name);

/**
 * Share a ring.
 *
 * @param r
 *   A ring that rte_ring_create() or rte_ring_lookup() returned.
 * @param md_name
 *   Name of metadata that this process created.
 * @return
 *   As rte_ivshmem_metadata_add_memzone(); ENOENT also for a ring that
 *   rte_ring_lookup() does not know (rte_ring_init() in own memory).
 */
int rte_ivshmem_metadata_add_ring(const struct rte_ring *r,
				  const char *md_name);

/**
 * Share a mempool with everything that it needs: its memzone, every memory
 * chunk, their headers, and the ring or stack that holds the free objects.
 *
 * Its per-lcore caches are shared as well.  A guest may therefore not use the
 * same lcore ids as this process if the pool has a cache; the guest side
 * refuses and says how to start (`--lcores 64@0`).  For the same reason no
 * further thread of this process can become an lcore (rte_thread_register())
 * once such a pool has been published.
 *
 * @param mp
 *   A pool that rte_mempool_create(), rte_pktmbuf_pool_create() or
 *   rte_mempool_lookup() returned; fully populated.
 * @param md_name
 *   Name of metadata that this process created.
 * @return
 *   As rte_ivshmem_metadata_add_memzone(); ENOTSUP also for a pool whose
 *   objects are kept outside memzones (hardware pools).
 */
int rte_ivshmem_metadata_add_mempool(const struct rte_mempool *mp,
				     const char *md_name);

/**
 * Publish the metadata and print the QEMU arguments that expose it.
 *
 * The text is `-device ivshmem,...`, to be used as it is in a shell command.
 * It stays valid until the next call for the same name; what was added later
 * is not visible before that call.  Each call begins a new generation.
 *
 * @param buffer
 *   Where the NUL-terminated text goes; untouched on failure.
 * @param size
 *   Size of buffer in bytes.
 * @param name
 *   Name of metadata that this process created.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: a NULL argument
 *   - ENOENT: no such metadata
 *   - ENODATA: nothing was added yet
 *   - ENOBUFS: buffer is too small; the return value is then the negated size
 *     in bytes that is needed, so that -ret is what to allocate
 *   - E2BIG: more chunks than one argument of a Linux program can hold
 *   - others (ENOSPC, EACCES, ...): the file could not be written
 */
int rte_ivshmem_metadata_cmdline_generate(char *buffer, unsigned int size,
					  const char *name);

/**
 * Print what the metadata shares and draw the layout of BAR 2: offset, size,
 * host address, file, and what lies there.
 *
 * @param f
 *   An open stream.
 * @param name
 *   Name of metadata that this process created, or NULL for all of them.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: f is NULL
 *   - ENOENT: no such metadata
 *   - EIO: writing to f failed
 */
int rte_ivshmem_metadata_dump(FILE *f, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* RTE_IVSHMEM_H */

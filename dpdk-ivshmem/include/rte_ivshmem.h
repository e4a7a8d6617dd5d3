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
 * Life of what is shared:
 *
 *     add        the object's pages stay where they are from now on
 *     publish    rte_ivshmem_metadata_cmdline_generate(), or another form:
 *                a new generation of the metadata file, which readers see whole
 *                or not at all
 *     remove     takes effect with the next publication
 *     destroy    the file is marked closing and goes away, as at exit
 *
 * Thread-safety: all calls may be made from any thread, between rte_eal_init()
 * and rte_eal_cleanup().  Primary and secondary processes may share, each
 * object from one process at a time.
 *
 * Signals: a publication may raise SIGURG, which by default does nothing, when
 * another process opens the metadata file at that moment.
 *
 * Ownership: the application keeps its objects and may free them at any time.
 * While a published generation, or one in the making, lists an object, its
 * memory stays allocated: a guest goes on reading it, and it is handed to
 * nobody else.  DPDK logs `Error: Invalid memory` when such an object is
 * freed; the memory is given back when it is no longer shared.
 *
 * Errors: every call returns 0 on success and a negative value on failure, with
 * the reason in rte_errno and in words in the log (type `lib.ivshmem`).  A
 * failed call changes nothing.
 *
 * Stability: experimental.
 */
#ifndef RTE_IVSHMEM_H
#define RTE_IVSHMEM_H

#include <stddef.h>
#include <stdint.h>
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
 * dead processes left in that folder, under any name, is marked closing, so
 * that guests notice, and removed, with the hugepage files that it lists.  The
 * file goes away when the process exits in order.
 *
 * @param name
 *   1 to 63 characters out of letters, digits, `_`, `-` and `.`, not starting
 *   with `.`.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: name is NULL, empty or has other characters
 *   - ENAMETOOLONG: name has more than 63 characters
 *   - EEXIST: this process, or another one that lives, owns that name
 *   - EBUSY: another process works in the folder for more than 5 seconds
 *   - EAGAIN: rte_eal_init() was not called yet
 *   - ENOMEM: out of memory
 *   - others (EACCES, EROFS, ENOSPC, ...): the folder cannot be written
 */
int rte_ivshmem_metadata_create(const char *name);

/**
 * Take everything back: mark the metadata file closing, so that guests notice,
 * remove it, and let go of what it shares.
 *
 * Unplug the device from each guest first: a guest that has it goes on seeing
 * the pages, whatever the application puts there next.
 *
 * @param name
 *   Name of metadata that this process created.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL, ENAMETOOLONG: name is none
 *   - ENOENT: no such metadata
 */
int rte_ivshmem_metadata_destroy(const char *name);

/**
 * Share a memzone.
 *
 * A guest sees whole pages, and with them what else lies there; see
 * rte_ivshmem_metadata_audit() and rte_ivshmem_memzone_reserve().
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
 *   - EEXIST: the metadata has this memzone already, or another one of that
 *     name, or one that was freed meanwhile and had the same descriptor
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
 *   A ring of rte_ring_create(), or of rte_ring_init() in a memzone, which is
 *   shared as a whole then.
 * @param md_name
 *   Name of metadata that this process created.
 * @return
 *   As rte_ivshmem_metadata_add_memzone(); ENOENT also for a ring that lies
 *   in no memzone.
 */
int rte_ivshmem_metadata_add_ring(const struct rte_ring *r,
				  const char *md_name);

/**
 * Share a mempool with everything that it needs: its memzone, every memory
 * chunk, their headers, and the ring or stack that holds the free objects.
 *
 * Each side has its own per-lcore caches, in private pages, as far as those
 * pages hold nothing else that is shared: then host and guests may use the same
 * lcore ids.  Pools of rte_ivshmem_pktmbuf_pool_create() have such pages for
 * all ids.  With other pools the cache of the first or last id mostly has a
 * page in common with the pool's neighbour; a guest that runs with such an id
 * refuses and says which one to take (`--lcores 1@0`).  A process on this host
 * that attaches to such a pool in hugepages keeps to ids that this one does not
 * use; for its sake no further thread of this process can become an lcore
 * (rte_thread_register()) once the pool has been published.
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
 * Share an object that guests can read, but not change.
 *
 * For monitoring: rte_ring_count() or rte_mempool_avail_count() work in a
 * guest, while a store there ends the program with SIGSEGV.  QEMU enforces it,
 * page by page; so no page of a read-only object may hold another one that
 * guests may write, which publishing refuses.  rte_ivshmem_memzone_reserve()
 * and its like give pages of their own.
 *
 * Parameters and results are those of the function without `_readonly`.
 */
int rte_ivshmem_metadata_add_memzone_readonly(const struct rte_memzone *mz,
					      const char *md_name);
/** @copydoc rte_ivshmem_metadata_add_memzone_readonly */
int rte_ivshmem_metadata_add_ring_readonly(const struct rte_ring *r,
					   const char *md_name);
/** @copydoc rte_ivshmem_metadata_add_memzone_readonly */
int rte_ivshmem_metadata_add_mempool_readonly(const struct rte_mempool *mp,
					      const char *md_name);

/**
 * Stop sharing an object, and what only it needed.  A memzone that a ring or
 * mempool of the metadata lies in stays, as a part of that.
 *
 * Published metadata does not change: with the next publication guests that
 * start then do not see the object, and its memory is given back.  Unplug the
 * device from each guest that has it before that.
 *
 * @param mz
 *   A memzone that was added; it may have been freed meanwhile: only the
 *   pointer is looked at.
 * @param md_name
 *   Name of metadata that this process created.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: a NULL argument
 *   - ENOENT: no such metadata, or it does not have that object
 */
int rte_ivshmem_metadata_remove_memzone(const struct rte_memzone *mz,
					const char *md_name);
/** @copydoc rte_ivshmem_metadata_remove_memzone */
int rte_ivshmem_metadata_remove_ring(const struct rte_ring *r,
				     const char *md_name);
/** @copydoc rte_ivshmem_metadata_remove_memzone */
int rte_ivshmem_metadata_remove_mempool(const struct rte_mempool *mp,
					const char *md_name);

/**
 * Publish the metadata and print the QEMU arguments that expose it.
 *
 * The text is `-device ivshmem,...`, to be used as it is in a shell command:
 * RTE_IVSHMEM_FORM_AUTO below.  What is added or removed later is not visible
 * before the next call.  Each call begins a new generation.  If memory has no
 * file name (`--no-huge`, `--in-memory`), QEMU may refuse the text of an earlier
 * call then.
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
 *     in bytes that is enough, so that -ret is what to allocate
 *   - EBUSY: a page holds both a read-only and a writable object
 *   - others (ENOSPC, EACCES, ...): a file could not be written
 */
int rte_ivshmem_metadata_cmdline_generate(char *buffer, unsigned int size,
					  const char *name);

/** Ways to tell QEMU, or what starts it, about the device. */
enum rte_ivshmem_form {
	/** The first of PLAIN, JSON and LAYOUT that can express it. */
	RTE_IVSHMEM_FORM_AUTO = 0,
	/** `-device ivshmem,file=...,offset=...,size=...`: for people.  The
	 *  guest can write the metadata; no read-only objects.  If a file has
	 *  no name, it identifies all of them, and is good until the next
	 *  publication (see rte_ivshmem_metadata_device_generate()). */
	RTE_IVSHMEM_FORM_PLAIN = 1,
	/** `-device '{"driver":"ivshmem","id":"ivshmem-NAME",...}'` for a
	 *  shell. */
	RTE_IVSHMEM_FORM_JSON = 2,
	/** `-device ivshmem,layout=FILE`, for any number of chunks.  FILE has a
	 *  line for each, lies beside the metadata file and goes away with
	 *  it. */
	RTE_IVSHMEM_FORM_LAYOUT = 3,
	/** `-device ivshmem,size=...,shm=fd:...`: as the device of DPDK 1.6
	 *  took it.  Guest and limits as PLAIN, but it identifies no file. */
	RTE_IVSHMEM_FORM_SHM = 4,
	/** QMP command that plugs it, one line: `device_add` with the id
	 *  `ivshmem-NAME`, and its chunks or, where they are many, LAYOUT's
	 *  file. */
	RTE_IVSHMEM_FORM_QMP_ADD = 5,
	/** QMP command that unplugs it, one line: `device_del`.  PLAIN, LAYOUT
	 *  and SHM have no id: append `,id=ivshmem-NAME` for this. */
	RTE_IVSHMEM_FORM_QMP_DEL = 6,
	/** XML element `<qemu:commandline>` for a libvirt domain: JSON or
	 *  LAYOUT. */
	RTE_IVSHMEM_FORM_LIBVIRT = 7,
};

/**
 * Print the device in any form, publishing the metadata first if something was
 * added or removed since the last publication.
 *
 * Memory without a file name (`--no-huge`, `--in-memory`, unlinked hugepage
 * files) is named `/proc/PID/fd/N`.  Once this process has ended, or in another
 * PID namespace, that may be another process's file; so its device and inode
 * numbers go with it, and QEMU refuses any other file.  In the form PLAIN that
 * includes the metadata file, which each publication replaces; in SHM there is
 * no such check.
 *
 * Parameters and results are those of rte_ivshmem_metadata_cmdline_generate(),
 * and also:
 *   - EINVAL: form is none
 *   - E2BIG: that form does not hold as many chunks, or does not fit into one
 *     argument of a Linux program (128 KiB)
 *   - ENOTSUP: that form cannot express a file name or a read-only object; or
 *     memory has no file that QEMU could open
 *   - ENOENT, EACCES: a file below /proc is not there
 */
int rte_ivshmem_metadata_device_generate(char *buffer, unsigned int size,
					 const char *name,
					 enum rte_ivshmem_form form);

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

/**
 * Find what a guest can see beyond the shared objects, because it lies on the
 * same pages: by the name of the memzone, where there is one.
 *
 * @param f
 *   An open stream for a line per piece, or NULL to count only.
 * @param name
 *   Name of metadata that this process created.
 * @return
 *   The number of such bytes, or a negative value with rte_errno:
 *   - EINVAL, ENAMETOOLONG: name is none
 *   - ENOENT: no such metadata
 *   - EIO: writing to f failed
 *   - ENOMEM: out of memory
 */
int64_t rte_ivshmem_metadata_audit(FILE *f, const char *name);

/*
 * Allocation with pages of its own: nothing else lies on them, so a guest with
 * whom the object is shared sees nothing else.  Sizes are rounded up to whole
 * pages of the kind of memory (4 KiB, 2 MiB, 1 GiB).
 *
 * Each call takes the arguments, gives the result, sets the rte_errno and is
 * undone as the DPDK function that it is named after; sharing is a call of its
 * own.
 */

/** As rte_memzone_reserve(); len is rounded up to whole pages. */
const struct rte_memzone *rte_ivshmem_memzone_reserve(const char *name,
						      size_t len, int socket_id,
						      unsigned int flags);

/** As rte_ring_create(). */
struct rte_ring *rte_ivshmem_ring_create(const char *name, unsigned int count,
					 int socket_id, unsigned int flags);

/**
 * As rte_pktmbuf_pool_create(), with ops `ring_mp_mc`.  Three blocks of pages:
 * the pool with its caches, the ring of free mbufs, the mbufs.
 */
struct rte_mempool *rte_ivshmem_pktmbuf_pool_create(const char *name,
						    unsigned int n,
						    unsigned int cache_size,
						    uint16_t priv_size,
						    uint16_t data_room_size,
						    int socket_id);

/** As rte_mempool_create() without its two constructors, otherwise as above. */
struct rte_mempool *rte_ivshmem_mempool_create(const char *name, unsigned int n,
					       unsigned int elt_size,
					       unsigned int cache_size,
					       unsigned int private_data_size,
					       int socket_id,
					       unsigned int flags);

#ifdef __cplusplus
}
#endif

#endif /* RTE_IVSHMEM_H */

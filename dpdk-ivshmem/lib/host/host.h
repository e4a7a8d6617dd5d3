/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host side inside: metadata that this process builds and publishes.
 *
 *   metadata.c   the public calls about metadata: names, locking, publication
 *   share.c      the public calls that add and remove objects
 *   objects.c    what an object consists of: memzones, rings, mempools
 *   memzones.c   the memzones of this process
 *   backing.c    the files behind the EAL's memory
 *   pages.c      pages stay where they are while they are shared
 *   hold.c       blocks of the heap stay allocated while they are shared
 *   publish.c    chunks in BAR order, and the image that guests read
 *   audit.c      what guests see beyond the shared objects
 *   lcores.c     lcore ids that guests rely on
 *   alloc.c      allocation with pages of its own
 *   folder.c     where metadata files lie
 *   file.c       the metadata file: owner, replacement, removal; layout file
 *   older.c      generations that were replaced, while VMs have them
 *   heartbeat.c  guests see that this process lives
 *   telemetry.c  commands for monitoring
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
#include "hash.h"
#include "rte_ivshmem.h"
#include "vec.h"

/** For messages about files that cannot be written. */
#define FOLDER_WAY_OUT "set " RTE_IVSHMEM_DIR_ENV \
	" to a folder that can be written"

/** The file of one metadata. */
struct ivshmem_file {
	char path[PATH_MAX];
	int fd;      /**< open and locked as long as this process owns it */
	pid_t owner; /**< a forked child owns nothing */
	bool is_new; /**< made and empty: nobody can have a use for it */
	struct ivshmem_vec older; /**< int: generations that VMs still have */
};

/** Some memory of an object. */
struct ivshmem_range {
	uint64_t address;
	uint64_t length;
	uint64_t page_size;
};

/** What the application calls an object: a pointer that is only compared. */
struct ivshmem_handle {
	uint64_t pointer; /**< memzones: the descriptor; others: the object */
	uint64_t type;    /**< enum rte_ivshmem_object_type */
};

/** An object that a metadata shares. */
struct ivshmem_object {
	TAILQ_ENTRY(ivshmem_object) next;
	struct ivshmem_handle handle;
	struct rte_ivshmem_object wire; /**< without flags and ops */
	uint32_t ops_index;             /**< mempools: of this process */
	bool asked;     /**< added by the application */
	bool readonly;  /**< if it was asked for */
	bool published; /**< a generation that guests may have lists it */
	bool not_hashed;
	uint32_t readers; /**< memzones: what needs it, to be read by guests */
	uint32_t writers; /**< and to be changed by them */

	struct ivshmem_vec ranges; /**< struct ivshmem_range, pinned */
	struct ivshmem_vec blocks; /**< void *, held */
	struct ivshmem_vec needs;  /**< struct ivshmem_object *: memzones */
	/* Most have one of each, which is here. */
	struct ivshmem_range first_range;
	void *first_block;
	struct ivshmem_object *first_need;

	UT_hash_handle by_handle;
	UT_hash_handle by_name; /**< key: name and type in wire */
};

TAILQ_HEAD(ivshmem_object_list, ivshmem_object);

/** Metadata that this process created. */
struct ivshmem_host {
	char name[RTE_IVSHMEM_META_NAME_LEN];
	struct ivshmem_file file;
	uint64_t generation;
	uint32_t state; /**< BUILDING from a change to publication */
	uint32_t n_objects;

	struct ivshmem_object_list objects; /**< in the order of adding */
	struct ivshmem_object_list removed; /**< but guests may see them */
	struct ivshmem_object *by_handle;   /**< hash of objects */
	struct ivshmem_object *by_name;     /**< hash of objects */

	bool not_hashed;
	UT_hash_handle hh;
};

/* contents.c: add an object and all that it needs; on failure nothing
 * changes. */
int ivshmem_add_memzone(struct ivshmem_host *host, const void *mz,
			bool readonly, struct ivshmem_error *err);
int ivshmem_add_ring(struct ivshmem_host *host, const void *ring,
		     bool readonly, struct ivshmem_error *err);
int ivshmem_add_mempool(struct ivshmem_host *host, const void *mp,
			bool readonly, struct ivshmem_error *err);

/**
 * Remove an object, and what only it needed.
 *
 * @param object
 *   Any pointer; it is only compared.
 * @return
 *   0, or -ENOENT if the host has no such object.
 */
int ivshmem_remove(struct ivshmem_host *host, enum rte_ivshmem_object_type type,
		   const void *object, struct ivshmem_error *err);

/** All objects are published now; let go of those that were removed before. */
void ivshmem_objects_published(struct ivshmem_host *host);

/** Let go of everything. */
void ivshmem_objects_free(struct ivshmem_host *host);

/**
 * Keep the EAL from giving pages back to the system; counted.
 *
 * @param address, length
 *   Memory that ivshmem_backing_check() accepted.
 * @param[out] page_size
 *   Of these pages, bytes.
 * @return
 *   0 or -ENOMEM.
 */
int ivshmem_pin_pages(uint64_t address, uint64_t length, uint64_t *page_size,
		      struct ivshmem_error *err);

/**
 * True if all of these pages are pinned, whoever did it: then they have been
 * accepted before, and are still there.  Any address may be asked for.
 */
bool ivshmem_pages_pinned(uint64_t address, uint64_t length);

/** Undo ivshmem_pin_pages(). */
void ivshmem_unpin_pages(uint64_t address, uint64_t length);

/**
 * The metadata as guests will see it, in new memory: chunks merged, in BAR
 * order, chunk 0 being the metadata itself.
 *
 * @param[out] md
 *   To be released with ivshmem_published_free().
 * @return
 *   0, -ENOMEM, -EBUSY if a page would be both read-only and writable, -E2BIG
 *   beyond 1 GiB of metadata.
 */
int ivshmem_publish_build(const struct ivshmem_host *host, uint64_t generation,
			  uint32_t state, struct ivshmem_metadata *md,
			  struct ivshmem_error *err);
void ivshmem_published_free(struct ivshmem_metadata *md);

/**
 * What guests see, or will see after the next publication, beyond the shared
 * objects.
 *
 * @param f
 *   Where to print each piece of it; NULL: nowhere.
 * @param[out] bytes
 *   Their sum.
 * @return
 *   0, -EIO if f cannot be written, or as ivshmem_publish_build().
 */
int ivshmem_host_audit(const struct ivshmem_host *host, FILE *f,
		       uint64_t *bytes, struct ivshmem_error *err);

/**
 * From now on refuse lcore ids that md does not list, if it shares a pool with
 * per-lcore caches.  The first call counts: the ids can only become fewer.
 *
 * @param[out] frozen
 *   This call did it: ivshmem_thaw_lcores() undoes it, if md is not published.
 */
int ivshmem_freeze_lcores(const struct ivshmem_metadata *md, bool *frozen,
			  struct ivshmem_error *err);
void ivshmem_thaw_lcores(void);

/**
 * Take possession of the file of a name; leavings of the dead in its folder
 * are cleaned up.
 *
 * @param[out] generation
 *   One that no earlier file of this name had.
 * @return
 *   0, -EEXIST if a living process owns it, or why it cannot be written.
 */
int ivshmem_file_claim(struct ivshmem_file *file, const char *name,
		       uint64_t *generation, struct ivshmem_error *err);

/**
 * Write md into a new file, which ivshmem_file_commit() gives the name.
 *
 * @return
 *   The new file, open and locked, for commit or discard; or why it cannot be
 *   written.
 */
int ivshmem_file_prepare(struct ivshmem_file *file,
			 const struct ivshmem_metadata *md,
			 struct ivshmem_error *err);

/** Remove and close the new file. */
void ivshmem_file_discard(const struct ivshmem_file *file, int fd);

/**
 * Replace the file at once by the new one; on failure nothing changes, and the
 * caller discards the new one.
 *
 * @param outdated
 *   What was published before lists what is not shared any more: mark it
 *   CLOSING for those who have it.
 */
int ivshmem_file_commit(struct ivshmem_file *file, int fd, bool outdated,
			struct ivshmem_error *err);

/**
 * Replace the layout file at once by md's, and keep the old one until
 * ivshmem_layout_settle(); on failure nothing changes.
 */
int ivshmem_layout_replace(const struct ivshmem_file *file,
			   const struct ivshmem_metadata *md,
			   struct ivshmem_error *err);

/** Let go of the old layout file; or go back to it, if `keep` is false. */
void ivshmem_layout_settle(const struct ivshmem_file *file, bool keep);

/** Tell guests that the host goes (CLOSING) and remove the files. */
void ivshmem_file_remove(struct ivshmem_file *file);

/**
 * The folder of the metadata files, made if it is not there.
 *
 * @param[out] folder
 *   Absolute, without links in it, short enough for the names in it.
 * @return
 *   0, -EAGAIN before rte_eal_init(), -ENAMETOOLONG, or why it cannot be made.
 */
int ivshmem_folder_choose(char folder[PATH_MAX], struct ivshmem_error *err);

/* older.c: generations that were replaced, while VMs have them. */

/** Give the current generation, about to be replaced, a hidden name as well. */
void ivshmem_older_keep_name(const struct ivshmem_file *file);
/** Remove the hidden name of the generation that is open as fd, if any. */
void ivshmem_older_drop_name(const struct ivshmem_file *file, int fd);
/**
 * The current generation has been replaced: keep it open, or let go of it.
 *
 * @param outdated
 *   As for ivshmem_file_commit(): mark it and all older ones CLOSING instead.
 */
void ivshmem_older_retire(struct ivshmem_file *file, bool outdated);
/** Mark all of them CLOSING, and let go of them. */
void ivshmem_older_close(struct ivshmem_file *file);

/* heartbeat.c: guests see that this process lives.  Thread-safe. */

/** What to publish next; 0 at the end of the program. */
uint64_t ivshmem_heartbeat_now(void);
/** Make room for one more file: 0 or -ENOMEM. */
int ivshmem_heartbeat_reserve(void);
/** From now on keep the heartbeat of the metadata that is open as fd going;
 *  there is room. */
void ivshmem_heartbeat_begin(int fd);
/** Do not any more; fd may never have begun. */
void ivshmem_heartbeat_end(int fd);

/** True if `path` names the file that is open as `fd`. */
bool ivshmem_file_is_named(int fd, const char *path);

/** Bytes of the metadata file, whole pages; 0 if it would be too large. */
uint64_t ivshmem_file_length(const struct ivshmem_metadata *md);

/* metadata.c, for share.c, audit.c and telemetry.c. */

/** The lock of all that is here. */
void ivshmem_lock(void);
void ivshmem_unlock(void);

/** Find metadata: 0, -EINVAL, -ENAMETOOLONG or -ENOENT. */
int ivshmem_get_host(const char *name, struct ivshmem_host **host,
		     struct ivshmem_error *err);

/** Visit all metadata, in any order. */
void ivshmem_each_host(void (*visit)(const struct ivshmem_host *host,
				     void *arg), void *arg);

/** The way out of every public call: log, rte_errno, 0 or -1. */
int ivshmem_result(int ret, const struct ivshmem_error *err);

#endif

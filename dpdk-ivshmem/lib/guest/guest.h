/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest side inside: a DPDK bus that attaches what a host shares.
 *
 *   bus.c          the bus: scan before the EAL takes memory, probe after
 *   attach.c       one device, from metadata to objects and back; public calls
 *   devices.c      what to attach: PCI devices, or files
 *   map.c          chunks at the host's addresses
 *   descriptors.c  private pages that shared memory points to
 *   lcores.c       private caches of mempools, by lcore id
 *   ops.c          mempool ops at the host's indexes
 *   pool_free.c    rte_mempool_free() of what belongs to the host
 *   objects.c      objects that rte_*_lookup() finds
 *   live.c         how the host is
 *   monitor.c      devices that come and go, and hosts: the callback
 *   arrivals.c     what came, until it is attached
 *   telemetry.c    commands for monitoring
 *
 * At start all of it runs in rte_eal_init(), in one thread; later with the lock
 * of attach.c held.  Functions return 0 or a negative errno with the reason in
 * `err`, and undo what they did on failure.
 */
#ifndef IVSHMEM_GUEST_H
#define IVSHMEM_GUEST_H

#include <limits.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "caches.h"
#include "format.h"
#include "rte_ivshmem_guest.h"
#include "vec.h"

/** One place that metadata comes from. */
struct ivshmem_device {
	TAILQ_ENTRY(ivshmem_device) next;
	char name[RTE_IVSHMEM_DEVICE_SIZE]; /**< PCI address or path */
	bool is_pci;
	int fd; /**< BAR 2 until it is mapped; of a file, the metadata file */
	const char *memory_type; /**< of its mappings */
	struct ivshmem_metadata md;

	/** The metadata's first page, while attached; NULL for files. */
	const volatile struct rte_ivshmem_header *header;
	ino_t inode;          /**< of its folder in sysfs, or of the file */
	bool gone;            /**< was seen so: it does not come back */
	uint64_t heartbeat;   /**< as last seen */
	int64_t beat_time;   /**< when it was seen to change, ms */
	struct ivshmem_vec places;      /**< struct ivshmem_place */
	struct ivshmem_vec descriptors; /**< uint64_t: private pages, as users */
	struct ivshmem_caches *caches;
	uint32_t n_caches;
	void *lcore_callback; /**< of ivshmem_guard_lcores(), or NULL */
	void **reserved;      /**< by object: what a memzone's name cost */
	bool ops_settled;
	uint32_t holders;
	uint64_t number; /**< of this attachment; no other one has it */
};

TAILQ_HEAD(ivshmem_device_list, ivshmem_device);

/* ---- devices.c ---------------------------------------------------------- */

/**
 * Find the PCI devices 1af4:1110 whose memory holds our metadata, and the
 * files given as `-a ivshmem0,file=PATH`.  Others are left alone.
 *
 * @param[out] devices
 *   Those with good metadata that is ready; closed by
 *   ivshmem_device_free().
 */
void ivshmem_find_devices(struct ivshmem_device_list *devices);

/** Open one device by its name; to be closed by ivshmem_device_free(). */
int ivshmem_open_device(const char *name, struct ivshmem_device **device,
			struct ivshmem_error *err);

/** Close and release a device of which nothing is mapped. */
void ivshmem_device_free(struct ivshmem_device *device);

/* ---- attach.c ----------------------------------------------------------- */

/** Map a device found by devices.c; `running`: after rte_eal_init(). */
int ivshmem_device_map(struct ivshmem_device *device, bool running,
		       struct ivshmem_error *err);

/** Undo ivshmem_device_map(). */
void ivshmem_device_unmap(struct ivshmem_device *device);

/** Let lookups find what was mapped, and list the device as attached. */
int ivshmem_device_attach(struct ivshmem_device *device,
			  struct ivshmem_error *err);

/** An attached device, for who compares it with what it was. */
struct ivshmem_attached {
	struct rte_ivshmem_info info;
	uint64_t number; /**< of this attachment */
	ino_t inode;     /**< of the file; of a PCI device's folder in sysfs */
	bool is_pci;
};

/** All that is attached, in new memory: 0 or -ENOMEM. */
int ivshmem_list_attached(struct ivshmem_vec *list);

/** What attaching the device would give; or why it cannot be. */
int ivshmem_inspect(const char *name, struct rte_ivshmem_info *info,
		    struct ivshmem_error *err);

/** Is that the mempool of an attached device?  If so, copy what it is. */
bool ivshmem_find_pool(const void *pool, struct rte_ivshmem_object *object);

/**
 * At the end of the program: give back what the caches hold of those lcores
 * that do not run.
 */
void ivshmem_flush_all(void);

/* ---- map.c -------------------------------------------------------------- */

/** Where something was mapped for a device. */
struct ivshmem_place {
	uint64_t address;
	uint64_t length;
};

/**
 * Map exactly there, and never over anything.
 *
 * @param what
 *   For the message.
 * @param err
 *   May be NULL.
 */
int ivshmem_map_at(uint64_t address, uint64_t length, int prot, int flags,
		   int fd, uint64_t offset, const char *what,
		   struct ivshmem_error *err);

/**
 * Map all chunks but the metadata at the host's addresses, but for the pages of
 * caches that can be private: those are copies.
 */
int ivshmem_map_chunks(struct ivshmem_device *device,
		       struct ivshmem_error *err);

/** Undo ivshmem_map_chunks(). */
void ivshmem_unmap_chunks(struct ivshmem_device *device);

/** From now on a store to what was mapped ends in SIGSEGV. */
int ivshmem_protect_chunks(const struct ivshmem_device *device);

/* ---- descriptors.c ------------------------------------------------------ */

/**
 * Give shared objects the memzone descriptors that they point to: private
 * pages at the host's addresses that hold copies.  And for rte_free(), which
 * looks at what is in front of a block, pages where nothing is shared.
 */
int ivshmem_map_descriptors(struct ivshmem_device *device,
			    struct ivshmem_error *err);

/** Undo ivshmem_map_descriptors(). */
void ivshmem_unmap_descriptors(struct ivshmem_device *device);

/* ---- lcores.c ----------------------------------------------------------- */

/**
 * Prepare the private caches of each lcore, now and when threads register, and
 * refuse an lcore id whose cache is not private while another process may use
 * the same; for threads that register later likewise.
 */
int ivshmem_guard_lcores(struct ivshmem_device *device,
			 struct ivshmem_error *err);

/** Undo ivshmem_guard_lcores(): what the caches hold returns to the pools. */
void ivshmem_release_lcores(struct ivshmem_device *device);

/** Give back what the caches hold of those lcores that do not run. */
void ivshmem_flush_idle_lcores(struct ivshmem_device *device);

/* ---- ops.c -------------------------------------------------------------- */

/**
 * Make this process's indexes of mempool ops mean what the host's mean.
 *
 * @param running
 *   This process may have pools of its own, whose indexes stay.
 */
int ivshmem_agree_on_ops(struct ivshmem_device *device, bool running,
			 struct ivshmem_error *err);

/** The device does not rely on the indexes any more. */
void ivshmem_release_ops(struct ivshmem_device *device);

/* ---- pool_free.c -------------------------------------------------------- */

/** From now on rte_mempool_free() leaves shared pools as they are. */
int ivshmem_guard_pools(struct ivshmem_error *err);

/** What to call instead of the `free` of mempool ops, which is kept. */
struct rte_mempool_ops;
void ivshmem_guard_ops(struct rte_mempool_ops *ops);

/* ---- objects.c ---------------------------------------------------------- */

/**
 * Does the memory hold what the metadata says?
 *
 * @param insert
 *   The names must be free here.
 */
int ivshmem_check_objects(const struct ivshmem_device *device, bool insert,
			  struct ivshmem_error *err);

/** Insert the objects where rte_*_lookup() looks. */
int ivshmem_insert_objects(struct ivshmem_device *device,
			   struct ivshmem_error *err);

/** Undo ivshmem_insert_objects(). */
void ivshmem_remove_objects(struct ivshmem_device *device);

/** Insert one mempool again, of which DPDK removed the entry. */
int ivshmem_insert_pool(void *pool);

/* ---- live.c ------------------------------------------------------------- */

/** Begin to watch the metadata of a device; before its BAR is closed. */
int ivshmem_watch(struct ivshmem_device *device, struct ivshmem_error *err);

/** Undo ivshmem_watch(). */
void ivshmem_unwatch(struct ivshmem_device *device);

/** How the host is now; remembers what it saw. */
enum rte_ivshmem_host_state ivshmem_host_state(struct ivshmem_device *device);

/** Does the memory show anything else by now?  Without the lock, too. */
bool ivshmem_is_gone(const struct ivshmem_device *device);

/* ---- monitor.c ---------------------------------------------------------- */

/** At the end of the program. */
void ivshmem_monitor_end(void);

#endif

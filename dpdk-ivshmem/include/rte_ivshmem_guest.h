/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK IVSHMEM: for programs in a guest that want more than the objects.
 *
 * A program whose VM has its devices when it starts needs nothing of this: the
 * plugin attaches them in rte_eal_init(), and rte_ring_lookup() and its like
 * find the host's objects.  These calls are for devices that come and go while
 * the program runs, and for knowing how the host is.
 *
 *     device_add     rte_ivshmem_attach("0000:00:05.0")    lookups find them
 *                    rte_ivshmem_info_get(...)             is the host there?
 *     device_del     rte_ivshmem_detach("0000:00:05.0")    lookups do not
 *
 * or rte_ivshmem_monitor_start(), which calls back, and attaches if asked to:
 *
 *     device_add                   FOUND, ATTACHED
 *     the host dies                STATE  live -> silent
 *     it starts again              STATE  silent -> closing
 *     device_del, device_add       STATE  closing -> gone, RETURNED, DETACHED,
 *                                  ATTACHED: the same objects of the new host
 *
 * Never rely on memory of a device that is gone: what is read there are zeros,
 * or the memory of another device that came to the same place.  State GONE is
 * told by all that is here, and does not change any more; lookups still find
 * the objects until the device is detached.
 *
 * A device is called by its PCI address as sysfs writes it (0000:00:05.0); on
 * the host, for another process, by the path of the metadata file as given in
 * `-a ivshmem0,file=PATH`.
 *
 * Addresses: what is shared has to lie at the host's addresses.  What is there
 * when the program starts gets them before the program's own memory does; for a
 * device that comes later they must be free.  Hosts and guests have the same
 * default base address, so start this program, or the host, with another one,
 * for example `--base-virtaddr 0x10000000000`.
 *
 * Thread-safety: all calls may be made from any thread, between rte_eal_init()
 * and rte_eal_cleanup(), and from the monitor's callback but for starting and
 * stopping it.  A secondary process attaches and detaches for itself, after its
 * primary attached and before that detaches.
 *
 * Errors: 0 on success; negative on failure, with the reason in rte_errno and
 * in words in the log (type `lib.ivshmem`).  A failed call changes nothing.
 *
 * Stability: experimental.
 */
#ifndef RTE_IVSHMEM_GUEST_H
#define RTE_IVSHMEM_GUEST_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size of a device's name in bytes, with its NUL. */
#define RTE_IVSHMEM_DEVICE_SIZE 256

/** How the host of attached metadata is. */
enum rte_ivshmem_host_state {
	/** It serves what it shares. */
	RTE_IVSHMEM_HOST_LIVE = 1,
	/** It marked this generation closing: it exits, shares less now, or was
	 *  found dead by its next start.  The objects are still there, with
	 *  nobody at the other end. */
	RTE_IVSHMEM_HOST_CLOSING = 2,
	/** The device was unplugged, or shows something else: the objects are
	 *  gone, and what is read at their addresses means nothing. */
	RTE_IVSHMEM_HOST_GONE = 3,
	/** It was live, and has given no sign for RTE_IVSHMEM_SILENT_MS: it
	 *  died, or is stopped (SIGSTOP, a debugger).  It may become LIVE
	 *  again. */
	RTE_IVSHMEM_HOST_SILENT = 4,
};

/**
 * A host gives a sign five times a second.  It is silent when none has been
 * seen for so long, in milliseconds.  Signs are looked for by the calls that
 * tell the state, and by the monitor; without the monitor, a host that died
 * since the last such call is LIVE in the next one, and SILENT in one that is
 * made so long after that.
 */
#define RTE_IVSHMEM_SILENT_MS 3000

/** What is attached. */
struct rte_ivshmem_info {
	char device[RTE_IVSHMEM_DEVICE_SIZE];
	char name[64];         /**< of the metadata */
	char memory_type[32];  /**< how BAR 2 is mapped, as "uncached-minus" */
	uint64_t generation;   /**< grows with each publication of that name,
				*   also over a restart of the host */
	uint64_t bytes;        /**< of memory, without the metadata */
	uint32_t chunks;       /**< that it is made of */
	uint32_t objects;      /**< memzones, rings, mempools and their parts */
	uint32_t holders;      /**< rte_ivshmem_hold() without release */
	enum rte_ivshmem_host_state state; /**< at the time of the call */
};

/**
 * Attach what a device shares.
 *
 * @param device
 *   A PCI address, or the path of a metadata file.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: NULL; damaged metadata; a layout that differs
 *   - ENODEV: no such device
 *   - ENOENT: its memory is not ours
 *   - EEXIST: attached already; an address or a name that is in use here
 *   - EPERM: left alone by the command line (-a, -b, --no-pci)
 *   - EAGAIN: the host has not published it yet
 *   - ESTALE: the host has exited
 *   - EBUSY: an lcore id of this program cannot be used with a shared pool
 *   - ENOTSUP: mempool ops that this program has not; a newer format
 *   - ENOMEM, EACCES, ...: it cannot be opened or mapped
 */
int rte_ivshmem_attach(const char *device);

/** Detach although somebody holds it. */
#define RTE_IVSHMEM_DETACH_FORCE (UINT32_C(1) << 0)

/**
 * Give the objects back: what the caches of this program's lcores hold returns
 * to the pools, lookups do not find the objects any more, and nothing stays
 * mapped.  No thread may use one of them from now on, nor an mbuf of theirs:
 * that ends the program with SIGSEGV.  Dynamic mbuf fields stay registered,
 * for DPDK has no call to take them back.
 *
 * @param device
 *   As it was attached.
 * @param flags
 *   0 or RTE_IVSHMEM_DETACH_FORCE.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: NULL, or unknown flags
 *   - ENOENT: not attached
 *   - EBUSY: held by rte_ivshmem_hold()
 */
int rte_ivshmem_detach(const char *device, uint32_t flags);

/**
 * Say that a part of the program uses what a device shares, so that another one
 * does not detach it meanwhile; counted.
 *
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: NULL
 *   - ENOENT: not attached
 */
int rte_ivshmem_hold(const char *device);

/**
 * Undo one rte_ivshmem_hold().
 *
 * @return
 *   As rte_ivshmem_hold(), and EINVAL also if nobody holds it.
 */
int rte_ivshmem_release(const char *device);

/**
 * Tell about one attached device.
 *
 * @param[out] info
 *   Unchanged on failure.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: NULL
 *   - ENOENT: not attached
 */
int rte_ivshmem_info_get(const char *device, struct rte_ivshmem_info *info);

/**
 * Call a function for each attached device, in the order of attachment, until
 * it returns other than 0.  It may call anything of this header.
 *
 * @return
 *   What the last call returned; 0 without devices; -ENOMEM.
 */
int rte_ivshmem_info_walk(int (*visit)(const struct rte_ivshmem_info *info,
				       void *arg), void *arg);

/** What the monitor tells. */
enum rte_ivshmem_event_type {
	/** A device is there that can be attached: plugged since the start of
	 *  the monitor, or there before and not attached. */
	RTE_IVSHMEM_EVENT_FOUND = 1,
	/** The same, and it is a host that is back: one device that is
	 *  attached, `other`, shows an earlier generation of that name, which
	 *  is CLOSING or GONE.  That one has to be detached before this can be
	 *  attached.  For a file, `other` is the same path. */
	RTE_IVSHMEM_EVENT_RETURNED = 2,
	/** A device has been attached, by the monitor or a call. */
	RTE_IVSHMEM_EVENT_ATTACHED = 3,
	/** A device has been detached, by the monitor or a call. */
	RTE_IVSHMEM_EVENT_DETACHED = 4,
	/** The state of an attached device has changed from `before`. */
	RTE_IVSHMEM_EVENT_STATE = 5,
	/** A device that came cannot be attached: see `error`. */
	RTE_IVSHMEM_EVENT_FAILED = 6,
};

/** Something happened. */
struct rte_ivshmem_event {
	enum rte_ivshmem_event_type type;
	enum rte_ivshmem_host_state before; /**< STATE; else 0 */
	int error; /**< FAILED: as rte_errno of rte_ivshmem_attach(); else 0 */
	char other[RTE_IVSHMEM_DEVICE_SIZE]; /**< RETURNED; else "" */
	struct rte_ivshmem_info info; /**< DETACHED: as last seen; FAILED: only
				       *   `device` */
};

/**
 * Called for each event, one after the other, in the EAL's interrupt thread:
 * do not wait in it.  It may attach and detach.
 *
 * @param event
 *   Valid during the call.
 */
typedef void (*rte_ivshmem_event_cb)(const struct rte_ivshmem_event *event,
				     void *arg);

/**
 * The monitor attaches what it finds.  If a host is back, it first detaches the
 * device of before; and it detaches what is GONE.  It leaves alone what is held
 * (rte_ivshmem_hold()): so hold a device while you use its objects, release it
 * when an event tells that its host has gone, and it goes on by itself.  The
 * callback for RETURNED, or for STATE with GONE, comes before the detaching.
 */
#define RTE_IVSHMEM_MONITOR_ATTACH (UINT32_C(1) << 0)

/** How often the monitor looks at the states, in milliseconds. */
#define RTE_IVSHMEM_MONITOR_MS 100

/**
 * Begin to watch for devices and hosts.  What is attached already is told of
 * only when it changes; rte_ivshmem_info_walk() tells the rest.  What comes and
 * goes within RTE_IVSHMEM_MONITOR_MS may not be told of.
 *
 * It uses rte_dev_event_monitor_start() and an alarm of the EAL.  Where the
 * kernel's events cannot be had, it looks for devices once a second.
 *
 * @param callback
 *   May be NULL with RTE_IVSHMEM_MONITOR_ATTACH.
 * @param flags
 *   0 or RTE_IVSHMEM_MONITOR_ATTACH.
 * @return
 *   0, or a negative value with rte_errno:
 *   - EINVAL: unknown flags, or nothing to do
 *   - EAGAIN: before rte_eal_init()
 *   - EEXIST: it has been started already
 *   - EDEADLK: called in its callback
 *   - ENOMEM
 */
int rte_ivshmem_monitor_start(rte_ivshmem_event_cb callback, void *arg,
			      uint32_t flags);

/**
 * Stop it; after this the callback does not run any more.  Waits for one that
 * runs: do not hold a lock that the callback takes.  rte_eal_cleanup() stops it
 * as well.
 *
 * @return
 *   0, or a negative value with rte_errno:
 *   - ENOENT: it has not been started
 *   - EDEADLK: called in its callback
 */
int rte_ivshmem_monitor_stop(void);

#ifdef __cplusplus
}
#endif

#endif /* RTE_IVSHMEM_GUEST_H */

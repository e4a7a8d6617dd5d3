/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK IVSHMEM: sleep until the other side rings, rather than poll.
 *
 * Each guest whose device has `chardev=`, and each process on the host, is a
 * peer of one ivshmem-server (of QEMU).  A peer has an id and some vectors; any
 * peer rings any vector of another one, which wakes who waits for it.
 *
 *     ivshmem-server -F -S /run/iv.sock -n 2
 *     qemu ... -chardev socket,path=/run/iv.sock,id=iv
 *              -device ivshmem,...,chardev=iv,vectors=2
 *
 *     guest  db = rte_ivshmem_doorbell_open("vm0", 2);
 *     host   db = rte_ivshmem_doorbell_open("/run/iv.sock", 2);
 *
 * A consumer that sleeps until a ring is not empty, and its producer, with a
 * struct rte_ivshmem_sleeper in a memzone that both have:
 *
 *     rte_ivshmem_sleeper_init(s, db, 0);          the consumer, once
 *     rte_ivshmem_sleeper_wait_ring(s, db, r, -1); then for each sleep
 *
 *     rte_ring_enqueue(r, object);                 the producer
 *     rte_ivshmem_sleeper_wake(s, db);             costs a fence if it is awake
 *
 * No wake-up is lost: the consumer says that it sleeps before it looks at the
 * ring a last time, and the producer looks at that after it has enqueued.
 *
 * In a guest the device is bound to vfio-pci, which delivers its interrupts;
 * what the device shares is used as without that.  If it is not bound, the
 * message of rte_ivshmem_doorbell_open() has the commands.
 *
 * Thread-safety: any thread between rte_eal_init() and rte_eal_cleanup() may
 * ring, wake and wait.  Nobody may use a doorbell while it is closed.
 *
 * Errors: the reason is in rte_errno, and in words in the log (type
 * `lib.ivshmem`) where this says so.
 *
 * Trust: peers can ring without need, so look at the ring after each wake-up.
 * The server, and processes of the host that are connected to it, are trusted
 * not to take wake-ups away; guests cannot.
 *
 * Stability: experimental.
 */
#ifndef RTE_IVSHMEM_DOORBELL_H
#define RTE_IVSHMEM_DOORBELL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_intr_handle;
struct rte_ring;

/** What this process rings and is rung with. */
struct rte_ivshmem_doorbell;

/** Most vectors that a peer can have. */
#define RTE_IVSHMEM_DOORBELL_VECTORS_MAX 2048

/**
 * Become able to ring and be rung.
 *
 * In a guest one process at a time has a device's doorbell.  On the host each
 * call is a peer of its own.
 *
 * @param where
 *   In a guest: the name of the metadata, or the PCI address, as 0000:00:04.0.
 *   On the host: the path of the server's socket, with at least one `/`.
 * @param vectors
 *   How many to receive, 1 to RTE_IVSHMEM_DOORBELL_VECTORS_MAX; the server (-n)
 *   and the device (vectors=) have at least as many.
 * @return
 *   A doorbell for rte_ivshmem_doorbell_close(), or NULL with rte_errno and a
 *   message:
 *   - EINVAL: where is NULL or empty, or vectors is out of range
 *   - EAGAIN: rte_eal_init() was not called yet
 *   - ENOENT: no such device or socket
 *   - ENOTSUP: the device has no doorbell, or vfio-pci does not have it
 *   - ENOSPC: the other side has fewer vectors
 *   - EBUSY: another process has the device's doorbell
 *   - ETIMEDOUT: the server did not say all within 5 s
 *   - EPROTO: who listens is no ivshmem-server of this version
 *   - ENOMEM: out of memory
 *   - others (ECONNREFUSED, EACCES, EMFILE, ...): of the system
 */
struct rte_ivshmem_doorbell *rte_ivshmem_doorbell_open(const char *where,
						       uint16_t vectors);

/**
 * Stop.  Other peers learn nothing of it in a guest; on the host the server
 * tells them.
 *
 * In a guest Linux turns the device's memory off for a moment: reads give
 * ones and writes are lost.  No program there may use what is shared
 * meanwhile, which holds as well when the process that has the doorbell ends.
 *
 * Not from a callback of DPDK's interrupt thread.
 *
 * @param db
 *   A doorbell, or NULL.
 */
void rte_ivshmem_doorbell_close(struct rte_ivshmem_doorbell *db);

/** The id of this peer, 0 to 65535, for others to ring it. */
uint16_t rte_ivshmem_doorbell_id(const struct rte_ivshmem_doorbell *db);

/** The number of vectors to receive, as given to rte_ivshmem_doorbell_open(). */
uint16_t
rte_ivshmem_doorbell_vectors(const struct rte_ivshmem_doorbell *db);

/**
 * Ring a peer; it may be oneself.
 *
 * @param peer
 *   Its id.
 * @param vector
 *   Which of its vectors.
 * @return
 *   0, or -1 with rte_errno:
 *   - ENOENT: on the host: no such peer, or it has fewer vectors.  A guest is
 *     not told: it rings nobody then, and succeeds.
 *   - ENODEV: the device was unplugged
 */
int rte_ivshmem_doorbell_ring(struct rte_ivshmem_doorbell *db, uint16_t peer,
			      uint16_t vector);

/**
 * The file descriptor that is readable once a vector was rung, for
 * rte_epoll_ctl() (edge- or level-triggered), poll() and the like.  DPDK keeps
 * the address of the struct rte_epoll_event that rte_epoll_ctl() is given.
 *
 * It belongs to the doorbell: do not close it; take it out of epoll before
 * rte_ivshmem_doorbell_close().  Read it with rte_ivshmem_doorbell_ack().  It
 * stays valid and becomes readable when the device is unplugged.
 *
 * @return
 *   The descriptor, or -1 with rte_errno EINVAL: no such vector.
 */
int rte_ivshmem_doorbell_fd(const struct rte_ivshmem_doorbell *db,
			    uint16_t vector);

/**
 * The same for rte_intr_callback_register(): the callback runs in DPDK's
 * interrupt thread and has to call rte_ivshmem_doorbell_ack().
 *
 * @return
 *   A handle that belongs to the doorbell, or NULL with rte_errno EINVAL: no
 *   such vector.  Unregister the callback before rte_ivshmem_doorbell_close().
 */
const struct rte_intr_handle *
rte_ivshmem_doorbell_intr_handle(const struct rte_ivshmem_doorbell *db,
				 uint16_t vector);

/**
 * Take what was rung, so that the descriptor is not readable any more.  Never
 * waits.
 *
 * @return
 *   1 if the vector was rung since the last call, 0 if not, -1 with rte_errno:
 *   - EINVAL: no such vector
 *   - ENODEV: the device was unplugged; the descriptor stays readable
 */
int rte_ivshmem_doorbell_ack(struct rte_ivshmem_doorbell *db, uint16_t vector);

/**
 * Sleep until a vector is rung, and take that.
 *
 * A thread that other signals interrupt goes on sleeping.
 *
 * @param timeout_ms
 *   At most that many milliseconds; 0: look only; -1: without end.
 * @return
 *   1 if it was rung, 0 after the timeout, -1 as rte_ivshmem_doorbell_ack().
 */
int rte_ivshmem_doorbell_wait(struct rte_ivshmem_doorbell *db, uint16_t vector,
			      int timeout_ms);

/**
 * Who sleeps: one consumer, in memory that it shares with its producers.
 *
 *     0          4       6       8                        64
 *     +----------+-------+-------+------------------------+
 *     | asleep   | peer  |vector | reserved               |
 *     +----------+-------+-------+------------------------+
 *
 * Filled with zeros it is one that never sleeps.  Others may write anything
 * there: then this side rings in vain, or is woken too early or too late.
 */
struct rte_ivshmem_sleeper {
	uint32_t asleep; /**< 1: to be rung; producers set it to 0 */
	uint16_t peer;   /**< id of the consumer's peer */
	uint16_t vector; /**< which of its vectors */
	uint8_t reserved[56];
};

/**
 * The consumer says how to ring it; at once, before producers look, or again
 * with a new doorbell.
 *
 * @return
 *   0, or -1 with rte_errno EINVAL: the doorbell has no such vector.
 */
int rte_ivshmem_sleeper_init(struct rte_ivshmem_sleeper *sleeper,
			     const struct rte_ivshmem_doorbell *db,
			     uint16_t vector);

/**
 * The consumer is about to sleep.  After this call it looks once more whether
 * there is work, and only if there is none it waits.
 *
 * With rte_epoll_wait() and several vectors:
 *
 *     arm each sleeper;
 *     if there is no work anywhere:
 *             rte_epoll_wait(RTE_EPOLL_PER_THREAD, events, n, timeout);
 *     disarm each sleeper; rte_ivshmem_doorbell_ack() each event's vector;
 */
void rte_ivshmem_sleeper_arm(struct rte_ivshmem_sleeper *sleeper);

/** The consumer is awake: producers need not ring. */
void rte_ivshmem_sleeper_disarm(struct rte_ivshmem_sleeper *sleeper);

/**
 * The producer has made work: ring the consumer if it sleeps.
 *
 * @param db
 *   The producer's own doorbell.
 * @return
 *   1 if it was rung, 0 if it was awake, -1 as rte_ivshmem_doorbell_ring().
 */
int rte_ivshmem_sleeper_wake(struct rte_ivshmem_sleeper *sleeper,
			     struct rte_ivshmem_doorbell *db);

/**
 * The consumer sleeps until a ring is not empty.
 *
 * @param db
 *   The doorbell that the sleeper was initialised with; no other thread waits
 *   for that vector.
 * @param r
 *   A ring that this thread takes from.
 * @param timeout_ms
 *   As rte_ivshmem_doorbell_wait().
 * @return
 *   1 if it is not empty, 0 after the timeout, -1 with rte_errno:
 *   - EINVAL: the sleeper is not that of this doorbell
 *   - ENODEV: the device was unplugged
 */
int rte_ivshmem_sleeper_wait_ring(struct rte_ivshmem_sleeper *sleeper,
				  struct rte_ivshmem_doorbell *db,
				  const struct rte_ring *r, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif /* RTE_IVSHMEM_DOORBELL_H */

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A way for packets from one process to another and back, as the contestants of
 * bench-packets have it: rings of this library, or any ethdev.
 */
#ifndef PACKETS_PORT_H
#define PACKETS_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#define PACKETS_BURST_MAX 256

struct packets_port;

/** Moves up to n mbufs; how many it has moved. */
typedef uint16_t (*packets_move_t)(struct packets_port *port,
				   struct rte_mbuf **mbufs, uint16_t n);

/** How a port works.  Only one thread of each process uses it. */
struct packets_port_ops {
	const char *name;
	packets_move_t get;          /**< producer: mbufs to fill */
	packets_move_t send;         /**< producer */
	packets_move_t receive;      /**< consumer */
	packets_move_t done;         /**< consumer: is through with them */
	packets_move_t send_back;    /**< consumer */
	packets_move_t receive_back; /**< producer */
	/** Producer: are all mbufs in the pool again?  NULL: it has no part in
	 *  that. */
	bool (*settle)(struct packets_port *port);
};

struct packets_port {
	const struct packets_port_ops *ops;
	struct rte_mempool *pool;
	struct rte_ring *to, *back;
	unsigned int stock; /**< mbufs that the producer may still allocate */
	unsigned int lent;  /**< mbufs that it has allocated */
	uint16_t id;        /**< of the ethdev */
};

/** What is shared, or made, with the program's arguments. */
struct packets_setup {
	unsigned int room;  /**< of an mbuf, without the headroom */
	unsigned int mbufs; /**< of a pool */
	unsigned int cache; /**< of the pool, for each lcore */
	unsigned int ring;  /**< slots */
	unsigned int desc;  /**< of an ethdev's queue */
};

/* Each returns false with a message on stderr. */

/** Make a pool and two rings, and share them. */
bool packets_rings_share(struct packets_port *port,
			 const struct packets_setup *setup, const char *name);
/** Find those of another process. */
bool packets_rings_attach(struct packets_port *port);
/** Start the one ethdev that the EAL has, with a pool of its own. */
bool packets_ethdev_start(struct packets_port *port,
			  const struct packets_setup *setup);
/** Wait until the peer is there. */
bool packets_ethdev_wait(const struct packets_port *port);
/** At the end; also an ethdev of rings. */
void packets_ethdev_stop(const struct packets_port *port);

/** Make an ethdev of the rings.  The producer sends to `to`. */
bool packets_ethdev_from_rings(struct packets_port *port, bool producer);

/** The consumer sends mbufs back; the producer uses them again. */
extern const struct packets_port_ops packets_rings_return;
/** The consumer frees mbufs into the producer's pool. */
extern const struct packets_port_ops packets_rings_free;
/** Both through an ethdev, the consumer frees. */
extern const struct packets_port_ops packets_ethdev;

/** Allocate as many as there are, which for most ports is `get`. */
uint16_t packets_allocate(struct packets_port *port, struct rte_mbuf **mbufs,
			  uint16_t n);
/** Free, which for most ports is `done`. */
uint16_t packets_free(struct packets_port *port, struct rte_mbuf **mbufs,
		      uint16_t n);

#endif /* PACKETS_PORT_H */

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port that is any ethdev: memif, net_vhost, virtio_user, as the EAL's arguments
 * name it, or net_ring over the rings that are shared.
 */
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "packets_port.h"

#define PATIENCE_MS 20000

static bool
complain(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, rte_strerror(-error));
	return false;
}

static int
set_queues_up(struct packets_port *port, uint16_t rx_desc, uint16_t tx_desc)
{
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_desc,
						   &tx_desc);

	if (ret == 0)
		ret = rte_eth_rx_queue_setup(port->id, 0, rx_desc,
					     SOCKET_ID_ANY, NULL, port->pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(port->id, 0, tx_desc,
					     SOCKET_ID_ANY, NULL);
	return ret;
}

/* Room of an mbuf that virtio wants besides a packet: addresses, tags, its header. */
#define OVERHEAD 64

/* No receiver makes segments of what fits into an mbuf.  memif says that it takes
 * no more than 1500 bytes, and then does. */
static int
configure(uint16_t id, unsigned int room)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	uint32_t mtu = room - OVERHEAD;
	int ret = rte_eth_dev_info_get(id, &info);

	if (ret != 0)
		return ret;
	mtu = RTE_MIN(mtu, info.max_rx_pktlen - RTE_ETHER_HDR_LEN -
			   RTE_ETHER_CRC_LEN);
	conf.rxmode.mtu = RTE_MIN(mtu, info.max_mtu);
	return rte_eth_dev_configure(id, 1, 1, &conf);
}

static bool
start(struct packets_port *port, unsigned int room, unsigned int desc)
{
	int ret = configure(port->id, room);

	if (ret == 0)
		ret = set_queues_up(port, (uint16_t)desc, (uint16_t)desc);
	if (ret == 0)
		ret = rte_eth_dev_start(port->id);
	return ret == 0 || complain("cannot start the ethdev", ret);
}

bool
packets_ethdev_start(struct packets_port *port,
		     const struct packets_setup *setup)
{
	if (rte_eth_dev_count_avail() != 1) {
		fprintf(stderr, "not one ethdev, but %u\n",
			rte_eth_dev_count_avail());
		return false;
	}
	port->id = (uint16_t)rte_eth_find_next(0);
	port->pool = rte_pktmbuf_pool_create("packets_own", setup->mbufs,
			setup->cache, 0,
			(uint16_t)(setup->room + RTE_PKTMBUF_HEADROOM),
			SOCKET_ID_ANY);
	if (port->pool == NULL)
		return complain("cannot make a pool", -rte_errno);
	return start(port, setup->room, setup->desc);
}

bool
packets_ethdev_wait(const struct packets_port *port)
{
	for (int i = 0; i < PATIENCE_MS; i++) {
		struct rte_eth_link link = { 0 };

		if (rte_eth_link_get_nowait(port->id, &link) == 0 &&
		    link.link_status == RTE_ETH_LINK_UP)
			return true;
		rte_delay_us_sleep(1000);
	}
	fprintf(stderr, "the ethdev's link does not come up\n");
	return false;
}

void
packets_ethdev_stop(const struct packets_port *port)
{
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
}

bool
packets_ethdev_from_rings(struct packets_port *port, bool producer)
{
	struct rte_ring *tx = producer ? port->to : port->back;
	struct rte_ring *rx = producer ? port->back : port->to;
	int id = rte_eth_from_rings("packets", &rx, 1, &tx, 1, 0);

	if (id < 0)
		return complain("cannot make an ethdev of rings", -rte_errno);
	port->id = (uint16_t)id;
	return start(port, rte_pktmbuf_data_room_size(port->pool) -
			   RTE_PKTMBUF_HEADROOM, 1024);
}

static uint16_t
transmit(struct packets_port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	return rte_eth_tx_burst(port->id, 0, mbufs, n);
}

static uint16_t
receive(struct packets_port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	return rte_eth_rx_burst(port->id, 0, mbufs, n);
}

const struct packets_port_ops packets_ethdev = {
	.name = "ethdev",
	.get = packets_allocate,
	.send = transmit,
	.receive = receive,
	.done = packets_free,
	.send_back = transmit,
	.receive_back = receive,
};

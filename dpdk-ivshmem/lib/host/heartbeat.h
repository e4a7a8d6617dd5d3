/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of the heartbeat, for the bus. */
#ifndef IVSHMEM_HOST_HEARTBEAT_H
#define IVSHMEM_HOST_HEARTBEAT_H

/** rte_eal_cleanup() has begun: no alarm from now on. */
void ivshmem_heartbeat_stop(void);

#endif

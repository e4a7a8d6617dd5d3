/* SPDX-License-Identifier: BSD-3-Clause */
/* What test_attach.c (host) and attach_guest.c (guest) agree on. */
#ifndef IVSHMEM_ATTACH_PROTOCOL_H
#define IVSHMEM_ATTACH_PROTOCOL_H

#define SHARED_ZONE "at_zone"
#define SHARED_RING "at_ring"
#define SHARED_POOL "at_pool"
#define LOOK_ZONE "look_zone" /* read-only */
#define LOOK_RING "look_ring" /* read-only */
#define INNER_RING "inner_ring" /* in a memzone of the application */
#define OWN_POOL "own_pool" /* with pages of its own */
#define HOST_FIELD "at_field"
#define HOST_FLAG "at_flag"
#define FROM_HOST 0x11
#define FROM_GUEST 0x22
#define POOL_SIZE 255
#define MESSAGES 16

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What calls_host.c shares and calls_guest.c calls DPDK with.  Names begin with
 * a prefix, so that two hosts can be attached at once.
 */
#ifndef IVSHMEM_CALLS_H
#define IVSHMEM_CALLS_H

#define CALLS_OWN "_own"     /* with pages of its own, pool with a cache */
#define CALLS_PLAIN "_plain" /* among others, pool without a cache */
#define CALLS_READ "_read"   /* with pages of its own, which guests only read */
#define CALLS_STACK "_stack" /* a pool with the ops "stack" */

/* A memzone, ring and pool of each kind but the last. */
#define CALLS_ZONE_SIZE 3000
#define CALLS_RING_SLOTS 64
#define CALLS_RING_USED 10
#define CALLS_MBUFS 255
#define CALLS_CACHE 32
#define CALLS_BYTE 0x3c

#define CALLS_FIELD "_field"
#define CALLS_FLAG "_flag"

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* What devices_host.c and devices_guest.c agree on. */
#ifndef IVSHMEM_DEVICES_PROTOCOL_H
#define IVSHMEM_DEVICES_PROTOCOL_H

#include <stdint.h>

/** Name of ring and metadata number i, and what the ring holds. */
#define DEVICES_RING "ring%02u"
#define DEVICES_MESSAGE(i) ((void *)(uintptr_t)(0x1000 + (i)))

#endif

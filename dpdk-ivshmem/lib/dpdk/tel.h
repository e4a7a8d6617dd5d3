/* SPDX-License-Identifier: BSD-3-Clause */
/* Values in replies of DPDK's telemetry. */
#ifndef IVSHMEM_DPDK_TEL_H
#define IVSHMEM_DPDK_TEL_H

#include <stdint.h>

struct rte_tel_data;

/** Bytes of names that a reply takes: it has 16 KiB.  What does not fit,
 *  telemetry leaves out, and goes on with the next name that does; each has
 *  two quotes and a comma. */
#define IVSHMEM_TEL_LIST_BYTES 15000

int ivshmem_tel_number(struct rte_tel_data *d, const char *name,
		       uint64_t value);

/** The beginning, where it is long.  DPDK drops what is not ASCII. */
void ivshmem_tel_text(struct rte_tel_data *d, const char *name,
		      const char *text);

/** The end, where it is long: that of a path tells more. */
void ivshmem_tel_path(struct rte_tel_data *d, const char *name,
		      const char *path);

#endif

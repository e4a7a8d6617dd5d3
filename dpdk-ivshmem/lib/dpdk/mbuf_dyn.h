/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dynamic mbuf fields and flags.  Their places depend on the order in which a
 * process registers them, so the guest takes over the host's places before
 * its application registers its own.
 */
#ifndef IVSHMEM_MBUF_DYN_H
#define IVSHMEM_MBUF_DYN_H

#include "format.h"

/**
 * List what this process registered.
 *
 * @param[out] dyns
 *   New memory, to be released with free(); NULL if there are none.
 * @return
 *   0 or -ENOMEM.
 */
int ivshmem_mbuf_dyn_list(struct rte_ivshmem_dyn **dyns, uint32_t *n);

/**
 * Register the host's fields and flags at the host's places.
 *
 * @return
 *   0, or a negative errno with the name and place in err.
 */
int ivshmem_mbuf_dyn_register(const struct ivshmem_metadata *md,
			      struct ivshmem_error *err);

#endif

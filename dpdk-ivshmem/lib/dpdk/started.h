/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IVSHMEM_STARTED_H
#define IVSHMEM_STARTED_H

#include "format.h"

/** 0, or -EAGAIN before rte_eal_init(). */
int ivshmem_check_started(struct ivshmem_error *err);

#endif

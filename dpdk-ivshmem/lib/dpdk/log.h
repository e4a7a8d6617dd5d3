/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IVSHMEM_LOG_H
#define IVSHMEM_LOG_H

#include <rte_log.h>

/** Log type `lib.ivshmem` (`--log-level=lib.ivshmem:debug`). */
extern int ivshmem_logtype;

/** Log one line; `level` is ERR, WARNING, NOTICE, INFO or DEBUG. */
#define IVSHMEM_LOG(level, format, ...) \
	rte_log(RTE_LOG_##level, (uint32_t)ivshmem_logtype, \
		"ivshmem: " format "\n", ##__VA_ARGS__)

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <rte_eal.h>

#include "started.h"

int ivshmem_check_started(struct ivshmem_error *err)
{
	if (rte_eal_get_runtime_dir()[0] != '\0')
		return 0;
	return ivshmem_fail(err, -EAGAIN,
		"the EAL is not started: call rte_eal_init() first");
}

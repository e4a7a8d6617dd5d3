/* SPDX-License-Identifier: BSD-3-Clause */
/* What test_runtime.c and its host agree on. */
#ifndef IVSHMEM_TEST_RUNTIME_HOST_H
#define IVSHMEM_TEST_RUNTIME_HOST_H

#define RUNTIME_NAME "rt"
#define RUNTIME_TO_HOST "rt_to_host"
#define RUNTIME_TO_GUEST "rt_to_guest"
#define RUNTIME_POOL "rt_pool"
#define RUNTIME_POOL_SIZE 127

/** Run the host in this process: writes a byte to `ready` when it shares. */
int runtime_host(const char *mode, const char *prefix, int ready);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uthash, told to report that memory is short instead of ending the process.
 * Elements have a member `bool not_hashed` that an addition sets then.
 */
#ifndef IVSHMEM_HASH_H
#define IVSHMEM_HASH_H

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->not_hashed = true)
#include <uthash.h>

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uthash, told to report that memory is short instead of ending the process.
 * Elements have a member `bool not_hashed` that an addition sets then.
 *
 * Hashes are checksums: the processor has an instruction for eight bytes of
 * them, where uthash's own function takes some thirty for twelve.
 */
#ifndef IVSHMEM_HASH_H
#define IVSHMEM_HASH_H

#include "crc32c.h"

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->not_hashed = true)
#define HASH_FUNCTION(key, length, value) \
	((value) = ivshmem_crc32c(0, key, length))
#include <uthash.h>

#endif

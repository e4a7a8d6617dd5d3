/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IVSHMEM_CRC32C_H
#define IVSHMEM_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/**
 * CRC-32C (Castagnoli, reflected, as in RFC 3720) of `len` bytes.
 *
 * Own code, because the format must stand without DPDK: eight bytes at once,
 * by the instruction for it where the processor has one.  Thread-safe.
 *
 * @param crc
 *   0 to begin, or the result for the bytes before.
 */
uint32_t ivshmem_crc32c(uint32_t crc, const void *data, size_t len);

/** The same for any processor: by tables, made at first use. */
uint32_t ivshmem_crc32c_by_tables(uint32_t crc, const void *data, size_t len);

#endif

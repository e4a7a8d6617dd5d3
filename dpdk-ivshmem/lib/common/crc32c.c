/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <string.h>

#include "crc32c.h"

#define CRC32C_POLYNOMIAL UINT32_C(0x82f63b78) /* 0x1edc6f41, reflected */

static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
		table[byte] = crc;
	}
}

static uint32_t by_table(uint32_t crc, const uint8_t *byte, size_t len)
{
	pthread_once(&table_once, make_table);
	while (len-- > 0)
		crc = table[(crc ^ *byte++) & 0xff] ^ (crc >> 8);
	return crc;
}

#ifdef __x86_64__
/* The metadata of 10,000 objects has a megabyte: eight bytes at a time. */
__attribute__((target("sse4.2")))
static uint32_t by_instruction(uint32_t crc, const uint8_t *byte, size_t len)
{
	uint64_t wide = crc, word;

	for (; len >= sizeof(word); len -= sizeof(word)) {
		memcpy(&word, byte, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
		byte += sizeof(word);
	}
	crc = (uint32_t)wide;
	while (len-- > 0)
		crc = __builtin_ia32_crc32qi(crc, *byte++);
	return crc;
}
#endif

uint32_t ivshmem_crc32c(uint32_t crc, const void *data, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~by_instruction(~crc, data, len);
#endif
	return ~by_table(~crc, data, len);
}

uint32_t ivshmem_crc32c_by_table(uint32_t crc, const void *data, size_t len)
{
	return ~by_table(~crc, data, len);
}

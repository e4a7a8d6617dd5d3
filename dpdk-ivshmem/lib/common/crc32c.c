/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <string.h>

#include "crc32c.h"

#define CRC32C_POLYNOMIAL UINT32_C(0x82f63b78) /* 0x1edc6f41, reflected */

/*
 * tables[n][byte] is what the byte does to the checksum n bytes later: eight
 * bytes are looked up at once, independently of each other.
 */
static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
		tables[0][byte] = crc;
	}
	for (int n = 1; n < 8; n++)
		for (uint32_t byte = 0; byte < 256; byte++) {
			uint32_t crc = tables[n - 1][byte];

			tables[n][byte] = tables[0][crc & 0xff] ^ (crc >> 8);
		}
}

/* Little-endian, as the format. */
static uint32_t add_eight(uint32_t crc, const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	word ^= crc;
	return tables[7][word & 0xff] ^ tables[6][word >> 8 & 0xff] ^
	       tables[5][word >> 16 & 0xff] ^ tables[4][word >> 24 & 0xff] ^
	       tables[3][word >> 32 & 0xff] ^ tables[2][word >> 40 & 0xff] ^
	       tables[1][word >> 48 & 0xff] ^ tables[0][word >> 56];
}

uint32_t ivshmem_crc32c_by_tables(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *byte = data;

	pthread_once(&tables_once, make_tables);
	crc = ~crc;
	for (; len >= 8; len -= 8, byte += 8)
		crc = add_eight(crc, byte);
	while (len-- > 0)
		crc = tables[0][(crc ^ *byte++) & 0xff] ^ (crc >> 8);
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static uint32_t by_instruction(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *byte = data;
	uint64_t wide = ~crc, word;

	for (; len >= 8; len -= 8, byte += 8) {
		memcpy(&word, byte, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	while (len-- > 0)
		crc = __builtin_ia32_crc32qi(crc, *byte++);
	return ~crc;
}
#endif

uint32_t ivshmem_crc32c(uint32_t crc, const void *data, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return by_instruction(crc, data, len);
#endif
	return ivshmem_crc32c_by_tables(crc, data, len);
}

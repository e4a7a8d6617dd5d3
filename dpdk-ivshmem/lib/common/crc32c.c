/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>

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

uint32_t ivshmem_crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *byte = data;

	pthread_once(&table_once, make_table);
	crc = ~crc;
	while (len-- > 0)
		crc = table[(crc ^ *byte++) & 0xff] ^ (crc >> 8);
	return ~crc;
}

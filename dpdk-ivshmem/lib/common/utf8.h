/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IVSHMEM_UTF8_H
#define IVSHMEM_UTF8_H

#include <stdbool.h>

/**
 * True if QEMU and XML take the text as UTF-8: each character in its shortest
 * spelling, no surrogates, and no code points that are no characters.
 */
bool ivshmem_is_utf8(const char *text);

#endif

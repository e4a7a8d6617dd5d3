/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IVSHMEM_UTF8_H
#define IVSHMEM_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Take the first character off a text in UTF-8, as QEMU and XML read it: in its
 * shortest spelling, no surrogate, and no code point that is no character.
 *
 * @param text
 *   Not empty.
 * @param[out] code
 *   Its code point.
 * @return
 *   What follows it, or NULL if the text does not begin with a character.
 */
const char *ivshmem_utf8_next(const char *text, uint32_t *code);

/** True if all of the text is such characters. */
bool ivshmem_is_utf8(const char *text);

#endif

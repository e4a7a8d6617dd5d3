/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "utf8.h"

#define LENGTH_MAX 4

/* Bytes of the character that begins with this one; 0 if none does. */
static unsigned int length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc0)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf8 ? LENGTH_MAX : 0;
}

/* As QEMU's mod_utf8_codepoint(). */
static bool is_character(uint32_t code, unsigned int length)
{
	static const uint32_t least[LENGTH_MAX + 1] = {
		0, 0, 0x80, 0x800, 0x10000 };
	bool surrogate = code >= 0xd800 && code <= 0xdfff;
	bool noncharacter = (code >= 0xfdd0 && code <= 0xfdef) ||
			    (code & 0xfffe) == 0xfffe;

	return code >= least[length] && code <= 0x10ffff && !surrogate &&
	       !noncharacter;
}

const char *ivshmem_utf8_next(const char *text, uint32_t *code)
{
	const unsigned char *c = (const unsigned char *)text;
	unsigned int length = length_of(*c);

	/* The first byte's bits behind those that say the length. */
	*code = length < 2 ? *c : *c & (0x7fU >> length);
	for (unsigned int i = 1; i < length; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return NULL;
		*code = *code << 6 | (c[i] & 0x3fU);
	}
	return length > 0 && is_character(*code, length) ? text + length : NULL;
}

bool ivshmem_is_utf8(const char *text)
{
	uint32_t code;

	while (text != NULL && *text != '\0')
		text = ivshmem_utf8_next(text, &code);
	return text != NULL;
}

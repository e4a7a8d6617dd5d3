/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "utf8.h"

/* Bytes of the printable character that begins here; 0 if none does. */
static size_t character(const char *text)
{
	char one[5] = { 0 };

	/* One to four bytes are a character if they, and no fewer, are text. */
	for (size_t len = 1; len < sizeof(one) && text[len - 1] != '\0'; len++) {
		one[len - 1] = text[len - 1];
		if (!ivshmem_is_utf8(one))
			continue;
		/* C0 and DEL; C1, as which some terminals take two bytes. */
		if ((len == 1 && ((unsigned char)one[0] < 0x20 ||
				  one[0] == 0x7f)) ||
		    (one[0] == '\xc2' && (unsigned char)one[1] < 0xa0))
			return 0;
		return len;
	}
	return 0;
}

void text_clean(char *text)
{
	while (*text != '\0') {
		size_t len = character(text);

		if (len == 0) {
			*text = '?';
			len = 1;
		}
		text += len;
	}
}

void text_clean_metadata(struct ivshmem_metadata *md)
{
	text_clean(md->name);
	text_clean(md->dpdk_version);
	for (uint32_t i = 0; i < md->n_objects; i++)
		text_clean(md->objects[i].name);
	for (uint32_t i = 0; i < md->n_ops; i++)
		text_clean(md->ops[i].name);
	for (uint32_t i = 0; i < md->n_dyns; i++)
		text_clean(md->dyns[i].name);
	for (uint32_t i = 0; i < md->n_paths; i += (uint32_t)
	     strlen(md->paths + i) + 1)
		text_clean(md->paths + i);
}

const char *text_command(pid_t pid, char name[64])
{
	char path[64];
	FILE *f;

	strcpy(name, "?");
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = pid > 0 ? fopen(path, "re") : NULL;
	if (f == NULL)
		return name;
	if (fgets(name, 64, f) == NULL)
		strcpy(name, "?");
	fclose(f);
	name[strcspn(name, "\n")] = '\0';
	text_clean(name);
	return name;
}

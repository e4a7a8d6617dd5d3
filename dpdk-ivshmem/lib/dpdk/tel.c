/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <rte_telemetry.h>
#include <rte_version.h>

#include "tel.h"

/* The name has been changed in 23.03. */
int ivshmem_tel_number(struct rte_tel_data *d, const char *name, uint64_t value)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	return rte_tel_data_add_dict_uint(d, name, value);
#else
	return rte_tel_data_add_dict_u64(d, name, value);
#endif
}

void ivshmem_tel_text(struct rte_tel_data *d, const char *name,
		      const char *text)
{
	char value[RTE_TEL_MAX_STRING_LEN];

	snprintf(value, sizeof(value), "%.*s", (int)sizeof(value) - 1, text);
	for (char *c = value; *c != '\0'; c++)
		*c = (*c & 0x80) != 0 ? '?' : *c;
	rte_tel_data_add_dict_string(d, name, value);
}

void ivshmem_tel_path(struct rte_tel_data *d, const char *name,
		      const char *path)
{
	char value[RTE_TEL_MAX_STRING_LEN];
	size_t len = strlen(path);

	if (len < sizeof(value)) {
		ivshmem_tel_text(d, name, path);
		return;
	}
	snprintf(value, sizeof(value), "...%s",
		 path + len - (sizeof(value) - sizeof("...")));
	ivshmem_tel_text(d, name, value);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DPDK_IVSHMEM_JSON_H
#define DPDK_IVSHMEM_JSON_H

#include <cjson/cJSON.h>

#include "target.h"
#include "tool.h"

/*
 * As cJSON_Add..ToObject() and _ToArray().  If memory runs out, json_print()
 * says so; they may be given NULL.
 */
cJSON *json_object(void);
cJSON *json_add_object(cJSON *array);
cJSON *json_add_array(cJSON *object, const char *name);
void json_add_string(cJSON *object, const char *name, const char *text);
void json_add_null(cJSON *object, const char *name);
void json_add_bool(cJSON *object, const char *name, bool value);

/** A number, or a string such as "0x1fffffffffffff0" beyond 2^53, where many
 *  readers would round it. */
void json_add_u64(cJSON *object, const char *name, uint64_t value);

/** What all commands say of metadata: its source, name, state and owner.
 *  Its texts must be clean. */
void json_add_target(cJSON *object, const struct target *target);

/** Print the document and release it. */
enum tool_status json_print(cJSON *document);

/** What a command does with options->words[i]; array is NULL without --json. */
typedef enum tool_status (*json_word)(const struct tool_options *options, int i,
				      cJSON *array);

/**
 * Do it with each word.  With --json a document is printed in the end, whose
 * only member is the array `name`.
 */
enum tool_status json_each_word(const struct tool_options *options,
				const char *name, json_word each);

#endif

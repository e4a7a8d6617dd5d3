/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawing.h"
#include "json.h"
#include "text.h"

#define EXACT_MAX (UINT64_C(1) << 53)

static bool out_of_memory;

static cJSON *made(cJSON *item)
{
	out_of_memory = out_of_memory || item == NULL;
	return item;
}

cJSON *json_object(void)
{
	return made(cJSON_CreateObject());
}

cJSON *json_add_object(cJSON *array)
{
	cJSON *object = json_object();

	if (object != NULL && !cJSON_AddItemToArray(array, object)) {
		cJSON_Delete(object);
		return made(NULL);
	}
	return object;
}

cJSON *json_add_array(cJSON *object, const char *name)
{
	return made(cJSON_AddArrayToObject(object, name));
}

void json_add_string(cJSON *object, const char *name, const char *text)
{
	made(cJSON_AddStringToObject(object, name, text));
}

void json_add_null(cJSON *object, const char *name)
{
	made(cJSON_AddNullToObject(object, name));
}

void json_add_bool(cJSON *object, const char *name, bool value)
{
	made(cJSON_AddBoolToObject(object, name, value));
}

/* As raw text: cJSON would print 10^15 as 1e+15. */
void json_add_u64(cJSON *object, const char *name, uint64_t value)
{
	char text[32];

	if (value > EXACT_MAX) {
		snprintf(text, sizeof(text), "0x%" PRIx64, value);
		json_add_string(object, name, text);
	} else {
		snprintf(text, sizeof(text), "%" PRIu64, value);
		made(cJSON_AddRawToObject(object, name, text));
	}
}

void json_add_target(cJSON *object, const struct target *target)
{
	char path[PATH_MAX], command[64];

	memcpy(path, target->path, sizeof(path));
	text_clean(path);
	json_add_string(object, target->is_device ? "device" : "file", path);
	json_add_string(object, "name", target->md.name);
	json_add_string(object, "state", ivshmem_state_name(target->md.state));
	json_add_bool(object, "stale", target_is_stale(target));
	if (target->owner > 0) {
		json_add_u64(object, "owner", (uint64_t)target->owner);
		json_add_string(object, "command",
				text_command(target->owner, command));
	} else {
		json_add_null(object, "owner");
		json_add_null(object, "command");
	}
	json_add_u64(object, "generation", target->md.generation);
}

enum tool_status json_print(cJSON *document)
{
	char *text = out_of_memory ? NULL : cJSON_Print(document);

	cJSON_Delete(document);
	if (text == NULL) {
		tool_error("out of memory");
		return TOOL_FAILED;
	}
	puts(text);
	free(text);
	return TOOL_OK;
}

enum tool_status json_each_word(const struct tool_options *options,
				const char *name, json_word each)
{
	enum tool_status status = TOOL_OK;
	cJSON *document = options->json ? json_object() : NULL;
	cJSON *array = options->json ? json_add_array(document, name) : NULL;

	for (int i = 0; i < options->n_words; i++)
		if (each(options, i, array) != TOOL_OK)
			status = TOOL_FAILED;
	if (options->json && json_print(document) != TOOL_OK)
		status = TOOL_FAILED;
	return status;
}

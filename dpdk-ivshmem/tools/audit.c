/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "drawing.h"
#include "json.h"
#include "memzones.h"
#include "target.h"
#include "text.h"
#include "tool.h"

static void add_exposed(const struct ivshmem_exposed *exposed, void *arg)
{
	cJSON *object = json_add_object(arg);

	json_add_u64(object, "address", exposed->address);
	json_add_u64(object, "length", exposed->length);
	if (exposed->name != NULL)
		json_add_string(object, "memzone", exposed->name);
	else
		json_add_null(object, "memzone");
}

/* Chunk 0, the metadata, holds nothing else. */
static uint64_t chunk_bytes(const struct ivshmem_metadata *md)
{
	return ivshmem_chunk_bytes(md) - md->chunks[0].length;
}

static int audit_json(const struct target *target,
		      struct ivshmem_neighbour *zones, int64_t n, cJSON *array,
		      struct ivshmem_error *err)
{
	cJSON *object = json_add_object(array), *exposed;
	uint64_t bytes = 0;
	int ret;

	json_add_target(object, target);
	json_add_bool(object, "names_known", n >= 0);
	json_add_u64(object, "chunk_bytes", chunk_bytes(&target->md));
	exposed = json_add_array(object, "exposed");
	ret = ivshmem_audit(&target->md, zones, n < 0 ? 0 : (uint32_t)n,
			    add_exposed, exposed, &bytes, err);
	json_add_u64(object, "exposed_bytes", bytes);
	return ret;
}

static int audit_text(const struct target *target,
		      struct ivshmem_neighbour *zones, int64_t n,
		      struct ivshmem_error *err)
{
	char path[PATH_MAX], exposed[32], all[32];
	uint64_t bytes, sum = chunk_bytes(&target->md);
	int ret;

	memcpy(path, target->path, sizeof(path));
	text_clean(path);
	printf("%s:\n", path);
	ret = ivshmem_audit(&target->md, zones, n < 0 ? 0 : (uint32_t)n,
			    ivshmem_audit_print, stdout, &bytes, err);
	if (ret == 0)
		printf("guests see %" PRIu64 " bytes (%s) beyond the shared objects, of %"
		       PRIu64 " (%s)\n", bytes,
		       ivshmem_human_size(bytes, exposed), sum,
		       ivshmem_human_size(sum, all));
	return ret;
}

static int audit_target(struct target *target, cJSON *array,
			struct ivshmem_error *err)
{
	struct ivshmem_neighbour *zones;
	int64_t n = memzones_read(target, &zones, err);
	int ret;

	if (n < 0)
		tool_error("%s: the names of memzones are unknown: %s",
			   target->path, err->text);
	for (int64_t i = 0; i < n; i++)
		text_clean(zones[i].name);
	text_clean_metadata(&target->md);
	ret = array != NULL ? audit_json(target, zones, n, array, err) :
	      audit_text(target, zones, n, err);
	free(zones);
	return ret;
}

static enum tool_status audit_word(const struct tool_options *options, int i,
				   cJSON *array)
{
	const char *word = options->words[i];
	struct target target;
	struct ivshmem_error err;
	int ret = target_open(&target, word);

	if (ret != 0) {
		tool_error("%s: %s", word, target.err.text);
	} else if (target.is_device) {
		tool_error("%s: only the host knows what else lies there: give the metadata file on the host",
			   word);
		ret = -1;
	} else {
		ret = audit_target(&target, array, &err);
		if (ret != 0)
			tool_error("%s: %s", word, err.text);
	}
	target_close(&target);
	return ret == 0 ? TOOL_OK : TOOL_FAILED;
}

static enum tool_status run(const struct tool_options *options)
{
	return json_each_word(options, "audited", audit_word);
}

const struct tool_command tool_audit = {
	.name = "audit",
	.summary = "print what guests see beyond the shared objects",
	.words = "FILE...",
	.help = "Guests see whole pages.  Prints each piece of them that belongs to no shared\n"
		"object, with the name of the host's memzone that lies there.  Names come from\n"
		"the host's memory or from its runtime folder; without the right to read either\n"
		"of them they are unknown.\n",
	.options = "j",
	.min_words = 1,
	.max_words = 4096,
	.run = run,
};

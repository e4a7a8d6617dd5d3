/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "draw_svg.h"
#include "drawing.h"
#include "json.h"
#include "target.h"
#include "text.h"
#include "tool.h"

static void add_chunks(cJSON *object, const struct ivshmem_metadata *md)
{
	cJSON *array = json_add_array(object, "chunks");

	for (uint32_t i = 0; i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *c = &md->chunks[i];
		cJSON *o = json_add_object(array);

		json_add_u64(o, "bar_offset", c->bar_offset);
		json_add_u64(o, "length", c->length);
		json_add_u64(o, "address", c->address);
		json_add_string(o, "file", ivshmem_chunk_path(md, c));
		json_add_u64(o, "file_offset", c->file_offset);
		json_add_u64(o, "page_size", c->page_size);
		json_add_bool(o, "metadata",
			      c->flags & RTE_IVSHMEM_CHUNK_METADATA);
		json_add_bool(o, "readonly",
			      c->flags & RTE_IVSHMEM_CHUNK_READONLY);
	}
}

static void add_objects(cJSON *object, const struct ivshmem_metadata *md)
{
	cJSON *array = json_add_array(object, "objects");

	for (uint32_t i = 0; i < md->n_objects; i++) {
		const struct rte_ivshmem_object *o = &md->objects[i];
		cJSON *to = json_add_object(array);

		json_add_string(to, "type", ivshmem_type_name(o->type));
		json_add_string(to, "name", o->name);
		json_add_u64(to, "address", o->address);
		json_add_u64(to, "length", o->length);
		json_add_bool(to, "implied",
			      o->flags & RTE_IVSHMEM_OBJECT_IMPLIED);
		json_add_bool(to, "readonly",
			      o->flags & RTE_IVSHMEM_OBJECT_READONLY);
		if (o->type != RTE_IVSHMEM_MEMPOOL)
			continue;
		json_add_string(to, "ops", md->ops[o->ops].name);
		json_add_u64(to, "cache_size", o->cache_size);
	}
}

static void add_dyns(cJSON *object, const struct ivshmem_metadata *md)
{
	cJSON *array = json_add_array(object, "dynamic_mbuf");

	for (uint32_t i = 0; i < md->n_dyns; i++) {
		const struct rte_ivshmem_dyn *d = &md->dyns[i];
		cJSON *to = json_add_object(array);

		json_add_string(to, "kind", d->kind == RTE_IVSHMEM_DYNFIELD ?
				"field" : "flag");
		json_add_string(to, "name", d->name);
		json_add_u64(to, "position", d->position);
		json_add_u64(to, "size", d->size);
	}
}

static void add_rest(cJSON *object, const struct ivshmem_metadata *md)
{
	cJSON *array = json_add_array(object, "mempool_ops");

	for (uint32_t i = 0; i < md->n_ops; i++) {
		cJSON *to = json_add_object(array);

		json_add_string(to, "name", md->ops[i].name);
		json_add_u64(to, "index", md->ops[i].index);
	}
	array = json_add_array(object, "lcores");
	for (uint32_t i = 0; i < md->n_lcores && array != NULL; i++)
		cJSON_AddItemToArray(array,
				     cJSON_CreateNumber(md->lcores[i]));
	add_dyns(object, md);
}

static void add_metadata(cJSON *object, const struct target *target)
{
	const struct ivshmem_metadata *md = &target->md;

	json_add_target(object, target);
	json_add_string(object, "dpdk_version", md->dpdk_version);
	json_add_u64(object, "total_size", md->total_size);
	json_add_u64(object, "fingerprint", md->fingerprint);
	add_chunks(object, md);
	add_objects(object, md);
	add_rest(object, md);
}

static void print_text(const struct target *target, bool more)
{
	char path[PATH_MAX], life[128];

	memcpy(path, target->path, sizeof(path));
	text_clean(path);
	printf("%s%s: %s\n", more ? "\n" : "", path,
	       target_life(target, life));
	ivshmem_draw_text(stdout, &target->md);
}

static enum tool_status dump_word(const struct tool_options *options, int i,
				  cJSON *array)
{
	struct target target;

	if (target_open(&target, options->words[i]) != 0) {
		tool_error("%s: %s", options->words[i], target.err.text);
		return TOOL_FAILED;
	}
	text_clean_metadata(&target.md);
	if (options->json)
		add_metadata(json_add_object(array), &target);
	else if (options->svg)
		draw_svg(stdout, &target.md);
	else
		print_text(&target, i > 0);
	target_close(&target);
	return TOOL_OK;
}

static enum tool_status run(const struct tool_options *options)
{
	if (options->svg && options->json)
		return tool_wrong_usage(&tool_dump,
					"--svg and --json exclude each other");
	if (options->svg && options->n_words > 1)
		return tool_wrong_usage(&tool_dump,
					"--svg draws one picture, of one FILE or DEVICE");
	return json_each_word(options, "metadata", dump_word);
}

const struct tool_command tool_dump = {
	.name = "dump",
	.summary = "print the objects and draw BAR 2",
	.words = "FILE|DEVICE...",
	.help = "Prints what metadata shares, and the layout of BAR 2: offset, size, host\n"
		"address, file, and the objects that lie there.\n",
	.options = "js",
	.min_words = 1,
	.max_words = 4096,
	.run = run,
};

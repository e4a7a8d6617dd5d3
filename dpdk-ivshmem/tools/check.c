/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether metadata is good, and on a host, whether the files that it lists are
 * what it says.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "drawing.h"
#include "json.h"
#include "mapped.h"
#include "process_maps.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/* Of a thousand chunks all may be bad for one reason. */
#define PROBLEMS_MAX 20

/** What was found. */
struct findings {
	char lines[PROBLEMS_MAX][512];
	uint32_t n; /**< may exceed PROBLEMS_MAX */
	char note[256];
};

__attribute__((format(printf, 2, 3)))
static void problem(struct findings *findings, const char *format, ...)
{
	va_list args;

	if (findings->n < PROBLEMS_MAX) {
		va_start(args, format);
		vsnprintf(findings->lines[findings->n],
			  sizeof(findings->lines[0]), format, args);
		va_end(args);
		text_clean(findings->lines[findings->n]);
	}
	findings->n++;
}

/* The size of hugetlbfs pages is that of the file system. */
static void check_page_size(const char *path, uint32_t i,
			    const struct rte_ivshmem_chunk *chunk,
			    struct findings *findings)
{
	struct statfs fs;

	if (statfs(path, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC &&
	    (uint64_t)fs.f_bsize != chunk->page_size)
		problem(findings, "chunk %u: '%s' has pages of %ld bytes, listed are %"
			PRIu64, i, path, (long)fs.f_bsize, chunk->page_size);
}

static bool check_file(const struct target *target, uint32_t i,
		       struct stat *st, struct findings *findings)
{
	const struct rte_ivshmem_chunk *chunk = &target->md.chunks[i];
	const char *path = ivshmem_chunk_path(&target->md, chunk);
	uint32_t before = findings->n;

	if (path[0] != '/')
		problem(findings, "chunk %u: '%s' is no absolute path", i,
			path);
	else if (stat(path, st) != 0)
		problem(findings, "chunk %u: '%s': %s", i, path,
			strerror(errno));
	else if (!S_ISREG(st->st_mode))
		problem(findings, "chunk %u: '%s' is not a regular file", i,
			path);
	else if ((uint64_t)st->st_size < chunk->file_offset + chunk->length)
		problem(findings, "chunk %u: '%s' has %" PRIu64
			" bytes, the chunk ends at %" PRIu64, i, path,
			(uint64_t)st->st_size,
			chunk->file_offset + chunk->length);
	else
		check_page_size(path, i, chunk, findings);
	return findings->n == before;
}

/* The file of that name may be another one by now: ask the owner's memory. */
static void check_identity(const struct target *target, uint32_t i,
			   const struct stat *st,
			   const struct ivshmem_vec *maps,
			   struct findings *findings)
{
	const struct rte_ivshmem_chunk *chunk = &target->md.chunks[i];
	const char *path = ivshmem_chunk_path(&target->md, chunk);

	if (chunk->flags & RTE_IVSHMEM_CHUNK_METADATA) {
		if (st->st_dev != target->device || st->st_ino != target->inode)
			problem(findings, "chunk %u: '%s' is another file than this", i,
				path);
	} else if (maps != NULL && !mapped_has(maps, chunk, st)) {
		problem(findings, "chunk %u: '%s' is not what the owner has at 0x%"
			PRIx64, i, path, chunk->address);
	}
}

static void check_chunks(const struct target *target,
			 struct findings *findings)
{
	struct ivshmem_vec maps = { 0 };
	struct stat st = { 0 };
	int ret = target->owner <= 0 ? -ESRCH :
		  mapped_read(target->owner, &maps);

	if (ret == -ESRCH && target->alive)
		strcpy(findings->note, "the owner is not known, so its memory was not compared");
	else if (ret != 0 && target->alive)
		snprintf(findings->note, sizeof(findings->note),
			 "the owner's memory was not compared: %s",
			 strerror(-ret));
	for (uint32_t i = 0; i < target->md.n_chunks; i++)
		if (check_file(target, i, &st, findings))
			check_identity(target, i, &st,
				       ret == 0 ? &maps : NULL, findings);
	ivshmem_mappings_free(&maps);
}

static void check_target(const struct target *target,
			 struct findings *findings)
{
	if (target_is_stale(target))
		problem(findings, target->is_device ?
			"stale: its host is gone, unplug the device" :
			"stale: no living process owns it, 'dpdk-ivshmem clean' removes it");
	if (!target->is_device)
		check_chunks(target, findings);
	if (target->md.state == RTE_IVSHMEM_BUILDING)
		strcpy(findings->note, "building: guests wait for the host to publish it");
}

static void add_findings(cJSON *array, const char *word,
			 const struct target *target,
			 const struct findings *findings)
{
	cJSON *object = json_add_object(array), *problems;
	char argument[PATH_MAX];

	snprintf(argument, sizeof(argument), "%s", word);
	text_clean(argument);
	json_add_string(object, "argument", argument);
	json_add_bool(object, "good", findings->n == 0);
	problems = json_add_array(object, "problems");
	for (uint32_t i = 0; i < findings->n && i < PROBLEMS_MAX &&
	     problems != NULL; i++)
		cJSON_AddItemToArray(problems,
				     cJSON_CreateString(findings->lines[i]));
	json_add_u64(object, "problem_count", findings->n);
	if (findings->note[0] != '\0')
		json_add_string(object, "note", findings->note);
	if (target->md.n_chunks > 0)
		json_add_target(object, target);
}

static void print_findings(const char *word, const struct target *target,
			   const struct findings *findings)
{
	char argument[PATH_MAX], life[128];

	snprintf(argument, sizeof(argument), "%s", word);
	text_clean(argument);
	printf("%s: %s", argument, findings->n == 0 ? "good" : "bad");
	if (target->md.n_chunks > 0)
		printf(": %s, %s, %u objects, %u chunks",
		       ivshmem_state_name(target->md.state),
		       target_life(target, life), target->md.n_objects,
		       target->md.n_chunks);
	putchar('\n');
	for (uint32_t i = 0; i < findings->n && i < PROBLEMS_MAX; i++)
		printf("  %s\n", findings->lines[i]);
	if (findings->n > PROBLEMS_MAX)
		printf("  and %u more\n", findings->n - PROBLEMS_MAX);
	if (findings->note[0] != '\0')
		printf("  note: %s\n", findings->note);
}

static enum tool_status check_word(const struct tool_options *options, int i,
				   cJSON *array)
{
	const char *word = options->words[i];
	struct findings findings = { 0 };
	struct target target;

	if (target_open(&target, word) != 0)
		problem(&findings, "%s", target.err.text);
	else
		check_target(&target, &findings);
	text_clean_metadata(&target.md);
	if (array != NULL)
		add_findings(array, word, &target, &findings);
	else
		print_findings(word, &target, &findings);
	target_close(&target);
	return findings.n == 0 ? TOOL_OK : TOOL_FAILED;
}

static enum tool_status run(const struct tool_options *options)
{
	return json_each_word(options, "checked", check_word);
}

const struct tool_command tool_check = {
	.name = "check",
	.summary = "say whether metadata is good, or what is wrong",
	.words = "FILE|DEVICE...",
	.help = "Decodes the metadata and says whether its host lives.  Of a FILE also looks\n"
		"whether the file of each chunk is there, is large enough, and is the one that\n"
		"the owner has in its memory, as far as this user may see that.\n",
	.options = "j",
	.min_words = 1,
	.max_words = 4096,
	.run = run,
};

/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drawing.h"
#include "folders.h"
#include "json.h"
#include "leavings.h"
#include "text.h"
#include "tool.h"

/** Of one run. */
struct removal {
	bool dry_run;
	cJSON *array;
	uint64_t files;
	uint64_t bytes;
};

static void tell(const char *path, uint64_t bytes, void *arg)
{
	struct removal *removal = arg;
	char text[PATH_MAX], size[32];

	removal->files++;
	removal->bytes += bytes;
	snprintf(text, sizeof(text), "%s", path);
	text_clean(text);
	if (removal->array != NULL) {
		cJSON *object = json_add_object(removal->array);

		json_add_string(object, "path", text);
		json_add_u64(object, "bytes", bytes);
		return;
	}
	printf("%s %s", removal->dry_run ? "would remove" : "removed", text);
	if (bytes > 0)
		printf(" (%s of hugepages)", ivshmem_human_size(bytes, size));
	putchar('\n');
}

/* Found by name, another user's folder may be a trap for root. */
static bool is_ours(const char *folder)
{
	struct stat st;

	if (stat(folder, &st) == 0 && st.st_uid == geteuid())
		return true;
	tool_error("%s: left alone, because it is another user's: name it to clean it",
		   folder);
	return false;
}

static int clean_folder(const char *folder, void *arg,
			struct ivshmem_error *err)
{
	struct removal *removal = arg;

	return ivshmem_folder_clean(folder, removal->dry_run, tell, removal,
				    err);
}

static void print_sum(const struct removal *removal)
{
	char size[32];

	if (removal->files == 0) {
		puts("nothing was left by dead processes");
		return;
	}
	printf("%" PRIu64 " file%s %s; %s of hugepage memory %s\n",
	       removal->files, removal->files == 1 ? "" : "s",
	       removal->dry_run ? "would be removed" : "removed",
	       ivshmem_human_size(removal->bytes, size),
	       removal->dry_run ? "would come free" : "came free");
}

static enum tool_status print_json_sum(cJSON *document,
				       const struct removal *removal)
{
	json_add_bool(document, "dry_run", removal->dry_run);
	json_add_u64(document, "files", removal->files);
	json_add_u64(document, "hugepage_bytes", removal->bytes);
	return json_print(document);
}

static enum tool_status run(const struct tool_options *options)
{
	struct removal removal = { .dry_run = options->dry_run };
	enum tool_status status;
	cJSON *document = NULL;

	if (options->json) {
		document = json_object();
		removal.array = json_add_array(document, "removed");
	}
	status = folders_work(options, is_ours, clean_folder, &removal);
	if (!options->json)
		print_sum(&removal);
	else if (print_json_sum(document, &removal) != TOOL_OK)
		status = TOOL_FAILED;
	return status;
}

const struct tool_command tool_clean = {
	.name = "clean",
	.summary = "remove what dead processes left",
	.words = "[FOLDER...]",
	.help = "Marks the metadata files of dead processes as closing, so that guests notice,\n"
		"and removes them, with the hugepage files that they list and that nobody uses.\n"
		"What a living process owns stays.  Without FOLDER, in the folders that 'list'\n"
		"looks at and that belong to this user.\n",
	.options = "jn",
	.min_words = 0,
	.max_words = 4096,
	.run = run,
};

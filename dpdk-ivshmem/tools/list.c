/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drawing.h"
#include "folders.h"
#include "json.h"
#include "leavings.h"
#include "source.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/** Of one run. */
struct listing {
	cJSON *array; /**< NULL: print text */
	bool shown;   /**< something is listed */
	bool headed;  /**< the line above the columns is printed */
	bool bad;
};

static void add_row(cJSON *array, const struct target *target, int ret)
{
	cJSON *object = json_add_object(array);
	char path[PATH_MAX];

	json_add_bool(object, "good", ret == 0);
	if (ret != 0) {
		snprintf(path, sizeof(path), "%s", target->path);
		text_clean(path);
		json_add_string(object, target->is_device ? "device" : "file",
				path);
		json_add_string(object, "error", target->err.text);
		return;
	}
	json_add_target(object, target);
	json_add_u64(object, "objects", target->md.n_objects);
	json_add_u64(object, "chunks", target->md.n_chunks);
	json_add_u64(object, "bytes", ivshmem_chunk_bytes(&target->md));
}

static void print_head(struct listing *listing)
{
	if (!listing->headed)
		printf("%-16s %-8s %-5s %8s %-15s %-19s %7s %6s %10s  %s\n",
		       "name", "state", "life", "owner", "command",
		       "generation", "objects", "chunks", "bytes", "where");
	listing->headed = true;
}

static void print_row(struct listing *listing, const struct target *target,
		      int ret)
{
	const struct ivshmem_metadata *md = &target->md;
	char path[PATH_MAX], command[64], pid[16] = "-", size[32];

	print_head(listing);
	snprintf(path, sizeof(path), "%s", target->path);
	text_clean(path);
	if (ret != 0) {
		printf("%-16s %s: %s\n", "(bad)", path, target->err.text);
		return;
	}
	if (target->owner > 0)
		snprintf(pid, sizeof(pid), "%d", (int)target->owner);
	printf("%-16s %-8s %-5s %8s %-15s %-19" PRIu64 " %7u %6u %10s  %s\n",
	       md->name, ivshmem_state_name(md->state),
	       target_is_stale(target) ? "stale" :
	       target->is_device ? "-" : "alive", pid,
	       target->owner > 0 ? text_command(target->owner, command) : "-",
	       md->generation, md->n_objects, md->n_chunks,
	       ivshmem_human_size(ivshmem_chunk_bytes(md), size), path);
}

static void list_target(struct listing *listing, struct target *target, int ret)
{
	text_clean(target->err.text);
	text_clean_metadata(&target->md);
	listing->shown = true;
	listing->bad = listing->bad || ret != 0;
	if (listing->array != NULL)
		add_row(listing->array, target, ret);
	else
		print_row(listing, target, ret);
}

static int list_found(const struct ivshmem_found *found, void *arg)
{
	struct target *target = calloc(1, sizeof(*target));

	if (target == NULL)
		return -ENOMEM;
	memcpy(target->path, found->path, sizeof(target->path));
	target->alive = found->alive;
	target->owner = found->owner;
	target->md = found->md; /* its storage stays that of the walk */
	target->err = found->err;
	list_target(arg, target, found->ret);
	free(target);
	return 0;
}

static int list_folder(const char *folder, void *arg, struct ivshmem_error *err)
{
	return ivshmem_folder_walk(folder, list_found, arg, err);
}

/* In a guest.  A device whose memory is somebody else's is not listed. */
static void list_device(const char *name, struct listing *listing)
{
	struct target target = { .is_device = true };
	int fd;

	snprintf(target.path, sizeof(target.path), "%s", name);
	fd = ivshmem_source_open_pci(name, &target.md, &target.err);
	if (fd != -ENOENT)
		list_target(listing, &target, fd < 0 ? fd : 0);
	if (fd >= 0)
		close(fd);
	ivshmem_metadata_free(&target.md);
}

static void list_devices(struct listing *listing)
{
	struct dirent **entries;
	int n = ivshmem_source_list_pci(&entries);

	for (int i = 0; i < n; i++) {
		list_device(entries[i]->d_name, listing);
		free(entries[i]);
	}
	free(entries);
}

static enum tool_status run(const struct tool_options *options)
{
	struct listing listing = { 0 };
	cJSON *document = NULL;

	if (options->json) {
		document = json_object();
		listing.array = json_add_array(document, "shared");
	}
	if (folders_work(options, NULL, list_folder, &listing) != TOOL_OK)
		listing.bad = true;
	if (options->n_words == 0)
		list_devices(&listing);
	if (options->json && json_print(document) != TOOL_OK)
		return TOOL_FAILED;
	if (!options->json && !listing.shown && !listing.bad)
		puts("nothing is shared here");
	return listing.bad ? TOOL_FAILED : TOOL_OK;
}

const struct tool_command tool_list = {
	.name = "list",
	.summary = "list what is shared on this machine",
	.words = "[FOLDER...]",
	.help = "Lists the metadata files in each FOLDER.  Without one, in $RTE_IVSHMEM_DIR, or\n"
		"else in the runtime folders of all DPDK programs of root and of this user; and\n"
		"in a guest the ivshmem devices that hold metadata.\n",
	.options = "j",
	.min_words = 0,
	.max_words = 4096,
	.run = run,
};

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every memory mode of the EAL: what is shared in it, seen by another process.
 *
 *   test-modes FILE      compare what is found with the table in FILE
 *   test-modes --table   print the table's rows
 *
 * Hugepages are those mounted at IVSHMEM_HUGE (2 MiB) and IVSHMEM_HUGE_1G, each
 * with a limit (hugetlbfs.h).
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "format.h"
#include "hugetlbfs.h"
#include "modes.h"
#include "modes_view.h"
#include "tap.h"

#define GIB (1ull << 30)
#define USER 65534 /* nobody */

static const struct mode modes[] = {
	{ "no hugepages", MEMORY_ORDINARY, "--no-huge" },
	{ "default", MEMORY_2M, "" },
	{ "pages of 1 GiB", MEMORY_1G, "" },
	{ "2 MiB and 1 GiB", MEMORY_BOTH, "" },
	{ "one file", MEMORY_2M, "--single-file-segments" },
	{ "match allocations", MEMORY_2M, "--match-allocations" },
	{ "files are kept", MEMORY_2M, "--huge-unlink=never" },
	{ "files are unlinked", MEMORY_2M, "--huge-unlink=always" },
	{ "in memory", MEMORY_UNNAMED, "--in-memory" },
	{ "in memory, one file", MEMORY_UNNAMED,
	  "--in-memory --single-file-segments" },
	{ "legacy", MEMORY_2M, "--legacy-mem" },
	{ "legacy, one file", MEMORY_2M,
	  "--legacy-mem --single-file-segments" },
	{ "legacy, unlinked", MEMORY_2M, "--legacy-mem --huge-unlink=always" },
};

/** What a mode turns out to be. */
struct findings {
	char file[64];
	char path[32];
	char pages[32];
	char density[32];
	const char *user;
	const char *killed;
	const char *restarted;
	const char *secondary;
};

static char dir[] = "/tmp/ivshmem-modes-XXXXXX";
static char user_dir[64];
static char prefix[32], user_prefix[32];
static const char *document; /* NULL: print the table only */
static bool is_namespace_own;
static pid_t owner;

/* ---- folders ---- */

/* What a killed process leaves for the next start. */
static void remove_leavings(const struct hello *hello)
{
	static const char *const files[] = { "md", "secondary" };
	char path[PATH_MAX];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	cleanup_pages(getenv("IVSHMEM_HUGE"), prefix);
	cleanup_pages(getenv("IVSHMEM_HUGE_1G"), prefix);
	cleanup_pages(getenv("IVSHMEM_HUGE"), user_prefix);
	cleanup_pages(getenv("IVSHMEM_HUGE_1G"), user_prefix);
	cleanup_runtime(hello->runtime, prefix);
	cleanup_runtime(hello->runtime, user_prefix);
}

static void clean_up(void)
{
	if (getpid() != owner)
		return;
	cleanup_pages(getenv("IVSHMEM_HUGE"), prefix);
	cleanup_pages(getenv("IVSHMEM_HUGE_1G"), prefix);
	cleanup_tree(dir);
}

static bool is_ours(const char *mount_point)
{
	const char *ours[] = { getenv("IVSHMEM_HUGE"),
			       getenv("IVSHMEM_HUGE_1G") };

	for (size_t i = 0; i < 2; i++)
		if (ours[i] != NULL && strcmp(ours[i], mount_point) == 0)
			return true;
	return false;
}

/* Without --huge-dir the EAL takes any hugetlbfs: let it see ours only. */
static void hide_other_mounts(void)
{
	FILE *f = fopen("/proc/self/mounts", "re");
	char line[PATH_MAX * 2], where[PATH_MAX], type[64];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*s %4095s %63s", where, type) == 2 &&
		    strcmp(type, "hugetlbfs") == 0 && !is_ours(where))
			umount2(where, MNT_DETACH);
	if (f != NULL)
		fclose(f);
}

/* The folders of hugepages belong to this user until told otherwise. */
static void give_folders(uid_t uid)
{
	const char *folders[] = { getenv("IVSHMEM_HUGE"),
				  getenv("IVSHMEM_HUGE_1G") };

	for (size_t i = 0; i < 2; i++)
		if (folders[i] != NULL && chown(folders[i], uid, uid) != 0)
			bail_out("chown");
}

static void make_folders(void)
{
	if (mkdtemp(dir) == NULL)
		bail_out("mkdtemp");
	owner = getpid();
	atexit(clean_up);
	if (chmod(dir, 0711) != 0)
		bail_out("chmod");
	snprintf(prefix, sizeof(prefix), "ivmodes%d", getpid());
	snprintf(user_prefix, sizeof(user_prefix), "ivuser%d", getpid());
	snprintf(user_dir, sizeof(user_dir), "%s/user", dir);
	if (mkdir(user_dir, 0700) != 0)
		bail_out("mkdir");
	if (geteuid() != 0 || chown(user_dir, USER, USER) != 0 ||
	    unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return;
	is_namespace_own = true;
	hide_other_mounts();
}

/* ---- what this machine has ---- */

static unsigned int usable_pages(unsigned int kib)
{
	static const char *const counts[] = { "free", "resv" };
	unsigned int n[2] = { 0, 0 };

	for (size_t i = 0; i < 2; i++) {
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path),
			 "/sys/kernel/mm/hugepages/hugepages-%ukB/%s_hugepages",
			 kib, counts[i]);
		f = fopen(path, "re");
		if (f == NULL || fscanf(f, "%u", &n[i]) != 1)
			n[i] = 0;
		if (f != NULL)
			fclose(f);
	}
	return n[0] > n[1] ? n[0] - n[1] : 0;
}

/* NULL if the mode can be tried. */
static const char *why_not(const struct mode *mode)
{
	enum memory m = mode->memory;
	bool is_2m = m == MEMORY_2M || m == MEMORY_BOTH;
	bool is_1g = m == MEMORY_1G || m == MEMORY_BOTH;
	unsigned int mib = MEMORY_MIB + (m == MEMORY_BOTH ? OWN_MIB : 0);

	if (is_2m && getenv("IVSHMEM_HUGE") == NULL)
		return "no IVSHMEM_HUGE";
	if (is_1g && getenv("IVSHMEM_HUGE_1G") == NULL)
		return "no IVSHMEM_HUGE_1G";
	if (m == MEMORY_BOTH && !is_namespace_own)
		return "needs root, to see no other hugetlbfs";
	if ((is_2m || m == MEMORY_UNNAMED) &&
	    usable_pages(2048) < mib / 2 + 1)
		return "not enough free hugepages of 2 MiB";
	if (is_1g && usable_pages(1048576) < 1)
		return "no free hugepage of 1 GiB";
	return NULL;
}

/* ---- findings for the table ---- */

static const char *name_size(uint64_t size)
{
	return size == GIB ? "1 GiB" : size == 2 << 20 ? "2 MiB" : "4 KiB";
}

static void describe_size(const struct ivshmem_metadata *md, uint64_t address,
			  uint64_t length, struct findings *f)
{
	uint64_t bytes = 0, n = 0, size = 0;
	size_t at = strlen(f->pages), to = strlen(f->density);

	for (uint32_t i = 1; i < md->n_chunks; i++) {
		if (!holds(&md->chunks[i], address, length))
			continue;
		bytes += md->chunks[i].length;
		size = md->chunks[i].page_size;
		n++;
	}
	snprintf(f->pages + at, sizeof(f->pages) - at, "%s%s",
		 at > 0 ? ", " : "", name_size(size));
	/* One chunk is one chunk, however large the memory. */
	snprintf(f->density + to, sizeof(f->density) - to, "%s%d",
		 to > 0 ? ", " : "",
		 n <= 1 ? 1 : (int)((n * GIB + bytes / 2) / bytes));
}

static void describe_file(const struct view *view, struct findings *f)
{
	const char *path = ivshmem_chunk_path(view->md, view->chunks[0]);
	bool is_one = view->n == 1 &&
		      view->chunks[0]->length > view->chunks[0]->page_size;
	const char *kind = "hugetlbfs";
	char link[PATH_MAX] = "";

	if (strncmp(path, "/proc/", 6) == 0) {
		if (readlink(path, link, sizeof(link) - 1) < 0)
			link[0] = '\0';
		kind = strncmp(link, "/memfd:", 7) == 0 ? "memfd" :
		       "unlinked in hugetlbfs";
	}
	snprintf(f->file, sizeof(f->file), "%s, %s", kind,
		 is_one ? "one" : "one per page");
	snprintf(f->path, sizeof(f->path), "%s",
		 link[0] != '\0' ? "`/proc/PID/fd/N`" : "its name");
}

/* Other files of the same names hold something else. */
static const char *compare_files(const struct view *view, struct stat *before)
{
	const char *result = "gone";

	for (unsigned int i = 0; i < view->n; i++) {
		struct stat st;

		if (stat(ivshmem_chunk_path(view->md, view->chunks[i]),
			 &st) != 0)
			return "gone";
		if (st.st_ino != before[i].st_ino)
			return "replaced";
		result = "kept";
	}
	return result;
}

/* ---- one mode ---- */

static struct start start_of(const struct mode *mode, enum role role)
{
	struct start start = {
		.mode = mode, .role = role, .prefix = prefix, .folder = dir,
		.huge_dir = getenv(mode->memory == MEMORY_1G ?
				   "IVSHMEM_HUGE_1G" : "IVSHMEM_HUGE"),
	};

	return start;
}

static void tell(bool passed, const struct mode *mode, const char *what)
{
	if (document != NULL)
		check(passed, "%s: %s", mode->name, what);
}

static void try_secondary(const struct mode *mode, struct findings *f)
{
	struct start start = start_of(mode, ROLE_SECONDARY);
	struct ivshmem_metadata md;
	struct process secondary;

	f->secondary = "no";
	if (!process_start(&secondary, &start)) {
		/* DPDK's own limits; sharing must work where it starts. */
		if (strstr(secondary.hello.error, "EAL") == NULL)
			tell(false, mode, secondary.hello.error);
		return;
	}
	if (read_metadata(secondary.hello.metadata, &md)) {
		bool right = files_hold_memory(secondary.pid, &md);

		tell(right, mode,
		     "a secondary process shares the primary's objects");
		f->secondary = right ? "yes" : "wrong";
		ivshmem_metadata_free(&md);
	}
	process_quit(&secondary);
}

/* As QEMU would, in a process of the same user. */
static bool user_opens(const struct hello *hello)
{
	struct ivshmem_metadata md;
	struct view view;
	int status = -1;
	pid_t qemu;

	fflush(stdout);
	qemu = fork();
	if (qemu == 0) {
		if (setgid(USER) != 0 || setuid(USER) != 0)
			_exit(EXIT_FAILURE);
		_exit(!read_metadata(hello->metadata, &md) ||
		      !open_view(&view, &md, hello->zone) ||
		      !view_is_zone(&view));
	}
	return qemu > 0 && waitpid(qemu, &status, 0) == qemu && status == 0;
}

static const char *try_user(const struct mode *mode)
{
	struct start start = start_of(mode, ROLE_SHARE);
	struct process host;
	bool works;

	if (geteuid() != 0)
		return "yes";
	start.uid = USER;
	start.prefix = user_prefix;
	start.folder = user_dir;
	give_folders(USER);
	works = process_start(&host, &start);
	if (works) {
		works = user_opens(&host.hello);
		process_quit(&host);
	} else {
		printf("# as a user: %s\n", host.hello.error);
	}
	give_folders(0);
	remove_leavings(&host.hello);
	return works ? "yes" : "no";
}

static const char *try_next_start(const struct mode *mode,
				  const struct view *view, struct stat *before)
{
	struct start start = start_of(mode, ROLE_START);
	const char *result;
	struct process next;

	if (!process_start(&next, &start)) {
		tell(false, mode, next.hello.error);
		return "?";
	}
	result = compare_files(view, before);
	process_quit(&next);
	return result;
}

static bool has_names(const struct ivshmem_metadata *md)
{
	for (uint32_t i = 1; i < md->n_chunks; i++)
		if (strncmp(ivshmem_chunk_path(md, &md->chunks[i]), "/proc/",
			    6) == 0)
			return false;
	return true;
}

/* The dead host's metadata lists names that the new host's files have now:
 * cleaning up after the one must not take them from the other. */
static void try_sharing_again(const struct mode *mode, bool is_named)
{
	const char *what = "a host that shares again keeps its own files";
	struct start start = start_of(mode, ROLE_SHARE);
	struct ivshmem_metadata md;
	struct process host;

	if (!process_start(&host, &start)) {
		tell(false, mode, host.hello.error);
		return;
	}
	if (read_metadata(host.hello.metadata, &md)) {
		tell(files_hold_memory(host.pid, &md) &&
		     has_names(&md) == is_named, mode, what);
		ivshmem_metadata_free(&md);
	} else {
		tell(false, mode, what);
	}
	process_quit(&host);
}

/* Kills the host. */
static void try_death(struct process *host, const struct mode *mode,
		      struct view *view, struct findings *f)
{
	struct stat before[MAX_MAPS];

	for (unsigned int i = 0; i < view->n; i++)
		if (stat(ivshmem_chunk_path(view->md, view->chunks[i]),
			 &before[i]) != 0)
			bail_out("a file of a living host is gone");
	process_kill(host);
	tell(view_is_zone(view), mode,
	     "who has mapped the memory keeps it when the host is killed");
	f->killed = compare_files(view, before);
	/* The only page of 1 GiB is wanted again. */
	close_view(view);
	f->restarted = try_next_start(mode, view, before);
	try_sharing_again(mode, has_names(view->md));
}

static void look_at(struct process *host, const struct mode *mode,
		    const struct ivshmem_metadata *md, struct findings *f)
{
	struct view view;

	tell(lists(md, "zone", RTE_IVSHMEM_MEMZONE) &&
	     lists(md, "ring", RTE_IVSHMEM_RING) &&
	     lists(md, "pool", RTE_IVSHMEM_MEMPOOL), mode,
	     "the metadata lists memzone, ring and mempool");
	tell(files_hold_memory(host->pid, md), mode,
	     "each chunk's file holds the host's very bytes");
	if (mode->memory == MEMORY_BOTH)
		tell(host->hello.is_small, mode,
		     "a pool with pages of its own takes none of 1 GiB");
	if (!open_view(&view, md, host->hello.zone))
		bail_out("the zone's files are not opened");
	mark(&view);
	tell(process_sees_marks(host), mode,
	     "the host reads what another process writes");
	describe_file(&view, f);
	describe_size(md, host->hello.zone, ZONE_SIZE, f);
	if (host->hello.big != 0)
		describe_size(md, host->hello.big, 1, f);
	try_secondary(mode, f);
	try_death(host, mode, &view, f);
}

/* ---- the table ---- */

static bool document_has(const char *row)
{
	FILE *f = fopen(document, "re");
	bool found = false;
	char line[1024];

	if (f == NULL)
		bail_out(document);
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = strcmp(line, row) == 0;
	}
	fclose(f);
	return found;
}

static void report(const struct mode *mode, const struct findings *f)
{
	char row[1024], options[128] = "none";

	if (mode->options[0] != '\0')
		snprintf(options, sizeof(options), "`%s`", mode->options);
	snprintf(row, sizeof(row),
		 "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |",
		 mode->name, options, f->file, f->path, f->pages, f->density,
		 f->user, f->killed, f->restarted, f->secondary);
	if (document == NULL)
		puts(row);
	else
		check(document_has(row), "%s: the document says: %s",
		      mode->name, row);
}

static void test_mode(const struct mode *mode)
{
	struct start start = start_of(mode, ROLE_SHARE);
	struct findings f = { 0 };
	struct ivshmem_metadata md;
	struct process host;

	if (!process_start(&host, &start)) {
		tell(false, mode, host.hello.error);
		remove_leavings(&host.hello);
		return;
	}
	if (read_metadata(host.hello.metadata, &md)) {
		look_at(&host, mode, &md, &f);
		ivshmem_metadata_free(&md);
		remove_leavings(&host.hello);
		f.user = try_user(mode);
		report(mode, &f);
	} else {
		tell(false, mode, "the metadata is valid");
		process_kill(&host);
		remove_leavings(&host.hello);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s --table | DOCUMENT\n", argv[0]);
		return EXIT_FAILURE;
	}
	if (strcmp(argv[1], "--table") != 0)
		document = argv[1];
	hugetlbfs_of("IVSHMEM_HUGE");
	hugetlbfs_of("IVSHMEM_HUGE_1G");
	make_folders();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *reason = why_not(&modes[i]);

		if (reason == NULL)
			test_mode(&modes[i]);
		else if (document != NULL)
			skip(modes[i].name, reason);
		else
			printf("# %s: %s\n", modes[i].name, reason);
	}
	return document != NULL ? tap_end() : EXIT_SUCCESS;
}

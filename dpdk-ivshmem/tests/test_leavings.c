/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose metadata files are, and what is removed.  The living are child
 * processes that hold locks; the dead are children that were killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "device_text.h"
#include "leavings.h"
#include "sample.h"
#include "source.h"
#include "tap.h"

#define HUGEPAGE (UINT64_C(2) << 20)

static const char layout[] = IVSHMEM_LAYOUT_START ": a title\n";
static char top[] = "/tmp/ivshmem-leavings-XXXXXX";
static char folder[64], huge[PATH_MAX];
static bool huge_mounted;
static pid_t test_owner;

/* Files */

static const char *in(const char *dir, const char *name)
{
	static char paths[64][PATH_MAX + 64];
	static unsigned int next;
	char *path = paths[next++ % 64];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static const char *file(const char *name)
{
	return in(folder, name);
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		bail_out(path);
	close(fd);
}

/* Metadata whose two chunks are said to lie in two files. */
static void *encode(const char *first, const char *second, size_t *size)
{
	static char paths[3 * PATH_MAX];
	struct ivshmem_metadata md;
	void *image;

	sample_metadata(&md);
	md.paths = paths;
	md.n_paths = 1;
	md.chunks[0].path = 0;
	md.chunks[1].path = md.n_paths;
	md.n_paths += (uint32_t)sprintf(paths + md.n_paths, "%s", first) + 1;
	md.chunks[2].path = md.n_paths;
	md.n_paths += (uint32_t)sprintf(paths + md.n_paths, "%s", second) + 1;
	if (ivshmem_metadata_encode(&md, &image) != 0)
		bail_out("metadata cannot be encoded");
	*size = ivshmem_metadata_size(&md);
	return image;
}

static void put_listing(const char *name, const char *first,
			const char *second)
{
	size_t size;
	void *image = encode(first, second, &size);

	write_file(file(name), image, size);
	free(image);
}

static void put(const char *name)
{
	put_listing(name, "/nowhere/a", "/nowhere/b");
}

/* A good checksum over one changed byte. */
static void put_changed(const char *name, size_t at, unsigned char value,
			bool sealed)
{
	size_t size;
	unsigned char *image = encode("/nowhere/a", "/nowhere/b", &size);

	image[at] = value;
	if (sealed)
		seal(image, size);
	write_file(file(name), image, size);
	free(image);
}

/* Processes */

/* A child that holds a lock until it is killed. */
static pid_t hold(const char *path, int operation)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready) != 0)
		bail_out("pipe failed");
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || flock(fd, operation | LOCK_NB) != 0)
			_exit(1);
		if (write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &byte, 1) != 1)
		bail_out("no child holds the lock");
	close(ready[0]);
	return pid;
}

/* Walk */

struct walked {
	char names[512];
	bool alive;
	pid_t owner;
	char reason[320];
	int stop;
};

static int note(const struct ivshmem_found *found, void *arg)
{
	struct walked *walked = arg;
	size_t len = strlen(walked->names);

	snprintf(walked->names + len, sizeof(walked->names) - len, "%s ",
		 strrchr(found->path, '/') + 1);
	walked->alive = found->alive;
	walked->owner = found->owner;
	snprintf(walked->reason, sizeof(walked->reason), "%s",
		 found->ret == 0 ? "" : found->err.text);
	return walked->stop;
}

static struct walked walk(int stop, int *ret)
{
	struct walked walked = { .stop = stop };
	struct ivshmem_error err;

	*ret = ivshmem_folder_walk(folder, note, &walked, &err);
	return walked;
}

static void test_walk_names(void)
{
	struct walked walked;
	int ret;

	put("b");
	put("a");
	put(".c");
	put_changed("damaged", 300, 0xff, false);
	write_file(file("text"), "hello", 5);
	write_file(file("empty"), "", 0);
	mkdir(file("folder"), 0700);
	mkfifo(file("fifo"), 0600);
	if (symlink("a", file("link")) != 0)
		bail_out("symlink failed");
	walked = walk(0, &ret);
	check(ret == 0 && strcmp(walked.names, "a b damaged ") == 0,
	      "metadata is found in the order of names, and nothing else: %s",
	      walked.names);
	check(strstr(walked.reason, "checksum") != NULL,
	      "damaged metadata comes with its reason: %s", walked.reason);
	walked = walk(7, &ret);
	check(ret == 7 && strcmp(walked.names, "a ") == 0,
	      "a visitor ends the walk");
}

static void test_walk_missing(void)
{
	struct ivshmem_error err;
	int ret = ivshmem_folder_walk(in(top, "missing"), note, NULL, &err);

	check(ret == -ENOENT && strstr(err.text, "/missing") != NULL,
	      "a folder that is not there: %s", err.text);
}

static void test_walk_alive(void)
{
	struct walked walked;
	int ret;
	pid_t pid;

	put("a");
	pid = hold(file("a"), LOCK_EX);
	walked = walk(0, &ret);
	check(walked.alive, "metadata whose owner lives is alive");
	check(walked.owner == pid, "its owner is found: %d", walked.owner);
	child_kill(pid);
	walked = walk(0, &ret);
	check(!walked.alive && walked.owner == 0,
	      "once the owner was killed it is not");
}

static void test_lock(void)
{
	struct ivshmem_error err;
	pid_t pid = hold(folder, LOCK_EX);
	int fd = ivshmem_folder_lock(folder, &err);

	check(fd == -EBUSY && strstr(err.text, folder) != NULL,
	      "a folder that another process has locked: %s", err.text);
	child_kill(pid);
	fd = ivshmem_folder_lock(folder, &err);
	check(fd >= 0, "its lock goes away with the process");
	close(fd);
	fd = ivshmem_folder_lock(in(top, "missing"), &err);
	check(fd == -ENOENT, "a folder that is not there cannot be locked");
}

/* Clean */

struct removed {
	unsigned int files;
	uint64_t bytes;
};

static void count(const char *path, uint64_t bytes, void *arg)
{
	struct removed *removed = arg;

	removed->files += path[0] == '/';
	removed->bytes += bytes;
}

static struct removed clean(bool dry_run)
{
	struct removed removed = { 0 };
	struct ivshmem_error err;

	if (ivshmem_folder_clean(folder, dry_run, count, &removed, &err) != 0)
		bail_out(err.text);
	return removed;
}

static uint32_t state_of(int fd)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	uint32_t state = 0;

	if (ivshmem_source_read_file(fd, &md, &err) == 0) {
		state = md.state;
		ivshmem_metadata_free(&md);
	}
	return state;
}

static void test_clean_dead(void)
{
	const uint64_t magic = RTE_IVSHMEM_MAGIC;
	int fd;

	put("dead");
	write_file(file(".dead.layout"), layout, strlen(layout));
	write_file(file(".old.layout"), "[]\n", 3); /* of an earlier version */
	write_file(file(".dead.new"), "", 0);
	write_file(file(".gone.new"), &magic, sizeof(magic));
	write_file(file(".gone.layout"), "", 0);
	write_file(file("..gone.layout.new"), "", 1);
	write_file(file("..dead.layout.new"), layout, strlen(layout));
	write_file(file("begun"), "", 0);
	put_changed("damaged", 300, 0xff, false);
	child_kill(hold(file("dead"), LOCK_EX));
	fd = open(file("dead"), O_RDONLY | O_CLOEXEC);

	check(clean(true).files == 10 && exists(file("dead")) &&
	      exists(file(".gone.new")) && state_of(fd) == RTE_IVSHMEM_READY,
	      "a dry run counts, and changes nothing");
	check(clean(false).files == 10 && rmdir(folder) == 0,
	      "metadata, layout and temporary files of the dead go");
	check(state_of(fd) == RTE_IVSHMEM_CLOSING,
	      "who has the metadata open sees that it is closing");
	close(fd);
	mkdir(folder, 0700);
	check(clean(false).files == 0, "a clean folder stays as it is");
}

/* A metadata file under the hidden name of a replaced one; with a skew, under
 * that of another inode. */
static const char *make_older(const char *name, int skew)
{
	static char older[PATH_MAX];
	struct stat st;

	put(name);
	if (stat(file(name), &st) != 0)
		bail_out("stat failed");
	ivshmem_older_path(file(name), st.st_ino + (ino_t)skew, older);
	if (rename(file(name), older) != 0)
		bail_out("rename failed");
	return older;
}

static void test_clean_older(void)
{
	const char *older = make_older("md.1", 0);
	pid_t pid = hold(older, LOCK_EX);
	int fd = open(older, O_RDONLY | O_CLOEXEC);

	check(clean(false).files == 0 && state_of(fd) == RTE_IVSHMEM_READY,
	      "an older generation of a living process stays as it is");
	child_kill(pid);
	check(clean(true).files == 1 && exists(older) &&
	      state_of(fd) == RTE_IVSHMEM_READY,
	      "a dry run counts that of a dead one");
	put("md.1");
	pid = hold(file("md.1"), LOCK_EX);
	check(clean(false).files == 1 && !exists(older) &&
	      state_of(fd) == RTE_IVSHMEM_CLOSING,
	      "it is marked closing and goes, although the name has a new owner");
	close(fd);
	child_kill(pid);
	clean(false);
	older = make_older("md", 1);
	check(clean(false).files == 0 && exists(older),
	      "a file whose name tells another inode is not ours");
	unlink(older);
}

static void test_clean_alive(void)
{
	pid_t pid;
	int fd;

	put("alive");
	write_file(file(".alive.layout"), layout, strlen(layout));
	write_file(file(".alive.new"), "", 0);
	write_file(file("..alive.layout.new"), "", 0);
	pid = hold(file("alive"), LOCK_EX);
	check(clean(false).files == 0, "nothing of a living process goes");
	fd = open(file("alive"), O_RDONLY | O_CLOEXEC);
	check(state_of(fd) == RTE_IVSHMEM_READY, "nor is it marked closing");
	close(fd);
	child_kill(pid);
	check(clean(false).files == 4, "all of it goes once that was killed");
}

static void test_clean_foreign(void)
{
	char long_name[128];

	memset(long_name, 'x', sizeof(long_name));
	strcpy(long_name + sizeof(long_name) - 5, ".new");
	long_name[0] = '.';
	write_file(file("text"), "hello", 5);
	write_file(file("empty"), "", 0);
	chmod(file("empty"), 0644);
	write_file(file(".text.new"), "hello", 5);
	write_file(file(".x.layout"), "{}", 2);
	write_file(file(".z.layout"), "# another program's\n", 20);
	write_file(file(".s.layout"), "#", 1);
	write_file(file(".new"), "", 0);
	write_file(file("..new"), "", 0);
	write_file(file("..x.new"), "", 0);
	write_file(file("...x.layout.new"), "", 0);
	write_file(file("..y.layout.new"), "hello", 5);
	write_file(file(long_name), "", 0);
	put_changed("newer", offsetof(struct rte_ivshmem_header, major), 2,
		    true);
	put("target");
	if (rename(file("target"), in(top, "target")) != 0 ||
	    symlink("../target", file("link")) != 0)
		bail_out("symlink failed");
	check(clean(false).files == 0,
	      "no file of others goes: text, empty, hidden, newer, link");
	unlink(in(top, "target"));
}

/* Hugepage files */

static const char *make_huge(const char *name)
{
	const char *path = in(huge, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		bail_out(path);
	/* Pages that are free without that may be somebody's. */
	if (getenv("IVSHMEM_HUGE") != NULL &&
	    fallocate(fd, 0, 0, (off_t)HUGEPAGE) != 0)
		bail_out("no free hugepage");
	close(fd);
	return path;
}

static uint64_t held_by(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static void test_hugepages(void)
{
	const char *a = make_huge("ivtest-a"), *b = make_huge("ivtest-b");
	uint64_t bytes = held_by(a) + held_by(b);
	struct removed dry, removed;
	pid_t pid;

	put_listing("dead", a, b);
	put_listing("dead2", b, a);
	dry = clean(true);
	check(exists(a) && exists(b), "a dry run leaves hugepage files");
	removed = clean(false);
	check(removed.files == 4 && !exists(a) && !exists(b),
	      "hugepage files that the dead left go");
	check(removed.bytes == bytes,
	      "they held %" PRIu64 " bytes", removed.bytes);
	check(dry.files == removed.files && dry.bytes == removed.bytes,
	      "the dry run said the same");

	a = make_huge("ivtest-a");
	put_listing("dead", a, a);
	pid = hold(a, LOCK_SH);
	check(clean(false).files == 1 && exists(a),
	      "one that a living process has locked stays");
	child_kill(pid);
	put_listing("alive", a, a);
	pid = hold(file("alive"), LOCK_EX);
	check(clean(false).files == 0 && exists(a),
	      "one that living metadata lists stays");
	child_kill(pid);
	clean(false);
}

/* Paths that no EAL would have written. */
static void test_hostile_paths(void)
{
	const char *page = make_huge("ivtest-page");
	const char *victim = in(top, "victim"), *link = in(top, "link");
	char by_proc[64], by_link[PATH_MAX + 64];
	int fd = open(page, O_RDONLY | O_CLOEXEC);

	write_file(victim, "precious", 8);
	/* Only files of this test: wrong code would remove what is listed. */
	put_listing("1", victim, victim);
	check(clean(false).files == 1 && exists(victim),
	      "a file that is no hugepage stays");

	/* hugetlbfs itself has no symbolic links. */
	if (symlink(page, link) != 0 || symlink(huge, in(top, "huge")) != 0)
		bail_out("symlink failed");
	snprintf(by_link, sizeof(by_link), "%s/huge/ivtest-page", top);
	put_listing("2", link, by_link);
	check(clean(false).files == 1 && exists(victim) && exists(link) &&
	      exists(page), "no symbolic link is followed or removed");

	snprintf(by_proc, sizeof(by_proc), "/proc/%d/fd/%d", getpid(), fd);
	put_listing("3", by_proc, "relative");
	check(clean(false).files == 1 && exists(page),
	      "nothing goes by way of /proc");

	put_listing("4", huge, "/");
	check(clean(false).files == 1 && exists(huge), "no folder goes");

	put_listing("5", "", "//");
	check(clean(false).files == 1, "nor is an empty path a file");

	if (chown(page, 65534, 65534) == 0) {
		put_listing("6", page, page);
		check(clean(false).files == 1 && exists(page),
		      "another user's hugepage file stays");
	} else {
		skip("another user's hugepage file stays", "not root");
	}
	close(fd);
	unlink(page);
	unlink(link);
	unlink(victim);
	unlink(in(top, "huge"));
}

static void test_paths(void)
{
	char path[PATH_MAX], hidden[PATH_MAX];

	ivshmem_temporary_path("/a/b", hidden);
	check(strcmp(hidden, "/a/.b.new") == 0, "the temporary file: %s",
	      hidden);
	ivshmem_layout_path("b", hidden);
	check(strcmp(hidden, ".b.layout") == 0, "the layout file: %s", hidden);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 3] = '\0';
	ivshmem_layout_path(path, hidden);
	check(hidden[0] == '\0', "none for a path that is too long");
}

/* Setting */

static void clean_up(void)
{
	if (getpid() != test_owner)
		return;
	if (huge_mounted)
		umount2(huge, MNT_DETACH);
	cleanup_tree(top);
}

static void new_folder(void)
{
	cleanup_tree(folder);
	mkdir(folder, 0700);
}

/* That of the test run, whose pages are reserved; or an empty one. */
static bool find_hugetlbfs(void)
{
	const char *given = getenv("IVSHMEM_HUGE");

	if (given != NULL)
		return realpath(given, huge) != NULL;
	snprintf(huge, sizeof(huge), "%s/hugetlbfs", top);
	mkdir(huge, 0700);
	huge_mounted = mount("ivshmem-test", huge, "hugetlbfs", 0,
			     "size=8M") == 0;
	return huge_mounted;
}

int main(void)
{
	static void (*const tests[])(void) = {
		test_walk_names, test_walk_missing, test_walk_alive, test_lock,
		test_clean_dead, test_clean_alive, test_clean_older,
		test_clean_foreign,
		test_paths,
	};

	test_owner = getpid();
	if (mkdtemp(top) == NULL)
		bail_out("mkdtemp failed");
	atexit(clean_up);
	snprintf(folder, sizeof(folder), "%s/folder", top);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		new_folder();
		tests[i]();
	}
	new_folder();
	if (find_hugetlbfs()) {
		test_hugepages();
		test_hostile_paths();
	} else {
		skip("hugepage files of the dead", "no hugetlbfs, not root");
	}
	return tap_end();
}

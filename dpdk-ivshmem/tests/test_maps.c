/* SPDX-License-Identifier: BSD-3-Clause */
/* What a process has mapped, as the kernel tells it. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "process_maps.h"
#include "tap.h"

#define PAGE ((uint64_t)4096)
#define NOBODY 65534

static char file[] = "/tmp/ivshmem-maps\n\\.XXXXXX";
static struct stat st;
/* Pages: the file's third, then none, then memory, then the file's first. */
static uint64_t base;

static void clean_up(void)
{
	unlink(file);
}

static uint64_t map(uint64_t address, uint64_t length, int prot, int flags,
		    int fd, uint64_t offset)
{
	void *got = mmap((void *)(uintptr_t)address, length, prot,
			 flags | (address != 0 ? MAP_FIXED : 0), fd,
			 (off_t)offset);

	if (got == MAP_FAILED)
		bail_out("mmap failed");
	return (uint64_t)(uintptr_t)got;
}

static void map_all(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	int fd = mkstemp(file);

	atexit(clean_up);
	if (fd < 0 || ftruncate(fd, 4 * PAGE) != 0 || fstat(fd, &st) != 0)
		bail_out("no file in /tmp");
	base = map(0, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map(base, PAGE, rw, MAP_SHARED, fd, 2 * PAGE);
	map(base + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0);
	map(base + 3 * PAGE, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
}

static bool is_third(const struct ivshmem_mapping *m)
{
	return m->start == base && m->end == base + PAGE &&
	       m->offset == 2 * PAGE && m->dev == st.st_dev &&
	       m->ino == st.st_ino && strcmp(m->perms, "rw-s") == 0 &&
	       strcmp(m->path, file) == 0;
}

static bool is_first(const struct ivshmem_mapping *m)
{
	return m->start == base + 3 * PAGE && m->end == base + 4 * PAGE &&
	       m->offset == 0 && m->ino == st.st_ino &&
	       strcmp(m->perms, "r--p") == 0 && strcmp(m->path, file) == 0;
}

static void test_overlap(void)
{
	struct ivshmem_mapping m;
	char path[PATH_MAX], cut[8];
	bool gap;

	check(ivshmem_mappings_overlap(base, base + 1, &m, path,
				       sizeof(path)) && is_third(&m),
	      "a file with a newline in its name");
	check(ivshmem_mappings_overlap(base + PAGE - 1, base + 4 * PAGE, &m,
				       path, sizeof(path)) && is_third(&m),
	      "of several mappings the first");
	check(ivshmem_mappings_overlap(base + PAGE, base + 4 * PAGE, &m, path,
				       sizeof(path)) &&
	      m.start == base + PAGE && m.ino == 0 && path[0] == '\0',
	      "memory without a file has no path");
	check(ivshmem_mappings_overlap(base, base + 1, &m, cut, sizeof(cut)) &&
	      strcmp(cut, "/tmp/iv") == 0, "a path is cut to its room");
	munmap((void *)(uintptr_t)(base + PAGE), PAGE);
	gap = !ivshmem_mappings_overlap(base + PAGE, base + 2 * PAGE, &m, path,
					sizeof(path));
	check(gap, "nothing between two mappings");
}

static int stop(const struct ivshmem_mapping *mapping, void *arg)
{
	++*(unsigned int *)arg;
	return mapping->start == base ? -EPIPE : 0;
}

static int count(const struct ivshmem_mapping *mapping, void *arg)
{
	(void)mapping;
	++*(unsigned int *)arg;
	return 0;
}

static void test_walk(void)
{
	unsigned int some = 0, all = 0;

	check(ivshmem_mappings_walk(0, stop, &some) == -EPIPE &&
	      ivshmem_mappings_walk(0, count, &all) == 0 && all >= some + 2,
	      "a walk ends where the visit ends it");
}

static bool is_ours(const struct ivshmem_mapping *mapping)
{
	return mapping->ino == st.st_ino && mapping->dev == st.st_dev;
}

static void test_other_process(void)
{
	const struct ivshmem_mapping *m;
	struct ivshmem_vec maps;
	pid_t pid = fork();
	int ret;

	if (pid < 0)
		bail_out("fork failed");
	if (pid == 0)
		for (;;)
			pause();
	munmap((void *)(uintptr_t)base, 4 * PAGE);
	ret = ivshmem_mappings_read(pid, is_ours, &maps);
	m = maps.data;
	check(ret == 0 && maps.n == 2 && is_third(&m[0]) && is_first(&m[1]),
	      "the wanted ones of another process, by address");
	ivshmem_mappings_free(&maps);
	check(ivshmem_mappings_read(0, is_ours, &maps) == 0 && maps.n == 0,
	      "which this one has no more");
	child_kill(pid);
	check(ivshmem_mappings_read(pid, is_ours, &maps) == -ENOENT &&
	      maps.data == NULL, "a process that is gone");
}

static void test_denied(void)
{
	static const char what[] = "a process that may not be looked at";
	struct ivshmem_vec maps;
	int status = 0;
	pid_t pid;

	if (getuid() != 0) {
		skip(what, "only root can become somebody else");
		return;
	}
	pid = fork();
	if (pid == 0)
		_exit(setuid(NOBODY) == 0 &&
		      ivshmem_mappings_read(getppid(), is_ours, &maps) ==
		      -EACCES && maps.data == NULL ? 0 : 1);
	check(waitpid(pid, &status, 0) == pid && status == 0, "%s", what);
}

int main(void)
{
	map_all();
	test_overlap();
	test_walk();
	test_other_process();
	test_denied();
	return tap_end();
}

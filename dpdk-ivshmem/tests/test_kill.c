/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kill -9 at every system call that the library makes while it creates, adds,
 * publishes, removes and destroys.
 *
 * A child with an EAL of its own is traced and killed at its n-th system call,
 * for each n until there is none left.  The next child has the same name and
 * file prefix: it finds the leavings of the one before, must get over them, and
 * is killed one call later.
 *
 * Argument: the mode (eal.h).
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_log.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "child.h"
#include "cleanup.h"
#include "eal.h"
#include "format.h"
#include "holdings.h"
#include "rte_ivshmem.h"
#include "source.h"
#include "tap.h"

#define NAME "vm"

/** Objects in each state of the story; a ring comes with its memzone. */
enum { NONE = 0, RING = 2, RING_AND_ZONE = 3 };

/** What a child tells its parent. */
struct report {
	char wrong[128];    /**< "" if nothing is */
	char phase[40];     /**< the public call that it is in */
	bool other_first;   /**< told by the parent */
	unsigned int pages; /**< that its hugepage files hold */
};

static struct report *report;
static const char *mode;
static int held = -1; /**< what a VM of the dead has open */
static bool held_whole;

static const struct rte_memzone *zone;
static struct rte_ring *ring;
static char text[1 << 16];

/* ---- what lies there ----------------------------------------------------- */

/* Only ours: other tests have files of their own there. */
static unsigned int count_pages(void)
{
	const char *folder = getenv("IVSHMEM_HUGE");
	DIR *dir = has_hugepages(mode) ? opendir(folder) : NULL;
	struct dirent *entry;
	unsigned int n = 0;
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (cleanup_is_page(entry->d_name, test_prefix) &&
		    fstatat(dirfd(dir), entry->d_name, &st, 0) == 0)
			n += (unsigned int)(st.st_blocks * 512 >> 21);
	if (dir != NULL)
		closedir(dir);
	return n;
}

static uint32_t state_of(int fd)
{
	uint32_t state = 0;

	if (pread(fd, &state, sizeof(state),
		  offsetof(struct rte_ivshmem_header, state)) != sizeof(state))
		state = 0;
	return state;
}

static bool is_a_state(const struct ivshmem_metadata *md)
{
	static uint64_t last;

	if (md->generation <= last)
		return false;
	last = md->generation;
	switch (md->state) {
	case RTE_IVSHMEM_BUILDING:
		return md->n_objects == NONE;
	case RTE_IVSHMEM_READY:
		return md->n_objects == RING ||
		       md->n_objects == RING_AND_ZONE;
	default:
		return md->state == RTE_IVSHMEM_CLOSING;
	}
}

/* What a reader finds after a kill; the reason if it is not whole. */
static const char *read_left(void)
{
	static struct ivshmem_error err;
	struct ivshmem_metadata md;
	char path[PATH_MAX];
	struct stat st;
	bool good;

	snprintf(path, sizeof(path), "%s/" NAME, test_dir);
	held = open(path, O_RDONLY | O_CLOEXEC);
	held_whole = false;
	if (held < 0 || fstat(held, &st) != 0 || st.st_size == 0)
		return NULL;
	if (ivshmem_source_read_file(held, &md, &err) != 0)
		return err.text;
	good = is_a_state(&md);
	ivshmem_metadata_free(&md);
	held_whole = true;
	return good ? NULL : "neither the old state nor the new one";
}

/* A layout file is there as a whole, too. */
static const char *read_layout(void)
{
	char path[PATH_MAX], ends[2] = "";
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/." NAME ".layout", test_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0 || pread(fd, ends, 1, 0) != 1 ||
	    pread(fd, ends + 1, 1, st.st_size - 1) != 1)
		ends[0] = '\0';
	close(fd);
	return ends[0] == '#' && ends[1] == '\n' ? NULL : "half a layout file";
}

/* ---- the child ----------------------------------------------------------- */

static void expect(bool good, const char *what)
{
	if (!good && report->wrong[0] == '\0')
		snprintf(report->wrong, sizeof(report->wrong), "%s", what);
}

static void phase(const char *name)
{
	snprintf(report->phase, sizeof(report->phase), "%s", name);
}

static void story(void)
{
	phase("create");
	expect(rte_ivshmem_metadata_create(NAME) == 0, "create fails");
	phase("add");
	expect(rte_ivshmem_metadata_add_memzone(zone, NAME) == 0 &&
	       rte_ivshmem_metadata_add_ring(ring, NAME) == 0, "add fails");
	phase("publish");
	expect(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						     NAME) == 0,
	       "publish fails");
	phase("publish with a layout file");
	expect(rte_ivshmem_metadata_device_generate(text, sizeof(text), NAME,
				RTE_IVSHMEM_FORM_LAYOUT) == 0,
	       "layout fails");
	phase("remove");
	expect(rte_ivshmem_metadata_remove_memzone(zone, NAME) == 0,
	       "remove fails");
	phase("publish with another layout file");
	expect(rte_ivshmem_metadata_device_generate(text, sizeof(text), NAME,
				RTE_IVSHMEM_FORM_LAYOUT) == 0,
	       "layout fails");
	phase("destroy");
	expect(rte_ivshmem_metadata_destroy(NAME) == 0, "destroy fails");
}

/* The library cleans a folder once; so that it does so again. */
static void visit_other_folder(void)
{
	char other[64];

	snprintf(other, sizeof(other), "%s/other", test_dir);
	setenv(RTE_IVSHMEM_DIR_ENV, other, 1);
	expect(rte_ivshmem_metadata_create(NAME) == 0 &&
	       rte_ivshmem_metadata_destroy(NAME) == 0, "other folder");
	rmdir(other);
	setenv(RTE_IVSHMEM_DIR_ENV, test_dir, 1);
}

/* Any name cleans up after the dead; the same name would overwrite some. */
static void visit_other_name(void)
{
	expect(rte_ivshmem_metadata_create("other") == 0 &&
	       rte_ivshmem_metadata_destroy("other") == 0, "other name");
	expect(is_empty(test_dir), "the dead were not cleaned");
}

/* A fresh start of the same program; then it is told to be killed. */
static void start_over(void)
{
	start_eal(mode);
	rte_log_set_level_pattern("lib.ivshmem", RTE_LOG_WARNING);
	zone = rte_memzone_reserve("zone", 5000, SOCKET_ID_ANY, 0);
	ring = rte_ring_create("ring", 64, SOCKET_ID_ANY, 0);
	expect(zone != NULL && ring != NULL, "no objects");
	report->pages = count_pages();
	if (report->other_first)
		visit_other_name();
	story();
	expect(is_empty(test_dir), "something was left in the folder");
	visit_other_folder();
}

_Noreturn static void be_killed(void)
{
	start_over();
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	raise(SIGSTOP);
	story();
	_exit(0);
}

_Noreturn static void end_in_order(void)
{
	start_over();
	end_eal();
	_exit(0);
}

/* ---- the parent ---------------------------------------------------------- */

static pid_t start_child(void (*run)(void))
{
	static bool other_first;
	pid_t pid;

	memset(report, 0, sizeof(*report));
	other_first = !other_first;
	report->other_first = other_first;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run();
	if (pid < 0)
		bail_out("fork failed");
	return pid;
}

/* Number of the system call that it is about to make. */
static long next_call(pid_t pid)
{
	struct __ptrace_syscall_info info;
	int status;

	do {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info),
			   &info) <= 0)
			bail_out("the child cannot be traced");
	} while (info.op != PTRACE_SYSCALL_INFO_ENTRY);
	return (long)info.entry.nr;
}

/* False once the story has fewer calls. */
static bool kill_at(pid_t pid, unsigned int n)
{
	long call = 0;

	for (unsigned int i = 0; i < n && call != SYS_exit_group; i++)
		call = next_call(pid);
	child_kill(pid);
	return call != SYS_exit_group;
}

/* Until the next child has started over and waits for its end. */
static pid_t start_victim(void)
{
	pid_t pid = start_child(be_killed);
	int status;

	if (waitpid(pid, &status, 0) != pid)
		bail_out("no child");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		skip("kill -9 at every system call", "ptrace() is forbidden");
		exit(tap_end());
	}
	if (!WIFSTOPPED(status))
		bail_out("the child does not come to its end");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) != 0)
		bail_out("PTRACE_SETOPTIONS failed");
	return pid;
}

static unsigned int wrong;

static void complain(unsigned int n, const char *where, const char *what)
{
	if (what == NULL || what[0] == '\0')
		return;
	wrong++;
	printf("# killed at call %u (%s): %s\n", n, where, what);
}

/* What the victim before n left, seen by the one that came after. */
static void judge_start(unsigned int n, const char *where, unsigned int pages)
{
	complain(n, where, report->wrong);
	if (held_whole && state_of(held) != RTE_IVSHMEM_CLOSING)
		complain(n, where, "a VM was not told");
	if (report->pages != pages)
		complain(n, where, "hugepages are lost");
	if (held >= 0)
		close(held);
	held = -1;
	held_whole = false;
}

/** Kills in one public call. */
struct tally {
	char phase[40];
	unsigned int kills;
};

static unsigned int count_kill(struct tally *tallies, unsigned int n,
			       const char *where)
{
	if (n == 0 || strcmp(tallies[n - 1].phase, where) != 0)
		snprintf(tallies[n++].phase, sizeof(tallies[0].phase), "%s",
			 where);
	tallies[n - 1].kills++;
	return n;
}

static void kill_at_each(unsigned int pages)
{
	struct tally tallies[16] = { 0 };
	unsigned int n_tallies = 0, n = 1;
	char where[40] = "start";
	bool alive = true;

	for (; alive; n++) {
		pid_t pid = start_victim();

		judge_start(n - 1, where, pages);
		alive = kill_at(pid, n);
		snprintf(where, sizeof(where), "%s", report->phase);
		complain(n, where, read_left());
		complain(n, where, read_layout());
		if (alive)
			n_tallies = count_kill(tallies, n_tallies, where);
	}
	for (unsigned int i = 0; i < n_tallies; i++)
		printf("# %s: killed at each of %u system calls\n",
		       tallies[i].phase, tallies[i].kills);
	check(wrong == 0, "killed at each of %u system calls, and nothing is half, lost or left",
	      n - 2);
}

static unsigned int run_in_order(void)
{
	int status;

	waitpid(start_child(end_in_order), &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bail_out("a start without a kill fails");
	return count_pages();
}

int main(int argc, char **argv)
{
	unsigned int left;

	mode = argc > 1 ? argv[1] : "no-huge";
	prepare_host(mode);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		bail_out("mmap failed");
	left = run_in_order();
	check(report->wrong[0] == '\0', "without a kill all goes well%s",
	      report->wrong);
	kill_at_each(report->pages);
	check(run_in_order() == left && report->wrong[0] == '\0',
	      "in the end as many hugepages are free as before (%u in use)",
	      left);
	check(is_empty(test_dir), "the folder is empty");
	return tap_end();
}

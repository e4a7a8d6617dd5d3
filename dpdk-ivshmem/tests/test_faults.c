/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every allocation, file and mapping call of the library fails once: the public
 * call that it happens in reports it and changes nothing, and works when it is
 * made again.
 *
 * A story of public calls is told again and again, each time in a folder of its
 * own with leavings of a dead process, and each time one more call of libc
 * fails in it.
 *
 * Argument: the mode (eal.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_common.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "device_text.h"
#include "eal.h"
#include "faults.h"
#include "format.h"
#include "holdings.h"
#include "rte_ivshmem.h"
#include "tap.h"

#define NAME "vm"

static char folder[128];
static const struct rte_memzone *zone, *read_zone;
static struct rte_ring *ring, *read_ring;
static struct rte_mempool *pool;
static FILE *sink;
static int readers[] = { -1, -1 };
static unsigned int harmed, faults;
static char left[1 << 16];
static ssize_t left_size;

/* ---- the story ----------------------------------------------------------- */

static int create(void)
{
	return rte_ivshmem_metadata_create(NAME);
}

static int add_zone(void)
{
	return rte_ivshmem_metadata_add_memzone(zone, NAME);
}

static int add_ring(void)
{
	return rte_ivshmem_metadata_add_ring(ring, NAME);
}

static int add_pool(void)
{
	return rte_ivshmem_metadata_add_mempool(pool, NAME);
}

static int add_read_zone(void)
{
	return rte_ivshmem_metadata_add_memzone_readonly(read_zone, NAME);
}

static int add_read_ring(void)
{
	return rte_ivshmem_metadata_add_ring_readonly(read_ring, NAME);
}

static int generate(enum rte_ivshmem_form form)
{
	static char text[1 << 16];
	int ret;

	text[0] = '\0';
	ret = rte_ivshmem_metadata_device_generate(text, sizeof(text), NAME,
						   form);
	if (ret < 0 && text[0] != '\0')
		return 1; /* the buffer was touched */
	return ret;
}

static int publish(void)
{
	static char text[1 << 16];

	return rte_ivshmem_metadata_cmdline_generate(text, sizeof(text), NAME);
}

static int publish_layout(void)
{
	return generate(RTE_IVSHMEM_FORM_LAYOUT);
}

static int publish_libvirt(void)
{
	return generate(RTE_IVSHMEM_FORM_LIBVIRT);
}

static int print_qmp(void)
{
	return generate(RTE_IVSHMEM_FORM_QMP_ADD);
}

static int print_shm(void)
{
	return generate(RTE_IVSHMEM_FORM_SHM);
}

static int print_plain(void)
{
	return generate(RTE_IVSHMEM_FORM_PLAIN);
}

/* A VM that has this generation: it is told when what it has is outdated. */
static int vm_starts(int *reader)
{
	char path[256];

	faults_disarm();
	snprintf(path, sizeof(path), "%s/" NAME, folder);
	*reader = open(path, O_RDONLY | O_CLOEXEC);
	return *reader < 0 ? -1 : 0;
}

static int was_told(int *reader)
{
	uint32_t state = 0;

	faults_disarm();
	if (pread(*reader, &state, sizeof(state),
		  offsetof(struct rte_ivshmem_header, state)) != sizeof(state))
		state = 0;
	close(*reader);
	*reader = -1;
	return state == RTE_IVSHMEM_CLOSING ? 0 : 1;
}

static int first_starts(void)
{
	return vm_starts(&readers[0]);
}

static int second_starts(void)
{
	return vm_starts(&readers[1]);
}

static int first_was_told(void)
{
	return was_told(&readers[0]);
}

static int second_was_told(void)
{
	return was_told(&readers[1]);
}

static int dump(void)
{
	return rte_ivshmem_metadata_dump(sink, NAME);
}

static int audit(void)
{
	return rte_ivshmem_metadata_audit(sink, NAME) < 0 ? -1 : 0;
}

static int remove_ring(void)
{
	return rte_ivshmem_metadata_remove_ring(ring, NAME);
}

static int remove_pool(void)
{
	return rte_ivshmem_metadata_remove_mempool(pool, NAME);
}

static int remove_read_zone(void)
{
	return rte_ivshmem_metadata_remove_memzone(read_zone, NAME);
}

static int destroy(void)
{
	return rte_ivshmem_metadata_destroy(NAME);
}

/** One public call. */
struct step {
	const char *name;
	int (*call)(void);
};

static const struct step story[] = {
	{ "create", create },
	{ "add a memzone", add_zone },
	{ "add a ring", add_ring },
	{ "add a mempool", add_pool },
	{ "print the plain form", print_plain },
	{ "publish", publish },
	{ "a VM starts", first_starts },
	{ "print the fds", print_shm },
	{ "add a ring read-only", add_read_ring },
	{ "add a memzone read-only", add_read_zone },
	{ "publish with a layout file", publish_layout },
	{ "dump", dump },
	{ "audit", audit },
	{ "remove a mempool", remove_pool },
	{ "print QMP", print_qmp },
	{ "remove a memzone", remove_read_zone },
	{ "remove a ring", remove_ring },
	{ "publish for libvirt", publish_libvirt },
	{ "add a mempool again", add_pool },
	{ "publish with a layout file again", publish_layout },
	{ "another VM starts", second_starts },
	{ "destroy", destroy },
	{ "the VM was told", first_was_told },
	{ "the other VM was told", second_was_told },
};

static bool is_told(const struct step *step)
{
	return step->call == first_was_told || step->call == second_was_told;
}

/** What a public call may do without: it succeeds although that failed. */
static const struct tolerated {
	const char *call, *function;
	bool untold; /**< a VM may not learn that what it has is outdated */
	const char *why;
} tolerated[] = {
	{ "create", NULL, false, "the dead are left to the next one" },
	{ NULL, "readlink", false, "QEMU opens /proc/PID/fd/N instead" },
	{ NULL, "stat64", false, "the same; at destruction see below" },
	{ NULL, "fstat64", false, "the same" },
	{ NULL, "fcntl64", true, "who has a generation is unknown" },
	{ NULL, "pwrite64", true, "the mark in the file cannot be made" },
	{ NULL, "renameat2", false, "rename() does, with no way back" },
	{ NULL, "unlink", false, "the file is left to the next one" },
	{ NULL, "link", false, "after kill -9 a VM is not told" },
};

static const struct tolerated *tolerate(const char *call, const char *function)
{
	for (size_t i = 0; i < RTE_DIM(tolerated); i++) {
		const struct tolerated *t = &tolerated[i];

		if ((t->call == NULL || strcmp(t->call, call) == 0) &&
		    (t->function == NULL ||
		     strcmp(t->function, function) == 0))
			return t;
	}
	return NULL;
}

/* ---- what must not change ------------------------------------------------ */

/** All that a caller, a guest or the next process can see. */
struct state {
	char *text;
	size_t size;
};

/* The heartbeat of metadata goes on meanwhile. */
static bool is_heartbeat(const char *name, size_t at)
{
	const size_t begin = offsetof(struct rte_ivshmem_header, heartbeat);

	return strcmp(name, NAME) == 0 && at >= begin &&
	       at < begin + sizeof(uint64_t);
}

static void print_file(FILE *f, const char *name)
{
	char path[512];
	int c;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	fprintf(f, "file %s%s:", name, file == NULL ? " is not there" : "");
	for (size_t at = 0; file != NULL && (c = getc(file)) != EOF; at++)
		if (!is_heartbeat(name, at))
			fputc(c, f);
	if (file != NULL)
		fclose(file);
	fputc('\n', f);
}

static struct state observe(void)
{
	struct state state;
	FILE *f = open_memstream(&state.text, &state.size);

	print_file(f, NAME);
	print_file(f, "." NAME ".layout");
	if (rte_ivshmem_metadata_dump(f, NAME) == 0)
		fprintf(f, "audit: %" PRId64 "\n",
			rte_ivshmem_metadata_audit(f, NAME));
	fprintf(f, "%u files, %u descriptors, %zu bytes, %u pages pinned\n",
		count_entries(folder, "dead"), open_descriptors(),
		heap_in_use(), pinned_pages());
	fclose(f);
	return state;
}

static bool same(const struct state *a, const struct state *b)
{
	return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

/* The first line of text that differs. */
static void show_change(const struct state *a, const struct state *b)
{
	size_t at = 0, line = 0;

	while (at < a->size && at < b->size && a->text[at] == b->text[at])
		if (a->text[at++] == '\n')
			line = at;
	printf("#   before: %.*s\n#   after:  %.*s\n",
	       (int)strcspn(a->text + line, "\n"), a->text + line,
	       (int)strcspn(b->text + line, "\n"), b->text + line);
}

static void *register_thread(void *arg)
{
	*(int *)arg = rte_thread_register();
	if (*(int *)arg == 0)
		rte_thread_unregister();
	return NULL;
}

static bool can_register(void)
{
	pthread_t thread;
	int ret;

	if (pthread_create(&thread, NULL, register_thread, &ret) != 0 ||
	    pthread_join(thread, NULL) != 0)
		bail_out("no thread");
	return ret == 0;
}

/* ---- telling it ---------------------------------------------------------- */

static void harm(const char *step, unsigned int n, const char *function,
		 const char *what)
{
	harmed++;
	printf("# %s: call %u, %s: %s\n", step, n,
	       function != NULL ? function : "none", what);
}

static void put_file(const char *name, const void *data, ssize_t size)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, (size_t)size) != size)
		bail_out(path);
	close(fd);
}

/* A dead process' metadata, layout file and half a publication. */
static void put_dead(void)
{
	static const char start[] = IVSHMEM_LAYOUT_START;
	const uint64_t magic = RTE_IVSHMEM_MAGIC;

	put_file("dead", left, left_size);
	put_file(".dead.layout", start, sizeof(start) - 1);
	put_file(".dead.new", &magic, sizeof(magic));
}

/* What the dead will leave: as this process publishes it. */
static void take_left(void)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/" NAME, folder);
	if (create() != 0 || add_ring() != 0 || add_pool() != 0 ||
	    publish() != 0)
		bail_out(rte_strerror(rte_errno));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	left_size = read(fd, left, sizeof(left));
	if (left_size < RTE_IVSHMEM_PAGE_SIZE || destroy() != 0)
		bail_out(path);
	close(fd);
}

/* The hidden names of generations that a VM has. */
static void remove_older(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, ".old") != NULL)
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
}

/* Where a fault may leave a file. */
static void remove_left(void)
{
	static const char *const names[] = { NAME, "." NAME ".layout",
					     ".." NAME ".layout.new" };
	char path[256];

	for (size_t i = 0; i < RTE_DIM(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	remove_older();
}

static void new_folder(void)
{
	static unsigned int n;

	snprintf(folder, sizeof(folder), "%s/%u", test_dir, n++);
	if (mkdir(folder, 0700) != 0 ||
	    setenv(RTE_IVSHMEM_DIR_ENV, folder, 1) != 0)
		bail_out(folder);
	put_dead();
}

/** How a call with a fault ended. */
enum outcome { DONE, TOLERATED, UNTOLD, FAILED, HARM };

static enum outcome judge(const struct step *step, int ret,
			  const char *function, bool changed,
			  const char **what)
{
	*what = "was not reported";
	if (ret == 0 && function == NULL)
		return DONE;
	if (ret == 0 && tolerate(step->name, function) != NULL)
		return tolerate(step->name, function)->untold ? UNTOLD :
		       TOLERATED;
	if (ret == 0)
		return HARM;
	*what = ret > 0 || function == NULL ? "wrong" :
		rte_errno <= 0 ? "no rte_errno" :
		changed ? "failed, and changed something" : NULL;
	return *what != NULL ? HARM : FAILED;
}

/* A call whose n-th call of libc fails. */
static enum outcome attempt(const struct step *step, unsigned int n)
{
	struct state before = observe(), after;
	enum outcome outcome;
	const char *function, *what;
	int ret;

	rte_errno = 0;
	faults_arm(n);
	ret = step->call();
	function = faults_disarm();
	faults += function != NULL;
	after = observe();
	outcome = judge(step, ret, function, !same(&before, &after), &what);
	if (outcome == HARM)
		harm(step->name, n, function, what);
	if (outcome == HARM && ret < 0)
		show_change(&before, &after);
	free(before.text);
	free(after.text);
	return outcome == HARM && ret < 0 ? FAILED : outcome;
}

/* Each call fails until there is none left to fail, then the next step. */
static void tell_first(void)
{
	bool registered = true, untold = false;

	for (size_t i = 0; i < RTE_DIM(story); i++) {
		enum outcome outcome = FAILED;

		if (is_told(&story[i]) && untold)
			continue;
		for (unsigned int n = 1; outcome == FAILED; n++) {
			outcome = attempt(&story[i], n);
			/* The first publication. */
			if (outcome == FAILED && story[i].call == print_plain)
				registered = registered && can_register();
		}
		untold = untold || outcome == UNTOLD;
	}
	for (size_t i = 0; i < RTE_DIM(readers); i++)
		if (readers[i] >= 0)
			was_told(&readers[i]);
	check(registered, "a publication that fails forbids no lcore");
}

/* False if the step makes fewer calls than n. */
static bool tell(unsigned int faulty, unsigned int n)
{
	enum outcome outcome = DONE;
	struct state before, after;

	new_folder();
	before = observe();
	for (unsigned int i = 0; i < RTE_DIM(story); i++) {
		if (i == faulty)
			outcome = attempt(&story[i], n);
		if ((i != faulty || outcome == FAILED) &&
		    story[i].call() != 0 &&
		    (outcome != UNTOLD || !is_told(&story[i])))
			harm(story[faulty].name, n, story[i].name,
			     "goes wrong later");
	}
	if (outcome == TOLERATED || outcome == UNTOLD)
		remove_left();
	after = observe();
	if (!same(&before, &after)) {
		harm(story[faulty].name, n, NULL, "left something");
		show_change(&before, &after);
	}
	if (faulty > 0 && !is_empty(folder))
		harm(story[faulty].name, n, NULL, "the dead were not cleaned");
	free(before.text);
	free(after.text);
	return outcome != DONE;
}

static void tell_again(unsigned int faulty)
{
	unsigned int n = 0;

	harmed = 0;
	while (tell(faulty, n + 1))
		n++;
	check(harmed == 0, "%s: %u calls fail, none does harm",
	      story[faulty].name, n);
}

/* ---- setting ------------------------------------------------------------- */

static void make_objects(void)
{
	zone = rte_memzone_reserve("zone", 10000, SOCKET_ID_ANY, 0);
	ring = rte_ring_create("ring", 64, SOCKET_ID_ANY, 0);
	pool = rte_pktmbuf_pool_create("pool", 255, 32, 0, 256, SOCKET_ID_ANY);
	read_zone = rte_ivshmem_memzone_reserve("read zone", 1, SOCKET_ID_ANY,
						0);
	read_ring = rte_ivshmem_ring_create("read ring", 64, SOCKET_ID_ANY, 0);
	if (zone == NULL || ring == NULL || pool == NULL || read_zone == NULL ||
	    read_ring == NULL)
		bail_out(rte_strerror(rte_errno));
}

static void note_alarm(void *fired)
{
	__atomic_store_n((bool *)fired, true, __ATOMIC_RELEASE);
}

/*
 * With the first alarm of a process, the EAL's interrupt thread closes a
 * descriptor and opens another one, at some time: not while they are counted.
 */
static void have_first_alarm(void)
{
	static bool fired;

	if (rte_eal_alarm_set(1, note_alarm, &fired) != 0)
		bail_out("no alarm");
	while (!__atomic_load_n(&fired, __ATOMIC_ACQUIRE))
		usleep(1000);
}

int main(int argc, char **argv)
{
	start_host(argc > 1 ? argv[1] : "no-huge");
	have_first_alarm();
	rte_log_set_level_pattern("lib.ivshmem", RTE_LOG_EMERG);
	make_objects();
	sink = fopen("/dev/null", "w");
	if (sink == NULL)
		bail_out("no /dev/null");
	new_folder();
	tell_first();
	check(harmed == 0, "no fault does harm when all is done first");
	take_left();
	for (unsigned int i = 0; i < RTE_DIM(story); i++)
		tell_again(i);
	check(faults > 400, "%u calls failed in all", faults);
	fclose(sink);
	rte_ring_free(read_ring);
	rte_memzone_free(read_zone);
	rte_mempool_free(pool);
	rte_ring_free(ring);
	rte_memzone_free(zone);
	return tap_end();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many threads that create, add, publish, look, remove and destroy at once,
 * while another process does the same in the same folder, and a third one is
 * killed again and again, so that each of its starts cleans the folder.
 *
 * Metadata `mine-*` belongs to one thread, where everything must work; `ours-*`
 * to all threads of a process, and `any-*` to whoever comes first.
 *
 * Argument: the mode (eal.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "child.h"
#include "eal.h"
#include "format.h"
#include "holdings.h"
#include "rte_ivshmem.h"
#include "source.h"
#include "tap.h"

#define N_THREADS 16
#define N_ROUNDS 40
#define N_KILLS 5
#define N_RINGS 8

/** What the processes share. */
struct shared {
	atomic_bool stop;
	atomic_uint wrong;     /**< calls that ended as they must not */
	atomic_uint calls;     /**< calls in all */
	atomic_uint published; /**< times that a reader found whole metadata */
	atomic_uint victim;    /**< rounds of the one who is to be killed */
	atomic_uint kills;
};

static struct shared *shared;
static const char *mode;
static char process; /* a letter for names */
static struct rte_ring *rings[N_RINGS];
static struct rte_mempool *pool;
static const struct rte_memzone *zone;

/** A thread with its own random numbers. */
struct worker {
	unsigned int id;
	unsigned int seed;
	FILE *sink;
	char text[1 << 16];
};

/* ---- what a thread does -------------------------------------------------- */

/* The call succeeded, or failed for a reason that others gave. */
static bool ended(const char *what, const char *name, int64_t ret,
		  bool competing)
{
	int error = rte_errno;

	shared->calls++;
	if (ret >= 0)
		return true;
	if (competing && (error == ENOENT || error == EEXIST ||
			  error == ENODATA))
		return false;
	shared->wrong++;
	printf("# %s '%s': %s\n", what, name, rte_strerror(error));
	return false;
}

static unsigned int roll(struct worker *w, unsigned int n)
{
	return (unsigned int)rand_r(&w->seed) % n;
}

static void share(struct worker *w, const char *name, bool competing)
{
	struct rte_ring *r = rings[roll(w, N_RINGS)];

	ended("add ring", name, rte_ivshmem_metadata_add_ring(r, name),
	      competing);
	if (roll(w, 3) == 0)
		ended("add pool", name,
		      rte_ivshmem_metadata_add_mempool(pool, name), competing);
	if (roll(w, 3) == 0)
		ended("add zone", name,
		      rte_ivshmem_metadata_add_memzone(zone, name), competing);
	if (roll(w, 2) == 0)
		ended("remove ring", name,
		      rte_ivshmem_metadata_remove_ring(r, name), competing);
}

static void look(struct worker *w, const char *name, bool competing)
{
	ended("dump", name, rte_ivshmem_metadata_dump(w->sink, name),
	      competing);
	ended("audit", name, rte_ivshmem_metadata_audit(w->sink, name),
	      competing);
	if (roll(w, 4) == 0)
		ended("dump", "all", rte_ivshmem_metadata_dump(w->sink, NULL),
		      false);
}

static void publish(struct worker *w, const char *name, bool competing)
{
	static const enum rte_ivshmem_form forms[] = {
		RTE_IVSHMEM_FORM_AUTO, RTE_IVSHMEM_FORM_LAYOUT,
		RTE_IVSHMEM_FORM_QMP_ADD,
	};

	ended("publish", name,
	      rte_ivshmem_metadata_device_generate(w->text, sizeof(w->text),
			name, forms[roll(w, RTE_DIM(forms))]), competing);
	ended("publish", name,
	      rte_ivshmem_metadata_cmdline_generate(w->text, sizeof(w->text),
						    name), competing);
}

/* Freed while it is shared: the memory comes back when it is not any more. */
static void share_and_free(struct worker *w, const char *name)
{
	char ring_name[32];
	struct rte_ring *r;

	snprintf(ring_name, sizeof(ring_name), "own-%c-%u-%u", process,
		 w->id, roll(w, 1000));
	r = rte_ring_create(ring_name, 64, SOCKET_ID_ANY, 0);
	if (r == NULL)
		return; /* the heap is full of held rings: not our matter */
	ended("add own ring", name, rte_ivshmem_metadata_add_ring(r, name),
	      false);
	publish(w, name, false);
	rte_ring_free(r);
	if (roll(w, 2) == 0)
		ended("remove own ring", name,
		      rte_ivshmem_metadata_remove_ring(r, name), false);
}

static void use_own(struct worker *w)
{
	char name[32];

	snprintf(name, sizeof(name), "mine-%c-%u", process, w->id);
	if (!ended("create", name, rte_ivshmem_metadata_create(name), false))
		return;
	share_and_free(w, name);
	ended("add first ring", name,
	      rte_ivshmem_metadata_add_ring(rings[0], name), false);
	share(w, name, true);
	look(w, name, false);
	publish(w, name, true);
	ended("destroy", name, rte_ivshmem_metadata_destroy(name), false);
}

static void use_ours(struct worker *w)
{
	char name[32];

	snprintf(name, sizeof(name), "ours-%c-%u", process, roll(w, 4));
	if (roll(w, 3) == 0)
		ended("create", name, rte_ivshmem_metadata_create(name), true);
	share(w, name, true);
	publish(w, name, true);
	look(w, name, true);
	if (roll(w, 4) == 0)
		ended("destroy", name, rte_ivshmem_metadata_destroy(name),
		      true);
}

static void use_any(struct worker *w)
{
	char name[32];

	snprintf(name, sizeof(name), "any-%u", roll(w, 2));
	if (!ended("create", name, rte_ivshmem_metadata_create(name), true))
		return;
	share(w, name, true);
	publish(w, name, true);
	ended("destroy", name, rte_ivshmem_metadata_destroy(name), true);
}

/* Whatever lies there is whole, or was just begun. */
static void read_some(struct worker *w)
{
	static const char *const names[] = { "any-0", "any-1", "ours-a-0",
					     "ours-b-0", "mine-v-0" };
	const char *name = names[roll(w, RTE_DIM(names))];
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	struct stat st;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", test_dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) != 0 || st.st_size == 0) {
		close(fd);
		return;
	}
	if (ivshmem_source_read_file(fd, &md, &err) == 0) {
		shared->published++;
		ivshmem_metadata_free(&md);
	} else {
		shared->wrong++;
		printf("# read '%s': %s\n", name, err.text);
	}
	close(fd);
}

static void work(struct worker *w)
{
	use_own(w);
	use_ours(w);
	read_some(w);
	use_any(w);
	read_some(w);
}

static struct worker *new_worker(unsigned int id)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->sink = fopen("/dev/null", "we")) == NULL)
		bail_out("out of memory");
	w->id = id;
	w->seed = id * 7919 + (unsigned int)process;
	return w;
}

static void free_worker(struct worker *w)
{
	fclose(w->sink);
	free(w);
}

static void *run_thread(void *arg)
{
	for (unsigned int i = 0; i < N_ROUNDS; i++)
		work(arg);
	return NULL;
}

/* ---- a process ----------------------------------------------------------- */

static void make_objects(void)
{
	char name[32];

	for (unsigned int i = 0; i < N_RINGS; i++) {
		snprintf(name, sizeof(name), "ring %u", i);
		rings[i] = rte_ring_create(name, 64, SOCKET_ID_ANY, 0);
		if (rings[i] == NULL)
			bail_out(rte_strerror(rte_errno));
	}
	pool = rte_pktmbuf_pool_create("pool", 255, 32, 0, 256, SOCKET_ID_ANY);
	zone = rte_memzone_reserve("zone", 10000, SOCKET_ID_ANY, 0);
	if (pool == NULL || zone == NULL)
		bail_out(rte_strerror(rte_errno));
}

/* Errors of those who compete, and of freeing what is shared, are right. */
static void start_process(char letter)
{
	process = letter;
	start_eal(mode);
	rte_log_set_level_pattern("lib.ivshmem", RTE_LOG_EMERG);
	rte_log_set_level_pattern("lib.eal", RTE_LOG_EMERG);
	make_objects();
}

static void destroy_ours(void)
{
	char name[32];

	for (unsigned int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "ours-%c-%u", process, i);
		rte_ivshmem_metadata_destroy(name);
	}
}

static pid_t start_child(char letter, void (*run)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		bail_out("fork failed");
	if (pid > 0)
		return pid;
	snprintf(test_prefix + strlen(test_prefix), 2, "%c", letter);
	start_process(letter);
	run();
	end_eal();
	fflush(stdout);
	_exit(0);
}

static void run_other(void)
{
	struct worker *w = new_worker(0);

	while (!shared->stop)
		work(w);
	destroy_ours();
	free_worker(w);
}

/* To be killed at any time; the last one is told to stop. */
static void run_victim(void)
{
	struct worker *w = new_worker(0);

	do {
		use_own(w);
		use_any(w);
		shared->victim++;
	} while (!shared->stop);
	free_worker(w);
}

/* A process of its own: one with threads of the EAL does not fork. */
_Noreturn static void run_killer(void)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };

	while (!shared->stop) {
		unsigned int begun = shared->victim;
		pid_t pid = start_child('v', run_victim);

		while (shared->victim == begun && !shared->stop)
			nanosleep(&pause, NULL);
		if (shared->kills < N_KILLS || !shared->stop)
			child_signal(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		shared->kills++;
	}
	/* Cleans up after the last of them. */
	waitpid(start_child('v', run_victim), NULL, 0);
	_exit(0);
}

static pid_t start_killer(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		bail_out("fork failed");
	if (pid == 0)
		run_killer();
	return pid;
}

/* ---- what must be as before ---------------------------------------------- */

/** What this process has. */
struct holdings {
	size_t heap;
	unsigned int pinned;
	unsigned int descriptors;
};

static struct holdings count_holdings(void)
{
	return (struct holdings){
		.heap = heap_in_use(),
		.pinned = pinned_pages(),
		.descriptors = open_descriptors(),
	};
}

static void run_threads(void)
{
	struct worker *workers[N_THREADS];
	pthread_t threads[N_THREADS];

	for (unsigned int i = 0; i < N_THREADS; i++) {
		workers[i] = new_worker(i);
		if (pthread_create(&threads[i], NULL, run_thread,
				   workers[i]) != 0)
			bail_out("no thread");
	}
	for (unsigned int i = 0; i < N_THREADS; i++) {
		pthread_join(threads[i], NULL);
		free_worker(workers[i]);
	}
	destroy_ours();
}

static void check_holdings(const struct holdings *before)
{
	struct holdings after = count_holdings();

	check(after.heap == before->heap, "the heap is as before (%zu, %zu)",
	      before->heap, after.heap);
	check(after.pinned == before->pinned, "no page is pinned any more");
	check(after.descriptors == before->descriptors,
	      "no descriptor is left open");
}

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	struct holdings before;
	pid_t other, killer;
	int status = 0;

	mode = argc > 1 ? argv[1] : "no-huge";
	prepare_host(mode);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		bail_out("mmap failed");
	other = start_child('b', run_other);
	killer = start_killer();
	start_process('a');
	before = count_holdings();
	do
		run_threads();
	while (shared->kills < N_KILLS && waitpid(killer, NULL, WNOHANG) == 0 &&
	       nanosleep(&pause, NULL) == 0);
	shared->stop = true;
	check(waitpid(other, &status, 0) == other && status == 0,
	      "another process works in the same folder");
	check(waitpid(killer, &status, 0) == killer && status == 0,
	      "a third one is killed %u times", shared->kills);
	check(shared->wrong == 0, "%u calls from %u threads, all right",
	      shared->calls, N_THREADS + 2);
	check(shared->published > 0, "what is published is whole: read %u times",
	      shared->published);
	check_holdings(&before);
	check(is_empty(test_dir), "the folder is empty");
	return tap_end();
}

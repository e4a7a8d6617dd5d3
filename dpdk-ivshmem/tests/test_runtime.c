/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attaching and detaching while the program runs, and what it learns of its
 * host.  This process is the guest; the host, runtime_host.c, is this program
 * again, at other addresses, and dies and comes back.
 *
 * Arguments: the mode (eal.h), and `threads` for calls from many threads alone.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "child.h"
#include "eal.h"
#include "rte_ivshmem.h"
#include "rte_ivshmem_guest.h"
#include "runtime_host.h"
#include "tap.h"

#define CYCLES 200
#define LIMIT 60 /* seconds, for anything that is to happen */

#ifdef __SANITIZE_THREAD__
#define GUEST_BASE "0x400000000"
#else
#define GUEST_BASE "0x300000000000"
#endif

static const char *mode;
static char file[128];
static pid_t host;

/* ---- the host ------------------------------------------------------------ */

static void start_life(void)
{
	char ready[16], byte;
	int ends[2];

	if (pipe(ends) != 0)
		bail_out("pipe");
	snprintf(ready, sizeof(ready), "%d", ends[1]);
	fflush(stdout);
	host = fork();
	if (host == 0) {
		execl("/proc/self/exe", "test-runtime", "host", mode,
		      test_prefix, ready, NULL);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		bail_out("the host has not started");
	close(ends[0]);
}

static void end_life(int signum)
{
	if (host <= 0)
		return;
	child_signal(host, signum);
	waitpid(host, NULL, 0);
	host = 0;
}

/* In order, so that it removes its folder; if it is stopped, it cannot. */
static void end_host(void)
{
	if (host > 0)
		child_signal(host, SIGCONT);
	end_life(SIGTERM);
}

/* ---- the guest ----------------------------------------------------------- */

static void start_guest(void)
{
	const char *argv[16] = {
		"guest", "--no-huge", "-m", "16", "--no-pci", "--telemetry",
		"--lcores", "0@0", "--file-prefix", test_guest,
		"--base-virtaddr", GUEST_BASE,
		"--log-level", "lib.eal:warning",
	};
	int argc = 14;

#ifdef __SANITIZE_THREAD__
	argv[5] = "--no-telemetry";
	argv[argc++] = "--no-shconf";
#endif
	if (rte_eal_init(argc, (char **)(uintptr_t)argv) < 0)
		bail_out(rte_strerror(rte_errno));
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Messages there and back, and each buffer of the pool. */
static bool exchange(void)
{
	struct rte_ring *out = rte_ring_lookup(RUNTIME_TO_HOST);
	struct rte_ring *in = rte_ring_lookup(RUNTIME_TO_GUEST);
	struct rte_mempool *pool = rte_mempool_lookup(RUNTIME_POOL);
	uint64_t deadline = now_ms() + LIMIT * 1000;
	struct rte_mbuf *m;
	void *answer;

	if (out == NULL || in == NULL || pool == NULL)
		return false;
	for (uintptr_t i = 1; i <= 20; i++) {
		if (rte_ring_enqueue(out, (void *)(i * 2)) != 0)
			return false;
		while (rte_ring_dequeue(in, &answer) != 0) {
			if (now_ms() > deadline)
				return false;
			usleep(50);
		}
		if ((uintptr_t)answer != i * 2 + 1)
			return false;
	}
	m = rte_pktmbuf_alloc(pool);
	if (m == NULL)
		return false;
	memset(rte_pktmbuf_mtod(m, void *), 0x5a, 64);
	rte_pktmbuf_free(m);
	return true;
}

static bool is_found(void)
{
	return rte_ring_lookup(RUNTIME_TO_HOST) != NULL ||
	       rte_ring_lookup(RUNTIME_TO_GUEST) != NULL ||
	       rte_mempool_lookup(RUNTIME_POOL) != NULL;
}

static bool fails(int ret, int error)
{
	if (ret == -error && rte_errno == error)
		return true;
	printf("# %d, %s\n", ret, rte_strerror(rte_errno));
	return false;
}

static enum rte_ivshmem_host_state state(void)
{
	struct rte_ivshmem_info info;

	return rte_ivshmem_info_get(file, &info) == 0 ? info.state : 0;
}

static bool becomes(enum rte_ivshmem_host_state wanted)
{
	uint64_t deadline = now_ms() + LIMIT * 1000;

	while (state() != wanted) {
		if (now_ms() > deadline)
			return false;
		usleep(10000);
	}
	return true;
}

/* ---- calls --------------------------------------------------------------- */

static int stop_at_first(const struct rte_ivshmem_info *info, void *arg)
{
	struct rte_ivshmem_info *copy = arg;

	*copy = *info;
	return 7;
}

static void test_info(void)
{
	struct rte_ivshmem_info info, same;

	check(rte_ivshmem_info_get(file, &info) == 0 &&
	      strcmp(info.device, file) == 0 &&
	      strcmp(info.name, RUNTIME_NAME) == 0 && info.objects > 3 &&
	      info.chunks > 0 && info.bytes > 0 && info.generation > 0 &&
	      info.holders == 0 && info.state == RTE_IVSHMEM_HOST_LIVE,
	      "tells device, name, sizes, and that the host is live");
	check(rte_ivshmem_info_walk(stop_at_first, &same) == 7 &&
	      memcmp(&info, &same, sizeof(info)) == 0,
	      "the walk tells the same, and stops when it is told to");
}

/* The answer to one question, over the socket. */
static const char *ask(const char *question)
{
	static char reply[16384 + 1];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ssize_t n = -1;

	snprintf(address.sun_path, sizeof(address.sun_path),
		 "%.80s/dpdk_telemetry.v2", rte_eal_get_runtime_dir());
	/* First it tells its version. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    recv(fd, reply, sizeof(reply) - 1, 0) > 0 &&
	    send(fd, question, strlen(question), 0) > 0)
		n = recv(fd, reply, sizeof(reply) - 1, 0);
	close(fd);
	if (n < 0)
		bail_out("telemetry does not answer");
	reply[n] = '\0';
	return reply;
}

static void test_telemetry(void)
{
	struct rte_ivshmem_info info;
	char question[256], wanted[512];

	if (rte_ivshmem_attach(file) != 0 || rte_ivshmem_hold(file) != 0 ||
	    rte_ivshmem_info_get(file, &info) != 0)
		bail_out(rte_strerror(rte_errno));
	snprintf(wanted, sizeof(wanted), "{\"/ivshmem/attached\":[\"%s\"]}",
		 file);
	check(strcmp(ask("/ivshmem/attached"), wanted) == 0,
	      "telemetry lists it");
	snprintf(question, sizeof(question), "/ivshmem/attached_info,%s", file);
	snprintf(wanted, sizeof(wanted),
		 "\"name\":\"" RUNTIME_NAME "\",\"state\":\"live\",\"generation\":%"
		 PRIu64 ",\"memory_type\":\"write-back\",\"objects\":%u,\"chunks\":%u,\"bytes\":%"
		 PRIu64 ",\"holders\":1}", info.generation, info.objects,
		 info.chunks, info.bytes);
	if (!check(strstr(ask(question), wanted) != NULL,
		   "and tells of it what the call tells"))
		printf("# %s\n", ask(question));
	check(strcmp(ask("/ivshmem/attached_info,/none"),
		     "{\"/ivshmem/attached_info\":null}") == 0,
	      "and nothing of others");
	rte_ivshmem_detach(file, RTE_IVSHMEM_DETACH_FORCE);
	check(strcmp(ask("/ivshmem/attached"),
		     "{\"/ivshmem/attached\":[]}") == 0,
	      "nor of what is detached");
}

static void test_hold(void)
{
	struct rte_ivshmem_info info;

	check(rte_ivshmem_hold(file) == 0 && rte_ivshmem_hold(file) == 0 &&
	      rte_ivshmem_info_get(file, &info) == 0 && info.holders == 2,
	      "counts who holds it");
	check(fails(rte_ivshmem_detach(file, 0), EBUSY) && exchange(),
	      "does not detach what is held");
	check(rte_ivshmem_release(file) == 0 &&
	      fails(rte_ivshmem_detach(file, 0), EBUSY) &&
	      rte_ivshmem_release(file) == 0 &&
	      fails(rte_ivshmem_release(file), EINVAL),
	      "until each has released it");
	check(rte_ivshmem_hold(file) == 0 &&
	      rte_ivshmem_detach(file, RTE_IVSHMEM_DETACH_FORCE) == 0 &&
	      !is_found(), "unless it is forced to");
}

static void test_calls(void)
{
	struct rte_ivshmem_info info;

	check(!is_found() && rte_ivshmem_attach(file) == 0 && exchange(),
	      "attaches while it runs, and exchanges messages");
	check(fails(rte_ivshmem_attach(file), EEXIST), "but not twice");
	test_info();
	check(fails(rte_ivshmem_detach(file, 2), EINVAL),
	      "detaching refuses unknown flags");
	test_hold();
	check(fails(rte_ivshmem_detach(file, 0), ENOENT) &&
	      fails(rte_ivshmem_hold(file), ENOENT) &&
	      fails(rte_ivshmem_release(file), ENOENT) &&
	      fails(rte_ivshmem_info_get(file, &info), ENOENT) &&
	      rte_ivshmem_info_walk(stop_at_first, &info) == 0,
	      "what is detached is not known any more");
	check(fails(rte_ivshmem_detach(NULL, 0), EINVAL) &&
	      fails(rte_ivshmem_hold(NULL), EINVAL) &&
	      fails(rte_ivshmem_release(NULL), EINVAL) &&
	      fails(rte_ivshmem_info_get(NULL, &info), EINVAL),
	      "no device, no service");
}

/* ---- nothing stays ------------------------------------------------------- */

/** What a process has. */
struct holdings {
	unsigned int mappings, files;
	size_t heap;
};

static struct holdings take_stock(void)
{
	struct holdings all = { 0 };
	FILE *maps = fopen("/proc/self/maps", "re");
	DIR *fds = opendir("/proc/self/fd");
	int c;

	while (maps != NULL && (c = getc(maps)) != EOF)
		all.mappings += c == '\n';
	while (fds != NULL && readdir(fds) != NULL)
		all.files++;
	if (maps != NULL)
		fclose(maps);
	if (fds != NULL)
		closedir(fds);
	all.heap = mallinfo2().uordblks;
	return all;
}

static void test_cycles(void)
{
	struct holdings before, after;
	unsigned int good = 0;

	/* What stays for good, at the first times: freed blocks that glibc
	 * keeps ready count as used. */
	for (unsigned int i = 0; i < 10; i++) {
		rte_ivshmem_attach(file);
		exchange();
		rte_ivshmem_detach(file, 0);
		take_stock();
	}
	before = take_stock();
	for (unsigned int i = 0; i < CYCLES; i++)
		good += rte_ivshmem_attach(file) == 0 &&
			(i % 10 != 0 || exchange()) &&
			rte_ivshmem_detach(file, 0) == 0;
	after = take_stock();
	check(good == CYCLES, "attaches and detaches %u times", good);
	check(after.mappings == before.mappings &&
	      after.files == before.files && after.heap == before.heap,
	      "and has what it had: %u mappings (%u), %u files (%u), %zu bytes (%zu)",
	      after.mappings, before.mappings, after.files, before.files,
	      after.heap, before.heap);
}

/* ---- states by call ------------------------------------------------------ */

static void test_states(void)
{
	uint64_t start;
	bool silent;

	check(rte_ivshmem_attach(file) == 0 &&
	      state() == RTE_IVSHMEM_HOST_LIVE, "the host is live");
	usleep((RTE_IVSHMEM_SILENT_MS + 500) * 1000);
	check(state() == RTE_IVSHMEM_HOST_LIVE,
	      "and still is, asked after a while");
	child_signal(host, SIGSTOP);
	start = now_ms();
	state();
	silent = becomes(RTE_IVSHMEM_HOST_SILENT);
	start = now_ms() - start;
	/* The last sign may have been seen a little before. */
	check(silent && start >= RTE_IVSHMEM_SILENT_MS - 300,
	      "a stopped host is silent, after %u ms", (unsigned int)start);
	child_signal(host, SIGCONT);
	check(becomes(RTE_IVSHMEM_HOST_LIVE) && exchange(),
	      "it is live again when it goes on");
	end_life(SIGKILL);
	check(becomes(RTE_IVSHMEM_HOST_SILENT), "a killed host is silent");
	start_life();
	check(becomes(RTE_IVSHMEM_HOST_CLOSING),
	      "and closing when it has started again");
	check(rte_ivshmem_detach(file, 0) == 0 &&
	      rte_ivshmem_attach(file) == 0 &&
	      state() == RTE_IVSHMEM_HOST_LIVE && exchange(),
	      "the new one is attached instead");
	end_life(SIGTERM);
	check(becomes(RTE_IVSHMEM_HOST_CLOSING),
	      "a host that ends in order is closing");
	check(fails(rte_ivshmem_attach(file), EEXIST) &&
	      rte_ivshmem_detach(file, 0) == 0 &&
	      fails(rte_ivshmem_attach(file), ENODEV),
	      "and what it shared is not to be had any more");
	start_life();
}

/* ---- the monitor --------------------------------------------------------- */

static struct rte_ivshmem_event events[256];
static unsigned int n_events, n_read;
static int in_callback_start, in_callback_stop, in_callback_info;
static pthread_mutex_t events_lock = PTHREAD_MUTEX_INITIALIZER;

static void on_event(const struct rte_ivshmem_event *event, void *arg)
{
	struct rte_ivshmem_info info;

	pthread_mutex_lock(&events_lock);
	if (arg == events && event->type == RTE_IVSHMEM_EVENT_ATTACHED) {
		in_callback_start = rte_ivshmem_monitor_start(on_event, NULL, 0);
		in_callback_stop = rte_ivshmem_monitor_stop();
		in_callback_info = rte_ivshmem_info_get(event->info.device,
							&info);
	}
	if (arg == events && n_events < RTE_DIM(events))
		events[n_events++] = *event;
	pthread_mutex_unlock(&events_lock);
}

static const struct rte_ivshmem_event *next_of_any(void)
{
	uint64_t deadline = now_ms() + LIMIT * 1000;
	const struct rte_ivshmem_event *event = NULL;

	while (event == NULL && now_ms() < deadline) {
		pthread_mutex_lock(&events_lock);
		if (n_read < n_events)
			event = &events[n_read++];
		pthread_mutex_unlock(&events_lock);
		usleep(1000);
	}
	return event;
}

/* The next one, of that type; else says what came instead. */
static const struct rte_ivshmem_event *next(enum rte_ivshmem_event_type type)
{
	const struct rte_ivshmem_event *event = next_of_any();

	if (event == NULL)
		printf("# event %d does not come\n", type);
	else if (event->type != type)
		printf("# event %d instead of %d\n", event->type, type);
	return event != NULL && event->type == type ? event : NULL;
}

/* The host may have been silent for a while, before it was closing. */
static bool closes(void)
{
	const struct rte_ivshmem_event *event;

	do
		event = next_of_any();
	while (event != NULL && event->type == RTE_IVSHMEM_EVENT_STATE &&
	       event->info.state == RTE_IVSHMEM_HOST_SILENT);
	return event != NULL && event->type == RTE_IVSHMEM_EVENT_STATE &&
	       event->info.state == RTE_IVSHMEM_HOST_CLOSING;
}

static bool state_goes(enum rte_ivshmem_host_state from,
		       enum rte_ivshmem_host_state to)
{
	const struct rte_ivshmem_event *event = next(RTE_IVSHMEM_EVENT_STATE);

	if (event == NULL)
		return false;
	if (event->before == from && event->info.state == to)
		return true;
	printf("# from %d to %d\n", event->before, event->info.state);
	return false;
}

/* Is there none, for a few looks of the monitor? */
static bool is_quiet(void)
{
	bool quiet;

	usleep(5 * RTE_IVSHMEM_MONITOR_MS * 1000);
	pthread_mutex_lock(&events_lock);
	quiet = n_read == n_events;
	if (!quiet)
		printf("# event %d comes\n", events[n_read].type);
	pthread_mutex_unlock(&events_lock);
	return quiet;
}

static void test_monitor_calls(void)
{
	check(fails(rte_ivshmem_monitor_stop(), ENOENT) &&
	      fails(rte_ivshmem_monitor_start(on_event, NULL, 2), EINVAL) &&
	      fails(rte_ivshmem_monitor_start(NULL, NULL, 0), EINVAL),
	      "the monitor refuses what makes no sense");
	check(rte_ivshmem_monitor_start(on_event, events, 0) == 0 &&
	      fails(rte_ivshmem_monitor_start(on_event, events, 0), EEXIST),
	      "it starts once");
	check(rte_ivshmem_attach(file) == 0 &&
	      next(RTE_IVSHMEM_EVENT_ATTACHED) != NULL,
	      "it tells that a device is attached");
	check(in_callback_start == -EDEADLK && in_callback_stop == -EDEADLK &&
	      in_callback_info == 0,
	      "its callback may ask, but not start or stop it");
	check(is_quiet(), "it tells that once");
}

static void test_monitor_states(void)
{
	const struct rte_ivshmem_event *event;
	uint64_t generation;

	child_signal(host, SIGSTOP);
	check(state_goes(RTE_IVSHMEM_HOST_LIVE, RTE_IVSHMEM_HOST_SILENT),
	      "it tells that the host is silent");
	child_signal(host, SIGCONT);
	check(state_goes(RTE_IVSHMEM_HOST_SILENT, RTE_IVSHMEM_HOST_LIVE),
	      "and that it is live again");
	end_life(SIGKILL);
	check(state_goes(RTE_IVSHMEM_HOST_LIVE, RTE_IVSHMEM_HOST_SILENT),
	      "that it is silent after kill -9");
	start_life();
	check(state_goes(RTE_IVSHMEM_HOST_SILENT, RTE_IVSHMEM_HOST_CLOSING),
	      "that it will not come back");
	event = next(RTE_IVSHMEM_EVENT_RETURNED);
	check(event != NULL && strcmp(event->other, file) == 0 &&
	      strcmp(event->info.device, file) == 0,
	      "and that there is a new one");
	generation = event != NULL ? event->info.generation : 0;
	check(is_quiet() && rte_ivshmem_detach(file, 0) == 0 &&
	      next(RTE_IVSHMEM_EVENT_DETACHED) != NULL, "it leaves the rest to us");
	check(rte_ivshmem_attach(file) == 0, "the new one is attached");
	event = next(RTE_IVSHMEM_EVENT_ATTACHED);
	check(event != NULL && event->info.generation == generation &&
	      exchange() && is_quiet(), "it tells that, too");
	check(rte_ivshmem_monitor_stop() == 0 &&
	      rte_ivshmem_detach(file, 0) == 0 && is_quiet(),
	      "it tells nothing when it is stopped");
}

static void test_monitor_attaches(void)
{
	if (rte_ivshmem_attach(file) != 0 ||
	    rte_ivshmem_monitor_start(on_event, events,
				      RTE_IVSHMEM_MONITOR_ATTACH) != 0)
		bail_out(rte_strerror(rte_errno));
	check(is_quiet(), "what was attached before is no news");
	end_life(SIGTERM);
	check(state_goes(RTE_IVSHMEM_HOST_LIVE, RTE_IVSHMEM_HOST_CLOSING) &&
	      is_quiet() && is_found(), "a host that ends: its objects stay");
	start_life();
	check(next(RTE_IVSHMEM_EVENT_RETURNED) != NULL &&
	      next(RTE_IVSHMEM_EVENT_DETACHED) != NULL &&
	      next(RTE_IVSHMEM_EVENT_ATTACHED) != NULL && exchange(),
	      "a host that returns is attached by itself");
	rte_ivshmem_hold(file);
	end_life(SIGKILL);
	start_life();
	check(closes(), "the next end is told");
	check(next(RTE_IVSHMEM_EVENT_RETURNED) != NULL && is_quiet() &&
	      is_found(), "but not attached while the old one is held");
	rte_ivshmem_release(file);
	check(next(RTE_IVSHMEM_EVENT_DETACHED) != NULL &&
	      next(RTE_IVSHMEM_EVENT_ATTACHED) != NULL && exchange(),
	      "it is when that is released");
	check(rte_ivshmem_monitor_stop() == 0 &&
	      rte_ivshmem_detach(file, 0) == 0, "all is given back");
}

/* The file is truncated under us: what is read is nothing of ours. */
static void test_gone(void)
{
	if (rte_ivshmem_attach(file) != 0 ||
	    rte_ivshmem_monitor_start(NULL, NULL,
				      RTE_IVSHMEM_MONITOR_ATTACH) != 0)
		bail_out(rte_strerror(rte_errno));
	rte_ivshmem_hold(file);
	child_signal(host, SIGSTOP);
	if (truncate(file, 0) != 0)
		bail_out(file);
	check(becomes(RTE_IVSHMEM_HOST_GONE), "memory of something else is gone");
	check(is_found(), "it stays attached while it is held");
	rte_ivshmem_release(file);
	for (int i = 0; is_found() && i < LIMIT * 100; i++)
		usleep(10000);
	check(!is_found(), "and is detached then");
	rte_ivshmem_monitor_stop();
	child_signal(host, SIGCONT);
	end_life(SIGTERM);
	start_life();
}

/* ---- threads ------------------------------------------------------------- */

static bool threads_stop;

static int look_at(const struct rte_ivshmem_info *info, void *arg)
{
	*(uint64_t *)arg += info->generation;
	return 0;
}

static void *call_all(void *arg)
{
	unsigned int n = (unsigned int)(uintptr_t)arg;
	struct rte_ivshmem_info info;
	uint64_t sum = 0;

	while (!__atomic_load_n(&threads_stop, __ATOMIC_RELAXED)) {
		switch (n++ % 7) {
		case 0:
			rte_ivshmem_attach(file);
			break;
		case 1:
			if (rte_ivshmem_hold(file) == 0)
				rte_ivshmem_release(file);
			break;
		case 2:
			rte_ivshmem_info_get(file, &info);
			break;
		case 3:
			rte_ivshmem_info_walk(look_at, &sum);
			break;
		case 4:
			rte_ivshmem_detach(file, 0);
			break;
		case 5:
			rte_ivshmem_monitor_start(on_event, NULL, n & 1);
			break;
		default:
			rte_ivshmem_monitor_stop();
			break;
		}
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];
	int level = rte_log_get_level(rte_log_register("lib.ivshmem"));

	/* Refusals without number. */
	rte_log_set_level_pattern("lib.ivshmem", RTE_LOG_EMERG);
	for (uintptr_t i = 0; i < RTE_DIM(threads); i++)
		if (pthread_create(&threads[i], NULL, call_all, (void *)i) != 0)
			bail_out("no thread");
	for (int i = 0; i < 3; i++) {
		sleep(1);
		end_life(i == 1 ? SIGTERM : SIGKILL);
		start_life();
	}
	sleep(1);
	__atomic_store_n(&threads_stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < RTE_DIM(threads); i++)
		pthread_join(threads[i], NULL);
	rte_ivshmem_monitor_stop();
	rte_ivshmem_detach(file, RTE_IVSHMEM_DETACH_FORCE);
	rte_log_set_level_pattern("lib.ivshmem", (uint32_t)level);
	check(!is_found() && rte_ivshmem_attach(file) == 0 && exchange() &&
	      rte_ivshmem_detach(file, 0) == 0,
	      "four threads, while the host dies and comes: all works after that");
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "host") == 0)
		return runtime_host(argv[2], argv[3], atoi(argv[4]));
	if (argc < 2)
		bail_out("usage: test-runtime MODE [threads]");
	mode = argv[1];
	/* No mappings that come and go with the heap. */
	mallopt(M_MMAP_MAX, 0);
	prepare_host(mode);
	atexit(end_host);
	snprintf(file, sizeof(file), "%s/" RUNTIME_NAME, test_dir);
	start_life();
	start_guest();
	if (argc == 2) {
		test_calls();
		test_cycles();
		test_telemetry();
		test_states();
		test_monitor_calls();
		test_monitor_states();
		test_monitor_attaches();
		test_gone();
	}
	test_threads();
	end_eal();
	return tap_end();
}

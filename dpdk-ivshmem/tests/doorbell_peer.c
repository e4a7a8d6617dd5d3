/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer of tests/e2e/doorbell.sh and of the benchmark wakeup, on the host or
 * in a guest.
 *
 * usage: doorbell-peer EAL-ARGUMENTS -- ROLE ARGUMENT...
 *
 *   share NAME FILE            make what is shared; live until a signal
 *   ask WHERE VECTOR WAY N     ask N questions
 *   answer WHERE VECTOR WAY    answer until told to stop
 *   self WHERE VECTORS         ring oneself; TAP
 *   idle WHERE MS              sleep that long, with nothing to do
 *   endure WHERE               sleep until an error
 *   ring WHERE PEER VECTOR     once
 *   open WHERE VECTORS         only that
 *   watch - MS                 without a doorbell: does the memory stay there?
 *
 * WHERE is rte_ivshmem_doorbell_open()'s.  WAY is how a consumer sleeps: `ring`
 * (rte_ivshmem_sleeper_wait_ring()), `epoll` (rte_epoll_wait() on a worker
 * lcore, if there is one), `callback` (rte_intr_callback_register()), `late`
 * (as epoll, but it takes its time to fall asleep, so that it is not rung),
 * `broken` (as late, but it does not look at the ring before it sleeps), `poll`
 * (it does not).
 */
#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_interrupts.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "doorbell_protocol.h"
#include "rte_ivshmem.h"
#include "tap.h"

/* A wake-up that has not come after that is lost. */
#define LOST_MS 5000
#define LATE_US 50000
#define HOLD_US 300
#define HOLD_LIMIT_NS 100000000
#define PEER_LIMIT_MS 60000
#define VECTORS 2

static struct rte_ivshmem_doorbell *db;
static struct rte_ring *questions, *answers;
static struct doorbell_zone *zone;

/** One consumer. */
struct consumer {
	struct rte_ring *ring;
	struct rte_ivshmem_sleeper *sleeper;
	uint16_t vector;
	bool polls;
	int (*sleep)(struct consumer *consumer); /**< of its way */
	struct rte_epoll_event event; /**< way `epoll`; DPDK keeps its address */
	sem_t called;                 /**< way `callback` */
	uint64_t slept, lost;
};

static void __rte_noreturn give_up(const char *what)
{
	printf("doorbell-peer: %s: %s\n", what, rte_strerror(rte_errno));
	exit(EXIT_FAILURE);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void find_shared(void)
{
	const struct rte_memzone *mz = rte_memzone_lookup(DOORBELL_ZONE);

	questions = rte_ring_lookup(DOORBELL_QUESTIONS);
	answers = rte_ring_lookup(DOORBELL_ANSWERS);
	if (mz == NULL || questions == NULL || answers == NULL)
		give_up("what is shared is not found");
	zone = mz->addr;
}

static void open_doorbell(const char *where, uint16_t vectors)
{
	db = rte_ivshmem_doorbell_open(where, vectors);
	if (db == NULL)
		give_up("rte_ivshmem_doorbell_open");
	printf("doorbell-peer: is peer %u\n", rte_ivshmem_doorbell_id(db));
}

/* ---- ways to sleep: 1, 0 after LOST_MS, -1 with rte_errno ---------------- */

static int sleep_ring(struct consumer *c)
{
	return rte_ivshmem_sleeper_wait_ring(c->sleeper, db, c->ring, LOST_MS);
}

static int wait_epoll(struct consumer *c)
{
	struct rte_epoll_event event;
	int n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, LOST_MS);

	/* Unplugged or not, it is read in the same way. */
	return n <= 0 ? n : rte_ivshmem_doorbell_ack(db, c->vector);
}

static int sleep_epoll(struct consumer *c)
{
	int ret = 1;

	rte_ivshmem_sleeper_arm(c->sleeper);
	if (rte_ring_empty(c->ring))
		ret = wait_epoll(c);
	rte_ivshmem_sleeper_disarm(c->sleeper);
	return ret;
}

static int sleep_late(struct consumer *c)
{
	usleep(LATE_US);
	return sleep_epoll(c);
}

static int sleep_broken(struct consumer *c)
{
	int ret;

	usleep(LATE_US);
	rte_ivshmem_sleeper_arm(c->sleeper);
	ret = wait_epoll(c);
	rte_ivshmem_sleeper_disarm(c->sleeper);
	return ret;
}

static void rung(void *arg)
{
	struct consumer *c = arg;

	rte_ivshmem_doorbell_ack(db, c->vector);
	sem_post(&c->called);
}

static int sleep_callback(struct consumer *c)
{
	struct timespec until;
	int ret = 1;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOST_MS / 1000;
	rte_ivshmem_sleeper_arm(c->sleeper);
	if (rte_ring_empty(c->ring))
		ret = sem_timedwait(&c->called, &until) == 0;
	rte_ivshmem_sleeper_disarm(c->sleeper);
	return ret;
}

static void prepare_epoll(struct consumer *c)
{
	c->event.epdata.event = EPOLLIN;
	if (rte_epoll_ctl(RTE_EPOLL_PER_THREAD, EPOLL_CTL_ADD,
			  rte_ivshmem_doorbell_fd(db, c->vector),
			  &c->event) != 0)
		give_up("rte_epoll_ctl");
}

static void prepare_callback(struct consumer *c)
{
	sem_init(&c->called, 0, 0);
	if (rte_intr_callback_register(
			rte_ivshmem_doorbell_intr_handle(db, c->vector),
			rung, c) != 0)
		give_up("rte_intr_callback_register");
}

static const struct way {
	const char *name;
	int (*sleep)(struct consumer *c);
	void (*prepare)(struct consumer *c);
} ways[] = {
	{ "ring", sleep_ring, NULL },
	{ "epoll", sleep_epoll, prepare_epoll },
	{ "callback", sleep_callback, prepare_callback },
	{ "late", sleep_late, prepare_epoll },
	{ "broken", sleep_broken, prepare_epoll },
	{ "poll", NULL, NULL },
};

static void consumer_init(struct consumer *c, const char *name)
{
	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		if (strcmp(ways[i].name, name) != 0)
			continue;
		c->sleep = ways[i].sleep;
		c->polls = c->sleep == NULL;
		if (ways[i].prepare != NULL)
			ways[i].prepare(c);
		if (rte_ivshmem_sleeper_init(c->sleeper, db, c->vector) != 0)
			give_up("rte_ivshmem_sleeper_init");
		return;
	}
	give_up("no such way");
}

/* In the thread that prepared it. */
static void consumer_end(struct consumer *c)
{
	if (c->event.epdata.event != 0)
		rte_epoll_ctl(RTE_EPOLL_PER_THREAD, EPOLL_CTL_DEL,
			      rte_ivshmem_doorbell_fd(db, c->vector),
			      &c->event);
	if (c->sleep == sleep_callback)
		rte_intr_callback_unregister_sync(
			rte_ivshmem_doorbell_intr_handle(db, c->vector),
			rung, c);
}

static uint64_t take(struct consumer *c)
{
	void *object;

	while (rte_ring_dequeue(c->ring, &object) != 0) {
		int64_t start = now_ns();
		int ret;

		if (c->polls) {
			rte_pause();
			continue;
		}
		ret = c->sleep(c);
		if (ret < 0)
			give_up("sleep");
		c->slept++;
		c->lost += now_ns() - start >= LOST_MS * INT64_C(1000000);
		if (ret == 0 && rte_ring_empty(c->ring) && c->lost > 10)
			give_up("nobody rings");
	}
	return (uintptr_t)object;
}

static unsigned int give(struct rte_ring *ring,
			 struct rte_ivshmem_sleeper *sleeper, uint64_t value)
{
	int ret;

	if (rte_ring_enqueue(ring, (void *)(uintptr_t)value) != 0)
		give_up("the ring is full");
	ret = rte_ivshmem_sleeper_wake(sleeper, db);
	if (ret < 0)
		give_up("rte_ivshmem_sleeper_wake");
	return (unsigned int)ret;
}

/* ---- roles --------------------------------------------------------------- */

/** Arguments of a role, for a worker lcore. */
struct work {
	struct consumer consumer;
	const char *way;
	uint64_t n;
};

/*
 * Until who answers sleeps, or seems not to: half of the questions find it
 * asleep, the other half may come while it falls asleep.
 */
static void let_it_sleep(void)
{
	for (int tries = 0; tries < 1000; tries++) {
		if (__atomic_load_n(&zone->answerer.asleep,
				    __ATOMIC_ACQUIRE) != 0)
			return;
		usleep(50);
	}
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int ask_all(void *arg)
{
	struct work *work = arg;
	struct consumer *c = &work->consumer;
	int64_t *times = calloc(work->n, sizeof(*times));
	uint64_t rang = 0, wrong = 0, poll;

	if (times == NULL)
		give_up("memory");
	consumer_init(c, work->way);
	poll = c->polls ? DOORBELL_POLL : 0;
	for (uint64_t i = 0; i < work->n; i++) {
		int64_t start;

		if (!c->polls && i % 2 == 0)
			let_it_sleep();
		start = now_ns();
		rang += give(questions, &zone->answerer, (i + 1) | poll);
		wrong += take(c) != ((i + 1) | poll);
		times[i] = now_ns() - start;
	}
	rang += give(questions, &zone->answerer, DOORBELL_STOP);
	qsort(times, work->n, sizeof(*times), compare);
	printf("asked %" PRIu64 ", wrong %" PRIu64 ", slept %" PRIu64
	       ", lost %" PRIu64 ", rang %" PRIu64 "\n", work->n, wrong,
	       c->slept, c->lost, rang);
	printf("round trip %s: median %.1f us, p99 %.1f us, n %" PRIu64 "\n",
	       work->way, (double)times[work->n / 2] / 1e3,
	       (double)times[work->n * 99 / 100] / 1e3, work->n);
	free(times);
	consumer_end(c);
	return wrong == 0 && c->lost == 0 ? 0 : -1;
}

/* The answer comes when who asked has been asleep for a while. */
static void hold(void)
{
	int64_t start = now_ns();

	while (__atomic_load_n(&zone->asker.asleep, __ATOMIC_ACQUIRE) == 0 &&
	       now_ns() - start < HOLD_LIMIT_NS)
		usleep(10);
	usleep(HOLD_US);
	zone->held_ns = (uint64_t)(now_ns() - start);
}

static int answer_all(void *arg)
{
	struct work *work = arg;
	struct consumer *c = &work->consumer;
	uint64_t n = 0, rang = 0, value;

	consumer_init(c, work->way);
	__atomic_store_n(&zone->answerer_is_there, 1, __ATOMIC_RELEASE);
	while ((value = take(c)) != DOORBELL_STOP) {
		n++;
		c->polls = c->sleep == NULL || (value & DOORBELL_POLL) != 0;
		if (value & DOORBELL_HOLD)
			hold();
		rang += give(answers, &zone->asker, value);
	}
	__atomic_store_n(&zone->answerer_is_there, 0, __ATOMIC_RELEASE);
	printf("answered %" PRIu64 ", slept %" PRIu64 ", lost %" PRIu64
	       ", rang %" PRIu64 "\n", n, c->slept, c->lost, rang);
	consumer_end(c);
	return c->lost == 0 ? 0 : -1;
}

static int on_worker(int (*call)(void *arg), void *arg)
{
	unsigned int lcore = rte_get_next_lcore(-1, 1, 0);

	if (lcore == RTE_MAX_LCORE)
		return call(arg);
	if (rte_eal_remote_launch(call, arg, lcore) != 0)
		give_up("rte_eal_remote_launch");
	/* rte_eal_wait_lcore() polls. */
	while (rte_eal_get_lcore_state(lcore) == RUNNING)
		usleep(10000);
	return rte_eal_wait_lcore(lcore);
}

static int ask(char **argv)
{
	struct work work = {
		.consumer = {
			.ring = answers,
			.sleeper = &zone->asker,
			.vector = (uint16_t)atoi(argv[1]),
		},
		.way = argv[2],
		.n = strtoull(argv[3], NULL, 10),
	};

	for (int ms = 0; __atomic_load_n(&zone->answerer_is_there,
					 __ATOMIC_ACQUIRE) == 0; ms += 10) {
		if (ms >= PEER_LIMIT_MS)
			give_up("nobody answers");
		usleep(10000);
	}
	return on_worker(ask_all, &work);
}

static int answer(char **argv)
{
	struct work work = {
		.consumer = {
			.ring = questions,
			.sleeper = &zone->answerer,
			.vector = (uint16_t)atoi(argv[1]),
		},
		.way = argv[2],
	};

	return on_worker(answer_all, &work);
}

static bool readable(uint16_t vector)
{
	struct rte_epoll_event wanted = { .epdata.event = EPOLLIN }, got;
	int fd = rte_ivshmem_doorbell_fd(db, vector), n;

	rte_epoll_ctl(RTE_EPOLL_PER_THREAD, EPOLL_CTL_ADD, fd, &wanted);
	n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, &got, 1, 0);
	rte_epoll_ctl(RTE_EPOLL_PER_THREAD, EPOLL_CTL_DEL, fd, &wanted);
	return n > 0;
}

static int self(char **argv __rte_unused)
{
	uint16_t n = rte_ivshmem_doorbell_vectors(db);
	uint16_t id = rte_ivshmem_doorbell_id(db);
	int64_t start;

	for (uint16_t v = 0; v < n; v++) {
		unsigned int others = 0;

		check(rte_ivshmem_doorbell_ring(db, id, v) == 0 &&
		      rte_ivshmem_doorbell_wait(db, v, LOST_MS) == 1,
		      "vector %u of %u: rung, and woken by it", v, n);
		check(rte_ivshmem_doorbell_ack(db, v) == 0,
		      "vector %u: once", v);
		for (uint16_t other = 0; other < n; other++)
			others += readable(other);
		check(others == 0, "vector %u: no other one is rung", v);
	}
	start = now_ns();
	check(rte_ivshmem_doorbell_wait(db, 0, 50) == 0 &&
	      now_ns() - start >= 49000000, "a wait ends after its timeout");
	check(rte_ivshmem_doorbell_wait(db, 0, 0) == 0,
	      "a timeout of 0 does not wait");
	rte_errno = 0;
	check(rte_ivshmem_doorbell_wait(db, n, 0) == -1 && rte_errno == EINVAL,
	      "there is no vector %u", n);
	return tap_end();
}

static int64_t cpu_us(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) *
	       INT64_C(1000000) + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static int idle(char **argv)
{
	struct consumer c = { .ring = answers, .sleeper = &zone->asker };
	int ms = atoi(argv[1]), ret;
	int64_t before, start;

	if (rte_ivshmem_sleeper_init(c.sleeper, db, 0) != 0)
		give_up("rte_ivshmem_sleeper_init");
	before = cpu_us();
	start = now_ns();
	ret = rte_ivshmem_sleeper_wait_ring(c.sleeper, db, c.ring, ms);
	printf("idle: returned %d after %" PRId64 " ms, %" PRId64
	       " us of CPU time\n", ret, (now_ns() - start) / 1000000,
	       cpu_us() - before);
	return ret;
}

static int endure(char **argv __rte_unused)
{
	int ret;

	printf("endure: waiting\n");
	fflush(stdout);
	while ((ret = rte_ivshmem_doorbell_wait(db, 0, -1)) == 1) {
		printf("endure: rung\n");
		fflush(stdout);
	}
	printf("endure: %d, %s\n", ret, rte_strerror(rte_errno));
	ret = rte_ivshmem_doorbell_ring(db, 0, 0);
	printf("ring: %d, %s\n", ret, rte_strerror(rte_errno));
	return 0;
}

static int ring_once(char **argv)
{
	int ret = rte_ivshmem_doorbell_ring(db, (uint16_t)atoi(argv[1]),
					    (uint16_t)atoi(argv[2]));

	printf("ring: %d, %s\n", ret, ret == 0 ? "-" : rte_strerror(rte_errno));
	return ret;
}

/* What the sharing process wrote, and nobody changes. */
static int watch(char **argv)
{
	int64_t end = now_ns() + atoi(argv[1]) * INT64_C(1000000);
	uint64_t reads = 0, wrong = 0;

	while (now_ns() < end)
		for (int i = 0; i < 1000; i++, reads++)
			wrong += __atomic_load_n(&zone->constant,
						 __ATOMIC_RELAXED) !=
				 DOORBELL_CONSTANT;
	printf("watched: %" PRIu64 " reads, %" PRIu64 " wrong\n", reads, wrong);
	return 0;
}

static int only_open(char **argv __rte_unused)
{
	return 0;
}

/* ---- who shares ---------------------------------------------------------- */

static void share(const char *name, const char *path)
{
	const struct rte_memzone *mz = rte_memzone_reserve(DOORBELL_ZONE,
			sizeof(*zone), SOCKET_ID_ANY, 0);
	char text[16384];
	sigset_t ends;
	FILE *f;
	int signal;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	questions = rte_ring_create(DOORBELL_QUESTIONS, DOORBELL_RING_SIZE,
				    SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	answers = rte_ring_create(DOORBELL_ANSWERS, DOORBELL_RING_SIZE,
				  SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (mz == NULL || questions == NULL || answers == NULL)
		give_up("what is to be shared cannot be made");
	zone = mz->addr;
	memset(zone, 0, sizeof(*zone));
	zone->constant = DOORBELL_CONSTANT;
	if (rte_ivshmem_metadata_create(name) != 0 ||
	    rte_ivshmem_metadata_add_memzone(mz, name) != 0 ||
	    rte_ivshmem_metadata_add_ring(questions, name) != 0 ||
	    rte_ivshmem_metadata_add_ring(answers, name) != 0 ||
	    rte_ivshmem_metadata_device_generate(text, sizeof(text), name,
					RTE_IVSHMEM_FORM_PLAIN) != 0)
		give_up("sharing");
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) == EOF || fclose(f) != 0)
		give_up(path);
	printf("doorbell-peer: shared\n");
	fflush(stdout);
	sigwait(&ends, &signal);
}

static const struct role {
	const char *name;
	int arguments;
	bool objects;
	int (*play)(char **argv);
} roles[] = {
	{ "ask", 4, true, ask },
	{ "answer", 3, true, answer },
	{ "idle", 2, true, idle },
	{ "self", 2, false, self },
	{ "endure", 1, false, endure },
	{ "ring", 3, false, ring_once },
	{ "open", 2, false, only_open },
	{ "watch", 2, true, watch },
};

static int play(const struct role *role, char **argv)
{
	uint16_t vectors = VECTORS;
	int ret;

	if (role->play == self || role->play == only_open)
		vectors = (uint16_t)atoi(argv[1]);
	if (role->objects)
		find_shared();
	if (role->play != watch)
		open_doorbell(argv[0], vectors);
	fflush(stdout);
	ret = role->play(argv);
	rte_ivshmem_doorbell_close(db);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int ret = rte_eal_init(argc, argv), status = EXIT_FAILURE;

	if (ret < 0)
		give_up("rte_eal_init");
	argc -= ret + 1;
	argv += ret + 1;
	if (argc == 3 && strcmp(argv[0], "share") == 0) {
		share(argv[1], argv[2]);
		status = EXIT_SUCCESS;
	}
	for (size_t i = 0; argc > 0 && i < RTE_DIM(roles); i++)
		if (strcmp(argv[0], roles[i].name) == 0 &&
		    argc == roles[i].arguments + 1)
			status = play(&roles[i], argv + 1);
	rte_eal_cleanup();
	return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Round trips in one guest, for the benchmark wakeup: a question and its answer.
 *
 * usage: bench-wakeup EAL-ARGUMENTS -- WHERE ROUNDS SAMPLES IPV4-ADDRESS
 *
 *   doorbell     rte_ivshmem_sleeper_wait_ring() on both sides.  The answer is
 *                held until this side sleeps; that time is subtracted, so that
 *                what is left is to wake the host and to wake the guest
 *   at once      the same without holding: mostly this side is not asleep yet,
 *                and is not rung
 *   polling      the same rings, both sides poll
 *   vsock        stream over vsock_loopback: both ends are in this guest
 *   ping         ICMP over virtio-net to the address, which answers
 *
 * They alternate, ROUNDS times SAMPLES of each, and after each round all samples
 * are printed; a pause before each lets the other side fall asleep.  `doorbell-peer answer` is at the other end of the
 * first three.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "doorbell_protocol.h"
#include "program.h"

#define LIMIT_MS 10000
#define PAUSE_US 500
#define VSOCK_PORT 4711

static struct rte_ivshmem_doorbell *db;
static struct rte_ring *questions, *answers;
static struct doorbell_zone *zone;
static int vsock = -1, icmp = -1;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- contestants: one round trip; ns of it that do not count ------------------ */

static void ask(uint64_t question)
{
	if (rte_ring_enqueue(questions, (void *)(uintptr_t)question) != 0)
		give_up("the ring is full");
	if (rte_ivshmem_sleeper_wake(&zone->answerer, db) < 0)
		give_up("rte_ivshmem_sleeper_wake");
}

static void sleep_until_answer(uint64_t number)
{
	void *answer;

	ask(number);
	while (rte_ring_dequeue(answers, &answer) != 0)
		if (rte_ivshmem_sleeper_wait_ring(&zone->asker, db, answers,
						  LIMIT_MS) <= 0)
			give_up("no answer");
	if ((uintptr_t)answer != number)
		give_up("a wrong answer");
}

static int64_t by_doorbell(uint64_t number)
{
	sleep_until_answer(number | DOORBELL_HOLD);
	return (int64_t)zone->held_ns;
}

static int64_t at_once(uint64_t number)
{
	sleep_until_answer(number);
	return 0;
}

static int64_t by_polling(uint64_t number)
{
	uint64_t question = number | DOORBELL_POLL;
	void *answer;

	ask(question);
	while (rte_ring_dequeue(answers, &answer) != 0)
		rte_pause();
	if ((uintptr_t)answer != question)
		give_up("a wrong answer");
	return 0;
}

static int64_t by_vsock(uint64_t number)
{
	uint64_t answer;

	if (write(vsock, &number, sizeof(number)) != sizeof(number) ||
	    recv(vsock, &answer, sizeof(answer), MSG_WAITALL) !=
	    sizeof(answer) || answer != number)
		give_up("vsock");
	return 0;
}

static uint16_t checksum(const void *data, size_t size)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < size / 2; i++)
		sum += word[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~(sum + (sum >> 16));
}

static int64_t by_ping(uint64_t number)
{
	struct {
		struct icmphdr header;
		uint64_t number;
	} packet = { .header.type = ICMP_ECHO, .number = number };
	char answer[128];
	ssize_t n;

	packet.header.un.echo.id = htons(1);
	packet.header.checksum = checksum(&packet, sizeof(packet));
	if (send(icmp, &packet, sizeof(packet), 0) < 0)
		give_up("ping");
	/* Behind an IP header of 20 bytes; others' packets come as well. */
	do {
		n = recv(icmp, answer, sizeof(answer), 0);
		if (n < 0)
			give_up("ping");
	} while (n < 36 || answer[20] != ICMP_ECHOREPLY ||
		 memcmp(answer + 28, &number, sizeof(number)) != 0);
	return 0;
}

static struct contestant {
	const char *name;
	int64_t (*round_trip)(uint64_t number);
	int64_t *times; /* of a round */
} contestants[] = {
	{ "doorbell, both are woken", by_doorbell, NULL },
	{ "doorbell, answered at once", at_once, NULL },
	{ "polled by both sides", by_polling, NULL },
	{ "vsock_loopback in the guest", by_vsock, NULL },
	{ "ping over virtio-net", by_ping, NULL },
};

/* ---- other ends --------------------------------------------------------------- */

static void *echo(void *arg)
{
	int listener = *(int *)arg, sock = accept(listener, NULL, NULL);
	uint64_t number;

	while (sock >= 0 && recv(sock, &number, sizeof(number), MSG_WAITALL) ==
	       sizeof(number))
		if (write(sock, &number, sizeof(number)) < 0)
			break;
	return NULL;
}

static void open_vsock(void)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = VSOCK_PORT,
	};
	static int listener;
	pthread_t thread;

	listener = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 1) != 0 ||
	    pthread_create(&thread, NULL, echo, &listener) != 0)
		give_up("vsock");
	address.svm_cid = VMADDR_CID_LOCAL;
	vsock = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (connect(vsock, (struct sockaddr *)&address, sizeof(address)) != 0)
		give_up("vsock");
}

static void open_icmp(const char *to)
{
	struct timeval limit = { .tv_sec = LIMIT_MS / 1000 };
	struct sockaddr_in address = { .sin_family = AF_INET };

	icmp = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (inet_pton(AF_INET, to, &address.sin_addr) != 1 ||
	    setsockopt(icmp, SOL_SOCKET, SO_RCVTIMEO, &limit,
		       sizeof(limit)) != 0 ||
	    connect(icmp, (struct sockaddr *)&address, sizeof(address)) != 0)
		give_up("ping");
}

static void open_doorbell(const char *where)
{
	const struct rte_memzone *mz = rte_memzone_lookup(DOORBELL_ZONE);

	questions = rte_ring_lookup(DOORBELL_QUESTIONS);
	answers = rte_ring_lookup(DOORBELL_ANSWERS);
	if (mz == NULL || questions == NULL || answers == NULL)
		give_up("what is shared is not found");
	zone = mz->addr;
	db = rte_ivshmem_doorbell_open(where, 1);
	if (db == NULL)
		give_up("rte_ivshmem_doorbell_open");
	rte_ivshmem_sleeper_init(&zone->asker, db, 0);
}

/* ---- measuring -------------------------------------------------------------- */

/* The first one is not counted: the other side may still wait as before. */
static void sample(struct contestant *c, size_t samples)
{
	static uint64_t number;

	for (size_t i = 0; i <= samples; i++) {
		int64_t start, spared;

		usleep(PAUSE_US);
		start = now_ns();
		spared = c->round_trip(++number);
		if (i > 0)
			c->times[i - 1] = now_ns() - start - spared;
	}
}

static void print(const struct contestant *c, size_t samples)
{
	for (size_t i = 0; i < samples; i++)
		printf("sample|Round trip|all|%s|%.3f\n", c->name,
		       (double)c->times[i] / 1e3);
}

static void one_round(size_t samples)
{
	for (size_t i = 0; i < RTE_DIM(contestants); i++)
		sample(&contestants[i], samples);
	for (size_t i = 0; i < RTE_DIM(contestants); i++)
		print(&contestants[i], samples);
}

int main(int argc, char **argv)
{
	int ret = rte_eal_init(argc, argv);
	size_t rounds, samples;

	if (ret < 0)
		give_up("rte_eal_init");
	argv += ret + 1;
	if (argc - ret - 1 != 4)
		give_up("four arguments");
	rounds = strtoul(argv[1], NULL, 10);
	samples = strtoul(argv[2], NULL, 10);
	open_doorbell(argv[0]);
	open_vsock();
	open_icmp(argv[3]);
	for (size_t i = 0; i < RTE_DIM(contestants); i++) {
		contestants[i].times = calloc(samples, sizeof(int64_t));
		if (contestants[i].times == NULL)
			give_up("memory");
	}
	for (size_t round = 0; round < rounds; round++)
		one_round(samples);
	ask(DOORBELL_STOP);
	rte_ivshmem_doorbell_close(db);
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A relay that is killed at any instruction can be replaced without loss: a
 * child passes a few items on, one instruction after the other; after each, a
 * second relay takes its place, as if the child were dead, and must get all
 * through.  Then all is put back for the child's next instruction.
 *
 * The shared memory here is one mapping, with rings and packets made by hand;
 * it needs no EAL.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "../tests/tap.h"
#include "demo_relay.h"

#define N_MESSAGES DEMO_BURST /* or packets would be in the burst of messages */
#define N_PACKETS 3
#define N_ITEMS (N_MESSAGES + N_PACKETS)
#define STATION 2 /* one relay has answered already */
#define RING_SLOTS 64
#define RING_BYTES 4096

struct packet {
	_Alignas(RTE_CACHE_LINE_SIZE) struct rte_mbuf m;
	uint64_t words[DEMO_PAYLOAD_WORDS];
};

struct shared {
	struct demo_control control;
	_Alignas(RTE_CACHE_LINE_SIZE) char in[RING_BYTES];
	_Alignas(RTE_CACHE_LINE_SIZE) char out[RING_BYTES];
	struct packet packets[N_PACKETS];
};

static struct shared *shared;
static struct demo_place place;

static uint64_t answered(uint64_t value, unsigned int relays)
{
	while (relays-- > 0)
		value = demo_answer(value);
	return value;
}

static struct rte_ring *make_ring(char *memory)
{
	struct rte_ring *r = (void *)memory;

	if (rte_ring_get_memsize(RING_SLOTS) > RING_BYTES ||
	    rte_ring_init(r, "ring", RING_SLOTS,
			  RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
		bail_out("no ring");
	return r;
}

static void make_packet(struct packet *p, uint32_t number)
{
	p->m = (struct rte_mbuf){
		.buf_addr = p->words,
		.nb_segs = 1,
		.data_len = sizeof(p->words),
		.pkt_len = sizeof(p->words),
	};
	for (unsigned int i = 0; i < DEMO_PAYLOAD_WORDS; i++)
		p->words[i] = answered(demo_payload_word(number, i),
				       STATION - 1);
}

/* As the station before leaves it: all is in the ring. */
static void prepare(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		bail_out("no memory");
	demo_names_set(&place.names, "test", true);
	place.control = &shared->control;
	place.message_total = N_MESSAGES;
	place.packet_total = N_PACKETS;
	place.n_stations = STATION + 1;
	place.station = STATION;
	place.in = make_ring(shared->in);
	place.out = make_ring(shared->out);
	place.timeout = 60;
	for (uint32_t i = 0; i < N_MESSAGES; i++)
		rte_ring_enqueue(place.in, (void *)(uintptr_t)
				 answered(demo_message(i), STATION - 1));
	for (uint32_t i = 0; i < N_PACKETS; i++) {
		make_packet(&shared->packets[i], i);
		rte_ring_enqueue(place.in, &shared->packets[i].m);
	}
}

static bool packet_is_good(const struct packet *p, uint32_t number)
{
	for (unsigned int i = 0; i < DEMO_PAYLOAD_WORDS; i++)
		if (p->words[i] != answered(demo_payload_word(number, i),
					    STATION))
			return false;
	return true;
}

/* Each item is there once, in order, and answered once. */
static bool all_is_through(const struct demo_relay *relay)
{
	void *items[RING_SLOTS];

	if (rte_ring_count(place.in) != 0 ||
	    rte_ring_dequeue_burst(place.out, items, RING_SLOTS, NULL) !=
	    N_ITEMS)
		return false;
	for (uint32_t i = 0; i < N_MESSAGES; i++)
		if ((uintptr_t)items[i] != answered(demo_message(i), STATION))
			return false;
	for (uint32_t i = 0; i < N_PACKETS; i++)
		if (items[N_MESSAGES + i] != &shared->packets[i].m ||
		    !packet_is_good(&shared->packets[i], i))
			return false;
	return relay->messages.passed == N_MESSAGES &&
	       relay->packets.passed == N_PACKETS;
}

static bool replacement_works(void)
{
	struct demo_place second = place;
	struct demo_relay relay;

	/* All is there already. */
	second.timeout = 0.001;
	return demo_relay_resume(&relay, &second) &&
	       demo_relay_run(&relay) == 0 && all_is_through(&relay);
}

/* To be stepped through. */
static void first_life(void)
{
	struct demo_relay relay;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	raise(SIGSTOP);
	demo_relay_start(&relay, &place);
	_exit(demo_relay_run(&relay) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* What relays print is not TAP. */
static int silence(void)
{
	int real = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY);

	dup2(null, STDOUT_FILENO);
	close(null);
	return real;
}

/* Step through the child; how many instructions it had.  `failed` counts those
 * after which its replacement does not get all through. */
static unsigned long step_through(pid_t child, unsigned long *failed,
				  int *status)
{
	static struct shared before, last;
	unsigned long steps = 0;

	memset(&last, 0xff, sizeof(last));
	while (waitpid(child, status, 0) == child && WIFSTOPPED(*status)) {
		memcpy(&before, shared, sizeof(before));
		/* Most instructions change nothing that is shared. */
		if (memcmp(&before, &last, sizeof(before)) != 0) {
			*failed += !replacement_works();
			memcpy(shared, &before, sizeof(before));
			memcpy(&last, &before, sizeof(before));
		}
		steps++;
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0)
			break;
	}
	return steps;
}

int main(void)
{
	unsigned long steps, failed = 0;
	int status = 0, real;
	pid_t child;

	prepare();
	fflush(stdout);
	real = silence();
	child = fork();
	if (child == 0)
		first_life();
	steps = step_through(child, &failed, &status);
	fflush(stdout);
	dup2(real, STDOUT_FILENO);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		skip("a relay, killed", "this process may not trace its child");
		return tap_end();
	}
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	      "the first life gets all through if nobody kills it");
	check(steps > 1000 && failed == 0,
	      "killed after any of %lu instructions, the next one loses nothing, repeats nothing, and finds no errors (%lu failed)",
	      steps, failed);
	return tap_end();
}

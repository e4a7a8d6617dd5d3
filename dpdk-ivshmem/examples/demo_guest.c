/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest side of the demo: an ordinary DPDK program that knows nothing of
 * ivshmem.  It looks objects up by name, checks every message and packet that
 * comes from demo_host.c, and sends each back.
 *
 * That the objects are there is the work of the plugin librte_ivshmem.so; as a
 * secondary process of the host program (--proc-type=secondary) it runs the
 * same without any VM.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "demo_common.h"

struct options {
	const char *name;
	uint64_t timeout; /* seconds without progress */
};

struct guest {
	struct options options;
	struct demo_names names;
	struct rte_ring *to_guest;
	struct rte_ring *to_host;
	struct rte_mempool *pool;
	struct demo_control *control;
	uint64_t message_total;
	uint64_t packet_total;

	struct demo_tally messages;
	struct demo_tally packets;
	double message_seconds;
	double packet_seconds;
	/* Checked, but not yet accepted by the ring to the host. */
	void *pending[DEMO_BURST];
	unsigned int pending_first;
	unsigned int pending_count;
};

static void
print_help(FILE *f)
{
	fputs(
"ivshmem-demo-guest: find the objects that ivshmem-demo-host shares, check every\n"
"message and packet, and send each back.\n"
"\n"
"Usage: ivshmem-demo-guest [EAL OPTIONS] -- [OPTIONS]\n"
"\n"
"  --name NAME        first part of each object's name, as for the host program\n"
"                     (default demo)\n"
"  --timeout SECONDS  give up without progress for so long (default 30)\n"
"  --help             this text; `ivshmem-demo-guest --help`\n"
"\n"
"In a guest whose QEMU has the device string of the host program:\n"
"  ivshmem-demo-guest --no-huge -m 16 --lcores 64@0 -d librte_ivshmem.so\n"
"\n"
"The pool has per-lcore caches, and they are shared as well: host and guests\n"
"must use different lcore ids.  --lcores 64@0 runs lcore 64 on CPU 0.\n"
"\n"
"Exit status: 0 if all passed without error, 1 otherwise.\n", f);
}

static bool
parse_options(struct options *options, int argc, char **argv)
{
	static const struct option table[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){
		.name = DEMO_DEFAULT_NAME,
		.timeout = 30,
	};
	optind = 1;
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == 'n')
			options->name = optarg;
		else if (option != 't' ||
			 !demo_parse_number("timeout", optarg, 1, 86400,
					    &options->timeout))
			return false;
	}
	if (optind != argc) {
		fprintf(stderr, "unexpected argument '%s'\n", argv[optind]);
		return false;
	}
	return true;
}

/* Finding */

static bool
report_missing(const char *kind, const char *name, const void *found)
{
	if (found == NULL)
		fprintf(stderr, "%s '%s' not found\n", kind, name);
	return found == NULL;
}

static bool
find_objects(struct guest *guest)
{
	const struct demo_names *names = &guest->names;
	const struct rte_memzone *mz = rte_memzone_lookup(names->control);
	bool missing;

	guest->to_guest = rte_ring_lookup(names->to_guest);
	guest->to_host = rte_ring_lookup(names->to_host);
	guest->pool = rte_mempool_lookup(names->pool);

	missing = report_missing("memzone", names->control, mz);
	missing |= report_missing("ring", names->to_guest, guest->to_guest);
	missing |= report_missing("ring", names->to_host, guest->to_host);
	missing |= report_missing("mempool", names->pool, guest->pool);
	if (missing) {
		fprintf(stderr,
			"Check, in this order: lines of lib.ivshmem above; is "
			"the plugin loaded (-d librte_ivshmem.so)? Has the "
			"guest the device (lspci -d 1af4:1110)? Was QEMU "
			"started with the string that the host program "
			"printed, and does --name agree?\n");
		return false;
	}
	guest->control = mz->addr;
	return true;
}

/* Not before the control block is known to be of this version. */
static bool
attach(struct guest *guest)
{
	struct demo_control *control = guest->control;
	uint32_t expected = DEMO_STATE_NONE;

	if (control->magic != DEMO_MAGIC || control->version != DEMO_VERSION ||
	    control->size != sizeof(*control)) {
		fprintf(stderr, "memzone '%s' is not of this version of the "
			"demo: use host and guest program of one build\n",
			guest->names.control);
		return false;
	}
	if (demo_state_get(&control->host_state) != DEMO_STATE_READY ||
	    !__atomic_compare_exchange_n(&control->guest_state, &expected,
					 (uint32_t)DEMO_STATE_ATTACHED, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		fprintf(stderr, "the host program is done, or serves another "
			"guest: one guest for each run of it\n");
		return false;
	}
	guest->message_total = control->messages;
	guest->packet_total = control->packets;
	return true;
}

/* Exchange */

static unsigned int
send_pending(struct guest *guest)
{
	unsigned int sent = rte_ring_enqueue_burst(guest->to_host,
				guest->pending + guest->pending_first,
				guest->pending_count, NULL);

	guest->pending_first += sent;
	guest->pending_count -= sent;
	return sent;
}

static unsigned int
receive_pending(struct guest *guest)
{
	guest->pending_first = 0;
	guest->pending_count = rte_ring_dequeue_burst(guest->to_guest,
						      guest->pending,
						      DEMO_BURST, NULL);
	return guest->pending_count;
}

static void
answer_messages(struct guest *guest)
{
	for (unsigned int i = 0; i < guest->pending_count; i++) {
		uint64_t value = (uintptr_t)guest->pending[i];

		demo_check_message(&guest->messages, value, false);
		guest->pending[i] = (void *)(uintptr_t)demo_answer(value);
	}
}

/* In place: the host sees what the guest has written into its buffer. */
static void
answer_packets(struct guest *guest)
{
	for (unsigned int i = 0; i < guest->pending_count; i++) {
		struct rte_mbuf *m = guest->pending[i];
		uint64_t *words = rte_pktmbuf_mtod(m, uint64_t *);

		demo_check_packet(&guest->packets, m, false);
		for (unsigned int word = 0; word < DEMO_PAYLOAD_WORDS; word++)
			words[word] = demo_answer(words[word]);
	}
}

static int
exchange(struct guest *guest, struct demo_watch *watch,
	 void (*answer)(struct guest *guest))
{
	int ret = 0;

	while (ret == 0 && (guest->pending_count != 0 ||
			    demo_tally_received(watch->tally) < watch->total)) {
		unsigned int moved = 0;

		if (guest->pending_count == 0) {
			moved = receive_pending(guest);
			answer(guest);
		}
		if (guest->pending_count != 0)
			moved += send_pending(guest);
		ret = demo_watch_turn(watch, moved != 0);
	}
	return ret;
}

static int
exchange_messages(struct guest *guest)
{
	struct demo_watch watch;
	int ret;

	demo_watch_start(&watch, "messages", guest->message_total,
			 &guest->messages, &guest->control->guest_messages,
			 &guest->control->host_state,
			 (double)guest->options.timeout);
	ret = exchange(guest, &watch, answer_messages);
	guest->message_seconds = demo_watch_finish(&watch);
	return ret;
}

static int
exchange_packets(struct guest *guest)
{
	struct demo_watch watch;
	int ret;

	demo_watch_start(&watch, "packets", guest->packet_total,
			 &guest->packets, &guest->control->guest_packets,
			 &guest->control->host_state,
			 (double)guest->options.timeout);
	ret = exchange(guest, &watch, answer_packets);
	guest->packet_seconds = demo_watch_finish(&watch);
	return ret;
}

/* Report */

static void
explain(const struct guest *guest, int error)
{
	switch (error) {
	case -EINTR:
		fprintf(stderr, "stopped by a signal\n");
		break;
	case -ECONNRESET:
		fprintf(stderr, "the host program has stopped; its own output "
			"says why\n");
		break;
	case -ETIMEDOUT:
		fprintf(stderr, "the host has sent nothing for %u s. Does its "
			"program still run, and does it get CPU time? If it "
			"was started anew, this VM has the memory of the old "
			"one: give it the new device.\n",
			(unsigned int)guest->options.timeout);
		break;
	}
}

static void
print_phase(const char *what, const struct demo_tally *tally, double seconds)
{
	char count[DEMO_COUNT_SIZE], rate[DEMO_COUNT_SIZE];
	char errors[DEMO_COUNT_SIZE];

	printf("checked %s %s (%s), errors: %s\n",
	       demo_format_count(count, demo_tally_received(tally)), what,
	       demo_format_rate(rate, demo_tally_received(tally), seconds),
	       demo_format_count(errors, demo_tally_errors(tally)));
}

/* True if all passed without error. */
static bool
report(const struct guest *guest)
{
	print_phase("messages", &guest->messages, guest->message_seconds);
	print_phase("packets", &guest->packets, guest->packet_seconds);
	return guest->messages.passed == guest->message_total &&
	       guest->packets.passed == guest->packet_total;
}

static bool
run(struct guest *guest, int argc, char **argv)
{
	bool good;
	int ret;

	if (!parse_options(&guest->options, argc, argv) ||
	    !demo_names_set(&guest->names, guest->options.name) ||
	    !find_objects(guest) || !attach(guest))
		return false;
	printf("found %s, %s, %s and %s by name\n", guest->names.to_guest,
	       guest->names.to_host, guest->names.pool, guest->names.control);
	ret = exchange_messages(guest);
	if (ret == 0)
		ret = exchange_packets(guest);
	if (ret != 0)
		explain(guest, ret);
	good = report(guest) && ret == 0;
	demo_state_set(&guest->control->guest_state,
		       ret == 0 ? DEMO_STATE_FINISHED : DEMO_STATE_STOPPED);
	return good;
}

int
main(int argc, char **argv)
{
	static struct guest guest;
	int parsed = demo_start(argc, argv, print_help);
	bool good;

	printf("EAL started as %s process, lcore %u\n",
	       rte_eal_process_type() == RTE_PROC_PRIMARY ? "primary"
							  : "secondary",
	       rte_lcore_id());
	good = run(&guest, argc - parsed, argv + parsed);
	rte_eal_cleanup();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

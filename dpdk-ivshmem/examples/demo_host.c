/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host side of the demo: shares a ring pair, a packet pool and a memzone, and
 * exchanges messages and packets with demo_guest.c.
 *
 * The pattern to copy: packets go to the guest over one ring and *come back
 * over another*, so that the side that allocates also frees.  The per-lcore
 * cache of the pool is then used by one side only, which is both correct and
 * several times faster than freeing on the other side.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include <rte_ivshmem.h>

#include "demo_common.h"

#define RING_SLOTS 1024
#define POOL_SIZE 4095   /* mbufs; 2^n - 1 wastes the least memory */
#define POOL_CACHE 256   /* mbufs per lcore */
#define WINDOW (POOL_SIZE + 1)

static_assert(DEMO_OBJECT_NAME_SIZE <= RTE_RING_NAMESIZE, "names too long");

struct options {
	const char *name;
	const char *device_file; /* NULL: only print the string */
	uint64_t messages;
	uint64_t packets;
	uint64_t timeout; /* seconds without progress */
	uint64_t wait;    /* seconds until a guest must be there; 0: no limit */
};

struct host {
	struct options options;
	struct demo_names names;
	struct rte_ring *to_guest;
	struct rte_ring *to_host;
	struct rte_mempool *pool;
	struct demo_control *control;

	struct demo_tally messages;
	struct demo_tally packets;
	double message_seconds;
	double packet_seconds;
	uint64_t packets_sent;
	/* Which buffer packet number n travels in, at n % WINDOW.  The guest
	 * must return just that one; nothing else is touched or freed. */
	struct rte_mbuf *travelling[WINDOW];
	/* Filled, but not yet accepted by the ring. */
	struct rte_mbuf *pending[DEMO_BURST];
	unsigned int pending_count;
};

static void
print_help(FILE *f)
{
	fputs(
"ivshmem-demo-host: share a ring pair, a packet pool and a memzone with a guest,\n"
"pass messages and packets with nothing copied, and check every one.\n"
"\n"
"Usage: ivshmem-demo-host [EAL OPTIONS] -- [OPTIONS]\n"
"\n"
"  --messages N        messages through the rings (default 1000000)\n"
"  --packets N         packets through the rings and back (default 1000000)\n"
"  --name NAME         of the metadata, and first part of each object's name\n"
"                      (default demo, at most 19 characters)\n"
"  --device-file PATH  also write the QEMU device string to this file, which\n"
"                      appears complete or not at all\n"
"  --wait SECONDS      give up if no guest is there by then (default 0: never)\n"
"  --timeout SECONDS   give up without progress for so long (default 30)\n"
"  --help              this text; `ivshmem-demo-host --help`\n"
"\n"
"Without hugepages and without root:\n"
"  ivshmem-demo-host --no-huge -m 64 --no-pci --lcores 0@0\n"
"then QEMU with the device string that it prints, and in the guest:\n"
"  ivshmem-demo-guest --no-huge -m 16 --lcores 64@0 -d librte_ivshmem.so\n"
"\n"
"The pool has per-lcore caches, and they are shared as well: host and guests\n"
"must use different lcore ids.  --lcores 64@0 runs lcore 64 on CPU 0.\n"
"\n"
"Exit status: 0 if all passed without error, 1 otherwise.\n", f);
}

static bool
parse_option(struct options *options, int option, const char *name)
{
	switch (option) {
	case 'm':
		return demo_parse_number(name, optarg, 1, UINT32_MAX,
					 &options->messages);
	case 'p':
		return demo_parse_number(name, optarg, 1, UINT32_MAX,
					 &options->packets);
	case 'w':
		return demo_parse_number(name, optarg, 0, 86400,
					 &options->wait);
	case 't':
		return demo_parse_number(name, optarg, 1, 86400,
					 &options->timeout);
	case 'n':
		options->name = optarg;
		return true;
	case 'd':
		options->device_file = optarg;
		return true;
	default:
		return false; /* getopt has said why */
	}
}

static bool
parse_options(struct options *options, int argc, char **argv)
{
	static const struct option table[] = {
		{ "messages", required_argument, NULL, 'm' },
		{ "packets", required_argument, NULL, 'p' },
		{ "name", required_argument, NULL, 'n' },
		{ "device-file", required_argument, NULL, 'd' },
		{ "wait", required_argument, NULL, 'w' },
		{ "timeout", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int option, index = 0;

	*options = (struct options){
		.name = DEMO_DEFAULT_NAME,
		.messages = 1000000,
		.packets = 1000000,
		.timeout = 30,
	};
	optind = 1;
	while ((option = getopt_long(argc, argv, "", table, &index)) != -1)
		if (!parse_option(options, option, table[index].name))
			return false;
	if (optind != argc) {
		fprintf(stderr, "unexpected argument '%s'\n", argv[optind]);
		return false;
	}
	return true;
}

/* Objects */

static bool
create_objects(struct host *host)
{
	const unsigned int ring_flags = RING_F_SP_ENQ | RING_F_SC_DEQ;
	const struct rte_memzone *mz;

	host->to_guest = rte_ring_create(host->names.to_guest, RING_SLOTS,
					 SOCKET_ID_ANY, ring_flags);
	host->to_host = rte_ring_create(host->names.to_host, RING_SLOTS,
					SOCKET_ID_ANY, ring_flags);
	host->pool = rte_pktmbuf_pool_create(host->names.pool, POOL_SIZE,
					     POOL_CACHE, 0,
					     RTE_MBUF_DEFAULT_BUF_SIZE,
					     SOCKET_ID_ANY);
	mz = rte_memzone_reserve_aligned(host->names.control,
					 sizeof(*host->control), SOCKET_ID_ANY,
					 0, DEMO_CACHE_LINE);
	if (host->to_guest == NULL || host->to_host == NULL ||
	    host->pool == NULL || mz == NULL) {
		fprintf(stderr, "cannot create the objects to share: %s; "
			"64 MB (-m 64) are enough\n", rte_strerror(rte_errno));
		return false;
	}
	host->control = mz->addr;
	memset(host->control, 0, sizeof(*host->control));
	host->control->magic = DEMO_MAGIC;
	host->control->version = DEMO_VERSION;
	host->control->size = sizeof(*host->control);
	host->control->messages = host->options.messages;
	host->control->packets = host->options.packets;
	return true;
}

static bool
share_objects(const struct host *host)
{
	const char *md = host->options.name;
	const struct rte_memzone *mz = rte_memzone_lookup(host->names.control);

	if (rte_ivshmem_metadata_create(md) < 0 ||
	    rte_ivshmem_metadata_add_ring(host->to_guest, md) < 0 ||
	    rte_ivshmem_metadata_add_ring(host->to_host, md) < 0 ||
	    rte_ivshmem_metadata_add_mempool(host->pool, md) < 0 ||
	    rte_ivshmem_metadata_add_memzone(mz, md) < 0) {
		fprintf(stderr, "cannot share the objects: %s\n",
			rte_strerror(rte_errno));
		return false;
	}
	return true;
}

/* The device string, to be freed; NULL on failure. */
static char *
device_string(const char *name)
{
	unsigned int size = 4096; /* enough for some hundred chunks */

	for (;;) {
		char *text = malloc(size);
		int ret;

		if (text == NULL) {
			fprintf(stderr, "no memory for the device string\n");
			return NULL;
		}
		ret = rte_ivshmem_metadata_cmdline_generate(text, size, name);
		if (ret == 0)
			return text;
		free(text);
		if (rte_errno != ENOBUFS) {
			fprintf(stderr, "no device string: %s\n",
				rte_strerror(rte_errno));
			return NULL;
		}
		size = (unsigned int)-ret;
	}
}

/* A launcher that waits for the file must never read half of it. */
static bool
write_device_file(const char *path, const char *text)
{
	char temporary[4096];
	FILE *f;
	bool written;

	if (snprintf(temporary, sizeof(temporary), "%s.tmp", path) >=
	    (int)sizeof(temporary)) {
		fprintf(stderr, "--device-file: path too long\n");
		return false;
	}
	f = fopen(temporary, "w");
	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", temporary, strerror(errno));
		return false;
	}
	written = fprintf(f, "%s\n", text) > 0;
	written = fclose(f) == 0 && written;
	if (!written || rename(temporary, path) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		unlink(temporary);
		return false;
	}
	return true;
}

static bool
publish(const struct host *host)
{
	char *text = device_string(host->options.name);
	bool done = text != NULL;

	if (!done)
		return false;
	demo_state_set(&host->control->host_state, DEMO_STATE_READY);
	printf("\nStart QEMU with:\n%s\n\n", text);
	rte_ivshmem_metadata_dump(stdout, host->options.name);
	fflush(stdout);
	if (host->options.device_file != NULL)
		done = write_device_file(host->options.device_file, text);
	free(text);
	return done;
}

/* Exchange */

static int
wait_for_guest(const struct host *host)
{
	const useconds_t poll_interval = 1000; /* microseconds */
	double started = demo_now();

	printf("\nwaiting for a guest\n");
	while (demo_state_get(&host->control->guest_state) == DEMO_STATE_NONE) {
		if (demo_stop_asked())
			return -EINTR;
		if (host->options.wait != 0 &&
		    demo_now() - started > (double)host->options.wait)
			return -ENOENT;
		usleep(poll_interval);
	}
	printf("a guest is there, after %.1f s\n", demo_now() - started);
	return 0;
}

static unsigned int
send_messages(const struct host *host, uint64_t *sent)
{
	uint64_t left = host->options.messages - *sent;
	unsigned int count = (unsigned int)RTE_MIN(left, (uint64_t)DEMO_BURST);
	void *burst[DEMO_BURST];

	for (unsigned int i = 0; i < count; i++)
		burst[i] = (void *)(uintptr_t)demo_message((uint32_t)*sent + i);
	count = rte_ring_enqueue_burst(host->to_guest, burst, count, NULL);
	*sent += count;
	return count;
}

static unsigned int
receive_answers(struct host *host)
{
	void *burst[DEMO_BURST];
	unsigned int count = rte_ring_dequeue_burst(host->to_host, burst,
						    DEMO_BURST, NULL);

	for (unsigned int i = 0; i < count; i++)
		demo_check_message(&host->messages, (uintptr_t)burst[i], true);
	return count;
}

static int
exchange_messages(struct host *host)
{
	struct demo_watch watch;
	uint64_t sent = 0;
	int ret = 0;

	demo_watch_start(&watch, "messages", host->options.messages,
			 &host->messages, &host->control->host_messages,
			 &host->control->guest_state,
			 (double)host->options.timeout);
	while (demo_tally_received(&host->messages) < host->options.messages &&
	       ret == 0) {
		unsigned int moved = send_messages(host, &sent);

		moved += receive_answers(host);
		ret = demo_watch_turn(&watch, moved != 0);
	}
	host->message_seconds = demo_watch_finish(&watch);
	return ret;
}

static void
fill_packet(struct rte_mbuf *m, uint32_t number)
{
	uint64_t *words = (uint64_t *)(void *)rte_pktmbuf_append(m,
				DEMO_PAYLOAD_WORDS * sizeof(words[0]));

	for (unsigned int i = 0; i < DEMO_PAYLOAD_WORDS; i++)
		words[i] = demo_payload_word(number, i);
}

static void
allocate_packets(struct host *host)
{
	uint64_t left = host->options.packets - host->packets_sent;
	unsigned int count = (unsigned int)RTE_MIN(left, (uint64_t)DEMO_BURST);

	/* All travelling is no error: some will come back. */
	if (count == 0 || rte_pktmbuf_alloc_bulk(host->pool, host->pending,
						 count) != 0)
		return;
	for (unsigned int i = 0; i < count; i++) {
		uint32_t number = (uint32_t)(host->packets_sent + i);

		fill_packet(host->pending[i], number);
		host->travelling[number % WINDOW] = host->pending[i];
	}
	host->pending_count = count;
	host->packets_sent += count;
}

static unsigned int
send_packets(struct host *host)
{
	unsigned int accepted;

	if (host->pending_count == 0)
		allocate_packets(host);
	accepted = rte_ring_enqueue_burst(host->to_guest,
					  (void **)host->pending,
					  host->pending_count, NULL);
	host->pending_count -= accepted;
	memmove(host->pending, host->pending + accepted,
		host->pending_count * sizeof(host->pending[0]));
	return accepted;
}

static unsigned int
receive_packets(struct host *host)
{
	struct rte_mbuf *burst[DEMO_BURST], *own[DEMO_BURST];
	unsigned int count = rte_ring_dequeue_burst(host->to_host,
						    (void **)burst, DEMO_BURST,
						    NULL);
	unsigned int own_count = 0;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t number = demo_tally_received(&host->packets);

		if (burst[i] != host->travelling[number % WINDOW]) {
			demo_count_sequence_error(&host->packets,
				"another buffer came back than was sent");
			continue;
		}
		demo_check_packet(&host->packets, burst[i], true);
		own[own_count++] = burst[i];
	}
	rte_pktmbuf_free_bulk(own, own_count);
	return count;
}

static int
exchange_packets(struct host *host)
{
	struct demo_watch watch;
	int ret = 0;

	demo_watch_start(&watch, "packets", host->options.packets,
			 &host->packets, &host->control->host_packets,
			 &host->control->guest_state,
			 (double)host->options.timeout);
	while (demo_tally_received(&host->packets) < host->options.packets &&
	       ret == 0) {
		unsigned int moved = send_packets(host);

		moved += receive_packets(host);
		ret = demo_watch_turn(&watch, moved != 0);
	}
	host->packet_seconds = demo_watch_finish(&watch);
	return ret;
}

/* The tallies of the guest are final once it says so. */
static int
wait_for_tallies(const struct host *host)
{
	const useconds_t poll_interval = 1000; /* microseconds */
	double started = demo_now();

	for (;;) {
		switch (demo_state_get(&host->control->guest_state)) {
		case DEMO_STATE_FINISHED:
			return 0;
		case DEMO_STATE_STOPPED:
			return -ECONNRESET;
		default:
			break;
		}
		if (demo_stop_asked())
			return -EINTR;
		if (demo_now() - started > (double)host->options.timeout)
			return -ETIMEDOUT;
		usleep(poll_interval);
	}
}

static int
exchange(struct host *host)
{
	int ret = wait_for_guest(host);

	if (ret == 0)
		ret = exchange_messages(host);
	if (ret == 0)
		ret = exchange_packets(host);
	if (ret == 0)
		ret = wait_for_tallies(host);
	demo_state_set(&host->control->host_state,
		       ret == 0 ? DEMO_STATE_FINISHED : DEMO_STATE_STOPPED);
	return ret;
}

/* Report */

static void
explain(const struct host *host, int error)
{
	switch (error) {
	case -EINTR:
		fprintf(stderr, "stopped by a signal\n");
		break;
	case -ENOENT:
		fprintf(stderr, "no guest after %" PRIu64 " s. Does QEMU run "
			"with the device string above? Has the guest program "
			"been started, with --name %s?\n",
			host->options.wait, host->options.name);
		break;
	case -ECONNRESET:
		fprintf(stderr, "the guest program has stopped; its own output "
			"says why\n");
		break;
	case -ETIMEDOUT:
		fprintf(stderr, "the guest has made no progress for %" PRIu64
			" s. Look at: does the guest program still run, and "
			"does QEMU (console of the VM)? Does the guest get CPU "
			"time (top)? Under TCG QEMU needs -accel "
			"tcg,thread=multi -smp 2.\n", host->options.timeout);
		break;
	}
}

static void
print_phase(const char *what, uint64_t total, double seconds,
	    const struct demo_tally *host, const struct demo_tally *guest)
{
	char passed[DEMO_COUNT_SIZE], of[DEMO_COUNT_SIZE];
	char rate[DEMO_COUNT_SIZE], own[DEMO_COUNT_SIZE];
	char other[DEMO_COUNT_SIZE];

	printf("  %-9s %13s %13s %8.2f %12s %12s %13s\n", what,
	       demo_format_count(passed, RTE_MIN(host->passed, guest->passed)),
	       demo_format_count(of, total), seconds,
	       demo_format_rate(rate, host->passed, seconds),
	       demo_format_count(own, demo_tally_errors(host)),
	       demo_format_count(other, demo_tally_errors(guest)));
}

static void
print_shared(const struct host *host)
{
	printf("Shared, with nothing copied:\n");
	printf("  ring     %-22s %d slots, to the guest\n",
	       host->names.to_guest, RING_SLOTS);
	printf("  ring     %-22s %d slots, back to the host\n",
	       host->names.to_host, RING_SLOTS);
	printf("  mempool  %-22s %d packet buffers of %d bytes\n",
	       host->names.pool, POOL_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE);
	printf("  memzone  %-22s %zu bytes, control block\n",
	       host->names.control, sizeof(*host->control));
}

/* True if all passed without error. */
static bool
report(const struct host *host)
{
	const struct demo_tally guest_messages =
		demo_tally_read(&host->control->guest_messages);
	const struct demo_tally guest_packets =
		demo_tally_read(&host->control->guest_packets);
	unsigned int home = rte_mempool_avail_count(host->pool);
	bool good = home == POOL_SIZE &&
		    host->messages.passed == host->options.messages &&
		    guest_messages.passed == host->options.messages &&
		    host->packets.passed == host->options.packets &&
		    guest_packets.passed == host->options.packets;

	print_shared(host);
	printf("\n  %-9s %13s %13s %8s %12s %12s %13s\n", "checked", "passed",
	       "of", "seconds", "rate", "host errors", "guest errors");
	print_phase("messages", host->options.messages, host->message_seconds,
		    &host->messages, &guest_messages);
	print_phase("packets", host->options.packets, host->packet_seconds,
		    &host->packets, &guest_packets);
	printf("  Each goes to the guest and back, and both sides check it.\n"
	       "  %u of %d packet buffers are back in the pool.\n\n",
	       home, POOL_SIZE);
	rte_ivshmem_metadata_dump(stdout, host->options.name);
	printf("\n%s\n", good ? "all passed, errors: 0" : "FAILED");
	return good;
}

static bool
run(struct host *host, int argc, char **argv)
{
	int ret;

	if (!parse_options(&host->options, argc, argv) ||
	    !demo_names_set(&host->names, host->options.name) ||
	    !create_objects(host) || !share_objects(host) || !publish(host))
		return false;
	ret = exchange(host);
	if (ret != 0)
		explain(host, ret);
	if (demo_state_get(&host->control->guest_state) == DEMO_STATE_NONE)
		return false; /* nothing to report */
	return report(host) && ret == 0;
}

int
main(int argc, char **argv)
{
	static struct host host;
	int parsed = demo_start(argc, argv, print_help);
	bool good;

	good = run(&host, argc - parsed, argv + parsed);
	rte_eal_cleanup();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host side of the demo: shares rings, a packet pool and a memzone; exchanges
 * messages and packets with one demo_guest.c, or lets several do so among
 * themselves, and says in the end how it went.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>

#include "demo_check.h"
#include "demo_common.h"
#include "demo_report.h"
#include "demo_share.h"
#include "demo_source.h"

struct options {
	uint64_t messages;
	uint64_t packets;
	uint64_t vms; /* 0: host and guest */
	const char *name;
	const char *device_file;
	struct demo_exchange_options exchange;
};

struct host {
	struct options options;
	struct demo_place place;
	struct demo_share share;
	struct demo_source source;
};

static void
print_help(FILE *f)
{
	fputs(
"ivshmem-demo-host: share rings, a packet pool and a memzone with guests; pass\n"
"messages and packets with nothing copied, and check every one.\n"
"\n"
"Usage: ivshmem-demo-host [EAL OPTIONS] -- [OPTIONS]\n"
"\n"
"  --vms N             share with N VMs (2 to 8) that pass everything from VM 1\n"
"                      to VM 2 and so on and back to VM 1; this program only\n"
"                      waits. Default: pass it to one guest and back\n"
"  --messages N        messages through the rings (default 1000000)\n"
"  --packets N         packets through the rings and back (default 1000000)\n"
"  --name NAME         of the metadata, and first part of each object's name\n"
"                      (default demo, at most 19 characters); with --vms the\n"
"                      metadata are NAME-vm1, NAME-vm2, ...\n"
"  --device-file PATH  also write the QEMU device string to this file, which\n"
"                      appears complete or not at all; with --vms to PATH.vm1,\n"
"                      PATH.vm2, ...\n"
DEMO_EXCHANGE_HELP
"  --help              this text; `ivshmem-demo-host --help`\n"
"\n"
"Without hugepages and without root:\n"
"  ivshmem-demo-host --no-huge -m 64 --no-pci --lcores 0@0\n"
"then QEMU with the device string that it prints, and in the guest:\n"
"  ivshmem-demo-guest --no-huge -m 16 -d librte_ivshmem.so\n"
"\n"
"Lcore ids may be the same everywhere: the pool has pages of its own, and each\n"
"program its private caches of it.\n"
"\n"
"Exit status: 0 if all passed without error, 1 otherwise.\n", f);
}

static bool
parse_option(struct options *options, int option, const char *name)
{
	switch (option) {
	case 'm':
		return demo_parse_number(name, optarg, 1, DEMO_COUNT_MAX,
					 &options->messages);
	case 'p':
		return demo_parse_number(name, optarg, 1, DEMO_COUNT_MAX,
					 &options->packets);
	case 'v':
		return demo_parse_number(name, optarg, 2, DEMO_STATIONS_MAX,
					 &options->vms);
	case 'n':
		options->name = optarg;
		return true;
	case 'd':
		options->device_file = optarg;
		return true;
	default:
		return demo_parse_exchange_option(&options->exchange, option,
						  optarg);
	}
}

static bool
parse_options(struct options *options, int argc, char **argv)
{
	static const struct option table[] = {
		{ "messages", required_argument, NULL, 'm' },
		{ "packets", required_argument, NULL, 'p' },
		{ "vms", required_argument, NULL, 'v' },
		{ "name", required_argument, NULL, 'n' },
		{ "device-file", required_argument, NULL, 'd' },
		DEMO_EXCHANGE_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	int option, index = 0;

	*options = (struct options){
		.name = DEMO_DEFAULT_NAME,
		.messages = 1000000,
		.packets = 1000000,
		.exchange = DEMO_EXCHANGE_DEFAULTS,
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

static bool
prepare(struct host *host, int argc, char **argv)
{
	const struct options *options = &host->options;
	struct demo_place *place = &host->place;

	if (!parse_options(&host->options, argc, argv))
		return false;
	place->message_total = options->messages;
	place->packet_total = options->packets;
	place->n_stations = options->vms == 0 ? 2 : (unsigned int)options->vms;
	place->station = options->vms == 0 ? 0 : DEMO_NO_STATION;
	place->timeout = (double)options->exchange.timeout;
	place->busy = options->exchange.busy;
	host->share.name = options->name;
	host->share.device_file = options->device_file;
	host->share.vms = (unsigned int)options->vms;
	return demo_names_set(&place->names, options->name,
			      options->vms != 0) &&
	       demo_share_all(&host->share, place);
}

/* Looking on */

/* Of all that is due at all stations. */
static uint64_t
received_by_all(const struct demo_place *place)
{
	uint64_t received = 0;

	for (unsigned int i = 0; i < place->n_stations; i++) {
		const struct demo_station *s = &place->control->stations[i];
		struct demo_tally messages = demo_tally_read(&s->messages);
		struct demo_tally packets = demo_tally_read(&s->packets);

		received += demo_tally_received(&messages) +
			    demo_tally_received(&packets);
	}
	return received;
}

static void
print_progress(const struct demo_place *place, uint64_t received)
{
	uint64_t total = place->n_stations *
			 (place->message_total + place->packet_total);
	char done[DEMO_COUNT_SIZE], of[DEMO_COUNT_SIZE];

	printf("looking on: %s of %s checks\n",
	       demo_format_count(done, received), demo_format_count(of, total));
}

/* Nothing of what passes is touched: this program reads counters, and mostly
 * sleeps. */
static int
look_on(const struct demo_place *place)
{
	const useconds_t poll_interval = 100000; /* microseconds */
	double last_print = demo_now(), last_progress = last_print;
	uint64_t before = 0;

	while (!demo_all_finished(place)) {
		uint64_t received = received_by_all(place);
		double now = demo_now();

		if (received != before)
			last_progress = now;
		before = received;
		if (now - last_print >= 1) {
			print_progress(place, received);
			last_print = now;
		}
		if (demo_stop_asked())
			return -EINTR;
		if (demo_somebody_stopped(place))
			return -ECONNRESET;
		if (now - last_progress >= place->timeout)
			return -ETIMEDOUT;
		usleep(poll_interval);
	}
	return 0;
}

static double
cpu_seconds(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int
exchange_between_vms(struct host *host)
{
	double started = demo_now(), used = cpu_seconds();
	int ret = look_on(&host->place);

	printf("this program used %.3f s of CPU time in %.1f s\n",
	       cpu_seconds() - used, demo_now() - started);
	return ret;
}

/* Exchange */

static int
exchange_with_guest(struct host *host)
{
	struct demo_station *own = demo_own(&host->place);
	int ret;

	host->place.in = host->share.rings[0];
	host->place.out = host->share.rings[1];
	host->source.place = &host->place;
	host->source.pool = host->share.pool;
	host->source.pause = host->options.exchange.pause;
	ret = demo_source_run(&host->source);
	demo_state_set(&own->state, ret == 0 ? DEMO_STATE_FINISHED
					     : DEMO_STATE_STOPPED);
	/* The tallies of the guest are final once it says so. */
	return ret == 0 ? look_on(&host->place) : ret;
}

static int
exchange(struct host *host)
{
	int ret = demo_wait_for_all(&host->place, host->options.exchange.wait);

	if (ret == 0)
		ret = host->options.vms == 0 ? exchange_with_guest(host)
					     : exchange_between_vms(host);
	demo_state_set(&host->place.control->host_state,
		       ret == 0 ? DEMO_STATE_FINISHED : DEMO_STATE_STOPPED);
	return ret;
}

static bool
run(struct host *host, int argc, char **argv)
{
	int ret;

	if (!prepare(host, argc, argv))
		return false;
	printf("\n");
	ret = exchange(host);
	if (ret != 0)
		demo_explain(&host->place, ret);
	if (ret == -ENOENT)
		return false; /* nothing to report */
	return demo_report(&host->share, &host->place) && ret == 0;
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

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest side of the demo: an ordinary DPDK program that knows nothing of
 * ivshmem.  It looks objects up by name and exchanges messages and packets, with
 * demo_host.c as a relay, or with other VMs as source or relay.
 *
 * That the objects are there is the work of the plugin librte_ivshmem.so; as a
 * secondary process of the host program (--proc-type=secondary) it runs the
 * same without any VM.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "demo_check.h"
#include "demo_common.h"
#include "demo_relay.h"
#include "demo_source.h"

struct options {
	const char *name;
	uint64_t vm;  /* 0: the guest of a host; or its number among VMs */
	bool resume;
	struct demo_exchange_options exchange;
};

struct guest {
	struct options options;
	struct demo_place place;
	struct rte_mempool *pool;
	struct demo_source source; /* one of the two roles */
	struct demo_relay relay;
};

static void
print_help(FILE *f)
{
	fputs(
"ivshmem-demo-guest: find the objects that ivshmem-demo-host shares, check every\n"
"message and packet, and pass each on.\n"
"\n"
"Usage: ivshmem-demo-guest [EAL OPTIONS] -- [OPTIONS]\n"
"\n"
"  --name NAME         first part of each object's name, as for the host program\n"
"                      (default demo)\n"
"  --vm N              this is VM number N of those of the host program's --vms;\n"
"                      VM 1 allocates, sends and frees\n"
"  --resume            go on in the place of a program that was killed; not VM 1\n"
DEMO_EXCHANGE_HELP
"  --help              this text; `ivshmem-demo-guest --help`\n"
"\n"
"In a guest whose QEMU has the device string of the host program:\n"
"  ivshmem-demo-guest --no-huge -m 16 -d librte_ivshmem.so\n"
"\n"
"Lcore ids may be the same everywhere: the pool has pages of its own, and each\n"
"program its private caches of it.\n"
"\n"
"Exit status: 0 if all passed without error, 1 otherwise.\n", f);
}

static bool
parse_option(struct options *options, int option)
{
	switch (option) {
	case 'n':
		options->name = optarg;
		return true;
	case 'v':
		return demo_parse_number("vm", optarg, 1, DEMO_STATIONS_MAX,
					 &options->vm);
	case 'r':
		options->resume = true;
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
		{ "name", required_argument, NULL, 'n' },
		{ "vm", required_argument, NULL, 'v' },
		{ "resume", no_argument, NULL, 'r' },
		DEMO_EXCHANGE_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){
		.name = DEMO_DEFAULT_NAME,
		.exchange = DEMO_EXCHANGE_DEFAULTS,
	};
	optind = 1;
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1)
		if (!parse_option(options, option))
			return false;
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

/* Private copies of what tells whose ring is whose. */
static bool
read_control(struct demo_place *place)
{
	const struct demo_control *control = place->control;

	if (control->magic != DEMO_MAGIC || control->version != DEMO_VERSION ||
	    control->size != sizeof(*control)) {
		fprintf(stderr, "memzone '%s' is not of this version of the "
			"demo: use host and guest program of one build\n",
			place->names.control);
		return false;
	}
	place->message_total = control->messages;
	place->packet_total = control->packets;
	place->n_stations = control->n_stations;
	if (place->n_stations < 2 || place->n_stations > DEMO_STATIONS_MAX ||
	    place->station >= place->n_stations) {
		fprintf(stderr, "the host program has places for %u VMs: "
			"--vm 1 to %u\n", place->n_stations, place->n_stations);
		return false;
	}
	return true;
}

static bool
find_objects(struct guest *guest)
{
	struct demo_place *place = &guest->place;
	const struct demo_names *names = &place->names;
	const struct rte_memzone *mz = rte_memzone_lookup(names->control);
	const char *in = names->ring[place->station], *out;
	bool missing = report_missing("memzone", names->control, mz);

	guest->pool = rte_mempool_lookup(names->pool);
	place->in = rte_ring_lookup(in);
	missing |= report_missing("mempool", names->pool, guest->pool);
	missing |= report_missing("ring", in, place->in);
	if (missing) {
		fprintf(stderr,
			"Check, in this order: lines of lib.ivshmem above; is "
			"the plugin loaded (-d librte_ivshmem.so)? Has the "
			"guest the device (lspci -d 1af4:1110)? Was QEMU "
			"started with the string that the host program "
			"printed, and do --name and --vm agree?\n");
		return false;
	}
	place->control = mz->addr;
	if (!read_control(place))
		return false;
	out = names->ring[demo_next(place, place->station)];
	place->out = rte_ring_lookup(out);
	if (report_missing("ring", out, place->out))
		return false;
	printf("found %s, %s, %s and %s by name\n", in, out, names->pool,
	       names->control);
	return true;
}

/* A VM sees what was shared with it, and no other. */
static void
show_others(const struct demo_place *place)
{
	for (unsigned int i = 0; i < place->n_stations; i++)
		if (i != place->station &&
		    i != demo_next(place, place->station))
			printf("%s, to %s, is %s\n", place->names.ring[i],
			       place->names.station[i],
			       rte_ring_lookup(place->names.ring[i]) == NULL ?
			       "not shared with this VM" : "shared as well");
}

/* Attaching */

static bool
take_place(const struct guest *guest)
{
	struct demo_station *own = demo_own(&guest->place);
	uint32_t expected = DEMO_STATE_NONE;

	if (demo_state_get(&guest->place.control->host_state) ==
	    DEMO_STATE_READY &&
	    (__atomic_compare_exchange_n(&own->state, &expected,
					 (uint32_t)DEMO_STATE_ATTACHED, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
	     (guest->options.resume && expected == DEMO_STATE_ATTACHED)))
		return true;
	fprintf(stderr, "the host program is done, or another guest program "
		"has this place: one for each run of it; --resume goes on "
		"where one was killed\n");
	return false;
}

static bool
attach(struct guest *guest)
{
	struct demo_place *place = &guest->place;
	bool good = true;

	if (!take_place(guest))
		return false;
	/* No other life of this place is there. */
	if (demo_own(place)->lives++ == 0) {
		demo_relay_start(&guest->relay, place);
	} else {
		good = demo_relay_resume(&guest->relay, place);
		printf("going on behind %" PRIu64 " messages and %" PRIu64
		       " packets\n", demo_tally_received(&guest->relay.messages),
		       demo_tally_received(&guest->relay.packets));
	}
	return good;
}

static bool
prepare(struct guest *guest, int argc, char **argv)
{
	const struct options *options = &guest->options;
	struct demo_place *place = &guest->place;

	if (!parse_options(&guest->options, argc, argv))
		return false;
	if (options->resume && options->vm == 1) {
		fprintf(stderr, "--resume: not for VM 1: it alone knows which "
			"buffers travel; start the host program and all VMs "
			"anew\n");
		return false;
	}
	place->station = options->vm == 0 ? 1 : (unsigned int)options->vm - 1;
	place->timeout = (double)options->exchange.timeout;
	place->busy = options->exchange.busy;
	return demo_names_set(&place->names, options->name, options->vm != 0) &&
	       find_objects(guest) && attach(guest);
}

/* Exchange */

static int
exchange(struct guest *guest)
{
	int ret = demo_wait_for_all(&guest->place,
				    guest->options.exchange.wait);

	if (ret != 0)
		return ret;
	if (guest->place.station != 0)
		return demo_relay_run(&guest->relay);
	guest->source.place = &guest->place;
	guest->source.pool = guest->pool;
	guest->source.pause = guest->options.exchange.pause;
	return demo_source_run(&guest->source);
}

/* Report */

static bool
report_phase(const char *what, const struct demo_tally *tally, uint64_t total)
{
	char count[DEMO_COUNT_SIZE], rate[DEMO_COUNT_SIZE];
	char errors[DEMO_COUNT_SIZE];

	printf("checked %s %s (%s), errors: %s\n",
	       demo_format_count(count, demo_tally_received(tally)), what,
	       demo_format_rate(rate, demo_tally_received(tally),
				(double)tally->microseconds / 1e6),
	       demo_format_count(errors, demo_tally_errors(tally)));
	return tally->passed == total;
}

/* True if all passed without error. */
static bool
report(const struct guest *guest)
{
	bool source = guest->place.station == 0;
	bool good = report_phase("messages", source ? &guest->source.messages
						    : &guest->relay.messages,
				 guest->place.message_total);

	return report_phase("packets", source ? &guest->source.packets
					      : &guest->relay.packets,
			    guest->place.packet_total) && good;
}

static bool
run(struct guest *guest, int argc, char **argv)
{
	bool good;
	int ret;

	if (!prepare(guest, argc, argv))
		return false;
	show_others(&guest->place);
	ret = exchange(guest);
	if (ret != 0)
		demo_explain(&guest->place, ret);
	good = report(guest) && ret == 0;
	demo_state_set(&demo_own(&guest->place)->state,
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

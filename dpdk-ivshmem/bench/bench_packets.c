/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One of two processes that exchange packets, for the benchmarks packets and
 * latency.  Both sides of all contestants are this program.
 *
 * usage: bench-packets EAL-ARGUMENTS -- ROLE [room=N] [mbufs=N] [cache=N] [ring=N]
 *                      [desc=N]
 *
 *   share   make a pool and two rings, and share them
 *   attach  find those that another process shares
 *   ethdev  use the one ethdev that the EAL's arguments name
 *
 * It prints "started" when the other process may start, and "ready" when both
 * see each other.  Then it runs commands, a line each, and sleeps between them:
 *
 *   send PORT SIZE TOUCHED BURST WARM_US US
 *   receive PORT SIZE TOUCHED BURST WARM_US US   packets per second
 *   ping PORT packet|number N                    ns: median, 99 %, 99.9 %
 *   pong PORT packet|number N
 *
 * PORT is `ethdev`; with rings also `return` and `free`.  The answer is "good" and
 * the numbers; a packet that is lost, doubled or not as it was sent ends the
 * program with status 1.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "packets_port.h"
#include "packets_work.h"

#define PINGS_MAX 1000000
#define PINGS_WARM 1000

struct bench {
	struct packets_port port;
	bool rings; /* else only the ethdev */
};

/* ---- set up ----------------------------------------------------------------- */

static bool
read_setup(struct packets_setup *setup, char **words, int n)
{
	const struct {
		const char *format;
		unsigned int *value;
	} keys[] = {
		{ "room=%u%c", &setup->room },
		{ "mbufs=%u%c", &setup->mbufs },
		{ "cache=%u%c", &setup->cache },
		{ "ring=%u%c", &setup->ring },
		{ "desc=%u%c", &setup->desc },
	};

	for (int i = 0; i < n; i++) {
		bool known = false;
		char rest;

		for (size_t j = 0; j < RTE_DIM(keys) && !known; j++)
			known = sscanf(words[i], keys[j].format, keys[j].value,
				       &rest) == 1;
		if (!known) {
			fprintf(stderr, "what is '%s'?\n", words[i]);
			return false;
		}
	}
	return true;
}

static bool
set_up(struct bench *bench, const char *role, const struct packets_setup *setup)
{
	struct packets_port *port = &bench->port;

	if (strcmp(role, "ethdev") == 0) {
		if (!packets_ethdev_start(port, setup))
			return false;
		puts("started");
		return packets_ethdev_wait(port);
	}
	bench->rings = true;
	if (strcmp(role, "share") == 0) {
		if (!packets_rings_share(port, setup, "packets"))
			return false;
		puts("started");
		return packets_ethdev_from_rings(port, true);
	}
	if (strcmp(role, "attach") != 0) {
		fprintf(stderr, "role: share, attach or ethdev\n");
		return false;
	}
	if (!packets_rings_attach(port))
		return false;
	puts("started");
	return packets_ethdev_from_rings(port, false);
}

/* ---- commands --------------------------------------------------------------- */

static bool
choose(struct bench *bench, const char *name)
{
	static const struct packets_port_ops *const all[] = {
		&packets_ethdev, &packets_rings_return, &packets_rings_free,
	};

	for (size_t i = 0; i < RTE_DIM(all); i++) {
		if (i > 0 && !bench->rings)
			break;
		bench->port.ops = all[i];
		if (strcmp(name, all[i]->name) == 0)
			return true;
	}
	fprintf(stderr, "no port '%s'\n", name);
	return false;
}

static bool
run_job(struct bench *bench, const char *verb, const struct packets_job *job)
{
	double rate = 0;

	if (job->burst == 0 || job->burst > PACKETS_BURST_MAX ||
	    job->size % sizeof(uint32_t) != 0 || job->touched > job->size ||
	    job->touched < PACKETS_HEADER) {
		fprintf(stderr, "no such packets or bursts\n");
		return false;
	}
	if (strcmp(verb, "send") == 0) {
		if (!packets_send(&bench->port, job))
			return false;
		puts("good");
		return true;
	}
	if (!packets_receive(&bench->port, job, &rate))
		return false;
	printf("good %.0f\n", rate);
	return true;
}

static int
compare_cycles(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
percentile(const uint64_t *sorted, uint32_t n, double share)
{
	return (double)sorted[(uint32_t)(n * share)] * 1e9 /
	       (double)rte_get_tsc_hz();
}

static bool
run_ping(struct bench *bench, bool number, uint32_t n)
{
	static uint64_t cycles[PINGS_WARM + PINGS_MAX];
	uint64_t *counted = cycles + PINGS_WARM;

	if (!packets_ping(&bench->port, number, PINGS_WARM + n, cycles))
		return false;
	qsort(counted, n, sizeof(*counted), compare_cycles);
	printf("good %.1f %.1f %.1f\n", percentile(counted, n, 0.5),
	       percentile(counted, n, 0.99), percentile(counted, n, 0.999));
	return true;
}

static bool
run_pong(struct bench *bench, bool number, uint32_t n)
{
	if (!packets_pong(&bench->port, number, PINGS_WARM + n))
		return false;
	puts("good");
	return true;
}

static bool
run_pings(struct bench *bench, const char *verb, const char *what, uint32_t n)
{
	bool number = strcmp(what, "number") == 0;

	if (n == 0 || n > PINGS_MAX ||
	    (number && bench->port.ops != &packets_rings_return)) {
		fprintf(stderr, "no such pings\n");
		return false;
	}
	return strcmp(verb, "ping") == 0 ? run_ping(bench, number, n)
					 : run_pong(bench, number, n);
}

static bool
run_command(struct bench *bench, const char *line)
{
	struct packets_job job;
	char verb[8], port[8], what[8];
	uint32_t n;

	if (sscanf(line, "%7s %7s %" SCNu16 "%" SCNu16 "%" SCNu16 "%" SCNu64
		   "%" SCNu64, verb, port, &job.size, &job.touched, &job.burst,
		   &job.warm_us, &job.us) == 7)
		return choose(bench, port) && run_job(bench, verb, &job);
	if (sscanf(line, "%7s %7s %7s %" SCNu32, verb, port, what, &n) == 4)
		return choose(bench, port) && run_pings(bench, verb, what, n);
	fprintf(stderr, "no command: %s", line);
	return false;
}

static bool
serve(struct bench *bench)
{
	char line[256];

	puts("ready");
	while (fgets(line, sizeof(line), stdin) != NULL)
		if (!run_command(bench, line))
			return false;
	packets_ethdev_stop(&bench->port);
	return true;
}

int
main(int argc, char **argv)
{
	struct packets_setup setup = {
		.room = RTE_MBUF_DEFAULT_DATAROOM,
		.mbufs = 4095,
		.cache = 256,
		.ring = 1024,
		.desc = 1024,
	};
	static struct bench bench;
	int parsed, status = EXIT_FAILURE;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN); /* the peer may end first */
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0)
		return EXIT_FAILURE;
	if (argc - parsed < 2)
		fprintf(stderr, "usage: bench-packets EAL-ARGUMENTS -- ROLE ...\n");
	else if (read_setup(&setup, argv + parsed + 2, argc - parsed - 2) &&
		 set_up(&bench, argv[parsed + 1], &setup) && serve(&bench))
		status = EXIT_SUCCESS;
	rte_eal_cleanup();
	return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "demo_common.h"

static volatile sig_atomic_t stop_asked;

bool
demo_parse_number(const char *option, const char *text, uint64_t min,
		  uint64_t max, uint64_t *value)
{
	char *end = NULL;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    number < min || number > max) {
		fprintf(stderr,
			"--%s: a number from %" PRIu64 " to %" PRIu64
			", not '%s'\n", option, min, max, text);
		return false;
	}
	*value = number;
	return true;
}

static bool
parse_poll(const char *text, bool *busy)
{
	*busy = strcmp(text, "busy") == 0;
	if (*busy || strcmp(text, "sleep") == 0)
		return true;
	fprintf(stderr, "--poll: busy or sleep, not '%s'\n", text);
	return false;
}

bool
demo_parse_exchange_option(struct demo_exchange_options *options, int option,
			   const char *value)
{
	switch (option) {
	case 'T':
		return demo_parse_number("timeout", value, 1, 86400,
					 &options->timeout);
	case 'W':
		return demo_parse_number("wait", value, 0, 86400,
					 &options->wait);
	case 'P':
		return demo_parse_number("pause", value, 0, 10000,
					 &options->pause);
	case 'B':
		return parse_poll(value, &options->busy);
	default:
		return false; /* getopt has said why */
	}
}

static bool
help_asked(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

char *
demo_format_count(char text[DEMO_COUNT_SIZE], uint64_t count)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *out = text;

	for (int i = 0; i < length; i++) {
		if (i != 0 && (length - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return text;
}

char *
demo_format_rate(char text[DEMO_COUNT_SIZE], uint64_t count, double seconds)
{
	double rate = seconds > 0 ? (double)count / seconds : 0;

	if (rate >= 1e6)
		snprintf(text, DEMO_COUNT_SIZE, "%.2f M/s", rate / 1e6);
	else
		snprintf(text, DEMO_COUNT_SIZE, "%.1f k/s", rate / 1e3);
	return text;
}

double
demo_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
ask_to_stop(int signum)
{
	(void)signum;
	stop_asked = 1;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = ask_to_stop };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int
demo_start(int argc, char **argv, void (*print_help)(FILE *f))
{
	int parsed;

	if (help_asked(argc, argv)) {
		print_help(stdout);
		exit(EXIT_SUCCESS);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0) {
		fprintf(stderr, "EAL did not start: %s\n",
			rte_strerror(rte_errno));
		exit(EXIT_FAILURE);
	}
	catch_signals();
	return parsed;
}

bool
demo_stop_asked(void)
{
	return stop_asked != 0;
}

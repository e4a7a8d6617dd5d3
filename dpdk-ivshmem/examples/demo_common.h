/* SPDX-License-Identifier: BSD-3-Clause */
/* What both demo programs need of a program: options, the EAL, signals, time,
 * numbers for people. */
#ifndef DEMO_COMMON_H
#define DEMO_COMMON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Read a decimal number from min to max; false, with a message that names the
 * option, if text is something else. */
bool demo_parse_number(const char *option, const char *text, uint64_t min,
		       uint64_t max, uint64_t *value);

/* Options of whoever exchanges, in both programs. */
struct demo_exchange_options {
	uint64_t timeout; /* seconds without progress */
	uint64_t wait;    /* seconds until all must be there; 0: no limit */
	uint64_t pause;   /* milliseconds that the source sleeps after a burst */
	bool busy;        /* poll without ever sleeping */
};

#define DEMO_EXCHANGE_DEFAULTS { .timeout = 30 }

/* For the table of getopt_long() and for demo_parse_exchange_option(). */
#define DEMO_EXCHANGE_OPTIONS \
	{ "timeout", required_argument, NULL, 'T' }, \
	{ "wait", required_argument, NULL, 'W' }, \
	{ "pause", required_argument, NULL, 'P' }, \
	{ "poll", required_argument, NULL, 'B' }

#define DEMO_EXCHANGE_HELP \
"  --wait SECONDS      give up if not all are there by then (default 0: never)\n" \
"  --timeout SECONDS   give up without progress for so long (default 30)\n" \
"  --poll busy|sleep   busy: an idle program never sleeps, for machines with a CPU\n" \
"                      for each (default sleep: 50 us after 512 empty polls)\n" \
"  --pause MS          the side that allocates sleeps so long after each burst of\n" \
"                      32, to look on (default 0)\n"

/* False, with a message, for a wrong value or another option. */
bool demo_parse_exchange_option(struct demo_exchange_options *options,
				int option, const char *value);

/* Start the EAL, and let SIGINT and SIGTERM ask for the end.  Ends the program
 * if that fails, or if --help (or -h) is among the arguments, on either side
 * of "--".  The number of arguments that the EAL took. */
int demo_start(int argc, char **argv, void (*print_help)(FILE *f));

/* 1234567 as "1,234,567".  Returns text. */
#define DEMO_COUNT_SIZE 32
char *demo_format_count(char text[DEMO_COUNT_SIZE], uint64_t count);

/* Events per second as "1.83 M/s".  Returns text. */
char *demo_format_rate(char text[DEMO_COUNT_SIZE], uint64_t count,
		       double seconds);

/* Monotonic time in seconds. */
double demo_now(void);

/* True once SIGINT or SIGTERM has come. */
bool demo_stop_asked(void);

#endif /* DEMO_COMMON_H */

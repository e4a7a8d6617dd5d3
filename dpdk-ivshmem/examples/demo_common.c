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

/* Of each phase; the tallies count the rest. */
#define ERRORS_PRINTED 5

static volatile sig_atomic_t stop_asked;

bool
demo_names_set(struct demo_names *names, const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > DEMO_NAME_MAX) {
		fprintf(stderr, "--name: 1 to %d characters, not '%s'\n",
			DEMO_NAME_MAX, name);
		return false;
	}
	snprintf(names->to_guest, sizeof(names->to_guest), "%s_to_guest", name);
	snprintf(names->to_host, sizeof(names->to_host), "%s_to_host", name);
	snprintf(names->pool, sizeof(names->pool), "%s_pool", name);
	snprintf(names->control, sizeof(names->control), "%s_control", name);
	return true;
}

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

struct demo_tally
demo_tally_read(const struct demo_tally *tally)
{
	return (struct demo_tally){
		.passed = __atomic_load_n(&tally->passed, __ATOMIC_RELAXED),
		.sequence_errors = __atomic_load_n(&tally->sequence_errors,
						   __ATOMIC_RELAXED),
		.content_errors = __atomic_load_n(&tally->content_errors,
						  __ATOMIC_RELAXED),
	};
}

static void
tally_publish(struct demo_tally *shared, const struct demo_tally *own)
{
	__atomic_store_n(&shared->passed, own->passed, __ATOMIC_RELAXED);
	__atomic_store_n(&shared->sequence_errors, own->sequence_errors,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&shared->content_errors, own->content_errors,
			 __ATOMIC_RELAXED);
}

static bool
error_is_printed(const struct demo_tally *tally)
{
	return demo_tally_errors(tally) <= ERRORS_PRINTED;
}

void
demo_count_sequence_error(struct demo_tally *tally, const char *reason)
{
	uint64_t number = demo_tally_received(tally);

	tally->sequence_errors++;
	if (error_is_printed(tally))
		fprintf(stderr, "number %" PRIu64 ": %s\n", number, reason);
}

static void
count_wrong_number(struct demo_tally *tally, uint64_t got)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "got number %" PRIu64 " instead", got);
	demo_count_sequence_error(tally, reason);
}

static void
count_wrong_content(struct demo_tally *tally, unsigned int word,
		    uint64_t expected, uint64_t got)
{
	uint64_t number = demo_tally_received(tally);

	tally->content_errors++;
	if (error_is_printed(tally))
		fprintf(stderr,
			"number %" PRIu64 ", word %u: expected %016" PRIx64
			", got %016" PRIx64 "\n", number, word, expected, got);
}

void
demo_check_message(struct demo_tally *tally, uint64_t value, bool answered)
{
	uint32_t number = (uint32_t)demo_tally_received(tally);
	uint64_t expected = demo_message(number);
	uint64_t got = answered ? demo_unanswer(value) : value;

	if (got == expected)
		tally->passed++;
	else if ((uint32_t)got != number)
		count_wrong_number(tally, (uint32_t)got);
	else
		count_wrong_content(tally, 0, expected, got);
}

void
demo_check_packet(struct demo_tally *tally, const struct rte_mbuf *m,
		  bool answered)
{
	uint32_t number = (uint32_t)demo_tally_received(tally);
	const uint64_t *words = rte_pktmbuf_mtod(m, const uint64_t *);
	const size_t size = DEMO_PAYLOAD_WORDS * sizeof(words[0]);

	if (m->nb_segs != 1 || m->data_len != size || m->pkt_len != size) {
		demo_count_sequence_error(tally, "not a packet of the demo");
		return;
	}
	for (unsigned int i = 0; i < DEMO_PAYLOAD_WORDS; i++) {
		uint64_t expected = demo_payload_word(number, i);
		uint64_t got = answered ? demo_unanswer(words[i]) : words[i];

		if (got == expected)
			continue;
		if (i == 0)
			count_wrong_number(tally, got);
		else
			count_wrong_content(tally, i, expected, got);
		return;
	}
	tally->passed++;
}

void
demo_watch_start(struct demo_watch *watch, const char *what, uint64_t total,
		 const struct demo_tally *tally, struct demo_tally *published,
		 const uint32_t *peer_state, double timeout)
{
	double now = demo_now();

	*watch = (struct demo_watch){
		.what = what,
		.total = total,
		.tally = tally,
		.published = published,
		.peer_state = peer_state,
		.timeout = timeout,
		.started = now,
		.last_progress = now,
		.last_print = now,
	};
}

static void
watch_print(struct demo_watch *watch, double now)
{
	uint64_t received = demo_tally_received(watch->tally);
	char done[DEMO_COUNT_SIZE], total[DEMO_COUNT_SIZE];
	char rate[DEMO_COUNT_SIZE], errors[DEMO_COUNT_SIZE];

	printf("%-8s %11s of %s, %s, errors: %s\n", watch->what,
	       demo_format_count(done, received),
	       demo_format_count(total, watch->total),
	       demo_format_rate(rate, received - watch->last_printed,
				now - watch->last_print),
	       demo_format_count(errors, demo_tally_errors(watch->tally)));
	watch->last_print = now;
	watch->last_printed = received;
}

int
demo_watch_check(struct demo_watch *watch)
{
	uint64_t received = demo_tally_received(watch->tally);
	double now = demo_now();

	tally_publish(watch->published, watch->tally);
	if (received != watch->last_received) {
		watch->last_received = received;
		watch->last_progress = now;
	}
	if (now - watch->last_print >= 1)
		watch_print(watch, now);
	if (demo_stop_asked())
		return -EINTR;
	if (demo_state_get(watch->peer_state) == DEMO_STATE_STOPPED)
		return -ECONNRESET;
	if (now - watch->last_progress >= watch->timeout)
		return -ETIMEDOUT;
	return 0;
}

double
demo_watch_finish(struct demo_watch *watch)
{
	double now = demo_now();
	double seconds = now - watch->started;

	tally_publish(watch->published, watch->tally);
	/* The last line tells the rate of the whole phase. */
	watch->last_print = watch->started;
	watch->last_printed = 0;
	watch_print(watch, now);
	return seconds;
}

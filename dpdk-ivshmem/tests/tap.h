/* SPDX-License-Identifier: BSD-3-Clause */
/* Test Anything Protocol: one line per check, the plan at the end. */
#ifndef IVSHMEM_TAP_H
#define IVSHMEM_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned int tap_checks;
static unsigned int tap_failures;

/** Report a check; returns `passed`. */
__attribute__((format(printf, 2, 3)))
static inline bool check(bool passed, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", passed ? "" : "not ", ++tap_checks);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	tap_failures += !passed;
	return passed;
}

/** Report a check that this machine cannot make. */
static inline void skip(const char *name, const char *reason)
{
	printf("ok %u - %s # SKIP %s\n", ++tap_checks, name, reason);
}

/** End a program that cannot go on. */
static inline void bail_out(const char *reason)
{
	printf("Bail out! %s\n", reason);
	fflush(stdout);
	exit(1);
}

/** Print the plan; the exit status of the program. */
static inline int tap_end(void)
{
	printf("1..%u\n", tap_checks);
	return tap_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif

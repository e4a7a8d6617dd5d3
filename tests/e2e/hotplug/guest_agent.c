/*
 * guest_agent: what the tests of hot plug need in the guest. It reads commands
 * from a serial port and answers them; the test decides what is right.
 *
 * A command is one line, "NUMBER NAME ARGUMENT...", and so is an answer,
 * "NUMBER ok VALUE..." or "NUMBER error REASON". Numbers are in C notation.
 *
 *   plugged ADDRESS           wait until the device is there; start and end of BAR 2
 *   gone ADDRESS              wait until the device is no longer there
 *   map ADDRESS               enable the device and map its BAR 2
 *   unmap
 *   expect OFFSET SIZE FIRST  the 64-bit words there are FIRST, FIRST + 1, ...
 *   fill OFFSET SIZE FIRST    make them so
 *   zero OFFSET SIZE          they are 0
 *   peek OFFSET               the word there, or that the access raised SIGBUS
 *   poke OFFSET VALUE
 *   write FILE TEXT           such as a file of sysfs
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices"
#define ARGUMENTS 3
#define POLL_MICROSECONDS 1000
#define POLLS 60000 /* a minute and more: the host gives up earlier */

struct command {
	const char *name;
	int arguments;
	void (*run)(char **argument);
};

static FILE *from_host, *to_host;
static unsigned long number; /* of the command that is to be answered */
static volatile uint64_t *bar;
static size_t bar_size;
static sigjmp_buf sigbus;

static void __attribute__((format(printf, 1, 2))) answer(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fprintf(to_host, "%lu ", number);
	vfprintf(to_host, format, list);
	fputc('\n', to_host);
	fflush(to_host);
	va_end(list);
}

static void answer_errno(const char *what)
{
	answer("error %s: %s", what, strerror(errno));
}

/* ---- files ------------------------------------------------------------------ */

/* In one write, with the newline that some files of sysfs insist on. */
static bool write_line(const char *path, const char *text)
{
	char line[256];
	const int length = snprintf(line, sizeof(line), "%s\n", text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, line, (size_t)length) == length;
	close(fd);
	return done;
}

static void run_write(char **argument)
{
	if (write_line(argument[0], argument[1]))
		answer("ok");
	else
		answer_errno(argument[0]);
}

/* ---- devices ---------------------------------------------------------------- */

/*
 * The kernel shows a new device in sysfs first, then gives it addresses, and
 * has made all files when it adds it to /proc/bus/pci.
 */
static bool is_complete(const char *address)
{
	char path[PATH_MAX];
	const char *domain_end = strchr(address, ':');

	if (domain_end == NULL || strlen(domain_end) < 4)
		return false;
	snprintf(path, sizeof(path), "/proc/bus/pci/%.2s/%s", domain_end + 1, domain_end + 4);
	return access(path, F_OK) == 0;
}

/* The third line of "resource": start and end of BAR 2, 0 and 0 without a place. */
static void answer_bar2(const char *address)
{
	char path[PATH_MAX], line[128] = "";
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "/%s/resource", address);
	file = fopen(path, "r");
	for (int i = 0; file != NULL && i < 3; i++)
		if (fgets(line, sizeof(line), file) == NULL)
			line[0] = '\0';
	if (file != NULL)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
	answer("ok %s", line);
}

static void run_plugged(char **argument)
{
	for (int i = 0; i < POLLS; i++) {
		if (is_complete(argument[0])) {
			answer_bar2(argument[0]);
			return;
		}
		usleep(POLL_MICROSECONDS);
	}
	answer("error %s has not appeared", argument[0]);
}

static void run_gone(char **argument)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s", argument[0]);
	for (int i = 0; i < POLLS; i++) {
		if (access(path, F_OK) != 0) {
			answer("ok");
			return;
		}
		usleep(POLL_MICROSECONDS);
	}
	answer("error %s is still there", argument[0]);
}

/* ---- shared memory ---------------------------------------------------------- */

static void *map_file(const char *path)
{
	struct stat status;
	void *memory = MAP_FAILED;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return MAP_FAILED;
	if (fstat(fd, &status) == 0) {
		bar_size = (size_t)status.st_size;
		memory = mmap(NULL, bar_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	close(fd);
	return memory;
}

static void run_map(char **argument)
{
	char path[PATH_MAX];
	void *memory;

	if (bar != NULL) {
		answer("error a BAR is mapped");
		return;
	}
	snprintf(path, sizeof(path), DEVICES "/%s/enable", argument[0]);
	if (!write_line(path, "1")) {
		answer_errno(path);
		return;
	}
	snprintf(path, sizeof(path), DEVICES "/%s/resource2", argument[0]);
	memory = map_file(path);
	if (memory == MAP_FAILED) {
		answer_errno(path);
		return;
	}
	bar = memory;
	answer("ok %#zx", bar_size);
}

static void run_unmap(char **argument)
{
	(void)argument;
	if (bar == NULL || munmap((void *)(uintptr_t)bar, bar_size) != 0) {
		answer("error cannot unmap");
		return;
	}
	bar = NULL;
	answer("ok");
}

/* words: those of a range, or NULL after an answer that says why not. */
static volatile uint64_t *words(const char *offset_text, const char *size_text, size_t *count)
{
	const size_t offset = strtoull(offset_text, NULL, 0);
	const size_t size = strtoull(size_text, NULL, 0);

	if (bar == NULL || offset > bar_size || size > bar_size - offset ||
	    (offset | size) % sizeof(*bar) != 0) {
		answer("error %s + %s: not in a mapped BAR", offset_text, size_text);
		return NULL;
	}
	*count = size / sizeof(*bar);
	return bar + offset / sizeof(*bar);
}

/* compare: word i is to be first + i * step. */
static void compare(char **argument, uint64_t first, uint64_t step)
{
	size_t count;
	const volatile uint64_t *word = words(argument[0], argument[1], &count);

	for (size_t i = 0; word != NULL && i < count; i++) {
		const uint64_t seen = word[i];

		if (seen != first + i * step) {
			answer("error word %zu from %s is %#" PRIx64 ", not %#" PRIx64, i,
			       argument[0], seen, first + i * step);
			return;
		}
	}
	if (word != NULL)
		answer("ok");
}

static void run_expect(char **argument)
{
	compare(argument, strtoull(argument[2], NULL, 0), 1);
}

static void run_zero(char **argument)
{
	compare(argument, 0, 0);
}

static void run_fill(char **argument)
{
	const uint64_t first = strtoull(argument[2], NULL, 0);
	size_t count;
	volatile uint64_t *word = words(argument[0], argument[1], &count);

	if (word == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		word[i] = first + i;
	answer("ok");
}

static void run_peek(char **argument)
{
	size_t count;
	volatile uint64_t *word = words(argument[0], "8", &count);

	if (word != NULL)
		answer("ok %#" PRIx64, *word);
}

static void run_poke(char **argument)
{
	size_t count;
	volatile uint64_t *word = words(argument[0], "8", &count);

	if (word == NULL)
		return;
	*word = strtoull(argument[1], NULL, 0);
	answer("ok");
}

/* ---- commands --------------------------------------------------------------- */

static const struct command commands[] = {
	{"plugged", 1, run_plugged}, {"gone", 1, run_gone}, {"map", 1, run_map},
	{"unmap", 0, run_unmap}, {"expect", 3, run_expect}, {"fill", 3, run_fill},
	{"zero", 2, run_zero}, {"peek", 1, run_peek}, {"poke", 2, run_poke},
	{"write", 2, run_write},
};

static void run_line(char *line)
{
	char *argument[ARGUMENTS + 1], *rest = NULL, *word;
	const char *name;
	int count = 0;

	word = strtok_r(line, " \r\n", &rest);
	if (word == NULL)
		return;
	number = strtoul(word, NULL, 0);
	name = strtok_r(NULL, " \r\n", &rest);
	while (count <= ARGUMENTS && (word = strtok_r(NULL, " \r\n", &rest)) != NULL)
		argument[count++] = word;
	for (size_t i = 0; name != NULL && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(name, commands[i].name) == 0 && count == commands[i].arguments) {
			commands[i].run(argument);
			return;
		}
	}
	answer("error not a command");
}

static void on_sigbus(int signal_number)
{
	(void)signal_number;
	siglongjmp(sigbus, 1);
}

/* The port passes bytes as they are: no echo, no control characters. */
static bool open_port(const char *path)
{
	struct termios settings;
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &settings) != 0)
		return false;
	cfmakeraw(&settings);
	settings.c_cflag |= CLOCAL;
	if (tcsetattr(fd, TCSANOW, &settings) != 0)
		return false;
	from_host = fdopen(fd, "r");
	to_host = fdopen(dup(fd), "w");
	return from_host != NULL && to_host != NULL;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_sigbus};
	char line[PATH_MAX];

	if (argc != 2 || !open_port(argv[1]) || sigaction(SIGBUS, &action, NULL) != 0) {
		fprintf(stderr, "usage: guest_agent SERIAL-PORT\n");
		return 2;
	}
	puts("guest_agent: ready");
	fflush(stdout);
	for (;;) {
		if (sigsetjmp(sigbus, 1) != 0)
			answer("error SIGBUS");
		if (fgets(line, sizeof(line), from_host) == NULL)
			return 1;
		run_line(line);
	}
}

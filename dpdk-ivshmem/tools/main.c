/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "tool.h"

#define PROGRAM "dpdk-ivshmem"
#define N(array) (sizeof(array) / sizeof((array)[0]))

static const struct tool_command *const commands[] = {
	&tool_list, &tool_dump, &tool_check, &tool_audit, &tool_device,
	&tool_clean,
};

/** What an option is called and does. */
struct option_help {
	struct option option;
	const char *argument;
	const char *text;
};

static const struct option_help options_known[] = {
	{ { "json", no_argument, NULL, 'j' }, "", "print one JSON document" },
	{ { "svg", no_argument, NULL, 's' }, "",
	  "draw the layout of BAR 2 as SVG" },
	{ { "dry-run", no_argument, NULL, 'n' }, "",
	  "only tell what would be removed" },
	{ { "form", required_argument, NULL, 'f' }, "=FORM",
	  "auto (default), plain, json, layout, shm, qmp-add, qmp-del, libvirt" },
	{ { "layout", required_argument, NULL, 'l' }, "=PATH",
	  "write the layout file there, if the form uses one" },
	{ { "help", no_argument, NULL, 'h' }, "", "this text" },
};

static void error_line(const char *format, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, args);
	text_clean(line);
	fflush(stdout);
	fprintf(stderr, PROGRAM ": %s\n", line);
}

void tool_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_line(format, args);
	va_end(args);
}

enum tool_status tool_wrong_usage(const struct tool_command *command,
				  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_line(format, args);
	va_end(args);
	fprintf(stderr, "Try '" PROGRAM " %s%s--help'.\n",
		command == NULL ? "" : command->name,
		command == NULL ? "" : " ");
	return TOOL_USAGE;
}

static void print_help(void)
{
	puts("dpdk-ivshmem: look at DPDK objects that are shared with virtual machines,\n"
	     "and clean up after processes that died.\n"
	     "\n"
	     "Usage: " PROGRAM " COMMAND [OPTIONS] [ARGUMENTS]\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < N(commands); i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
	puts("\n"
	     "Options:\n"
	     "  --help      this text; '" PROGRAM " COMMAND --help' for a command\n"
	     "  --version   the version of this program\n"
	     "\n"
	     "FILE is the path of a metadata file, or the name of metadata on this machine.\n"
	     "DEVICE is the address of a PCI device in a guest, such as 0000:00:04.0.\n"
	     "\n"
	     "Exit status: 0 if all went well, 1 if something failed or metadata is bad,\n"
	     "2 for wrong usage.");
}

static void print_command_help(const struct tool_command *command)
{
	char name[32];

	printf("%s %s: %s\n\nUsage: " PROGRAM " %s [OPTIONS] %s\n\n%s\nOptions:\n",
	       PROGRAM, command->name, command->summary, command->name,
	       command->words, command->help);
	for (size_t i = 0; i < N(options_known); i++) {
		const struct option_help *o = &options_known[i];

		if (strchr(command->options, o->option.val) == NULL &&
		    o->option.val != 'h')
			continue;
		snprintf(name, sizeof(name), "--%s%s", o->option.name,
			 o->argument);
		printf("  %-15s %s\n", name, o->text);
	}
}

static void take_option(struct tool_options *options, int letter)
{
	switch (letter) {
	case 'j':
		options->json = true;
		break;
	case 's':
		options->svg = true;
		break;
	case 'n':
		options->dry_run = true;
		break;
	case 'f':
		options->form = optarg;
		break;
	case 'l':
		options->layout = optarg;
		break;
	}
}

/* The options that a command takes, for getopt_long(). */
static void select_options(const struct tool_command *command,
			   struct option *selected)
{
	for (size_t i = 0; i < N(options_known); i++)
		if (options_known[i].option.val == 'h' ||
		    strchr(command->options, options_known[i].option.val))
			*selected++ = options_known[i].option;
	*selected = (struct option){ 0 };
}

static enum tool_status run_command(const struct tool_command *command,
				    int argc, char **argv)
{
	struct option selected[N(options_known) + 1];
	struct tool_options options = { 0 };
	char program[32];
	int letter;

	select_options(command, selected);
	snprintf(program, sizeof(program), PROGRAM " %s", command->name);
	argv[0] = program; /* getopt_long() begins its messages with it */
	while ((letter = getopt_long(argc, argv, "h", selected, NULL)) != -1) {
		if (letter == 'h') {
			print_command_help(command);
			return TOOL_OK;
		}
		if (letter == '?') {
			fprintf(stderr, "Try '%s --help'.\n", program);
			return TOOL_USAGE;
		}
		take_option(&options, letter);
	}
	options.words = argv + optind;
	options.n_words = argc - optind;
	if (options.n_words < command->min_words)
		return tool_wrong_usage(command, "%s needs %s", command->name,
					command->words);
	if (options.n_words > command->max_words)
		return tool_wrong_usage(command, "%s takes no '%s'",
					command->name,
					options.words[command->max_words]);
	return command->run(&options);
}

static enum tool_status run(int argc, char **argv)
{
	const char *word = argc < 2 ? "" : argv[1];

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		print_help();
		return TOOL_OK;
	}
	if (strcmp(word, "--version") == 0) {
		puts(PROGRAM " " TOOL_VERSION);
		return TOOL_OK;
	}
	for (size_t i = 0; i < N(commands); i++)
		if (strcmp(word, commands[i]->name) == 0)
			return run_command(commands[i], argc - 1, argv + 1);
	if (argc < 2)
		return tool_wrong_usage(NULL, "a command is missing");
	return tool_wrong_usage(NULL, "no command '%s'", word);
}

int main(int argc, char **argv)
{
	enum tool_status status = run(argc, argv);

	/* A full disk or a closed pipe must not look like success. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		tool_error("standard output: %s", strerror(errno));
		return status == TOOL_OK ? TOOL_FAILED : status;
	}
	return status;
}

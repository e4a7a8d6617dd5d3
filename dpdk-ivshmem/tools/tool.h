/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-ivshmem: look at what is shared, without DPDK's EAL.
 *
 *   main.c      the program: finds the command, reads its options
 *   dump.c ...  a command each
 *   target.c    from a word of the command line to metadata
 *   folders.c   where metadata files are, and work there
 *   memzones.c  the memzones of a host, from its own table
 *   draw_svg.c  the BAR as a picture
 *   json.c      JSON that is safe to read
 *   text.c      names that are safe to print
 */
#ifndef DPDK_IVSHMEM_TOOL_H
#define DPDK_IVSHMEM_TOOL_H

#include <stdbool.h>

/** Exit statuses. */
enum tool_status {
	TOOL_OK = 0,
	TOOL_FAILED = 1, /**< or bad metadata */
	TOOL_USAGE = 2,
};

/** All options of all commands. */
struct tool_options {
	bool json;
	bool svg;
	bool dry_run;
	const char *form;
	const char *layout;
	char **words; /**< what is no option */
	int n_words;
};

/** A command of the program. */
struct tool_command {
	const char *name;
	const char *summary; /**< one line */
	const char *words;   /**< "FILE|DEVICE..." */
	const char *help;    /**< the rest of its help, with a newline */
	const char *options; /**< letters of those it takes: main.c */
	int min_words;
	int max_words;
	enum tool_status (*run)(const struct tool_options *options);
};

extern const struct tool_command tool_dump, tool_check, tool_audit,
	tool_device, tool_list, tool_clean;

/** Print "dpdk-ivshmem: ..." to standard error, safe for a terminal. */
__attribute__((format(printf, 1, 2)))
void tool_error(const char *format, ...);

/** As tool_error(), with a hint at --help; returns TOOL_USAGE. */
__attribute__((format(printf, 2, 3)))
enum tool_status tool_wrong_usage(const struct tool_command *command,
				  const char *format, ...);

#endif

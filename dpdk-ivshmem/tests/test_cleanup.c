/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests remove nothing but their own files (cleanup.h), whatever names they have.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "tap.h"

static char top[] = "/tmp/ivshmem-cleanup-XXXXXX";

static const char *in_top(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static void make_file(const char *name)
{
	int fd = open(in_top(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		bail_out(name);
	close(fd);
}

static void make_directory(const char *name)
{
	if (mkdir(in_top(name), 0700) != 0)
		bail_out(name);
}

static bool exists(const char *name)
{
	return access(in_top(name), F_OK) == 0;
}

/* As the EAL's directory: one directory for each program. */
static void make_programs(void)
{
	make_directory("rte");
	make_file("rte/config");
	make_directory("ivtest12");
	make_file("ivtest12/config");
	make_directory("ivtest123");
	make_file("ivtest123/config");
	make_file("rtemap_0");
	make_file("ivtest12map_0");
	make_file("ivtest12map_1");
	make_file("ivtest123map_0");
}

static bool all_exist(void)
{
	return exists("rte/config") && exists("ivtest12/config") &&
	       exists("ivtest123/config") && exists("rtemap_0") &&
	       exists("ivtest12map_0") && exists("ivtest12map_1") &&
	       exists("ivtest123map_0");
}

static void test_refused(void)
{
	static const char *const prefixes[] = {
		"", ".", "..", "/", "rte", "iv", "ivtest", "12", "ivtest/12",
		"../ivtest12", "ivtest12/", "ivtest12/../rte",
	};
	char runtime[256];

	snprintf(runtime, sizeof(runtime), "%s", in_top("ivtest12"));
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		cleanup_runtime(runtime, prefixes[i]);
		cleanup_pages(top, prefixes[i]);
		check(all_exist(), "the prefix '%s' removes nothing",
		      prefixes[i]);
	}
	cleanup_runtime("", "ivtest12");
	cleanup_pages(NULL, "ivtest12");
	cleanup_tree("");
	check(all_exist(), "no directory: nothing is removed");
}

static void test_own(void)
{
	char runtime[256];

	snprintf(runtime, sizeof(runtime), "%s", in_top("any"));
	cleanup_runtime(runtime, "ivtest12");
	check(!exists("ivtest12") && exists("ivtest123/config") &&
	      exists("rte/config"),
	      "of runtime directories, the one of the prefix is removed");
	cleanup_pages(top, "ivtest12");
	check(!exists("ivtest12map_0") && !exists("ivtest12map_1") &&
	      exists("ivtest123map_0") && exists("rtemap_0"),
	      "of hugepage files, those of the prefix");
}

int main(void)
{
	if (mkdtemp(top) == NULL)
		bail_out("mkdtemp failed");
	make_programs();
	test_refused();
	test_own();
	cleanup_tree(top);
	check(access(top, F_OK) != 0, "a directory is removed with all in it");
	return tap_end();
}

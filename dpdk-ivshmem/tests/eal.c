/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "cleanup.h"
#include "eal.h"
#include "hugetlbfs.h"
#include "rte_ivshmem.h"
#include "tap.h"

char test_dir[] = "/tmp/ivshmem-test-XXXXXX";
char test_guest[32];
char test_prefix[32];
static pid_t test_owner;
static bool started;

void end_eal(void)
{
	char runtime[PATH_MAX];

	snprintf(runtime, sizeof(runtime), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	cleanup_runtime(runtime, test_prefix);
	cleanup_runtime(runtime, test_guest);
}

static void clean_up(void)
{
	if (getpid() != test_owner)
		return;
	if (started)
		end_eal();
	cleanup_tree(test_dir);
	/* The EAL leaves them for the next start of the same name. */
	cleanup_pages(getenv("IVSHMEM_HUGE"), test_prefix);
}

bool has_hugepages(const char *mode)
{
	return strncmp(mode, "huge", 4) == 0;
}

void prepare_host(const char *mode)
{
	if (has_hugepages(mode) && getenv("IVSHMEM_HUGE") == NULL) {
		printf("1..0 # SKIP no IVSHMEM_HUGE\n");
		exit(EXIT_SUCCESS);
	}
	if (strcmp(mode, "huge-pa") == 0 && geteuid() != 0) {
		printf("1..0 # SKIP only root sees physical addresses\n");
		exit(EXIT_SUCCESS);
	}
	snprintf(test_prefix, sizeof(test_prefix), "ivtest%d", getpid());
	snprintf(test_guest, sizeof(test_guest), "ivguest%d", getpid());
	test_owner = getpid();
	if (mkdtemp(test_dir) == NULL)
		bail_out("mkdtemp failed");
	atexit(clean_up);
	setenv(RTE_IVSHMEM_DIR_ENV, test_dir, 1);
}

/* The EAL's options for memory; returns how many words they are. */
static int add_memory(const char **argv, const char *mode)
{
	int argc = 0;

	argv[argc++] = "-m";
	argv[argc++] = "32";
	if (!has_hugepages(mode)) {
		argv[argc++] = "--no-huge";
		return argc;
	}
	argv[argc++] = "--huge-dir";
	argv[argc++] = hugetlbfs_of("IVSHMEM_HUGE");
	if (strncmp(mode, "huge-legacy", 11) == 0) {
		argv[argc++] = "--legacy-mem"; /* which does not grow */
	} else {
		/* A test that allocates until nothing is left leaves the rest
		 * to others. */
		argv[argc++] = "--socket-limit";
		argv[argc++] = hugepage_limits(128);
	}
	if (strstr(mode, "-sfs") != NULL)
		argv[argc++] = "--single-file-segments";
	return argc;
}

void start_eal(const char *mode)
{
	const char *argv[24] = {
		"host", "--no-pci", "--no-telemetry", "--lcores", "0@0",
		"--base-virtaddr", TEST_BASE, "--file-prefix", test_prefix,
		"--log-level", "lib.eal:warning",
	};
	int argc = 11;

	if (!cleanup_is_prefix(test_prefix))
		bail_out("what the EAL leaves could not be removed by its name");
#ifdef __SANITIZE_THREAD__
	/* Else the EAL cancels a thread in a call that tsan.supp ignores. */
	argv[argc++] = "--no-shconf";
#endif
	argc += add_memory(argv + argc, mode);
	if (strcmp(mode, "huge-pa") == 0 || strcmp(mode, "huge-va") == 0) {
		argv[argc++] = "--iova-mode";
		argv[argc++] = mode + strlen("huge-");
	}
	if (strcmp(mode, "telemetry") == 0)
		argv[2] = "--telemetry";
	if (rte_eal_init(argc, (char **)(uintptr_t)argv) < 0)
		bail_out(rte_strerror(rte_errno));
	started = true;
}

void start_host(const char *mode)
{
	prepare_host(mode);
	start_eal(mode);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest of tests/e2e/plug_at_run_time.sh: its devices come and go while it
 * runs.  Arguments: those of the EAL, `--`, and
 *
 *   monitor       print each event, have the monitor attach what comes, and
 *                 exchange packets with each host; until SIGTERM.  SIGUSR1:
 *                 hold what is attached, or release it; SIGUSR2: detach it.
 *   call FIFO     read the name of a device from it, attach that, exchange
 *                 packets, detach it
 *
 * What is left of devices in this process is printed after each detaching.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include <rte_ivshmem_guest.h>

#include "restart_packets.h"

#define PACKETS 200

static const char *const event_names[] = {
	[RTE_IVSHMEM_EVENT_FOUND] = "found",
	[RTE_IVSHMEM_EVENT_RETURNED] = "returned",
	[RTE_IVSHMEM_EVENT_ATTACHED] = "attached",
	[RTE_IVSHMEM_EVENT_DETACHED] = "detached",
	[RTE_IVSHMEM_EVENT_STATE] = "state",
	[RTE_IVSHMEM_EVENT_FAILED] = "failed",
};

static const char *const state_names[] = {
	[0] = "",
	[RTE_IVSHMEM_HOST_LIVE] = "live",
	[RTE_IVSHMEM_HOST_CLOSING] = "closing",
	[RTE_IVSHMEM_HOST_GONE] = "gone",
	[RTE_IVSHMEM_HOST_SILENT] = "silent",
};

static bool work(void)
{
	struct guest guest;

	return find_objects(&guest) && exchange(&guest, PACKETS, 1);
}

static void print_left(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int of_devices = 0, all = 0;
	char line[512];

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		all++;
		of_devices += strstr(line, "/resource") != NULL;
	}
	if (maps != NULL)
		fclose(maps);
	printf("left: %u mappings of devices, %u in all\n", of_devices, all);
}

/* ---- with the monitor ---------------------------------------------------- */

static char device[RTE_IVSHMEM_DEVICE_SIZE]; /* the last one attached */

/* In the EAL's interrupt thread: the main thread works, at SIGALRM. */
static void on_event(const struct rte_ivshmem_event *event, void *arg)
{
	(void)arg;
	printf("event %s %s '%s'", event_names[event->type],
	       event->info.device, event->info.name);
	if (event->type == RTE_IVSHMEM_EVENT_STATE)
		printf(" %s to %s", state_names[event->before],
		       state_names[event->info.state]);
	if (event->type == RTE_IVSHMEM_EVENT_RETURNED)
		printf(" instead of %s", event->other);
	if (event->error != 0)
		printf(" %s", rte_strerror(event->error));
	putchar('\n');
	if (event->type == RTE_IVSHMEM_EVENT_ATTACHED) {
		snprintf(device, sizeof(device), "%s", event->info.device);
		kill(getpid(), SIGALRM);
	}
	if (event->type == RTE_IVSHMEM_EVENT_DETACHED)
		print_left();
}

static void hold_or_release(void)
{
	struct rte_ivshmem_info info;
	bool held = rte_ivshmem_info_get(device, &info) == 0 &&
		    info.holders > 0;
	int ret = held ? rte_ivshmem_release(device) :
			 rte_ivshmem_hold(device);

	printf("%s: %s\n", held ? "released" : "held",
	       ret == 0 ? "good" : rte_strerror(rte_errno));
}

static bool serve(const sigset_t *set)
{
	int signum;

	while (sigwait(set, &signum) == 0 && signum != SIGTERM) {
		if (signum == SIGALRM && !work())
			return false;
		if (signum == SIGUSR1)
			hold_or_release();
		if (signum == SIGUSR2)
			printf("detach: %d\n", rte_ivshmem_detach(device, 0));
	}
	return true;
}

static bool monitor(const sigset_t *set)
{
	bool good;

	if (rte_ivshmem_monitor_start(on_event, NULL,
				      RTE_IVSHMEM_MONITOR_ATTACH) != 0)
		return wrong("the monitor does not start");
	printf("monitoring\n");
	good = serve(set);
	return rte_ivshmem_monitor_stop() == 0 && good;
}

/* ---- with calls ---------------------------------------------------------- */

static bool read_name(const char *fifo, char *name, int size)
{
	FILE *f = fopen(fifo, "re");
	bool good = f != NULL && fgets(name, size, f) != NULL;

	if (f != NULL)
		fclose(f);
	if (good)
		name[strcspn(name, "\n")] = '\0';
	return good || wrong("no name of a device");
}

static bool call(const char *fifo)
{
	char name[RTE_IVSHMEM_DEVICE_SIZE];

	if (!read_name(fifo, name, sizeof(name)))
		return false;
	if (rte_ivshmem_attach(name) != 0)
		return wrong(rte_strerror(rte_errno));
	if (!work() || rte_ivshmem_detach(name, 0) != 0)
		return false;
	print_left();
	return true;
}

static void block(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGUSR2);
	sigaddset(set, SIGALRM);
	sigaddset(set, SIGTERM);
	sigprocmask(SIG_BLOCK, set, NULL);
}

int main(int argc, char **argv)
{
	sigset_t set;
	bool good;
	int parsed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Before the EAL starts its threads. */
	block(&set);
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0)
		return EXIT_FAILURE;
	argc -= parsed;
	argv += parsed;
	if (argc == 2 && strcmp(argv[1], "monitor") == 0)
		good = monitor(&set);
	else if (argc == 3 && strcmp(argv[1], "call") == 0)
		good = call(argv[2]);
	else
		good = wrong("usage: plug-guest EAL-OPTIONS -- monitor | call FIFO");
	rte_eal_cleanup();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

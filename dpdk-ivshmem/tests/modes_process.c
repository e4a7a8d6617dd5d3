/* SPDX-License-Identifier: BSD-3-Clause */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "child.h"
#include "eal.h"
#include "hugetlbfs.h"
#include "modes.h"
#include "rte_ivshmem.h"
#include "tap.h"

static char device[1 << 20];

static bool fail(struct hello *hello, const char *what)
{
	snprintf(hello->error, sizeof(hello->error), "%s: %s", what,
		 rte_strerror(rte_errno));
	return false;
}

static const char *megabytes(const struct start *start)
{
	static char text[16];
	int mib = MEMORY_MIB;

	if (start->mode->memory == MEMORY_1G)
		mib = 1024;
	if (start->mode->memory == MEMORY_BOTH)
		mib = 1024 + MEMORY_MIB;
	snprintf(text, sizeof(text), "%d", mib);
	return text;
}

/* Options of the mode; a secondary process learns them from the primary. */
static int add_mode(const struct start *start, char **argv)
{
	static char options[256];
	enum memory memory = start->mode->memory;
	int argc = 0;

	argv[argc++] = (char *)(uintptr_t)(memory == MEMORY_ORDINARY ?
					   "-m" : "--socket-mem");
	argv[argc++] = (char *)(uintptr_t)megabytes(start);
	/* No mount limits these, and the EAL would take more when it runs. */
	if (memory == MEMORY_UNNAMED) {
		argv[argc++] = (char *)(uintptr_t)"--socket-limit";
		argv[argc++] = hugepage_limits(MEMORY_MIB);
	}
	if (memory == MEMORY_2M || memory == MEMORY_1G) {
		argv[argc++] = (char *)(uintptr_t)"--huge-dir";
		argv[argc++] = (char *)(uintptr_t)start->huge_dir;
	}
	snprintf(options, sizeof(options), "%s", start->mode->options);
	for (char *word = strtok(options, " "); word != NULL;
	     word = strtok(NULL, " "))
		argv[argc++] = word;
	return argc;
}

/* Unless the EAL uses virtual addresses for DMA, legacy memory has a hole
 * wherever pages are no neighbours in physical memory. */
static bool start_mode(const struct start *start, struct hello *hello)
{
	char *argv[32] = {
		"host", "--no-pci", "--no-telemetry", "--lcores", "0@0",
		"--base-virtaddr", TEST_BASE, "--log-level", "lib.eal:error",
		"--iova-mode", "va", "--file-prefix",
		(char *)(uintptr_t)start->prefix,
	};
	int argc = 13, ret;

	if (start->role == ROLE_SECONDARY)
		argv[argc++] = "--proc-type=secondary";
	else
		argc += add_mode(start, argv + argc);
	ret = rte_eal_init(argc, argv);
	if (ret < 0)
		fail(hello, "the EAL does not start");
	/* It makes the folder first of all. */
	snprintf(hello->runtime, sizeof(hello->runtime), "%s",
		 rte_eal_get_runtime_dir());
	return ret >= 0;
}

static bool lies_in_small_pages(const void *address)
{
	return rte_mem_virt2memseg_list(address)->page_sz == RTE_PGSIZE_2M;
}

/* The objects have room in the page of 1 GiB only, until the EAL fetches more
 * of the others. */
static bool pool_takes_small_pages(void)
{
	const unsigned int size = 16384, n = (OWN_MIB - 8) * 1024 / 16;
	struct rte_mempool *mp = rte_ivshmem_mempool_create("own", n, size, 0,
						0, SOCKET_ID_ANY, 0);
	struct rte_mempool_memhdr *chunk;
	bool small;

	if (mp == NULL)
		return false;
	small = lies_in_small_pages(mp) && lies_in_small_pages(mp->pool_data);
	STAILQ_FOREACH(chunk, &mp->mem_list, next)
		small = small && lies_in_small_pages(chunk->addr);
	rte_mempool_free(mp);
	return small;
}

static bool make_objects(const struct start *start, struct hello *hello)
{
	bool both = start->mode->memory == MEMORY_BOTH;
	const struct rte_memzone *zone = rte_memzone_reserve("zone", ZONE_SIZE,
			SOCKET_ID_ANY, both ? RTE_MEMZONE_2MB : 0);

	if (zone == NULL)
		return fail(hello, "memzone");
	for (uint64_t at = 0; at < ZONE_SIZE; at += 8)
		*(uint64_t *)(uintptr_t)(zone->addr_64 + at) =
			zone->addr_64 + at;
	if (rte_ring_create("ring", 1024, SOCKET_ID_ANY, 0) == NULL)
		return fail(hello, "ring");
	if (rte_pktmbuf_pool_create("pool", 1023, 32, 0, 2176,
				    SOCKET_ID_ANY) == NULL)
		return fail(hello, "mempool");
	if (both && rte_memzone_reserve("big", 1 << 20, SOCKET_ID_ANY,
					RTE_MEMZONE_1GB) == NULL)
		return fail(hello, "memzone in a page of 1 GiB");
	hello->is_small = both && pool_takes_small_pages();
	return true;
}

/* Secondary processes know the objects by name, too. */
static bool share(const char *md, struct hello *hello)
{
	const struct rte_memzone *zone = rte_memzone_lookup("zone");
	const struct rte_memzone *big = rte_memzone_lookup("big");

	if (zone == NULL)
		return fail(hello, "no memzone is found");
	if (rte_ivshmem_metadata_create(md) < 0)
		return fail(hello, "metadata is not created");
	if (rte_ivshmem_metadata_add_memzone(zone, md) < 0)
		return fail(hello, "the memzone is refused");
	if (rte_ivshmem_metadata_add_ring(rte_ring_lookup("ring"), md) < 0)
		return fail(hello, "the ring is refused");
	if (rte_ivshmem_metadata_add_mempool(rte_mempool_lookup("pool"), md) < 0)
		return fail(hello, "the mempool is refused");
	if (big != NULL && rte_ivshmem_metadata_add_memzone(big, md) < 0)
		return fail(hello, "the memzone of 1 GiB pages is refused");
	if (rte_ivshmem_metadata_cmdline_generate(device, sizeof(device),
						  md) < 0)
		return fail(hello, "nothing is published");
	hello->zone = zone->addr_64;
	hello->big = big != NULL ? big->addr_64 : 0;
	return true;
}

/* exec() of a program of that user would make it readable for the user. */
static bool become(const struct start *start)
{
	if (geteuid() != 0 || start->uid == 0)
		return true;
	return setgroups(0, NULL) == 0 && setgid(start->uid) == 0 &&
	       setuid(start->uid) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

static bool get_ready(const struct start *start, struct hello *hello)
{
	const char *md = start->role == ROLE_SECONDARY ? "secondary" : "md";

	snprintf(hello->metadata, sizeof(hello->metadata), "%s/%s",
		 start->folder, md);
	setenv(RTE_IVSHMEM_DIR_ENV, start->folder, 1);
	setenv("XDG_RUNTIME_DIR", start->folder, 1);
	if (!become(start))
		return fail(hello, "the user cannot be changed");
	if (!start_mode(start, hello) || start->role == ROLE_START)
		return hello->error[0] == '\0';
	if (start->role == ROLE_SHARE && !make_objects(start, hello))
		return false;
	return share(md, hello);
}

static bool all_marked(uint64_t zone)
{
	for (uint64_t at = 0; at < ZONE_SIZE; at += MARK_EVERY)
		if (*(const volatile uint32_t *)(uintptr_t)(zone + at) != MARK)
			return false;
	return true;
}

static void serve(int fd, const struct start *start)
{
	struct hello hello = { 0 };
	bool ready = get_ready(start, &hello);
	char command;

	if (send(fd, &hello, sizeof(hello), 0) != sizeof(hello) || !ready)
		_exit(EXIT_FAILURE);
	while (recv(fd, &command, 1, 0) == 1 && command == 'm') {
		char answer = all_marked(hello.zone);

		if (send(fd, &answer, 1, 0) != 1)
			break;
	}
	rte_eal_cleanup();
	exit(EXIT_SUCCESS);
}

bool process_start(struct process *process, const struct start *start)
{
	int fds[2];

	memset(process, 0, sizeof(*process));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0)
		bail_out("socketpair");
	fflush(stdout);
	process->pid = fork();
	if (process->pid < 0)
		bail_out("fork");
	if (process->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		/* What DPDK prints is no TAP. */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		serve(fds[1], start);
	}
	close(fds[1]);
	process->fd = fds[0];
	if (recv(process->fd, &process->hello, sizeof(process->hello), 0) !=
	    sizeof(process->hello))
		strcpy(process->hello.error, "the process died");
	if (process->hello.error[0] == '\0')
		return true;
	process_kill(process);
	return false;
}

bool process_sees_marks(struct process *process)
{
	char answer = 0;

	return send(process->fd, "m", 1, 0) == 1 &&
	       recv(process->fd, &answer, 1, 0) == 1 && answer == 1;
}

static void end(struct process *process)
{
	close(process->fd);
	waitpid(process->pid, NULL, 0);
	process->pid = 0;
}

void process_quit(struct process *process)
{
	shutdown(process->fd, SHUT_WR);
	end(process);
}

void process_kill(struct process *process)
{
	child_signal(process->pid, SIGKILL);
	end(process);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals for child processes.  What fork() returns when it fails is -1, and to
 * kill() that means every process of the machine; 0 means one's own group. */
#ifndef IVSHMEM_TEST_CHILD_H
#define IVSHMEM_TEST_CHILD_H

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "tap.h"

/** Signal a child that has not been waited for. */
static inline void child_signal(pid_t pid, int signum)
{
	if (pid <= 0)
		bail_out("there is no child to signal");
	kill(pid, signum);
}

/** Kill the child and wait for its end; its number may be another's then. */
static inline void child_kill(pid_t pid)
{
	child_signal(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program in the guest of tests/e2e/programs.sh, which calls nothing of the
 * library.  Arguments: those of the EAL, `--`, and commands of programs_packets.h,
 * each one argument.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>

#include "programs_packets.h"

int main(int argc, char **argv)
{
	bool good = true;
	int parsed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parsed = rte_eal_init(argc, argv);
	if (parsed < 0)
		return EXIT_FAILURE;
	for (int i = parsed + 1; i < argc && good; i++)
		good = programs_command(argv[i]);
	if (rte_eal_cleanup() != 0)
		good = false;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

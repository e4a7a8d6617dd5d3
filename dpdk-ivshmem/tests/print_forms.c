/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host that shares memory and writes what every form says of it, for the
 * tests of what reads them.
 *
 *     print-forms FOLDER [EAL arguments]
 *
 * Metadata "few" has a memzone, a ring and a pool, and "many" so many chunks
 * that they fit into no argument in JSON.  FOLDER/few.plain and so on are the
 * forms; a form that fails has no file.  Prints "ready", and keeps the memory
 * until SIGTERM.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "rte_ivshmem.h"

/* Pages that lie apart, because each zone begins at a multiple of two. */
#define N_PAGES 2500
#define PAGE 4096

static const struct {
	enum rte_ivshmem_form form;
	const char *name;
} forms[] = {
	{ RTE_IVSHMEM_FORM_AUTO, "auto" },
	{ RTE_IVSHMEM_FORM_PLAIN, "plain" },
	{ RTE_IVSHMEM_FORM_JSON, "json" },
	{ RTE_IVSHMEM_FORM_LAYOUT, "layout" },
	{ RTE_IVSHMEM_FORM_SHM, "shm" },
	{ RTE_IVSHMEM_FORM_QMP_ADD, "qmp_add" },
	{ RTE_IVSHMEM_FORM_QMP_DEL, "qmp_del" },
	{ RTE_IVSHMEM_FORM_LIBVIRT, "libvirt" },
};

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, rte_strerror(rte_errno));
	exit(EXIT_FAILURE);
}

static void share_few(void)
{
	const struct rte_memzone *zone;
	struct rte_ring *ring;
	struct rte_mempool *pool;

	zone = rte_memzone_reserve("zone", 10000, SOCKET_ID_ANY, 0);
	ring = rte_ring_create("ring", 1024, SOCKET_ID_ANY, 0);
	pool = rte_pktmbuf_pool_create("pool", 1023, 32, 0, 2176,
				       SOCKET_ID_ANY);
	if (zone == NULL || ring == NULL || pool == NULL ||
	    rte_ivshmem_metadata_create("few") != 0 ||
	    rte_ivshmem_metadata_add_memzone(zone, "few") != 0 ||
	    rte_ivshmem_metadata_add_ring(ring, "few") != 0 ||
	    rte_ivshmem_metadata_add_mempool(pool, "few") != 0)
		die("few");
}

static void share_many(void)
{
	char name[RTE_MEMZONE_NAMESIZE];

	if (rte_ivshmem_metadata_create("many") != 0)
		die("many");
	for (int i = 0; i < N_PAGES; i++) {
		const struct rte_memzone *zone;

		snprintf(name, sizeof(name), "page%d", i);
		zone = rte_memzone_reserve_aligned(name, PAGE, SOCKET_ID_ANY, 0,
						   2 * PAGE);
		if (zone == NULL ||
		    rte_ivshmem_metadata_add_memzone(zone, "many") != 0)
			die(name);
	}
}

static void write_form(const char *folder, const char *metadata,
		       enum rte_ivshmem_form form, const char *form_name)
{
	static char text[1 << 20];
	char path[PATH_MAX];
	FILE *f;

	if (rte_ivshmem_metadata_device_generate(text, sizeof(text), metadata,
						 form) != 0)
		return;
	snprintf(path, sizeof(path), "%s/%s.%s", folder, metadata, form_name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
		rte_errno = errno;
		die(path);
	}
}

static void wait_for_end(const sigset_t *signals)
{
	int number;

	sigwait(signals, &number);
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : NULL;
	sigset_t signals;

	if (folder == NULL) {
		fputs("usage: print-forms FOLDER [EAL arguments]\n", stderr);
		return EXIT_FAILURE;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	argv[1] = argv[0];
	if (rte_eal_init(argc - 1, argv + 1) < 0)
		die("rte_eal_init");
	share_few();
	share_many();
	for (size_t i = 0; i < RTE_DIM(forms); i++) {
		write_form(folder, "few", forms[i].form, forms[i].name);
		write_form(folder, "many", forms[i].form, forms[i].name);
	}
	puts("ready");
	fflush(stdout);
	wait_for_end(&signals);
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}

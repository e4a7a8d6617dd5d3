/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include <rte_ivshmem.h>

#include "demo_share.h"
#include "demo_source.h"

#define POOL_CACHE 256 /* mbufs per lcore */
#define RING_FLAGS (RING_F_SP_ENQ | RING_F_SC_DEQ)
#define PATH_SIZE 4096

static_assert(DEMO_OBJECT_NAME_SIZE <= RTE_RING_NAMESIZE, "names too long");

void
demo_metadata_name(char text[DEMO_METADATA_NAME_SIZE],
		   const struct demo_share *share, unsigned int vm)
{
	if (share->vms == 0)
		snprintf(text, DEMO_METADATA_NAME_SIZE, "%s", share->name);
	else
		snprintf(text, DEMO_METADATA_NAME_SIZE, "%s-vm%u", share->name,
			 vm % DEMO_STATIONS_MAX + 1);
}

/* Objects */

/* As an application has them that knows nothing of sharing. */
static bool
create_together(struct demo_share *share, const struct demo_place *place)
{
	const struct demo_names *names = &place->names;
	bool good = true;

	for (unsigned int i = 0; i < place->n_stations; i++) {
		share->rings[i] = rte_ring_create(names->ring[i],
						  DEMO_RING_SLOTS,
						  SOCKET_ID_ANY, RING_FLAGS);
		good = good && share->rings[i] != NULL;
	}
	share->pool = rte_pktmbuf_pool_create(names->pool, DEMO_POOL_SIZE,
				POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				SOCKET_ID_ANY);
	share->control = rte_memzone_reserve_aligned(names->control,
				sizeof(struct demo_control), SOCKET_ID_ANY, 0,
				DEMO_CACHE_LINE);
	return good && share->pool != NULL && share->control != NULL;
}

/* Each on pages where nothing else lies. */
static bool
create_apart(struct demo_share *share, const struct demo_place *place)
{
	const struct demo_names *names = &place->names;
	bool good = true;

	for (unsigned int i = 0; i < place->n_stations; i++) {
		share->rings[i] = rte_ivshmem_ring_create(names->ring[i],
							  DEMO_RING_SLOTS,
							  SOCKET_ID_ANY,
							  RING_FLAGS);
		good = good && share->rings[i] != NULL;
	}
	share->pool = rte_ivshmem_pktmbuf_pool_create(names->pool,
				DEMO_POOL_SIZE, POOL_CACHE, 0,
				RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	share->control = rte_ivshmem_memzone_reserve(names->control,
				sizeof(struct demo_control), SOCKET_ID_ANY, 0);
	return good && share->pool != NULL && share->control != NULL;
}

static void
free_objects(const struct demo_share *share, const struct demo_place *place)
{
	for (unsigned int i = 0; i < place->n_stations; i++)
		rte_ring_free(share->rings[i]);
	rte_mempool_free(share->pool);
	if (share->control != NULL)
		rte_memzone_free(share->control);
}

/* A pool with pages of its own has the ops ring_mp_mc. */
static bool
other_ops_asked_for(void)
{
	const char *ops = rte_mbuf_user_mempool_ops();

	return ops != NULL && strcmp(ops, "ring_mp_mc") != 0;
}

static bool
create_objects(struct demo_share *share, const struct demo_place *place)
{
	int error = ENOTSUP;

	if (!other_ops_asked_for()) {
		if (create_apart(share, place))
			return true;
		error = rte_errno;
		free_objects(share, place);
	}
	/* The one guest may see what is beside. */
	if (share->vms == 0 && create_together(share, place)) {
		printf("the objects share pages (pages of 1 GiB, or other "
		       "mempool ops): host and guests need different lcore "
		       "ids (--lcores 64@0)\n");
		return true;
	}
	fprintf(stderr, "cannot create the objects to share: %s; 64 MB (-m 64) "
		"are enough, with pages of at most 2 MiB\n",
		rte_strerror(error));
	return false;
}

static void
fill_control(struct demo_place *place)
{
	struct demo_control *control = place->control;

	memset(control, 0, sizeof(*control));
	control->magic = DEMO_MAGIC;
	control->version = DEMO_VERSION;
	control->size = sizeof(*control);
	control->messages = place->message_total;
	control->packets = place->packet_total;
	control->n_stations = place->n_stations;
	/* A host in the circle is there before all others. */
	if (place->station != DEMO_NO_STATION)
		demo_state_set(&demo_own(place)->state, DEMO_STATE_ATTACHED);
	demo_state_set(&control->host_state, DEMO_STATE_READY);
}

/* Sharing */

/* The same pool and memzone for all, but only those rings that lead to the
 * station and away from it. */
static bool
share_with(const struct demo_share *share, const struct demo_place *place,
	   unsigned int station, const char *md)
{
	if (rte_ivshmem_metadata_create(md) < 0 ||
	    rte_ivshmem_metadata_add_ring(share->rings[station], md) < 0 ||
	    rte_ivshmem_metadata_add_ring(
			share->rings[demo_next(place, station)], md) < 0 ||
	    rte_ivshmem_metadata_add_mempool(share->pool, md) < 0 ||
	    rte_ivshmem_metadata_add_memzone(share->control, md) < 0) {
		fprintf(stderr, "cannot share the objects as '%s': %s\n", md,
			rte_strerror(rte_errno));
		return false;
	}
	return true;
}

/* The device string, to be freed; NULL on failure. */
static char *
device_string(const char *md)
{
	unsigned int size = 4096; /* enough for some hundred chunks */

	for (;;) {
		char *text = malloc(size);
		int ret;

		if (text == NULL) {
			fprintf(stderr, "no memory for the device string\n");
			return NULL;
		}
		ret = rte_ivshmem_metadata_cmdline_generate(text, size, md);
		if (ret == 0)
			return text;
		free(text);
		if (rte_errno != ENOBUFS) {
			fprintf(stderr, "no device string: %s\n",
				rte_strerror(rte_errno));
			return NULL;
		}
		size = (unsigned int)-ret;
	}
}

/* A launcher that waits for the file must never read half of it. */
static bool
write_device_file(const char *path, const char *text)
{
	char temporary[PATH_SIZE];
	FILE *f;
	bool written;

	if (snprintf(temporary, sizeof(temporary), "%s.tmp", path) >=
	    (int)sizeof(temporary)) {
		fprintf(stderr, "--device-file: path too long\n");
		return false;
	}
	f = fopen(temporary, "w");
	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", temporary, strerror(errno));
		return false;
	}
	written = fprintf(f, "%s\n", text) > 0;
	written = fclose(f) == 0 && written;
	if (!written || rename(temporary, path) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		unlink(temporary);
		return false;
	}
	return true;
}

/* For VMs the file's name ends with .vm1, .vm2 and so on. */
static bool
device_file_of(const struct demo_share *share, unsigned int vm,
	       const char *text)
{
	char path[PATH_SIZE];
	int length;

	if (share->device_file == NULL)
		return true;
	if (share->vms == 0)
		return write_device_file(share->device_file, text);
	length = snprintf(path, sizeof(path), "%s.vm%u", share->device_file,
			  vm + 1);
	if (length >= (int)sizeof(path)) {
		fprintf(stderr, "--device-file: path too long\n");
		return false;
	}
	return write_device_file(path, text);
}

static bool
publish(const struct demo_share *share, unsigned int vm, const char *md)
{
	char *text = device_string(md);
	bool done = text != NULL;

	if (!done)
		return false;
	if (share->vms == 0)
		printf("\nStart QEMU with:\n%s\n\n", text);
	else
		printf("\nStart the QEMU of VM %u with:\n%s\n\n", vm + 1, text);
	rte_ivshmem_metadata_dump(stdout, md);
	fflush(stdout);
	done = device_file_of(share, vm, text);
	free(text);
	return done;
}

bool
demo_share_all(struct demo_share *share, struct demo_place *place)
{
	/* The guest of a host is the station behind it. */
	unsigned int first = share->vms == 0 ? 1 : 0;
	char md[DEMO_METADATA_NAME_SIZE];

	if (!create_objects(share, place))
		return false;
	place->control = share->control->addr;
	fill_control(place);
	for (unsigned int i = first; i < place->n_stations; i++) {
		demo_metadata_name(md, share, i - first);
		if (!share_with(share, place, i, md) ||
		    !publish(share, i - first, md))
			return false;
	}
	return true;
}

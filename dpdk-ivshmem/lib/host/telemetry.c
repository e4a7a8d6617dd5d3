/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this process shares, for monitoring: commands of DPDK's telemetry.
 *
 *   /ivshmem/list[,NAME]  names in the order of the alphabet, those after NAME;
 *                         as many as fit into a reply, which telemetry would
 *                         cut.  To get all, ask again with the last name until
 *                         none is left.
 *   /ivshmem/info,NAME    one metadata, as a dictionary
 *   /ivshmem/audit,NAME   bytes that guests see beyond the shared objects
 *
 * A name that is none gives DPDK's error reply, null.  Called in threads of
 * telemetry, also without the EAL's lcores.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_telemetry.h>
#include <rte_version.h>

#include "drawing.h"
#include "host.h"
#include "log.h"
#include "tel.h"

/** Names that are to be listed. */
struct names {
	const char *after;
	struct ivshmem_vec all; /**< const char * */
	int ret;
};

static void collect_name(const struct ivshmem_host *host, void *arg)
{
	struct names *names = arg;
	const char *name = host->name;

	if (names->ret == 0 && strcmp(name, names->after) > 0)
		names->ret = ivshmem_vec_append(&names->all, &name, 1,
						sizeof(name));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_names(struct rte_tel_data *d, const struct names *names)
{
	const char *const *all = names->all.data;
	size_t bytes = 0;

	for (uint32_t i = 0; i < names->all.n; i++) {
		bytes += strlen(all[i]) + 3;
		if (bytes > IVSHMEM_TEL_LIST_BYTES ||
		    rte_tel_data_add_array_string(d, all[i]) != 0)
			return;
	}
}

static int handle_list(const char *cmd __rte_unused, const char *params,
		       struct rte_tel_data *d)
{
	struct names names = { .after = params != NULL ? params : "" };

	rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	ivshmem_lock();
	ivshmem_each_host(collect_name, &names);
	if (names.all.n > 0)
		qsort(names.all.data, names.all.n, sizeof(char *),
		      compare_names);
	add_names(d, &names);
	ivshmem_unlock();
	free(names.all.data);
	return names.ret;
}

/* What guests read: others may have marked it closing. */
static uint32_t published_state(const struct ivshmem_host *host)
{
	uint32_t state = 0;
	ssize_t got = pread(host->file.fd, &state, sizeof(state),
			    offsetof(struct rte_ivshmem_header, state));

	return got == sizeof(state) ? state : RTE_IVSHMEM_CLOSING;
}

static void add_objects(struct rte_tel_data *d, const struct ivshmem_host *host)
{
	const struct ivshmem_object *object;
	uint64_t n[RTE_IVSHMEM_PART + 1] = { 0 };
	uint64_t readonly = 0;

	TAILQ_FOREACH(object, &host->objects, next) {
		n[object->wire.type % RTE_DIM(n)]++;
		readonly += object->asked && object->readonly;
	}
	ivshmem_tel_number(d, "memzones", n[RTE_IVSHMEM_MEMZONE]);
	ivshmem_tel_number(d, "rings", n[RTE_IVSHMEM_RING]);
	ivshmem_tel_number(d, "mempools", n[RTE_IVSHMEM_MEMPOOL]);
	ivshmem_tel_number(d, "readonly", readonly);
}

/* Of the next publication, if something changed since the last one. */
static void add_chunks(struct rte_tel_data *d, const struct ivshmem_host *host)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;

	if (ivshmem_publish_build(host, host->generation, host->state, &md,
				  &err) != 0) {
		ivshmem_tel_text(d, "problem", err.text);
		return;
	}
	ivshmem_tel_number(d, "chunks", md.n_chunks);
	ivshmem_tel_number(d, "bytes", ivshmem_chunk_bytes(&md));
	ivshmem_published_free(&md);
}

static void add_info(struct rte_tel_data *d, const struct ivshmem_host *host)
{
	bool changed = host->state == RTE_IVSHMEM_BUILDING &&
		       (host->n_objects > 0 || !TAILQ_EMPTY(&host->removed));

	ivshmem_tel_text(d, "name", host->name);
	ivshmem_tel_text(d, "state", ivshmem_state_name(published_state(host)));
	ivshmem_tel_number(d, "generation", host->generation);
	ivshmem_tel_number(d, "unpublished", changed);
	ivshmem_tel_number(d, "stale", !ivshmem_file_is_named(host->file.fd,
						      host->file.path));
	add_objects(d, host);
	add_chunks(d, host);
	ivshmem_tel_path(d, "file", host->file.path);
	ivshmem_tel_text(d, "dpdk", rte_version());
}

static int handle_info(const char *cmd __rte_unused, const char *params,
		       struct rte_tel_data *d)
{
	struct ivshmem_host *host;
	struct ivshmem_error err;
	int ret;

	ivshmem_lock();
	ret = ivshmem_get_host(params, &host, &err);
	if (ret == 0) {
		rte_tel_data_start_dict(d);
		add_info(d, host);
	}
	ivshmem_unlock();
	return ret;
}

static int handle_audit(const char *cmd __rte_unused, const char *params,
			struct rte_tel_data *d)
{
	struct ivshmem_host *host;
	struct ivshmem_error err;
	uint64_t beyond = 0;
	int ret;

	ivshmem_lock();
	ret = ivshmem_get_host(params, &host, &err);
	/* A client's mistake, a wrong name, is not worth a line in the log. */
	if (ret == 0) {
		ret = ivshmem_host_audit(host, NULL, &beyond, &err);
		if (ret != 0)
			IVSHMEM_LOG(ERR, "%s", err.text);
	}
	ivshmem_unlock();
	if (ret != 0)
		return ret;
	rte_tel_data_start_dict(d);
	ivshmem_tel_text(d, "name", params);
	return ivshmem_tel_number(d, "beyond", beyond);
}

/* 22.11 takes 63 characters of help. */
static const struct {
	const char *name;
	telemetry_cb handler;
	const char *help;
} commands[] = {
	{ "/ivshmem/list", handle_list,
	  "Names of shared metadata. Parameters: name to begin after" },
	{ "/ivshmem/info", handle_info,
	  "State and contents of metadata. Parameters: its name" },
	{ "/ivshmem/audit", handle_audit,
	  "Bytes guests see beyond the objects. Parameters: metadata name" },
};

RTE_INIT(ivshmem_telemetry_init)
{
	for (size_t i = 0; i < RTE_DIM(commands); i++)
		if (rte_telemetry_register_cmd(commands[i].name,
					       commands[i].handler,
					       commands[i].help) != 0)
			IVSHMEM_LOG(WARNING, "telemetry has no room for %s",
				    commands[i].name);
}

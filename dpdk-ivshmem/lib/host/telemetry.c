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

/* Of a reply's 16 KiB.  What does not fit, telemetry leaves out, and goes on
 * with the next name that does; each has two quotes and a comma. */
#define LIST_BYTES 15000

/* The name has been changed in 23.03. */
static int add_number(struct rte_tel_data *d, const char *name, uint64_t value)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	return rte_tel_data_add_dict_uint(d, name, value);
#else
	return rte_tel_data_add_dict_u64(d, name, value);
#endif
}

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
		if (bytes > LIST_BYTES ||
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

/* The beginning, where it is long.  DPDK drops what is not ASCII. */
static void add_text(struct rte_tel_data *d, const char *name, const char *text)
{
	char value[RTE_TEL_MAX_STRING_LEN];

	snprintf(value, sizeof(value), "%.*s", (int)sizeof(value) - 1, text);
	for (char *c = value; *c != '\0'; c++)
		*c = (*c & 0x80) != 0 ? '?' : *c;
	rte_tel_data_add_dict_string(d, name, value);
}

/* The end of a long path tells more. */
static void add_path(struct rte_tel_data *d, const char *name, const char *path)
{
	char value[RTE_TEL_MAX_STRING_LEN];
	size_t len = strlen(path);

	if (len < sizeof(value)) {
		add_text(d, name, path);
		return;
	}
	snprintf(value, sizeof(value), "...%s",
		 path + len - (sizeof(value) - sizeof("...")));
	add_text(d, name, value);
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
	add_number(d, "memzones", n[RTE_IVSHMEM_MEMZONE]);
	add_number(d, "rings", n[RTE_IVSHMEM_RING]);
	add_number(d, "mempools", n[RTE_IVSHMEM_MEMPOOL]);
	add_number(d, "readonly", readonly);
}

/* Of the next publication, if something changed since the last one. */
static void add_chunks(struct rte_tel_data *d, const struct ivshmem_host *host)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;

	if (ivshmem_publish_build(host, host->generation, host->state, &md,
				  &err) != 0) {
		add_text(d, "problem", err.text);
		return;
	}
	add_number(d, "chunks", md.n_chunks);
	add_number(d, "bytes", ivshmem_chunk_bytes(&md));
	ivshmem_published_free(&md);
}

static void add_info(struct rte_tel_data *d, const struct ivshmem_host *host)
{
	bool changed = host->state == RTE_IVSHMEM_BUILDING &&
		       (host->n_objects > 0 || !TAILQ_EMPTY(&host->removed));

	add_text(d, "name", host->name);
	add_text(d, "state", ivshmem_state_name(published_state(host)));
	add_number(d, "generation", host->generation);
	add_number(d, "unpublished", changed);
	add_number(d, "stale", !ivshmem_file_is_named(host->file.fd,
						      host->file.path));
	add_objects(d, host);
	add_chunks(d, host);
	add_path(d, "file", host->file.path);
	add_text(d, "dpdk", rte_version());
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
	add_text(d, "name", params);
	return add_number(d, "beyond", beyond);
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

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this process has attached, for monitoring: commands of DPDK's telemetry.
 *
 *   /ivshmem/attached               devices, in the order of attachment
 *   /ivshmem/attached_info,DEVICE   one of them, as a dictionary
 *
 * A device that is none gives DPDK's error reply, null.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_telemetry.h>

#include "guest.h"
#include "log.h"
#include "tel.h"

static int handle_attached(const char *cmd __rte_unused,
			   const char *params __rte_unused,
			   struct rte_tel_data *d)
{
	struct ivshmem_vec list = { NULL, 0, 0 };
	int ret = ivshmem_list_attached(&list);
	const struct ivshmem_attached *one = list.data;
	size_t bytes = 0;

	rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	for (uint32_t i = 0; i < list.n && ret == 0; i++) {
		bytes += strlen(one[i].info.device) + 3;
		if (bytes > IVSHMEM_TEL_LIST_BYTES ||
		    rte_tel_data_add_array_string(d, one[i].info.device) != 0)
			break;
	}
	free(list.data);
	return ret;
}

static const char *state_name(enum rte_ivshmem_host_state state)
{
	static const char *const names[] = {
		[RTE_IVSHMEM_HOST_LIVE] = "live",
		[RTE_IVSHMEM_HOST_CLOSING] = "closing",
		[RTE_IVSHMEM_HOST_GONE] = "gone",
		[RTE_IVSHMEM_HOST_SILENT] = "silent",
	};

	return names[state];
}

static void add_info(struct rte_tel_data *d,
		     const struct rte_ivshmem_info *info)
{
	rte_tel_data_start_dict(d);
	ivshmem_tel_path(d, "device", info->device);
	ivshmem_tel_text(d, "name", info->name);
	ivshmem_tel_text(d, "state", state_name(info->state));
	ivshmem_tel_number(d, "generation", info->generation);
	ivshmem_tel_text(d, "memory_type", info->memory_type);
	ivshmem_tel_number(d, "objects", info->objects);
	ivshmem_tel_number(d, "chunks", info->chunks);
	ivshmem_tel_number(d, "bytes", info->bytes);
	ivshmem_tel_number(d, "holders", info->holders);
}

/* Not rte_ivshmem_info_get(): a client's mistake is not worth a line. */
static int handle_info(const char *cmd __rte_unused, const char *params,
		       struct rte_tel_data *d)
{
	struct ivshmem_vec list = { NULL, 0, 0 };
	int ret = params == NULL ? -EINVAL : ivshmem_list_attached(&list);
	const struct ivshmem_attached *one = list.data;
	bool found = false;

	for (uint32_t i = 0; i < list.n && ret == 0 && !found; i++) {
		found = strcmp(one[i].info.device, params) == 0;
		if (found)
			add_info(d, &one[i].info);
	}
	free(list.data);
	return ret != 0 ? ret : found ? 0 : -ENOENT;
}

RTE_INIT(ivshmem_guest_telemetry_init)
{
	/* 22.11 takes 63 characters of help. */
	if (rte_telemetry_register_cmd("/ivshmem/attached", handle_attached,
			"Attached devices. No parameters") != 0 ||
	    rte_telemetry_register_cmd("/ivshmem/attached_info", handle_info,
			"State and size of an attached device. Parameters: device") != 0)
		IVSHMEM_LOG(WARNING, "telemetry has no room for /ivshmem/attached");
}

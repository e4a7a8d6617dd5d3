/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One device, from metadata to objects that lookups find, and back; and the
 * calls of rte_ivshmem_guest.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "guest.h"
#include "layout.h"
#include "log.h"

static struct ivshmem_device_list attached = TAILQ_HEAD_INITIALIZER(attached);

/** The process that attached them. */
static pid_t owner;

static uint64_t attachments; /* since the start */

/* Guards the list, and all that changes a device in it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int ivshmem_device_map(struct ivshmem_device *device, bool running,
		       struct ivshmem_error *err)
{
	int ret = ivshmem_layout_check(&device->md, err);

	if (ret == 0)
		ret = ivshmem_agree_on_ops(device, running, err);
	if (ret == 0)
		ret = ivshmem_watch(device, err);
	if (ret == 0)
		ret = ivshmem_map_chunks(device, err);
	if (ret == 0)
		ret = ivshmem_map_descriptors(device, err);
	if (ret != 0) {
		ivshmem_device_unmap(device);
		return ret;
	}
	/* The mappings hold what they need; unplug must not wait for us. */
	if (device->is_pci) {
		close(device->fd);
		device->fd = -1;
	}
	return 0;
}

void ivshmem_device_unmap(struct ivshmem_device *device)
{
	ivshmem_unmap_descriptors(device);
	ivshmem_unmap_chunks(device);
	ivshmem_unwatch(device);
	ivshmem_release_ops(device);
}

/* Decoding has seen to it that the metadata is chunk 0. */
static uint64_t memory_bytes(const struct ivshmem_metadata *md)
{
	return ivshmem_chunk_bytes(md) - md->chunks[0].length;
}

static void report(const struct ivshmem_device *device)
{
	const struct ivshmem_metadata *md = &device->md;

	IVSHMEM_LOG(NOTICE, "%s: attached '%s' of %s, generation %" PRIu64
		    ": %u objects, %" PRIu64 " KiB in %u chunks, %s",
		    device->name, md->name, md->dpdk_version, md->generation,
		    md->n_objects, memory_bytes(md) / 1024, md->n_chunks - 1,
		    device->memory_type);
}

int ivshmem_device_attach(struct ivshmem_device *device,
			  struct ivshmem_error *err)
{
	/* Secondary processes find what their primary inserted. */
	bool insert = rte_eal_process_type() == RTE_PROC_PRIMARY;
	int ret = ivshmem_guard_pools(err);

	if (ret == 0)
		ret = ivshmem_check_objects(device, insert, err);
	if (ret == 0)
		ret = ivshmem_guard_lcores(device, err);
	if (ret == 0 && insert)
		ret = ivshmem_insert_objects(device, err);
	if (ret != 0) {
		ivshmem_release_lcores(device);
		return ret;
	}
	owner = getpid();
	device->number = ++attachments;
	TAILQ_INSERT_TAIL(&attached, device, next);
	report(device);
	return 0;
}

/* What the caches hold goes back first: for that the pool is needed. */
static void detach(struct ivshmem_device *device)
{
	TAILQ_REMOVE(&attached, device, next);
	ivshmem_release_lcores(device);
	ivshmem_remove_objects(device);
	ivshmem_device_unmap(device);
	IVSHMEM_LOG(NOTICE, "%s: detached '%s'", device->name,
		    device->md.name);
	ivshmem_device_free(device);
}

static const struct rte_ivshmem_object *
pool_in(const struct ivshmem_device *device, const void *pool)
{
	for (uint32_t i = 0; i < device->md.n_objects; i++) {
		const struct rte_ivshmem_object *o = &device->md.objects[i];

		if (o->type == RTE_IVSHMEM_MEMPOOL &&
		    o->address == (uintptr_t)pool)
			return o;
	}
	return NULL;
}

bool ivshmem_find_pool(const void *pool, struct rte_ivshmem_object *object)
{
	const struct rte_ivshmem_object *found = NULL;
	struct ivshmem_device *device;

	pthread_mutex_lock(&lock);
	TAILQ_FOREACH(device, &attached, next) {
		found = pool_in(device, pool);
		if (found != NULL)
			break;
	}
	if (found != NULL)
		*object = *found;
	pthread_mutex_unlock(&lock);
	return found != NULL;
}

/*
 * The program ends: whoever holds the lock goes on with that.  A forked process
 * has copies of caches whose contents are not its own.
 */
void ivshmem_flush_all(void)
{
	struct ivshmem_device *device;

	if (getpid() != owner || pthread_mutex_trylock(&lock) != 0)
		return;
	TAILQ_FOREACH(device, &attached, next)
		ivshmem_flush_idle_lcores(device);
	pthread_mutex_unlock(&lock);
}

/* ---- public calls ------------------------------------------------------- */

/* The result of a public call, with the reason logged. */
static int result(const char *what, const char *device, int ret,
		  const struct ivshmem_error *err)
{
	if (ret == 0)
		return 0;
	IVSHMEM_LOG(ERR, "%s: %s: %s", device != NULL ? device : "(no name)",
		    what, err->text);
	rte_errno = -ret;
	return ret;
}

static struct ivshmem_device *find(const char *name)
{
	struct ivshmem_device *device;

	TAILQ_FOREACH(device, &attached, next)
		if (strcmp(device->name, name) == 0)
			break;
	return device;
}

static int find_attached(const char *name, struct ivshmem_device **device,
			 struct ivshmem_error *err)
{
	if (name == NULL)
		return ivshmem_fail(err, -EINVAL, "the device is NULL");
	*device = find(name);
	if (*device == NULL)
		return ivshmem_fail(err, -ENOENT, "no such device is attached");
	return 0;
}

static int attach(const char *name, struct ivshmem_error *err)
{
	struct ivshmem_device *device;
	int ret;

	if (name == NULL)
		return ivshmem_fail(err, -EINVAL, "the device is NULL");
	if (find(name) != NULL)
		return ivshmem_fail(err, -EEXIST, "it is attached already");
	ret = ivshmem_open_device(name, &device, err);
	if (ret != 0)
		return ret;
	ret = ivshmem_device_map(device, true, err);
	if (ret == 0) {
		ret = ivshmem_device_attach(device, err);
		if (ret != 0)
			ivshmem_device_unmap(device);
	}
	if (ret != 0)
		ivshmem_device_free(device);
	return ret;
}

int rte_ivshmem_attach(const char *device)
{
	struct ivshmem_error err;
	int ret;

	pthread_mutex_lock(&lock);
	ret = attach(device, &err);
	pthread_mutex_unlock(&lock);
	return result("not attached", device, ret, &err);
}

static int check_detach(const char *name, uint32_t flags,
			struct ivshmem_device **device,
			struct ivshmem_error *err)
{
	int ret = find_attached(name, device, err);

	if (ret != 0)
		return ret;
	if (flags & ~RTE_IVSHMEM_DETACH_FORCE)
		return ivshmem_fail(err, -EINVAL, "flags 0x%x", flags);
	if ((*device)->holders > 0 && !(flags & RTE_IVSHMEM_DETACH_FORCE))
		return ivshmem_fail(err, -EBUSY,
			"held %u times: rte_ivshmem_release(), or RTE_IVSHMEM_DETACH_FORCE",
			(*device)->holders);
	return 0;
}

int rte_ivshmem_detach(const char *device, uint32_t flags)
{
	struct ivshmem_device *found;
	struct ivshmem_error err;
	int ret;

	pthread_mutex_lock(&lock);
	ret = check_detach(device, flags, &found, &err);
	if (ret == 0)
		detach(found);
	pthread_mutex_unlock(&lock);
	return result("not detached", device, ret, &err);
}

int rte_ivshmem_hold(const char *device)
{
	struct ivshmem_device *found;
	struct ivshmem_error err;
	int ret;

	pthread_mutex_lock(&lock);
	ret = find_attached(device, &found, &err);
	if (ret == 0)
		found->holders++;
	pthread_mutex_unlock(&lock);
	return result("not held", device, ret, &err);
}

int rte_ivshmem_release(const char *device)
{
	struct ivshmem_device *found;
	struct ivshmem_error err;
	int ret;

	pthread_mutex_lock(&lock);
	ret = find_attached(device, &found, &err);
	if (ret == 0 && found->holders == 0)
		ret = ivshmem_fail(&err, -EINVAL, "nobody holds it");
	if (ret == 0)
		found->holders--;
	pthread_mutex_unlock(&lock);
	return result("not released", device, ret, &err);
}

static void fill_info(struct ivshmem_device *device,
		      struct rte_ivshmem_info *info)
{
	const struct ivshmem_metadata *md = &device->md;

	memset(info, 0, sizeof(*info));
	snprintf(info->device, sizeof(info->device), "%s", device->name);
	snprintf(info->name, sizeof(info->name), "%s", md->name);
	snprintf(info->memory_type, sizeof(info->memory_type), "%s",
		 device->memory_type);
	info->generation = md->generation;
	info->bytes = memory_bytes(md);
	info->chunks = md->n_chunks - 1;
	info->objects = md->n_objects;
	info->holders = device->holders;
	info->state = ivshmem_host_state(device);
}

int rte_ivshmem_info_get(const char *device, struct rte_ivshmem_info *info)
{
	struct ivshmem_device *found;
	struct ivshmem_error err;
	int ret;

	pthread_mutex_lock(&lock);
	ret = find_attached(device, &found, &err);
	if (ret == 0 && info == NULL)
		ret = ivshmem_fail(&err, -EINVAL, "info is NULL");
	if (ret == 0)
		fill_info(found, info);
	pthread_mutex_unlock(&lock);
	return result("no information", device, ret, &err);
}

int ivshmem_list_attached(struct ivshmem_vec *list)
{
	struct ivshmem_device *device;
	int ret = 0;

	pthread_mutex_lock(&lock);
	TAILQ_FOREACH(device, &attached, next) {
		struct ivshmem_attached one = {
			.number = device->number,
			.inode = device->inode,
			.is_pci = device->is_pci,
		};

		fill_info(device, &one.info);
		ret = ivshmem_vec_append(list, &one, 1, sizeof(one));
		if (ret != 0)
			break;
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

int ivshmem_inspect(const char *name, struct rte_ivshmem_info *info,
		    struct ivshmem_error *err)
{
	struct ivshmem_device *device;
	int ret = ivshmem_open_device(name, &device, err);

	if (ret != 0)
		return ret;
	ret = ivshmem_watch(device, err);
	if (ret == 0)
		fill_info(device, info);
	ivshmem_unwatch(device);
	ivshmem_device_free(device);
	return ret;
}

int rte_ivshmem_info_walk(int (*visit)(const struct rte_ivshmem_info *info,
				       void *arg), void *arg)
{
	struct ivshmem_vec list = { NULL, 0, 0 };
	const struct ivshmem_attached *one;
	int ret = ivshmem_list_attached(&list);

	one = list.data;
	for (uint32_t i = 0; i < list.n && ret == 0; i++)
		ret = visit(&one[i].info, arg);
	free(list.data);
	return ret;
}

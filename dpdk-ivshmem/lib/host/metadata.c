/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "device_text.h"
#include "drawing.h"
#include "host.h"
#include "log.h"
#include "rte_ivshmem.h"

RTE_IVSHMEM_ASSERT(RTE_IVSHMEM_NAME_SIZE == RTE_IVSHMEM_META_NAME_LEN);

/** All metadata of this process; guarded by the lock. */
static struct ivshmem_host_list hosts = TAILQ_HEAD_INITIALIZER(hosts);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* One way out for every public call. */
static int result(int ret, const struct ivshmem_error *err)
{
	if (ret >= 0)
		return 0;
	IVSHMEM_LOG(ERR, "%s", err->text);
	rte_errno = -ret;
	return -1;
}

static int check_name(const char *name, struct ivshmem_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	if (name == NULL || name[0] == '\0')
		return ivshmem_fail(err, -EINVAL, "the metadata has no name");
	if (strlen(name) >= RTE_IVSHMEM_NAME_SIZE)
		return ivshmem_fail(err, -ENAMETOOLONG,
			"metadata name '%.80s' has more than %d characters",
			name, RTE_IVSHMEM_NAME_SIZE - 1);
	if (name[0] == '.' || strspn(name, allowed) != strlen(name))
		return ivshmem_fail(err, -EINVAL,
			"metadata name '%s': use letters, digits, '_', '-' and '.', and do not begin with '.'",
			name);
	return 0;
}

static struct ivshmem_host *find_host(const char *name)
{
	struct ivshmem_host *host;

	TAILQ_FOREACH(host, &hosts, next)
		if (strcmp(host->name, name) == 0)
			return host;
	return NULL;
}

static int get_host(const char *name, struct ivshmem_host **host,
		    struct ivshmem_error *err)
{
	int ret = check_name(name, err);

	if (ret != 0)
		return ret;
	*host = find_host(name);
	if (*host == NULL)
		return ivshmem_fail(err, -ENOENT,
			"no metadata '%s': call rte_ivshmem_metadata_create() first",
			name);
	return 0;
}

static void free_host(struct ivshmem_host *host)
{
	if (host->file.fd >= 0)
		ivshmem_file_remove(&host->file);
	free(host->objects.data);
	free(host->pieces.data);
	free(host->ops.data);
	free(host->paths.data);
	free(host);
}

/* The generation and state move on only when all went well. */
static int publish(struct ivshmem_host *host, const struct ivshmem_metadata *md,
		   struct ivshmem_error *err)
{
	int ret = ivshmem_file_write(&host->file, md, err);

	if (ret == 0) {
		host->generation = md->generation;
		host->state = md->state;
	}
	return ret;
}

/* The first contents of a metadata file: no objects, not for guests yet. */
static int publish_empty(struct ivshmem_host *host, struct ivshmem_error *err)
{
	struct ivshmem_metadata md;
	int ret = ivshmem_publish_build(host, host->generation + 1,
					RTE_IVSHMEM_BUILDING, &md, err);

	if (ret != 0)
		return ret;
	ret = publish(host, &md, err);
	ivshmem_published_free(&md);
	return ret;
}

static int create_locked(const char *name, struct ivshmem_error *err)
{
	struct ivshmem_host *host;
	int ret;

	if (find_host(name) != NULL)
		return ivshmem_fail(err, -EEXIST,
				    "metadata '%s' exists already", name);
	host = calloc(1, sizeof(*host));
	if (host == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	snprintf(host->name, sizeof(host->name), "%s", name);
	host->file.fd = -1;
	ret = ivshmem_file_claim(&host->file, name, &host->generation, err);
	if (ret == 0)
		ret = publish_empty(host, err);
	if (ret != 0) {
		free_host(host);
		return ret;
	}
	TAILQ_INSERT_TAIL(&hosts, host, next);
	return 0;
}

int rte_ivshmem_metadata_create(const char *name)
{
	struct ivshmem_error err;
	int ret = check_name(name, &err);

	if (ret == 0) {
		pthread_mutex_lock(&lock);
		ret = create_locked(name, &err);
		pthread_mutex_unlock(&lock);
	}
	return result(ret, &err);
}

/** What adding an object may change, to undo it. */
struct snapshot {
	uint32_t n_objects;
	uint32_t n_pieces;
	uint32_t n_ops;
	uint32_t n_paths;
	uint64_t last_length; /**< the last piece may grow */
};

static uint64_t *last_piece_length(struct ivshmem_host *host, uint32_t n)
{
	struct rte_ivshmem_chunk *pieces = host->pieces.data;

	return n > 0 ? &pieces[n - 1].length : NULL;
}

static struct snapshot take_snapshot(struct ivshmem_host *host)
{
	uint64_t *length = last_piece_length(host, host->pieces.n);

	return (struct snapshot){
		.n_objects = host->objects.n,
		.n_pieces = host->pieces.n,
		.n_ops = host->ops.n,
		.n_paths = host->paths.n,
		.last_length = length != NULL ? *length : 0,
	};
}

static void restore(struct ivshmem_host *host, const struct snapshot *snapshot)
{
	uint64_t *length = last_piece_length(host, snapshot->n_pieces);

	if (length != NULL)
		*length = snapshot->last_length;
	host->objects.n = snapshot->n_objects;
	host->pieces.n = snapshot->n_pieces;
	host->ops.n = snapshot->n_ops;
	host->paths.n = snapshot->n_paths;
}

/** Any of ivshmem_add_memzone(), _ring() and _mempool(). */
typedef int (*add_function)(struct ivshmem_host *host, const void *object,
			    struct ivshmem_error *err);

static int add_locked(const char *md_name, const void *object, add_function add,
		      struct ivshmem_error *err)
{
	struct ivshmem_host *host;
	struct snapshot before;
	int ret = get_host(md_name, &host, err);

	if (ret != 0)
		return ret;
	before = take_snapshot(host);
	ret = add(host, object, err);
	if (ret != 0) {
		restore(host, &before);
		return ret;
	}
	ivshmem_pin_pages(host, before.n_pieces > 0 ? before.n_pieces - 1 : 0);
	host->state = RTE_IVSHMEM_BUILDING;
	return 0;
}

static int add_object(const char *md_name, const void *object, const char *kind,
		      add_function add)
{
	struct ivshmem_error err;
	int ret;

	if (object == NULL)
		return result(ivshmem_fail(&err, -EINVAL, "the %s is NULL",
					   kind), &err);
	pthread_mutex_lock(&lock);
	ret = add_locked(md_name, object, add, &err);
	pthread_mutex_unlock(&lock);
	return result(ret, &err);
}

static int add_memzone(struct ivshmem_host *host, const void *object,
		       struct ivshmem_error *err)
{
	return ivshmem_add_memzone(host, object, err);
}

static int add_ring(struct ivshmem_host *host, const void *object,
		    struct ivshmem_error *err)
{
	return ivshmem_add_ring(host, object, err);
}

static int add_mempool(struct ivshmem_host *host, const void *object,
		       struct ivshmem_error *err)
{
	return ivshmem_add_mempool(host, object, err);
}

int rte_ivshmem_metadata_add_memzone(const struct rte_memzone *mz,
				     const char *md_name)
{
	return add_object(md_name, mz, "memzone", add_memzone);
}

int rte_ivshmem_metadata_add_ring(const struct rte_ring *r,
				  const char *md_name)
{
	return add_object(md_name, r, "ring", add_ring);
}

int rte_ivshmem_metadata_add_mempool(const struct rte_mempool *mp,
				     const char *md_name)
{
	return add_object(md_name, mp, "mempool", add_mempool);
}

/*
 * The text is made before anything is written, so that a buffer that is too
 * small changes nothing.  Returns the size needed in *need with -ENOBUFS.
 */
static int cmdline_locked(const char *name, char *buffer, unsigned int size,
			  size_t *need, struct ivshmem_error *err)
{
	struct ivshmem_metadata md;
	struct ivshmem_host *host;
	char *text = NULL;
	bool uses_layout;
	int ret = get_host(name, &host, err);

	if (ret != 0)
		return ret;
	if (host->objects.n == 0)
		return ivshmem_fail(err, -ENODATA,
			"metadata '%s' shares nothing yet", name);
	ret = ivshmem_publish_build(host, host->generation + 1,
				    RTE_IVSHMEM_READY, &md, err);
	if (ret != 0)
		return ret;
	ret = ivshmem_device_text(&md, RTE_IVSHMEM_FORM_AUTO, NULL, &text,
				  &uses_layout, err);
	*need = ret == 0 ? strlen(text) + 1 : 0;
	if (ret == 0 && *need > size)
		ret = ivshmem_fail(err, -ENOBUFS,
			"the QEMU argument of '%s' needs a buffer of %zu bytes, this one has %u",
			name, *need, size);
	if (ret == 0)
		ret = ivshmem_freeze_lcores(&md, err);
	if (ret == 0)
		ret = publish(host, &md, err);
	if (ret == 0)
		memcpy(buffer, text, *need);
	free(text);
	ivshmem_published_free(&md);
	return ret;
}

int rte_ivshmem_metadata_cmdline_generate(char *buffer, unsigned int size,
					  const char *name)
{
	struct ivshmem_error err;
	size_t need = 0;
	int ret;

	if (buffer == NULL)
		return result(ivshmem_fail(&err, -EINVAL, "the buffer is NULL"),
			      &err);
	pthread_mutex_lock(&lock);
	ret = cmdline_locked(name, buffer, size, &need, &err);
	pthread_mutex_unlock(&lock);
	result(ret, &err);
	return ret == -ENOBUFS ? -(int)need : ret < 0 ? -1 : 0;
}

static int dump_host(FILE *f, const struct ivshmem_host *host,
		     struct ivshmem_error *err)
{
	struct ivshmem_metadata md;
	int ret = ivshmem_publish_build(host, host->generation,
					host->state, &md, err);

	if (ret != 0)
		return ret;
	ivshmem_draw_text(f, &md);
	ivshmem_published_free(&md);
	if (fflush(f) != 0 || ferror(f))
		return ivshmem_fail(err, -EIO, "cannot write the dump");
	return 0;
}

static int dump_locked(FILE *f, const char *name, struct ivshmem_error *err)
{
	struct ivshmem_host *host;
	int ret = 0;

	if (name != NULL) {
		ret = get_host(name, &host, err);
		return ret != 0 ? ret : dump_host(f, host, err);
	}
	TAILQ_FOREACH(host, &hosts, next) {
		ret = dump_host(f, host, err);
		if (ret != 0)
			break;
	}
	return ret;
}

int rte_ivshmem_metadata_dump(FILE *f, const char *name)
{
	struct ivshmem_error err;
	int ret;

	if (f == NULL)
		return result(ivshmem_fail(&err, -EINVAL, "the stream is NULL"),
			      &err);
	pthread_mutex_lock(&lock);
	ret = dump_locked(f, name, &err);
	pthread_mutex_unlock(&lock);
	return result(ret, &err);
}

/* A process that exits in order leaves nothing behind. */
RTE_FINI(ivshmem_host_exit)
{
	struct ivshmem_host *host;

	while ((host = TAILQ_FIRST(&hosts)) != NULL) {
		TAILQ_REMOVE(&hosts, host, next);
		free_host(host);
	}
}

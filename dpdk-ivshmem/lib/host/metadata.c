/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "device_text.h"
#include "drawing.h"
#include "host.h"
#include "leavings.h"
#include "log.h"

RTE_IVSHMEM_ASSERT(RTE_IVSHMEM_NAME_SIZE == RTE_IVSHMEM_META_NAME_LEN);

/** All metadata of this process, a hash; guarded by the lock. */
static struct ivshmem_host *hosts;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void ivshmem_lock(void)
{
	pthread_mutex_lock(&lock);
}

void ivshmem_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

int ivshmem_result(int ret, const struct ivshmem_error *err)
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

	HASH_FIND_STR(hosts, name, host);
	return host;
}

int ivshmem_get_host(const char *name, struct ivshmem_host **host,
		     struct ivshmem_error *err)
{
	int ret;

	*host = name != NULL ? find_host(name) : NULL;
	if (*host != NULL)
		return 0;
	ret = check_name(name, err);
	if (ret != 0)
		return ret;
	return ivshmem_fail(err, -ENOENT,
		"no metadata '%s': call rte_ivshmem_metadata_create() first",
		name);
}

void ivshmem_each_host(void (*visit)(const struct ivshmem_host *host,
				     void *arg), void *arg)
{
	struct ivshmem_host *host, *next;

	HASH_ITER(hh, hosts, host, next)
		visit(host, arg);
}

/* ---- creation and destruction ------------------------------------------- */

/* `fd`: md as a new file; on failure it still belongs to the caller. */
static int publish(struct ivshmem_host *host, const struct ivshmem_metadata *md,
		   int fd, struct ivshmem_error *err)
{
	bool frozen;
	int ret = ivshmem_freeze_lcores(md, &frozen, err);

	if (ret != 0)
		return ret;
	ret = ivshmem_file_commit(&host->file, fd,
				  !TAILQ_EMPTY(&host->removed), err);
	if (ret != 0 && frozen)
		ivshmem_thaw_lcores();
	if (ret != 0)
		return ret;
	host->generation = md->generation;
	host->state = md->state;
	ivshmem_objects_published(host);
	return 0;
}

/* The first contents of a metadata file: no objects, not for guests yet. */
static int publish_empty(struct ivshmem_host *host, struct ivshmem_error *err)
{
	struct ivshmem_metadata md;
	int fd, ret = ivshmem_publish_build(host, host->generation + 1,
					    RTE_IVSHMEM_BUILDING, &md, err);

	if (ret != 0)
		return ret;
	fd = ivshmem_file_prepare(&host->file, &md, err);
	ret = fd < 0 ? fd : publish(host, &md, fd, err);
	if (fd >= 0 && ret != 0)
		ivshmem_file_discard(&host->file, fd);
	ivshmem_published_free(&md);
	return ret;
}

static int claim(struct ivshmem_host *host, struct ivshmem_error *err)
{
	int ret = ivshmem_file_claim(&host->file, host->name,
				     &host->generation, err);

	if (ret == 0)
		ret = publish_empty(host, err);
	if (ret == 0)
		HASH_ADD_STR(hosts, name, host);
	if (ret == 0 && host->not_hashed)
		ret = ivshmem_fail(err, -ENOMEM, "out of memory");
	if (ret != 0 && host->file.fd >= 0)
		ivshmem_file_remove(&host->file);
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
	TAILQ_INIT(&host->objects);
	TAILQ_INIT(&host->removed);
	ret = claim(host, err);
	if (ret != 0)
		free(host);
	return ret;
}

int rte_ivshmem_metadata_create(const char *name)
{
	struct ivshmem_error err;
	int ret = check_name(name, &err);

	if (ret == 0) {
		ivshmem_lock();
		ret = create_locked(name, &err);
		ivshmem_unlock();
	}
	return ivshmem_result(ret, &err);
}

/* Guests are told before the memory is given back. */
int rte_ivshmem_metadata_destroy(const char *name)
{
	struct ivshmem_host *host;
	struct ivshmem_error err;
	int ret;

	ivshmem_lock();
	ret = ivshmem_get_host(name, &host, &err);
	if (ret == 0) {
		HASH_DEL(hosts, host);
		ivshmem_file_remove(&host->file);
		ivshmem_objects_free(host);
		free(host);
	}
	ivshmem_unlock();
	return ivshmem_result(ret, &err);
}

/*
 * A process that exits in order leaves no file behind.  Its memory is not
 * touched: the EAL may have unmapped it, and it goes away with the process.
 */
RTE_FINI(ivshmem_host_exit)
{
	struct ivshmem_host *host, *next;

	HASH_ITER(hh, hosts, host, next)
		ivshmem_file_remove(&host->file);
}

/* ---- publication --------------------------------------------------------- */

/* The text may have the inode of the metadata file, and that of the next
 * attempt may have more digits. */
#define INODE_DIGITS 20

/** What a caller asked for, and the buffer that takes it. */
struct request {
	const char *name;
	enum rte_ivshmem_form form;
	bool again; /**< publish although nothing changed */
	char *buffer;
	unsigned int size;
	size_t need; /**< out: bytes that the text needs, or a few more */
};

/* `fd`: the metadata file, also if it has not got its name yet. */
static int make_text(const struct ivshmem_host *host,
		     const struct ivshmem_metadata *md, int fd,
		     struct request *request, char **text, bool *uses_layout,
		     struct ivshmem_error *err)
{
	struct ivshmem_identity metadata;
	char layout[PATH_MAX];
	int ret = ivshmem_identity_of_fd(fd, &metadata);

	if (ret != 0)
		return ivshmem_fail(err, ret, "'%.150s': %s", host->file.path,
				    strerror(-ret));
	ivshmem_layout_path(host->file.path, layout);
	ret = ivshmem_device_text(md, request->form, layout, &metadata, text,
				  uses_layout, err);
	if (ret != 0)
		return ret;
	request->need = strlen(*text) + 1;
	if (request->need <= request->size)
		return 0;
	request->need += INODE_DIGITS;
	ret = ivshmem_fail(err, -ENOBUFS,
		"the text for '%s' needs a buffer of %zu bytes, this one has %u",
		host->name, request->need, request->size);
	free(*text);
	return ret;
}

/* Both files, or neither.  `fd` as for publish(); -1: the old metadata stays. */
static int write_files(struct ivshmem_host *host,
		       const struct ivshmem_metadata *md, int fd,
		       bool uses_layout, struct ivshmem_error *err)
{
	int ret = uses_layout ?
		  ivshmem_layout_replace(&host->file, md, err) : 0;

	if (ret != 0)
		return ret;
	if (fd >= 0)
		ret = publish(host, md, fd, err);
	if (uses_layout)
		ivshmem_layout_settle(&host->file, ret == 0);
	return ret;
}

/* With `fd` as write_files(); a buffer that is too small changes nothing. */
static int answer(struct ivshmem_host *host, const struct ivshmem_metadata *md,
		  int fd, struct request *request, struct ivshmem_error *err)
{
	bool uses_layout;
	char *text;
	int ret = make_text(host, md, fd >= 0 ? fd : host->file.fd, request,
			    &text, &uses_layout, err);

	if (ret != 0)
		return ret;
	ret = write_files(host, md, fd, uses_layout, err);
	if (ret == 0)
		memcpy(request->buffer, text, request->need);
	free(text);
	return ret;
}

static int publish_and_answer(struct ivshmem_host *host,
			      const struct ivshmem_metadata *md,
			      struct request *request,
			      struct ivshmem_error *err)
{
	int ret, fd = ivshmem_file_prepare(&host->file, md, err);

	if (fd < 0)
		return fd;
	ret = answer(host, md, fd, request, err);
	if (ret != 0)
		ivshmem_file_discard(&host->file, fd);
	return ret;
}

static int generate_locked(struct request *request, struct ivshmem_error *err)
{
	struct ivshmem_metadata md;
	struct ivshmem_host *host;
	bool publishing;
	int ret = ivshmem_get_host(request->name, &host, err);

	if (ret != 0)
		return ret;
	if (host->n_objects == 0 && TAILQ_EMPTY(&host->removed))
		return ivshmem_fail(err, -ENODATA,
			"metadata '%s' shares nothing yet", host->name);
	publishing = request->again || host->state == RTE_IVSHMEM_BUILDING;
	ret = ivshmem_publish_build(host, host->generation + publishing,
				    RTE_IVSHMEM_READY, &md, err);
	if (ret != 0)
		return ret;
	ret = publishing ? publish_and_answer(host, &md, request, err) :
	      answer(host, &md, -1, request, err);
	ivshmem_published_free(&md);
	return ret;
}

static int generate(struct request *request)
{
	struct ivshmem_error err;
	int ret;

	if (request->buffer == NULL)
		return ivshmem_result(ivshmem_fail(&err, -EINVAL,
						   "the buffer is NULL"), &err);
	ivshmem_lock();
	ret = generate_locked(request, &err);
	ivshmem_unlock();
	ivshmem_result(ret, &err);
	return ret == -ENOBUFS ? -(int)request->need : ret < 0 ? -1 : 0;
}

int rte_ivshmem_metadata_cmdline_generate(char *buffer, unsigned int size,
					  const char *name)
{
	return generate(&(struct request){
		.name = name, .form = RTE_IVSHMEM_FORM_AUTO, .again = true,
		.buffer = buffer, .size = size,
	});
}

int rte_ivshmem_metadata_device_generate(char *buffer, unsigned int size,
					 const char *name,
					 enum rte_ivshmem_form form)
{
	return generate(&(struct request){
		.name = name, .form = form, .buffer = buffer, .size = size,
	});
}

/* ---- looking at it ------------------------------------------------------- */

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
	struct ivshmem_host *host, *next;
	int ret = 0;

	if (name != NULL) {
		ret = ivshmem_get_host(name, &host, err);
		return ret != 0 ? ret : dump_host(f, host, err);
	}
	HASH_ITER(hh, hosts, host, next) {
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
		return ivshmem_result(ivshmem_fail(&err, -EINVAL,
						   "the stream is NULL"), &err);
	ivshmem_lock();
	ret = dump_locked(f, name, &err);
	ivshmem_unlock();
	return ivshmem_result(ret, &err);
}

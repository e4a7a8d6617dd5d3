/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backing.h"
#include "drawing.h"
#include "hold.h"
#include "objects.h"

/* Name and type are one key. */
#define NAME_KEY_SIZE (RTE_IVSHMEM_OBJ_NAME_LEN + sizeof(uint32_t))
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, type) ==
		   RTE_IVSHMEM_OBJ_NAME_LEN);

/* `first` is the object's own room for one element. */
static int append(struct ivshmem_vec *vec, void *first, const void *element,
		  size_t size)
{
	if (vec->n == 0) {
		memcpy(first, element, size);
		*vec = (struct ivshmem_vec){ first, 1, 1 };
		return 0;
	}
	if (vec->data == first) {
		struct ivshmem_vec moved = { NULL, 0, 0 };

		if (ivshmem_vec_append(&moved, first, 1, size) != 0)
			return -ENOMEM;
		*vec = moved;
	}
	return ivshmem_vec_append(vec, element, 1, size);
}

static void free_elements(struct ivshmem_vec *vec, const void *first)
{
	if (vec->data != first)
		free(vec->data);
	*vec = (struct ivshmem_vec){ NULL, 0, 0 };
}

static void let_go(struct ivshmem_object *object)
{
	const struct ivshmem_range *ranges = object->ranges.data;
	void **blocks = object->blocks.data;

	for (uint32_t i = 0; i < object->ranges.n; i++)
		ivshmem_unpin_pages(ranges[i].address, ranges[i].length);
	for (uint32_t i = 0; i < object->blocks.n; i++)
		ivshmem_release(blocks[i]);
	free_elements(&object->ranges, &object->first_range);
	free_elements(&object->blocks, &object->first_block);
}

static void free_object(struct ivshmem_object *object)
{
	let_go(object);
	free_elements(&object->needs, &object->first_need);
	free(object);
}

struct ivshmem_object *ivshmem_object_find(const struct ivshmem_host *host,
					   uint32_t type, const void *pointer)
{
	struct ivshmem_handle handle = {
		.pointer = (uintptr_t)pointer, .type = type,
	};
	struct ivshmem_object *object;

	HASH_FIND(by_handle, host->by_handle, &handle, sizeof(handle), object);
	return object;
}

/** Hash values of a new object: each key is hashed once. */
struct hash_values {
	unsigned int handle;
	unsigned int name;
};

static struct hash_values hash_values_of(const struct ivshmem_object *object)
{
	struct hash_values values;

	HASH_VALUE(&object->handle, sizeof(object->handle), values.handle);
	HASH_VALUE(object->wire.name, NAME_KEY_SIZE, values.name);
	return values;
}

static int check_new(const struct ivshmem_host *host,
		     const struct ivshmem_object *object,
		     const struct hash_values *values,
		     struct ivshmem_error *err)
{
	const char *type = ivshmem_type_name(object->wire.type);
	struct ivshmem_object *known;

	HASH_FIND_BYHASHVALUE(by_handle, host->by_handle, &object->handle,
			      sizeof(object->handle), values->handle, known);
	if (known != NULL && strcmp(known->wire.name, object->wire.name) != 0)
		return ivshmem_fail(err, -EEXIST,
			"%s '%s' is where '%s' was, which was freed and is shared by '%s': remove that first",
			type, object->wire.name, known->wire.name, host->name);
	if (known == NULL)
		HASH_FIND_BYHASHVALUE(by_name, host->by_name, object->wire.name,
				      NAME_KEY_SIZE, values->name, known);
	if (known == NULL)
		return 0;
	return ivshmem_fail(err, -EEXIST,
		known->handle.pointer == object->handle.pointer ?
		"%s '%s' is shared by '%s' already" :
		"another %s '%s', freed since, is shared by '%s': remove that first",
		type, object->wire.name, host->name);
}

/* Both hashes, or neither. */
static int hash(struct ivshmem_host *host, struct ivshmem_object *object,
		const struct hash_values *values, struct ivshmem_error *err)
{
	HASH_ADD_BYHASHVALUE(by_handle, host->by_handle, handle,
			     sizeof(object->handle), values->handle, object);
	if (!object->not_hashed) {
		HASH_ADD_BYHASHVALUE(by_name, host->by_name, wire.name,
				     NAME_KEY_SIZE, values->name, object);
		if (!object->not_hashed)
			return 0;
		HASH_DELETE(by_handle, host->by_handle, object);
	}
	return ivshmem_fail(err, -ENOMEM, "out of memory");
}

int ivshmem_object_new(struct ivshmem_host *host, uint32_t type,
		       const void *pointer, const char *name, bool readonly,
		       struct ivshmem_object **result,
		       struct ivshmem_error *err)
{
	struct ivshmem_object *object = calloc(1, sizeof(*object));
	struct hash_values values;
	int ret;

	if (object == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	object->handle.pointer = (uintptr_t)pointer;
	object->handle.type = type;
	object->wire.type = type;
	object->readonly = readonly;
	memcpy(object->wire.name, name,
	       strnlen(name, sizeof(object->wire.name) - 1));
	values = hash_values_of(object);
	ret = check_new(host, object, &values, err);
	if (ret == 0)
		ret = hash(host, object, &values, err);
	if (ret != 0) {
		free(object);
		return ret;
	}
	TAILQ_INSERT_TAIL(&host->objects, object, next);
	host->n_objects++;
	*result = object;
	return 0;
}

/* The name is put together only for a message. */
static int check_memory(const struct ivshmem_object *object, const void *start,
			uint64_t length, struct ivshmem_error *err)
{
	char what[64];
	int ret = ivshmem_backing_check(start, length, "memory", err);

	if (ret == 0)
		return 0;
	snprintf(what, sizeof(what), "%s '%s'",
		 ivshmem_type_name(object->wire.type), object->wire.name);
	return ivshmem_backing_check(start, length, what, err);
}

int ivshmem_object_add_range(struct ivshmem_object *object, uint64_t address,
			     uint64_t length, struct ivshmem_error *err)
{
	struct ivshmem_range range = { .address = address, .length = length };
	int ret = check_memory(object, (void *)(uintptr_t)address, length, err);

	if (ret == 0)
		ret = ivshmem_pin_pages(address, length, &range.page_size, err);
	if (ret != 0)
		return ret;
	ret = append(&object->ranges, &object->first_range, &range,
		     sizeof(range));
	if (ret == 0)
		return 0;
	ivshmem_unpin_pages(address, length);
	return ivshmem_fail(err, ret, "out of memory");
}

int ivshmem_object_hold(struct ivshmem_object *object, void *block,
			const struct rte_memzone *owner,
			struct ivshmem_error *err)
{
	int ret = ivshmem_hold(block, owner, err);

	if (ret != 0)
		return ret;
	ret = append(&object->blocks, &object->first_block, &block,
		     sizeof(block));
	if (ret == 0)
		return 0;
	ivshmem_release(block);
	return ivshmem_fail(err, ret, "out of memory");
}

int ivshmem_object_need(struct ivshmem_object *user,
			struct ivshmem_object *memzone,
			struct ivshmem_error *err)
{
	if (append(&user->needs, &user->first_need, &memzone,
		   sizeof(memzone)) != 0)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	ivshmem_object_use(memzone, user->readonly);
	return 0;
}

void ivshmem_object_use(struct ivshmem_object *memzone, bool readonly)
{
	if (readonly)
		memzone->readers++;
	else
		memzone->writers++;
}

void ivshmem_object_unuse(struct ivshmem_host *host,
			  struct ivshmem_object *memzone, bool readonly)
{
	if (readonly)
		memzone->readers--;
	else
		memzone->writers--;
	if (memzone->readers == 0 && memzone->writers == 0)
		ivshmem_object_drop(host, memzone);
}

void ivshmem_object_drop(struct ivshmem_host *host,
			 struct ivshmem_object *object)
{
	struct ivshmem_object **needed = object->needs.data;

	HASH_DELETE(by_handle, host->by_handle, object);
	HASH_DELETE(by_name, host->by_name, object);
	TAILQ_REMOVE(&host->objects, object, next);
	host->n_objects--;
	/* Before its memzones: what it holds asks them whether it was freed. */
	if (object->published)
		TAILQ_INSERT_TAIL(&host->removed, object, next);
	else
		let_go(object);
	for (uint32_t i = 0; i < object->needs.n; i++)
		ivshmem_object_unuse(host, needed[i], object->readonly);
	free_elements(&object->needs, &object->first_need);
	if (!object->published)
		free(object);
}

static void free_removed(struct ivshmem_host *host)
{
	struct ivshmem_object *object;

	while ((object = TAILQ_FIRST(&host->removed)) != NULL) {
		TAILQ_REMOVE(&host->removed, object, next);
		free_object(object);
	}
}

void ivshmem_objects_published(struct ivshmem_host *host)
{
	struct ivshmem_object *object;

	free_removed(host);
	TAILQ_FOREACH(object, &host->objects, next)
		object->published = true;
}

/* Rings and mempools before the memzones that they need. */
void ivshmem_objects_free(struct ivshmem_host *host)
{
	struct ivshmem_object *object, *next;

	for (int zones = 0; zones < 2; zones++)
		for (object = TAILQ_FIRST(&host->objects); object != NULL;
		     object = next) {
			next = TAILQ_NEXT(object, next);
			if (zones || object->wire.type != RTE_IVSHMEM_MEMZONE) {
				TAILQ_REMOVE(&host->objects, object, next);
				TAILQ_INSERT_TAIL(&host->removed, object, next);
			}
		}
	HASH_CLEAR(by_handle, host->by_handle);
	HASH_CLEAR(by_name, host->by_name);
	host->n_objects = 0;
	free_removed(host);
}

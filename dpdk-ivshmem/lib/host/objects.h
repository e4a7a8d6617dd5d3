/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The objects of a metadata: found by pointer and by name, each with the memory
 * that it keeps.  Called with the lock of metadata.c held.
 */
#ifndef IVSHMEM_OBJECTS_H
#define IVSHMEM_OBJECTS_H

#include "host.h"

/**
 * Begin an object without memory, that is listed already.
 *
 * @param pointer
 *   What the application calls it by.
 * @return
 *   0, -ENOMEM, or -EEXIST if the pointer or the name is listed.
 */
int ivshmem_object_new(struct ivshmem_host *host, uint32_t type,
		       const void *pointer, const char *name, bool readonly,
		       struct ivshmem_object **object,
		       struct ivshmem_error *err);

/** Find an object, or NULL. */
struct ivshmem_object *ivshmem_object_find(const struct ivshmem_host *host,
					   uint32_t type, const void *pointer);

/** Add memory to it: checked (backing.h) and pinned. */
int ivshmem_object_add_range(struct ivshmem_object *object, uint64_t address,
			     uint64_t length, struct ivshmem_error *err);

/** Let it hold a block of the heap; as ivshmem_hold(). */
int ivshmem_object_hold(struct ivshmem_object *object, void *block,
			const struct rte_memzone *owner,
			struct ivshmem_error *err);

/** Count `user`, a ring or mempool, as one that needs `memzone`. */
int ivshmem_object_need(struct ivshmem_object *user,
			struct ivshmem_object *memzone,
			struct ivshmem_error *err);

/** Count the application, or somebody, as one who uses a memzone. */
void ivshmem_object_use(struct ivshmem_object *memzone, bool readonly);
/** Undo ivshmem_object_use(), and drop a memzone that nobody uses. */
void ivshmem_object_unuse(struct ivshmem_host *host,
			  struct ivshmem_object *memzone, bool readonly);

/**
 * Take it off the list, with the memzones that only it needed.  What guests
 * may see is kept until ivshmem_objects_published().
 */
void ivshmem_object_drop(struct ivshmem_host *host,
			 struct ivshmem_object *object);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a block is held.
 *
 * DPDK's heap has no counts of users.  But rte_free() refuses a block whose
 * header does not say that it is in use (it logs "Error: Invalid memory"), and
 * the heap hands out only what is free: a block that is called padding is
 * neither.  So the state in the header is changed while guests see the block,
 * by one store that no other code of DPDK makes for a block in use.
 *
 * The header (struct malloc_elem in DPDK's malloc_elem.h) is private, so its
 * layout is tried before it is relied upon; with a heap of another kind,
 * sharing works and a freed object's memory may be given to others.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_memzone.h>

#include "hash.h"
#include "hold.h"
#include "log.h"

/** Header of a heap's block; unchanged from 20.11 to 25.11. */
struct heap_block {
	void *heap, *prev, *next, *free_next, *free_prev, *msl;
	uint32_t state; /**< lowest 3 bits; the others are flags */
	uint32_t pad;   /**< of padding: bytes back to the block's header */
	size_t size;    /**< with header and trailer */
} __rte_cache_aligned;

#define STATE_MASK 7u
#define STATE_BUSY 1u
#define STATE_PAD 2u

/* 128 bytes with cache lines of 64: the private part has more members. */
#define HEADER_SIZE RTE_CACHE_LINE_ROUNDUP(sizeof(struct heap_block) + 16)

/** A block that is held. */
struct hold {
	void *block; /**< key */
	const struct rte_memzone *owner;
	uint64_t owner_address; /**< a freed memzone has another one, or none */
	uint32_t users;
	bool not_hashed;
	UT_hash_handle hh;
};

static struct hold *holds;

static struct heap_block *header_of(void *block)
{
	struct heap_block *header = RTE_PTR_SUB(block, HEADER_SIZE);

	/* Padding in front of a block says where its header is. */
	return (header->state & STATE_MASK) == STATE_PAD ?
	       RTE_PTR_SUB(header, header->pad) : header;
}

static void set_state(void *block, uint32_t from, uint32_t to)
{
	struct heap_block *header = header_of(block);
	uint32_t state = header->state;

	if ((state & STATE_MASK) == from)
		__atomic_store_n(&header->state, (state & ~STATE_MASK) | to,
				 __ATOMIC_RELEASE);
}

/* Does a block in use look as expected?  No new one: the heap may be full. */
static bool try_heap(void *block)
{
	const struct heap_block *header = header_of(block);
	size_t size = 0, rest;
	bool good;

	good = rte_malloc_validate(block, &size) == 0 &&
	       (header->state & STATE_MASK) == STATE_BUSY;
	/* A heap for debugging has a trailer of a cache line. */
	rest = header->size - header->pad - size;
	return good && (rest == HEADER_SIZE ||
			rest == HEADER_SIZE + RTE_CACHE_LINE_SIZE);
}

/* `block`: any that is in use, unless the answer is there already. */
static bool heap_is_known(void *block)
{
	static bool tried, known;

	if (!tried) {
		known = try_heap(block);
		tried = true;
		if (!known)
			IVSHMEM_LOG(WARNING, "the heap of this DPDK is unknown: do not free objects while they are shared");
	}
	return known;
}

int ivshmem_hold(void *block, const struct rte_memzone *owner,
		 struct ivshmem_error *err)
{
	struct hold *hold;

	HASH_FIND_PTR(holds, &block, hold);
	if (hold != NULL) {
		hold->users++;
		return 0;
	}
	hold = calloc(1, sizeof(*hold));
	if (hold == NULL)
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	hold->block = block;
	hold->owner = owner;
	hold->owner_address = owner->addr_64;
	hold->users = 1;
	HASH_ADD_PTR(holds, block, hold);
	if (hold->not_hashed) {
		free(hold);
		return ivshmem_fail(err, -ENOMEM, "out of memory");
	}
	if (heap_is_known(block))
		set_state(block, STATE_BUSY, STATE_PAD);
	return 0;
}

void ivshmem_release(void *block)
{
	struct hold *hold;

	HASH_FIND_PTR(holds, &block, hold);
	if (hold == NULL || --hold->users > 0)
		return;
	HASH_DEL(holds, hold);
	if (heap_is_known(block)) {
		set_state(block, STATE_PAD, STATE_BUSY);
		if (hold->owner->addr_64 != hold->owner_address)
			rte_free(block);
	}
	free(hold);
}

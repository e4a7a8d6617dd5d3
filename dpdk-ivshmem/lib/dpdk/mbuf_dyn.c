/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal_memconfig.h>
#include <rte_errno.h>
#include <rte_mbuf_dyn.h>
#include <rte_tailq.h>

#include "mbuf_dyn.h"

RTE_IVSHMEM_ASSERT(RTE_MBUF_DYN_NAMESIZE == RTE_IVSHMEM_DYN_NAME_LEN);

/*
 * DPDK has no call that lists the registrations.  Its tailqs do: an entry
 * begins with the public rte_mbuf_dynfield or rte_mbuf_dynflag, both of which
 * begin with their name.  All else comes from the public lookup.
 */
static int append_names(const char *tailq, uint32_t kind,
			struct rte_ivshmem_dyn **dyns, uint32_t *n)
{
	struct rte_tailq_head *head = rte_eal_tailq_lookup(tailq);
	struct rte_tailq_entry *entry;
	int ret = 0;

	if (head == NULL)
		return 0;
	rte_mcfg_tailq_read_lock();
	TAILQ_FOREACH(entry, &head->tailq_head, next) {
		struct rte_ivshmem_dyn *grown =
			reallocarray(*dyns, *n + 1, sizeof(**dyns));

		if (grown == NULL) {
			ret = -ENOMEM;
			break;
		}
		*dyns = grown;
		grown[*n] = (struct rte_ivshmem_dyn){ .kind = kind };
		snprintf(grown[*n].name, sizeof(grown[*n].name), "%s",
			 (const char *)entry->data);
		(*n)++;
	}
	rte_mcfg_tailq_read_unlock();
	return ret;
}

/* False if it is not registered. */
static bool complete(struct rte_ivshmem_dyn *dyn)
{
	struct rte_mbuf_dynfield field;
	struct rte_mbuf_dynflag flag;
	int position;

	if (dyn->kind == RTE_IVSHMEM_DYNFIELD) {
		position = rte_mbuf_dynfield_lookup(dyn->name, &field);
		if (position < 0)
			return false;
		dyn->size = (uint32_t)field.size;
		dyn->align = (uint32_t)field.align;
		dyn->flags = field.flags;
	} else {
		position = rte_mbuf_dynflag_lookup(dyn->name, &flag);
		if (position < 0)
			return false;
		dyn->flags = flag.flags;
	}
	dyn->position = (uint32_t)position;
	return true;
}

int ivshmem_mbuf_dyn_list(struct rte_ivshmem_dyn **dyns, uint32_t *n)
{
	uint32_t listed = 0;
	int ret;

	*dyns = NULL;
	*n = 0;
	ret = append_names("RTE_MBUF_DYNFIELD", RTE_IVSHMEM_DYNFIELD, dyns,
			   &listed);
	if (ret == 0)
		ret = append_names("RTE_MBUF_DYNFLAG", RTE_IVSHMEM_DYNFLAG,
				   dyns, &listed);
	if (ret != 0) {
		free(*dyns);
		*dyns = NULL;
		return ret;
	}
	for (uint32_t i = 0; i < listed; i++)
		if (complete(&(*dyns)[i]))
			(*dyns)[(*n)++] = (*dyns)[i];
	return 0;
}

static int register_one(const struct rte_ivshmem_dyn *dyn)
{
	struct rte_mbuf_dynfield field = {
		.size = dyn->size, .align = dyn->align, .flags = dyn->flags,
	};
	struct rte_mbuf_dynflag flag = { .flags = dyn->flags };

	if (dyn->kind == RTE_IVSHMEM_DYNFIELD) {
		memcpy(field.name, dyn->name, sizeof(field.name));
		return rte_mbuf_dynfield_register_offset(&field, dyn->position);
	}
	memcpy(flag.name, dyn->name, sizeof(flag.name));
	return rte_mbuf_dynflag_register_bitnum(&flag, dyn->position);
}

int ivshmem_mbuf_dyn_register(const struct ivshmem_metadata *md,
			      struct ivshmem_error *err)
{
	for (uint32_t i = 0; i < md->n_dyns; i++) {
		const struct rte_ivshmem_dyn *dyn = &md->dyns[i];

		if (register_one(dyn) < 0)
			return ivshmem_fail(err, -rte_errno,
				"the host's dynamic mbuf %s '%s' cannot be at %u here (%s): do not register another one before rte_eal_init()",
				dyn->kind == RTE_IVSHMEM_DYNFIELD ?
				"field" : "flag", dyn->name, dyn->position,
				rte_strerror(rte_errno));
	}
	return 0;
}

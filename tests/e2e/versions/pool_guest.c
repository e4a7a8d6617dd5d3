/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest program that takes every packet buffer of the demo's pool, writes
 * into each, and gives them back, three times: the demo's own guest never does,
 * its buffers go back to the host.  Arguments: those of the EAL.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

static uint64_t errors;

/* How many there were. */
static unsigned int take_all(struct rte_mempool *mp, struct rte_mbuf **mbufs)
{
	unsigned int n = 0;

	while (n <= mp->size && (mbufs[n] = rte_pktmbuf_alloc(mp)) != NULL) {
		uint64_t *word = (uint64_t *)(void *)
			rte_pktmbuf_append(mbufs[n], sizeof(*word));

		errors += word == NULL || mbufs[n]->pool != mp;
		if (word != NULL)
			*word = n;
		n++;
	}
	return n;
}

/* A buffer that was given out twice holds the later number. */
static void give_all(struct rte_mbuf **mbufs, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		errors += *rte_pktmbuf_mtod(mbufs[i], uint64_t *) != i;
	rte_pktmbuf_free_bulk(mbufs, n);
}

static void run(struct rte_mempool *mp, struct rte_mbuf **mbufs)
{
	unsigned int n = 0;

	for (unsigned int round = 0; round < 3 && errors == 0; round++) {
		n = take_all(mp, mbufs);
		errors += n != mp->size;
		give_all(mbufs, n);
		errors += rte_mempool_avail_count(mp) != mp->size;
	}
	printf("took and gave back %u of %u buffers with ops %s, number %d, errors: %llu\n",
	       n, mp->size, rte_mempool_get_ops(mp->ops_index)->name,
	       mp->ops_index, (unsigned long long)errors);
}

int main(int argc, char **argv)
{
	struct rte_mbuf **mbufs;
	struct rte_mempool *mp;

	if (rte_eal_init(argc, argv) < 0)
		return EXIT_FAILURE;
	mp = rte_mempool_lookup("demo_pool");
	if (mp == NULL) {
		printf("no pool\n");
		return EXIT_FAILURE;
	}
	mbufs = calloc(mp->size + 1, sizeof(*mbufs));
	if (mbufs != NULL)
		run(mp, mbufs);
	rte_eal_cleanup();
	return mbufs != NULL && errors == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <rte_config.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>
#ifdef RTE_LIB_STACK
#include <rte_stack.h>
#endif

#include "layout.h"

/* The option that puts an IOVA into each mbuf changed its name in 23.03. */
#if defined(RTE_IOVA_IN_MBUF)
#define IOVA_IN_MBUF RTE_IOVA_IN_MBUF
#elif defined(RTE_IOVA_AS_PA)
#define IOVA_IN_MBUF RTE_IOVA_AS_PA
#else
#define IOVA_IN_MBUF 1
#endif

#ifdef RTE_LIBRTE_MEMPOOL_STATS
#define MEMPOOL_STATS 1
#else
#define MEMPOOL_STATS 0
#endif

#ifdef RTE_LIBRTE_MEMPOOL_DEBUG
#define MEMPOOL_DEBUG 1
#else
#define MEMPOOL_DEBUG 0
#endif

#ifdef RTE_MBUF_REFCNT_ATOMIC
#define REFCNT_ATOMIC 1
#else
#define REFCNT_ATOMIC 0
#endif

#define AT(item) [RTE_IVSHMEM_LAYOUT_##item]

const uint32_t ivshmem_layout[RTE_IVSHMEM_LAYOUT_N] = {
	AT(sizeof_pointer) = sizeof(void *),
	AT(cache_line_size) = RTE_CACHE_LINE_SIZE,
	AT(max_lcore) = RTE_MAX_LCORE,
	AT(max_memzone_name) = RTE_MEMZONE_NAMESIZE,
	AT(mempool_cache_max) = RTE_MEMPOOL_CACHE_MAX_SIZE,
	AT(mempool_stats) = MEMPOOL_STATS,
	AT(mempool_debug) = MEMPOOL_DEBUG,
	AT(mbuf_iova_in_mbuf) = IOVA_IN_MBUF,
	AT(mbuf_refcnt_atomic) = REFCNT_ATOMIC,
	AT(sizeof_ring) = sizeof(struct rte_ring),
	AT(ring_flags) = offsetof(struct rte_ring, flags),
	AT(ring_memzone) = offsetof(struct rte_ring, memzone),
	AT(ring_field_size) = offsetof(struct rte_ring, size),
	AT(ring_mask) = offsetof(struct rte_ring, mask),
	AT(ring_capacity) = offsetof(struct rte_ring, capacity),
	AT(ring_prod) = offsetof(struct rte_ring, prod),
	AT(ring_cons) = offsetof(struct rte_ring, cons),
	AT(ring_prod_tail) = offsetof(struct rte_ring, prod.tail),
	AT(ring_prod_sync_type) = offsetof(struct rte_ring, prod.sync_type),
	AT(ring_prod_rts_tail) = offsetof(struct rte_ring, rts_prod.tail),
	AT(ring_prod_rts_tail_pos) =
		offsetof(struct rte_ring, rts_prod.tail.val.pos),
	AT(ring_prod_rts_htd_max) = offsetof(struct rte_ring, rts_prod.htd_max),
	AT(ring_prod_rts_head) = offsetof(struct rte_ring, rts_prod.head),
	AT(ring_prod_hts_head) =
		offsetof(struct rte_ring, hts_prod.ht.pos.head),
	AT(ring_prod_hts_tail) =
		offsetof(struct rte_ring, hts_prod.ht.pos.tail),
	AT(sizeof_mempool) = sizeof(struct rte_mempool),
	AT(mempool_pool_data) = offsetof(struct rte_mempool, pool_data),
	AT(mempool_pool_config) = offsetof(struct rte_mempool, pool_config),
	AT(mempool_mz) = offsetof(struct rte_mempool, mz),
	AT(mempool_flags) = offsetof(struct rte_mempool, flags),
	AT(mempool_socket_id) = offsetof(struct rte_mempool, socket_id),
	AT(mempool_field_size) = offsetof(struct rte_mempool, size),
	AT(mempool_field_cache_size) =
		offsetof(struct rte_mempool, cache_size),
	AT(mempool_elt_size) = offsetof(struct rte_mempool, elt_size),
	AT(mempool_header_size) = offsetof(struct rte_mempool, header_size),
	AT(mempool_trailer_size) = offsetof(struct rte_mempool, trailer_size),
	AT(mempool_private_data_size) =
		offsetof(struct rte_mempool, private_data_size),
	AT(mempool_ops_index) = offsetof(struct rte_mempool, ops_index),
	AT(mempool_local_cache) = offsetof(struct rte_mempool, local_cache),
	AT(mempool_populated_size) =
		offsetof(struct rte_mempool, populated_size),
	AT(mempool_elt_list) = offsetof(struct rte_mempool, elt_list),
	AT(mempool_nb_mem_chunks) = offsetof(struct rte_mempool, nb_mem_chunks),
	AT(mempool_mem_list) = offsetof(struct rte_mempool, mem_list),
	AT(sizeof_cache) = sizeof(struct rte_mempool_cache),
	AT(cache_size) = offsetof(struct rte_mempool_cache, size),
	AT(cache_flushthresh) = offsetof(struct rte_mempool_cache, flushthresh),
	AT(cache_len) = offsetof(struct rte_mempool_cache, len),
	AT(cache_objs) = offsetof(struct rte_mempool_cache, objs),
	AT(sizeof_objhdr) = sizeof(struct rte_mempool_objhdr),
	AT(objhdr_next) = offsetof(struct rte_mempool_objhdr, next),
	AT(objhdr_mp) = offsetof(struct rte_mempool_objhdr, mp),
	AT(objhdr_iova) = offsetof(struct rte_mempool_objhdr, iova),
	AT(sizeof_memhdr) = sizeof(struct rte_mempool_memhdr),
	AT(memhdr_next) = offsetof(struct rte_mempool_memhdr, next),
	AT(memhdr_mp) = offsetof(struct rte_mempool_memhdr, mp),
	AT(memhdr_addr) = offsetof(struct rte_mempool_memhdr, addr),
	AT(memhdr_iova) = offsetof(struct rte_mempool_memhdr, iova),
	AT(memhdr_len) = offsetof(struct rte_mempool_memhdr, len),
	AT(memhdr_free_cb) = offsetof(struct rte_mempool_memhdr, free_cb),
	AT(memhdr_opaque) = offsetof(struct rte_mempool_memhdr, opaque),
	AT(sizeof_memzone) = sizeof(struct rte_memzone),
	AT(memzone_iova) = offsetof(struct rte_memzone, iova),
	AT(memzone_addr) = offsetof(struct rte_memzone, addr),
	AT(memzone_len) = offsetof(struct rte_memzone, len),
	AT(memzone_hugepage_sz) = offsetof(struct rte_memzone, hugepage_sz),
	AT(memzone_socket_id) = offsetof(struct rte_memzone, socket_id),
	AT(memzone_flags) = offsetof(struct rte_memzone, flags),
	AT(sizeof_mbuf) = sizeof(struct rte_mbuf),
	AT(mbuf_buf_addr) = offsetof(struct rte_mbuf, buf_addr),
#if IOVA_IN_MBUF
	AT(mbuf_buf_iova) = offsetof(struct rte_mbuf, buf_iova),
#endif
	AT(mbuf_data_off) = offsetof(struct rte_mbuf, data_off),
	AT(mbuf_refcnt) = offsetof(struct rte_mbuf, refcnt),
	AT(mbuf_nb_segs) = offsetof(struct rte_mbuf, nb_segs),
	AT(mbuf_port) = offsetof(struct rte_mbuf, port),
	AT(mbuf_ol_flags) = offsetof(struct rte_mbuf, ol_flags),
	AT(mbuf_packet_type) = offsetof(struct rte_mbuf, packet_type),
	AT(mbuf_pkt_len) = offsetof(struct rte_mbuf, pkt_len),
	AT(mbuf_data_len) = offsetof(struct rte_mbuf, data_len),
	AT(mbuf_vlan_tci) = offsetof(struct rte_mbuf, vlan_tci),
	AT(mbuf_hash) = offsetof(struct rte_mbuf, hash),
	AT(mbuf_vlan_tci_outer) = offsetof(struct rte_mbuf, vlan_tci_outer),
	AT(mbuf_buf_len) = offsetof(struct rte_mbuf, buf_len),
	AT(mbuf_pool) = offsetof(struct rte_mbuf, pool),
	AT(mbuf_next) = offsetof(struct rte_mbuf, next),
	AT(mbuf_tx_offload) = offsetof(struct rte_mbuf, tx_offload),
	AT(mbuf_shinfo) = offsetof(struct rte_mbuf, shinfo),
	AT(mbuf_priv_size) = offsetof(struct rte_mbuf, priv_size),
	AT(mbuf_timesync) = offsetof(struct rte_mbuf, timesync),
	AT(mbuf_dynfield1) = offsetof(struct rte_mbuf, dynfield1),
	AT(sizeof_pktmbuf_pool) = sizeof(struct rte_pktmbuf_pool_private),
	AT(pktmbuf_pool_data_room_size) =
		offsetof(struct rte_pktmbuf_pool_private, mbuf_data_room_size),
	AT(pktmbuf_pool_priv_size) =
		offsetof(struct rte_pktmbuf_pool_private, mbuf_priv_size),
	AT(pktmbuf_pool_flags) =
		offsetof(struct rte_pktmbuf_pool_private, flags),
	AT(sizeof_shinfo) = sizeof(struct rte_mbuf_ext_shared_info),
	AT(shinfo_free_cb) = offsetof(struct rte_mbuf_ext_shared_info, free_cb),
	AT(shinfo_fcb_opaque) =
		offsetof(struct rte_mbuf_ext_shared_info, fcb_opaque),
	AT(shinfo_refcnt) = offsetof(struct rte_mbuf_ext_shared_info, refcnt),
#ifdef RTE_LIB_STACK
	AT(sizeof_stack) = sizeof(struct rte_stack),
	AT(stack_memzone) = offsetof(struct rte_stack, memzone),
	AT(stack_capacity) = offsetof(struct rte_stack, capacity),
	AT(stack_flags) = offsetof(struct rte_stack, flags),
	AT(stack_std_lock) = offsetof(struct rte_stack, stack_std.lock),
	AT(stack_std_len) = offsetof(struct rte_stack, stack_std.len),
	AT(stack_std_objs) = offsetof(struct rte_stack, stack_std.objs),
	AT(stack_lf_used_head) = offsetof(struct rte_stack, stack_lf.used.head),
	AT(stack_lf_used_cnt) =
		offsetof(struct rte_stack, stack_lf.used.head.cnt),
	AT(stack_lf_used_len) = offsetof(struct rte_stack, stack_lf.used.len),
	AT(stack_lf_free_head) = offsetof(struct rte_stack, stack_lf.free.head),
	AT(stack_lf_elems) = offsetof(struct rte_stack, stack_lf.elems),
	AT(sizeof_stack_lf_elem) = sizeof(struct rte_stack_lf_elem),
	AT(stack_lf_elem_next) = offsetof(struct rte_stack_lf_elem, next),
#endif
};

static const char *const item_names[RTE_IVSHMEM_LAYOUT_N] = {
#define ITEM_NAME(item) #item,
	RTE_IVSHMEM_LAYOUT_ITEMS(ITEM_NAME)
};

static bool has_stack(const uint32_t *layout)
{
	return layout[RTE_IVSHMEM_LAYOUT_sizeof_stack] != 0;
}

/* Without stacks on one side there is no shared pool that uses them. */
static bool is_compared(uint32_t item, const uint32_t *theirs)
{
	return item < RTE_IVSHMEM_LAYOUT_sizeof_stack ||
	       item > RTE_IVSHMEM_LAYOUT_stack_lf_elem_next ||
	       (has_stack(theirs) && has_stack(ivshmem_layout));
}

int ivshmem_layout_check(const struct ivshmem_metadata *md,
			 struct ivshmem_error *err)
{
	uint32_t first = RTE_IVSHMEM_LAYOUT_N, n = 0;

	if (md->n_layout < RTE_IVSHMEM_LAYOUT_N)
		return ivshmem_fail(err, -EINVAL,
			"the host tells %u layout items, %u are needed: update the host's library",
			md->n_layout, RTE_IVSHMEM_LAYOUT_N);
	for (uint32_t i = RTE_IVSHMEM_LAYOUT_N; i-- > 0;) {
		if (md->layout[i] == ivshmem_layout[i] ||
		    !is_compared(i, md->layout))
			continue;
		first = i;
		n++;
	}
	if (n == 0)
		return 0;
	return ivshmem_fail(err, -EINVAL,
		"layout differs: %s is %u on the host (%s) and %u here (%u of %u items differ): use a DPDK built with the same options",
		item_names[first], md->layout[first], md->dpdk_version,
		ivshmem_layout[first], n, RTE_IVSHMEM_LAYOUT_N);
}

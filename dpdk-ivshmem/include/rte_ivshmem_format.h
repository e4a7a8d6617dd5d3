/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The metadata of DPDK IVSHMEM: what is shared, and where it lies.
 *
 * This is the only definition of the wire format.  Host, guest, tools and
 * tests include it; it depends on nothing but fixed-width integers.
 *
 *     BAR 2                                   metadata chunk
 *     +--------------------+ 0 ------------>  +-----------------------+ 0
 *     | metadata (chunk 0) |                  | rte_ivshmem_header    |
 *     +--------------------+                  +-----------------------+ header_size
 *     | chunk 1            |                  | table 0: chunks       |
 *     +--------------------+                  +-----------------------+
 *     | chunk 2 ...        |                  | table 1: objects      |
 *     +--------------------+                  +-----------------------+
 *                                             | ...                   |
 *                                             +-----------------------+ total_size
 *
 * Rules, which the validator enforces (docs/metadata-format.md explains them):
 * - little-endian, natural alignment, offsets in bytes from the header's start;
 * - a reader copies header and tables once and believes only the checked copy;
 * - a writer never changes published metadata except `state` and `heartbeat`;
 * - a higher minor version only adds: longer headers, longer entries, more
 *   tables.  A reader steps by entry_size and ignores what it does not know.
 *   A higher major version is refused.
 */
#ifndef RTE_IVSHMEM_FORMAT_H
#define RTE_IVSHMEM_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the metadata format is little-endian; add conversions for this machine"
#endif

#ifdef __cplusplus
#define RTE_IVSHMEM_ASSERT(expr) static_assert(expr, #expr)
#else
#define RTE_IVSHMEM_ASSERT(expr) _Static_assert(expr, #expr)
#endif

/** First eight bytes of the metadata: "DPDKIVSM". */
#define RTE_IVSHMEM_MAGIC UINT64_C(0x4d5356494b445044)

#define RTE_IVSHMEM_VERSION_MAJOR 1
#define RTE_IVSHMEM_VERSION_MINOR 0

/** What a writer pads the file to; chunk 0 has this page size. */
#define RTE_IVSHMEM_PAGE_SIZE 4096

/** Largest metadata that a reader accepts, in bytes. */
#define RTE_IVSHMEM_TOTAL_MAX (UINT64_C(1) << 30)

/** Sizes of names in bytes, each with its NUL. */
#define RTE_IVSHMEM_META_NAME_LEN 64
#define RTE_IVSHMEM_OBJ_NAME_LEN 32
#define RTE_IVSHMEM_OPS_NAME_LEN 32
#define RTE_IVSHMEM_DYN_NAME_LEN 64
#define RTE_IVSHMEM_DPDK_VERSION_LEN 32

/**
 * A writer that lives changes `heartbeat` of all that it has published this
 * often, in milliseconds.
 */
#define RTE_IVSHMEM_HEARTBEAT_MS 200

/** Life of the metadata. */
enum rte_ivshmem_state {
	RTE_IVSHMEM_BUILDING = 1, /**< the host still adds objects */
	RTE_IVSHMEM_READY = 2,    /**< complete; guests may attach */
	RTE_IVSHMEM_CLOSING = 3,  /**< the host exits, or was found dead */
};

/** Index of each table in rte_ivshmem_header.tables. */
enum rte_ivshmem_table_id {
	RTE_IVSHMEM_CHUNKS = 0,  /**< struct rte_ivshmem_chunk */
	RTE_IVSHMEM_OBJECTS = 1, /**< struct rte_ivshmem_object */
	RTE_IVSHMEM_LCORES = 2,  /**< uint32_t: lcore ids in use on the host */
	RTE_IVSHMEM_OPS = 3,     /**< struct rte_ivshmem_ops */
	RTE_IVSHMEM_DYN = 4,     /**< struct rte_ivshmem_dyn */
	RTE_IVSHMEM_LAYOUT = 5,  /**< uint32_t: sizes and offsets, see below */
	RTE_IVSHMEM_PATHS = 6,   /**< bytes: NUL-terminated file names */
	RTE_IVSHMEM_N_TABLES = 7
};

/** Where one table lies. */
struct rte_ivshmem_table {
	uint64_t offset;     /**< from the header's start, multiple of 8 */
	uint32_t count;      /**< number of entries */
	uint32_t entry_size; /**< bytes from one entry to the next */
};

/** Start of the metadata. */
struct rte_ivshmem_header {
	uint64_t magic;         /**< RTE_IVSHMEM_MAGIC */
	uint16_t major;         /**< RTE_IVSHMEM_VERSION_MAJOR */
	uint16_t minor;         /**< RTE_IVSHMEM_VERSION_MINOR */
	uint32_t header_size;   /**< bytes, with all table descriptors */
	uint64_t total_size;    /**< bytes of header and tables */
	uint32_t checksum;      /**< CRC-32C of total_size bytes, with this
				  *  field, `state` and `heartbeat` taken as
				  *  zero */
	uint32_t state;         /**< enum rte_ivshmem_state */
	uint64_t generation;    /**< grows with each publication of a name */
	uint32_t fingerprint;   /**< CRC-32C of the layout table */
	uint32_t n_tables;      /**< descriptors that follow `tables` */
	uint64_t heartbeat;     /**< grows several times a second while the
				  *  host lives; 0: it does not */
	char name[RTE_IVSHMEM_META_NAME_LEN];
	char dpdk_version[RTE_IVSHMEM_DPDK_VERSION_LEN]; /**< rte_version() */
	struct rte_ivshmem_table tables[RTE_IVSHMEM_N_TABLES];
};

/** Chunk flags. */
#define RTE_IVSHMEM_CHUNK_METADATA (UINT32_C(1) << 0) /**< this metadata */
#define RTE_IVSHMEM_CHUNK_READONLY (UINT32_C(1) << 1) /**< guests only read */

/** One piece of one file, mapped at one place of BAR 2 and one address. */
struct rte_ivshmem_chunk {
	uint64_t address;     /**< host virtual address; 0 for the metadata */
	uint64_t length;      /**< bytes, multiple of page_size */
	uint64_t bar_offset;  /**< in BAR 2, multiple of page_size */
	uint64_t file_offset; /**< in the file, multiple of page_size */
	uint64_t page_size;   /**< of the file, bytes, power of two */
	uint32_t path;        /**< offset in the table of paths */
	uint32_t flags;       /**< RTE_IVSHMEM_CHUNK_* */
};

/** What an object is. */
enum rte_ivshmem_object_type {
	RTE_IVSHMEM_MEMZONE = 1, /**< struct rte_memzone describes it */
	RTE_IVSHMEM_RING = 2,    /**< struct rte_ring at `address` */
	RTE_IVSHMEM_MEMPOOL = 3, /**< struct rte_mempool at `address` */
	RTE_IVSHMEM_PART = 4,    /**< memory of the mempool of that name that
				  *  lies in no memzone of this table; a pool
				  *  may have several */
};

/** Object flags. */
#define RTE_IVSHMEM_OBJECT_IMPLIED (UINT32_C(1) << 0) /**< not asked for by
						* name; another object needs it */
#define RTE_IVSHMEM_OBJECT_READONLY (UINT32_C(1) << 1) /**< guests only read;
						* it lies in such chunks */
#define RTE_IVSHMEM_OBJECT_OWN_DATA (UINT32_C(1) << 2) /**< mempools: private
						* data of the application, which
						* may change any time */

/** One shared object.  Rings and mempools lie in memzones of this table. */
struct rte_ivshmem_object {
	char name[RTE_IVSHMEM_OBJ_NAME_LEN];
	uint32_t type;         /**< enum rte_ivshmem_object_type */
	uint32_t flags;        /**< RTE_IVSHMEM_OBJECT_* */
	uint64_t address;      /**< host virtual address */
	uint64_t length;       /**< bytes; all of it lies in chunks */
	uint64_t memzone;      /**< memzones: address of the host's own struct
				 *  rte_memzone, which shared objects point to;
				 *  in no chunk */
	uint64_t hugepage_sz;  /**< memzones: as in struct rte_memzone */
	int32_t socket_id;     /**< memzones: as in struct rte_memzone */
	uint32_t mz_flags;     /**< memzones: as in struct rte_memzone */
	uint32_t ops;          /**< mempools: index in the table of ops */
	uint32_t cache_size;   /**< mempools: objects per lcore, 0 = no cache */
};

/** Mempool ops that a shared pool uses: what the host's index means. */
struct rte_ivshmem_ops {
	char name[RTE_IVSHMEM_OPS_NAME_LEN];
	uint32_t index;    /**< rte_mempool.ops_index on the host */
	uint32_t reserved; /**< 0 */
};

/** Kinds of dynamic areas in an mbuf. */
enum rte_ivshmem_dyn_kind {
	RTE_IVSHMEM_DYNFIELD = 1,
	RTE_IVSHMEM_DYNFLAG = 2,
};

/** A dynamic mbuf field or flag that the host registered. */
struct rte_ivshmem_dyn {
	char name[RTE_IVSHMEM_DYN_NAME_LEN];
	uint32_t kind;     /**< enum rte_ivshmem_dyn_kind */
	uint32_t position; /**< field: offset in bytes; flag: bit number */
	uint32_t size;     /**< field: bytes; flag: 0 */
	uint32_t align;    /**< field: bytes; flag: 0 */
	uint32_t flags;    /**< as registered */
	uint32_t reserved; /**< 0 */
};

RTE_IVSHMEM_ASSERT(sizeof(struct rte_ivshmem_table) == 16);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_table, offset) == 0);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_table, count) == 8);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_table, entry_size) == 12);

RTE_IVSHMEM_ASSERT(sizeof(struct rte_ivshmem_header) == 264);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, magic) == 0);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, major) == 8);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, minor) == 10);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, header_size) == 12);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, total_size) == 16);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, checksum) == 24);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, state) == 28);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, generation) == 32);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, fingerprint) == 40);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, n_tables) == 44);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, heartbeat) == 48);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, name) == 56);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, dpdk_version) == 120);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_header, tables) == 152);

RTE_IVSHMEM_ASSERT(sizeof(struct rte_ivshmem_chunk) == 48);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_chunk, address) == 0);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_chunk, length) == 8);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_chunk, bar_offset) == 16);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_chunk, file_offset) == 24);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_chunk, page_size) == 32);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_chunk, path) == 40);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_chunk, flags) == 44);

RTE_IVSHMEM_ASSERT(sizeof(struct rte_ivshmem_object) == 88);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, name) == 0);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, type) == 32);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, flags) == 36);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, address) == 40);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, length) == 48);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, memzone) == 56);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, hugepage_sz) == 64);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, socket_id) == 72);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, mz_flags) == 76);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, ops) == 80);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_object, cache_size) == 84);

RTE_IVSHMEM_ASSERT(sizeof(struct rte_ivshmem_ops) == 40);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_ops, name) == 0);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_ops, index) == 32);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_ops, reserved) == 36);

RTE_IVSHMEM_ASSERT(sizeof(struct rte_ivshmem_dyn) == 88);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_dyn, name) == 0);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_dyn, kind) == 64);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_dyn, position) == 68);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_dyn, size) == 72);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_dyn, align) == 76);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_dyn, flags) == 80);
RTE_IVSHMEM_ASSERT(offsetof(struct rte_ivshmem_dyn, reserved) == 84);

/*
 * The layout table: build options, sizes and offsets of the DPDK structures
 * that both sides access, as numbers in this order.  Options come first, so
 * that a refusal names the option rather than one of its consequences.
 * `sizeof_X` is the size of a structure, X_FIELD the offset of a field of it
 * (X_field_size that of a field which is called size).
 * New items go to the end: a side that does not know them leaves them out.
 * The fingerprint is the CRC-32C of the table's bytes.
 */
#define RTE_IVSHMEM_LAYOUT_ITEMS(ITEM) \
	/* of the machine and of DPDK's build */ \
	ITEM(sizeof_pointer) \
	ITEM(cache_line_size) \
	ITEM(max_lcore) \
	ITEM(max_memzone_name) \
	ITEM(mempool_cache_max) \
	ITEM(mempool_stats) \
	ITEM(mempool_debug) \
	ITEM(mbuf_iova_in_mbuf) \
	ITEM(mbuf_refcnt_atomic) \
	/* struct rte_ring, and its head and tail in each mode */ \
	ITEM(sizeof_ring) \
	ITEM(ring_flags) \
	ITEM(ring_memzone) \
	ITEM(ring_field_size) \
	ITEM(ring_mask) \
	ITEM(ring_capacity) \
	ITEM(ring_prod) \
	ITEM(ring_cons) \
	ITEM(ring_prod_tail) \
	ITEM(ring_prod_sync_type) \
	ITEM(ring_prod_rts_tail) \
	ITEM(ring_prod_rts_tail_pos) \
	ITEM(ring_prod_rts_htd_max) \
	ITEM(ring_prod_rts_head) \
	ITEM(ring_prod_hts_head) \
	ITEM(ring_prod_hts_tail) \
	/* struct rte_mempool */ \
	ITEM(sizeof_mempool) \
	ITEM(mempool_pool_data) \
	ITEM(mempool_pool_config) \
	ITEM(mempool_mz) \
	ITEM(mempool_flags) \
	ITEM(mempool_socket_id) \
	ITEM(mempool_field_size) \
	ITEM(mempool_field_cache_size) \
	ITEM(mempool_elt_size) \
	ITEM(mempool_header_size) \
	ITEM(mempool_trailer_size) \
	ITEM(mempool_private_data_size) \
	ITEM(mempool_ops_index) \
	ITEM(mempool_local_cache) \
	ITEM(mempool_populated_size) \
	ITEM(mempool_elt_list) \
	ITEM(mempool_nb_mem_chunks) \
	ITEM(mempool_mem_list) \
	/* struct rte_mempool_cache, _objhdr and _memhdr */ \
	ITEM(sizeof_cache) \
	ITEM(cache_size) \
	ITEM(cache_flushthresh) \
	ITEM(cache_len) \
	ITEM(cache_objs) \
	ITEM(sizeof_objhdr) \
	ITEM(objhdr_next) \
	ITEM(objhdr_mp) \
	ITEM(objhdr_iova) \
	ITEM(sizeof_memhdr) \
	ITEM(memhdr_next) \
	ITEM(memhdr_mp) \
	ITEM(memhdr_addr) \
	ITEM(memhdr_iova) \
	ITEM(memhdr_len) \
	ITEM(memhdr_free_cb) \
	ITEM(memhdr_opaque) \
	/* struct rte_memzone */ \
	ITEM(sizeof_memzone) \
	ITEM(memzone_iova) \
	ITEM(memzone_addr) \
	ITEM(memzone_len) \
	ITEM(memzone_hugepage_sz) \
	ITEM(memzone_socket_id) \
	ITEM(memzone_flags) \
	/* struct rte_mbuf, the private area of its pools, shared data */ \
	ITEM(sizeof_mbuf) \
	ITEM(mbuf_buf_addr) \
	ITEM(mbuf_buf_iova) \
	ITEM(mbuf_data_off) \
	ITEM(mbuf_refcnt) \
	ITEM(mbuf_nb_segs) \
	ITEM(mbuf_port) \
	ITEM(mbuf_ol_flags) \
	ITEM(mbuf_packet_type) \
	ITEM(mbuf_pkt_len) \
	ITEM(mbuf_data_len) \
	ITEM(mbuf_vlan_tci) \
	ITEM(mbuf_hash) \
	ITEM(mbuf_vlan_tci_outer) \
	ITEM(mbuf_buf_len) \
	ITEM(mbuf_pool) \
	ITEM(mbuf_next) \
	ITEM(mbuf_tx_offload) \
	ITEM(mbuf_shinfo) \
	ITEM(mbuf_priv_size) \
	ITEM(mbuf_timesync) \
	ITEM(mbuf_dynfield1) \
	ITEM(sizeof_pktmbuf_pool) \
	ITEM(pktmbuf_pool_data_room_size) \
	ITEM(pktmbuf_pool_priv_size) \
	ITEM(pktmbuf_pool_flags) \
	ITEM(sizeof_shinfo) \
	ITEM(shinfo_free_cb) \
	ITEM(shinfo_fcb_opaque) \
	ITEM(shinfo_refcnt) \
	/* struct rte_stack, for pools with such ops; all 0, and not compared, \
	 * if one side's DPDK has no stacks */ \
	ITEM(sizeof_stack) \
	ITEM(stack_memzone) \
	ITEM(stack_capacity) \
	ITEM(stack_flags) \
	ITEM(stack_std_lock) \
	ITEM(stack_std_len) \
	ITEM(stack_std_objs) \
	ITEM(stack_lf_used_head) \
	ITEM(stack_lf_used_cnt) \
	ITEM(stack_lf_used_len) \
	ITEM(stack_lf_free_head) \
	ITEM(stack_lf_elems) \
	ITEM(sizeof_stack_lf_elem) \
	ITEM(stack_lf_elem_next)

enum rte_ivshmem_layout_item {
#define RTE_IVSHMEM_LAYOUT_ENUM(item) RTE_IVSHMEM_LAYOUT_##item,
	RTE_IVSHMEM_LAYOUT_ITEMS(RTE_IVSHMEM_LAYOUT_ENUM)
#undef RTE_IVSHMEM_LAYOUT_ENUM
	RTE_IVSHMEM_LAYOUT_N
};

#ifdef __cplusplus
}
#endif

#endif /* RTE_IVSHMEM_FORMAT_H */

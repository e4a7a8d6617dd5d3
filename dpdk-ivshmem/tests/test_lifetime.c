/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects that come and go: removed, freed while guests see them, shared
 * read-only; metadata that is destroyed.
 *
 * Argument: the mode (eal.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "eal.h"
#include "format.h"
#include "holdings.h"
#include "leavings.h"
#include "rte_ivshmem.h"
#include "source.h"
#include "tap.h"

#define POOL_SIZE 255

static char text[1 << 20];

static void fails(int ret, int error, const char *what)
{
	int got = rte_errno;

	check(ret < 0 && got == error, "%s (%s)", what, strerror(got));
}

static void create(const char *name)
{
	if (rte_ivshmem_metadata_create(name) != 0)
		bail_out(rte_strerror(rte_errno));
}

static void publish(const char *name)
{
	if (rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  name) != 0)
		bail_out(rte_strerror(rte_errno));
}

static void destroy(const char *name)
{
	if (rte_ivshmem_metadata_destroy(name) != 0)
		bail_out(rte_strerror(rte_errno));
}

static int open_published(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", test_dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		bail_out(path);
	return fd;
}

/* To be released with ivshmem_metadata_free(). */
static void read_published(const char *name, struct ivshmem_metadata *md)
{
	struct ivshmem_error err;
	int fd = open_published(name);

	if (ivshmem_source_read_file(fd, md, &err) != 0)
		bail_out(err.text);
	close(fd);
}

static uint32_t state_of(int fd)
{
	uint32_t state = 0;

	if (pread(fd, &state, sizeof(state),
		  offsetof(struct rte_ivshmem_header, state)) != sizeof(state))
		bail_out("cannot read the state");
	return state;
}

static bool lists(const struct ivshmem_metadata *md, uint32_t type,
		  const char *name)
{
	for (uint32_t i = 0; i < md->n_objects; i++)
		if (md->objects[i].type == type &&
		    strcmp(md->objects[i].name, name) == 0)
			return true;
	return false;
}

static bool is_listed(const char *md_name, uint32_t type, const char *name)
{
	struct ivshmem_metadata md;
	bool listed;

	read_published(md_name, &md);
	listed = lists(&md, type, name);
	ivshmem_metadata_free(&md);
	return listed;
}

static struct rte_mempool *make_pool(const char *name)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(name, POOL_SIZE, 0,
						0, 256, SOCKET_ID_ANY);

	if (pool == NULL)
		bail_out(rte_strerror(rte_errno));
	return pool;
}

static struct rte_ring *make_ring(const char *name)
{
	struct rte_ring *ring = rte_ring_create(name, 64, SOCKET_ID_ANY, 0);

	if (ring == NULL)
		bail_out(rte_strerror(rte_errno));
	return ring;
}

static const struct rte_memzone *make_zone(const char *name, size_t size)
{
	const struct rte_memzone *mz = rte_memzone_reserve(name, size,
							   SOCKET_ID_ANY, 0);

	if (mz == NULL)
		bail_out(rte_strerror(rte_errno));
	return mz;
}

/* ---- removal ---------------------------------------------------------- */

static void test_remove(void)
{
	const struct rte_memzone *zone = make_zone("zone", 5000);
	struct rte_ring *ring = make_ring("ring");
	struct rte_mempool *pool = make_pool("pool");

	create("rm");
	fails(rte_ivshmem_metadata_remove_ring(ring, "rm"), ENOENT,
	      "refuses to remove what was not added");
	fails(rte_ivshmem_metadata_remove_ring(NULL, "rm"), EINVAL,
	      "refuses to remove NULL");
	fails(rte_ivshmem_metadata_remove_ring(ring, "none"), ENOENT,
	      "refuses to remove from unknown metadata");
	check(rte_ivshmem_metadata_add_memzone(zone, "rm") == 0 &&
	      rte_ivshmem_metadata_add_ring(ring, "rm") == 0 &&
	      rte_ivshmem_metadata_add_mempool(pool, "rm") == 0, "shares");
	fails(rte_ivshmem_metadata_remove_memzone(ring->memzone, "rm"), ENOENT,
	      "refuses to remove a memzone that only a ring needs");
	publish("rm");
	check(rte_ivshmem_metadata_remove_ring(ring, "rm") == 0,
	      "removes a ring");
	check(is_listed("rm", RTE_IVSHMEM_RING, "ring"),
	      "guests see it until the next publication");
	publish("rm");
	check(!is_listed("rm", RTE_IVSHMEM_RING, "ring") &&
	      !is_listed("rm", RTE_IVSHMEM_MEMZONE, ring->memzone->name) &&
	      is_listed("rm", RTE_IVSHMEM_MEMPOOL, "pool") &&
	      is_listed("rm", RTE_IVSHMEM_MEMZONE, "zone"),
	      "then the ring is gone with its memzone, and nothing else");
	check(rte_ivshmem_metadata_add_ring(ring, "rm") == 0 &&
	      rte_ivshmem_metadata_remove_mempool(pool, "rm") == 0 &&
	      rte_ivshmem_metadata_remove_memzone(zone, "rm") == 0,
	      "adds it again, removes the others");
	publish("rm");
	check(is_listed("rm", RTE_IVSHMEM_RING, "ring") &&
	      !is_listed("rm", RTE_IVSHMEM_MEMPOOL, "pool") &&
	      !is_listed("rm", RTE_IVSHMEM_PART, "pool") &&
	      !is_listed("rm", RTE_IVSHMEM_MEMZONE, "zone"),
	      "publishes what is left");
	check(rte_ivshmem_metadata_remove_ring(ring, "rm") == 0,
	      "removes the last one");
	publish("rm");
	check(!is_listed("rm", RTE_IVSHMEM_RING, "ring"),
	      "publishes that nothing is shared any more");
	destroy("rm");
	rte_memzone_free(zone);
	rte_ring_free(ring);
	rte_mempool_free(pool);
}

/* True if the generation that is open as fd can be found by its hidden name. */
static bool is_kept(const char *name, int fd)
{
	char path[PATH_MAX], older[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", test_dir, name);
	if (fstat(fd, &st) != 0)
		return false;
	ivshmem_older_path(path, st.st_ino, older);
	return access(older, F_OK) == 0;
}

static void test_outdated(void)
{
	struct rte_ring *a = make_ring("a"), *b = make_ring("b");
	int first, second;

	create("old");
	rte_ivshmem_metadata_add_ring(a, "old");
	publish("old");
	first = open_published("old");
	rte_ivshmem_metadata_add_ring(b, "old");
	publish("old");
	second = open_published("old");
	check(state_of(first) == RTE_IVSHMEM_READY,
	      "a generation stays good while all of it is shared");
	check(is_kept("old", first) && !is_kept("old", second),
	      "it has a hidden name, for the next start if this one is killed");
	rte_ivshmem_metadata_remove_ring(a, "old");
	publish("old");
	check(state_of(first) == RTE_IVSHMEM_CLOSING &&
	      state_of(second) == RTE_IVSHMEM_CLOSING,
	      "generations that list a removed object are marked closing");
	check(!is_kept("old", first) && !is_kept("old", second),
	      "and lose their names");
	close(second);
	second = open_published("old");
	rte_ivshmem_metadata_add_ring(a, "old");
	publish("old");
	destroy("old");
	check(state_of(second) == RTE_IVSHMEM_CLOSING &&
	      !is_kept("old", second),
	      "destruction marks older generations that somebody has");
	close(first);
	close(second);
	rte_ring_free(a);
	rte_ring_free(b);
}

/* ---- destruction ------------------------------------------------------ */

static void test_destroy(void)
{
	struct rte_ring *ring = make_ring("ring");
	const struct rte_memseg *ms = rte_mem_virt2memseg(ring, NULL);
	uint32_t flags = ms->flags;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/des", test_dir);
	fails(rte_ivshmem_metadata_destroy("des"), ENOENT,
	      "refuses to destroy unknown metadata");
	fails(rte_ivshmem_metadata_destroy(NULL), EINVAL,
	      "refuses to destroy NULL");
	create("des");
	create("des2");
	rte_ivshmem_metadata_add_ring(ring, "des");
	rte_ivshmem_metadata_add_ring(ring, "des2");
	publish("des");
	fd = open_published("des");
	destroy("des");
	check(state_of(fd) == RTE_IVSHMEM_CLOSING, "tells those who have it");
	check(access(path, F_OK) != 0 && errno == ENOENT, "removes the file");
	check(ms->flags & RTE_MEMSEG_FLAG_DO_NOT_FREE,
	      "pages stay pinned while other metadata shares them");
	destroy("des2");
	check(ms->flags == flags, "then they are as they were before");
	check(rte_ivshmem_metadata_create("des") == 0,
	      "the name can be used again");
	destroy("des");
	close(fd);
	rte_ring_free(ring);
}

/* ---- freed while shared ----------------------------------------------- */

/* Allocate all that the heap has; true if some of it lies in a range. */
static bool heap_gives(const void *start, size_t length)
{
	void *blocks[4096];
	unsigned int n = 0;
	bool hit = false;

	for (size_t size = 1 << 20; size >= 64; size /= 2)
		while (n < RTE_DIM(blocks)) {
			void *block = rte_malloc(NULL, size, 0);

			if (block == NULL)
				break;
			blocks[n++] = block;
			hit = hit || (RTE_PTR_ADD(block, size) > start &&
				      block < RTE_PTR_ADD(start, length));
			memset(block, 0xee, size);
		}
	while (n > 0)
		rte_free(blocks[--n]);
	return hit;
}

static void check_held(const char *what, const void *start, size_t length)
{
	uint32_t sum = 0, again = 0;
	const uint8_t *bytes = start;

	for (size_t i = 0; i < length; i++)
		sum = sum * 31 + bytes[i];
	check(!heap_gives(start, length), "%s is given to nobody else", what);
	for (size_t i = 0; i < length; i++)
		again = again * 31 + bytes[i];
	check(sum == again, "%s keeps its contents", what);
}

static void test_free_zone(void)
{
	size_t before = heap_in_use();
	const struct rte_memzone *zone = make_zone("freed", 100000);
	void *start = zone->addr;
	size_t length = zone->len;

	memset(start, 0x77, length);
	create("free");
	rte_ivshmem_metadata_add_memzone(zone, "free");
	publish("free");
	rte_memzone_free(zone);
	check(rte_memzone_lookup("freed") == NULL,
	      "a shared memzone can be freed");
	check_held("its memory", start, length);
	zone = make_zone("freed", 100000);
	check(zone->addr != start, "a new one of its name lies elsewhere");
	fails(rte_ivshmem_metadata_add_memzone(zone, "free"), EEXIST,
	      "and cannot be shared before the old one is removed");
	check(rte_ivshmem_metadata_remove_memzone(zone, "free") == 0 ||
	      rte_errno == ENOENT, "the old one is known by its pointer");
	rte_memzone_free(zone);
	destroy("free");
	check(heap_in_use() == before, "destruction gives the memory back");
}

static void test_free_pool(void)
{
	size_t before = heap_in_use();
	struct rte_mempool *pool = make_pool("freed");
	struct rte_ring *ring = make_ring("freed");
	struct rte_mempool_memhdr *memhdr = STAILQ_FIRST(&pool->mem_list);
	void *objects = memhdr->addr;
	size_t length = memhdr->len;

	create("free");
	create("free2");
	rte_ivshmem_metadata_add_mempool(pool, "free");
	rte_ivshmem_metadata_add_ring(ring, "free");
	rte_ivshmem_metadata_add_ring(ring, "free2");
	publish("free");
	publish("free2");
	rte_mempool_free(pool);
	rte_ring_free(ring);
	check_held("the memory of a freed mempool", objects, length);
	check_held("its header", pool, sizeof(*pool));
	check_held("a freed ring", ring, sizeof(*ring));
	check(rte_ivshmem_metadata_remove_mempool(pool, "free") == 0,
	      "a freed mempool can be removed");
	check_held("and is held until publication", objects, length);
	publish("free");
	check(heap_gives(objects, length), "then its memory is free");
	destroy("free");
	check_held("what other metadata shares", ring, sizeof(*ring));
	destroy("free2");
	check(heap_in_use() == before, "in the end all memory is given back");
}

static void test_not_freed(void)
{
	struct rte_ring *ring = make_ring("kept");
	size_t before = heap_in_use();

	create("kept");
	rte_ivshmem_metadata_add_ring(ring, "kept");
	publish("kept");
	destroy("kept");
	check(rte_ring_lookup("kept") == ring && heap_in_use() == before &&
	      !heap_gives(ring, 64),
	      "an object that was only shared stays the application's");
	rte_ring_free(ring);
	check(heap_in_use() < before, "and can be freed as ever");
}

/* ---- rings in memzones of the application ------------------------------ */

static void test_ring_in_zone(void)
{
	size_t size = (size_t)rte_ring_get_memsize(64);
	const struct rte_memzone *zone = make_zone("rings", 4 * size);
	struct rte_ring *inner = RTE_PTR_ADD(zone->addr, size);
	void *outer = aligned_alloc(64, size);

	if (rte_ring_init(inner, "inner", 64, 0) != 0 ||
	    rte_ring_init(outer, "outer", 64, 0) != 0)
		bail_out("rte_ring_init");
	create("inner");
	check(rte_ivshmem_metadata_add_ring(inner, "inner") == 0,
	      "shares a ring inside a memzone");
	publish("inner");
	check(is_listed("inner", RTE_IVSHMEM_RING, "inner") &&
	      is_listed("inner", RTE_IVSHMEM_MEMZONE, "rings"),
	      "with the memzone");
	fails(rte_ivshmem_metadata_add_ring(outer, "inner"), ENOENT,
	      "refuses a ring in memory of the C library");
	destroy("inner");
	free(outer);
	rte_memzone_free(zone);
}

/* ---- read-only --------------------------------------------------------- */

static uint32_t count_chunks(const struct ivshmem_metadata *md, uint32_t flags)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < md->n_chunks; i++)
		n += (md->chunks[i].flags & RTE_IVSHMEM_CHUNK_READONLY) == flags;
	return n;
}

static void test_readonly(void)
{
	const struct rte_memzone *look =
		rte_ivshmem_memzone_reserve("look", 100, SOCKET_ID_ANY, 0);
	const struct rte_memzone *change =
		rte_ivshmem_memzone_reserve("change", 100, SOCKET_ID_ANY, 0);
	struct ivshmem_metadata md;

	if (look == NULL || change == NULL)
		bail_out(rte_strerror(rte_errno));
	create("ro");
	check(rte_ivshmem_metadata_add_memzone(change, "ro") == 0 &&
	      rte_ivshmem_metadata_add_memzone_readonly(look, "ro") == 0,
	      "shares one memzone to be changed, one to be read");
	publish("ro");
	check(strstr(text, "'{") != NULL && strstr(text, "readonly") != NULL,
	      "the argument is JSON then: %.40s", text);
	read_published("ro", &md);
	check(count_chunks(&md, RTE_IVSHMEM_CHUNK_READONLY) == 1 &&
	      count_chunks(&md, 0) == 1 &&
	      (md.chunks[1].flags & RTE_IVSHMEM_CHUNK_READONLY) &&
	      md.chunks[1].address == look->addr_64,
	      "read-only chunks come first, next to the metadata");
	ivshmem_metadata_free(&md);
	fails(rte_ivshmem_metadata_device_generate(text, sizeof(text), "ro",
						   RTE_IVSHMEM_FORM_PLAIN),
	      ENOTSUP, "the plain form cannot say it");
	destroy("ro");
	rte_memzone_free(look);
	rte_memzone_free(change);
}

static void test_readonly_beside_writable(void)
{
	const struct rte_memzone *look = make_zone("look", 100);
	const struct rte_memzone *change = make_zone("change", 100);

	create("mix");
	check(rte_ivshmem_metadata_add_memzone_readonly(look, "mix") == 0 &&
	      rte_ivshmem_metadata_add_memzone(change, "mix") == 0,
	      "adds two small memzones");
	fails(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text), "mix"),
	      EBUSY, "refuses to publish a page that is both");
	check(rte_ivshmem_metadata_remove_memzone(change, "mix") == 0,
	      "removes the writable one");
	publish("mix");
	check(strstr(text, "readonly") != NULL, "publishes the read-only one");
	destroy("mix");
	rte_memzone_free(look);
	rte_memzone_free(change);
}

/* ---- audit ------------------------------------------------------------- */

static void test_audit(void)
{
	const struct rte_memzone *zone = make_zone("alone", 100);
	const struct rte_memzone *secret = make_zone("secret", 100);
	const struct rte_memzone *own =
		rte_ivshmem_memzone_reserve("own", 100, SOCKET_ID_ANY, 0);
	char *report = NULL;
	size_t size;
	int64_t bytes;
	FILE *f = open_memstream(&report, &size);

	create("aud");
	rte_ivshmem_metadata_add_memzone(own, "aud");
	check(rte_ivshmem_metadata_audit(NULL, "aud") == 0,
	      "a memzone with pages of its own shares nothing else");
	rte_ivshmem_metadata_add_memzone(zone, "aud");
	bytes = rte_ivshmem_metadata_audit(f, "aud");
	fclose(f);
	check(bytes >= (int64_t)secret->len && strstr(report, "secret") != NULL,
	      "the audit names a neighbour (%" PRId64 " bytes in all)", bytes);
	check(strstr(report, "alone") == NULL, "but not what is shared");
	free(report);
	f = fopen("/dev/full", "w");
	check(rte_ivshmem_metadata_audit(f, "aud") < 0 && rte_errno == EIO,
	      "reports a stream that cannot be written");
	fclose(f);
	check(rte_ivshmem_metadata_audit(NULL, "none") < 0 &&
	      rte_errno == ENOENT, "refuses unknown metadata");
	destroy("aud");
	rte_memzone_free(own);
	rte_memzone_free(zone);
	rte_memzone_free(secret);
}

int main(int argc, char **argv)
{
	start_host(argc > 1 ? argv[1] : "no-huge");
	test_remove();
	test_outdated();
	test_destroy();
	test_free_zone();
	test_free_pool();
	test_not_freed();
	test_ring_in_zone();
	test_readonly();
	test_readonly_beside_writable();
	test_audit();
	return tap_end();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory with no file that QEMU could open is refused, with name and reason. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "cleanup.h"
#include "eal.h"
#include "rte_ivshmem.h"
#include "tap.h"

#define FOREIGN_SIZE (4 << 20)

static char *said;
static size_t said_size;
static FILE *log_stream;
static char text[65536];

static void end_log(void)
{
	rte_openlog_stream(NULL);
	if (log_stream != NULL)
		fclose(log_stream);
	free(said);
	log_stream = NULL;
	said = NULL;
}

/* Forget what was logged so far. */
static void begin(void)
{
	end_log();
	log_stream = open_memstream(&said, &said_size);
	if (log_stream == NULL || rte_openlog_stream(log_stream) != 0)
		bail_out("nowhere to log");
}

/* The call since begin() failed so, and the log says why. */
static void refused(int ret, int error, const char *name, const char *reason,
		    const char *what)
{
	int got = rte_errno;

	fflush(log_stream);
	if (!check(ret < 0 && got == error && strstr(said, name) != NULL &&
		   strstr(said, reason) != NULL, "%s", what))
		printf("# returned %d (%s), said: %s\n", ret, strerror(got),
		       said);
}

static void *map_foreign(void)
{
	void *map = mmap(NULL, FOREIGN_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		bail_out("mmap");
	return map;
}

/* A pool whose objects lie in memory of the caller's choice. */
static struct rte_mempool *pool_in(const char *name, void *memory, size_t len)
{
	struct rte_mempool *mp = rte_mempool_create_empty(name, 15, 64, 0, 0,
							  SOCKET_ID_ANY, 0);

	if (mp == NULL || rte_mempool_set_ops_byname(mp, "ring_mp_mc",
						     NULL) != 0 ||
	    rte_mempool_populate_iova(mp, memory, RTE_BAD_IOVA, len, NULL,
				      NULL) <= 0)
		bail_out("no pool in that memory");
	return mp;
}

static void test_application_memory(void)
{
	void *map = map_foreign();
	struct rte_mempool *mp = pool_in("mapped", map, FOREIGN_SIZE);

	begin();
	refused(rte_ivshmem_metadata_add_mempool(mp, "md"), EFAULT,
		"'mapped'", "not in memory that the EAL manages",
		"refuses a pool in memory of the application");
	rte_mempool_free(mp);
	munmap(map, FOREIGN_SIZE);
}

static void test_registered_memory(void)
{
	void *map = map_foreign();
	struct rte_mempool *mp;

	if (rte_extmem_register(map, FOREIGN_SIZE, NULL, 0,
				(size_t)getpagesize()) != 0)
		bail_out("rte_extmem_register");
	mp = pool_in("registered", map, FOREIGN_SIZE);
	begin();
	refused(rte_ivshmem_metadata_add_mempool(mp, "md"), ENOTSUP,
		"'registered'", "external memory",
		"refuses a pool in memory of rte_extmem_register()");
	rte_mempool_free(mp);
	rte_extmem_unregister(map, FOREIGN_SIZE);
	munmap(map, FOREIGN_SIZE);
}

static void test_heap_objects(int socket)
{
	const struct rte_memzone *mz = rte_memzone_reserve("ext_zone", 4096,
							   socket, 0);
	struct rte_ring *r = rte_ring_create("ext_ring", 64, socket, 0);
	struct rte_mempool *mp = rte_mempool_create("ext_pool", 63, 64, 0, 0,
				NULL, NULL, NULL, NULL, socket, 0);

	if (mz == NULL || r == NULL || mp == NULL)
		bail_out("no objects in an external heap");
	begin();
	refused(rte_ivshmem_metadata_add_memzone(mz, "md"), ENOTSUP,
		"'ext_zone'", "external memory",
		"refuses a memzone in an external heap");
	begin();
	refused(rte_ivshmem_metadata_add_ring(r, "md"), ENOTSUP,
		"RG_ext_ring'", "external memory",
		"refuses a ring in an external heap");
	begin();
	refused(rte_ivshmem_metadata_add_mempool(mp, "md"), ENOTSUP,
		"MP_ext_pool'", "external memory",
		"refuses a mempool in an external heap");
	rte_mempool_free(mp);
	rte_ring_free(r);
	rte_memzone_free(mz);
}

static void test_external_heap(void)
{
	void *map = map_foreign();

	if (rte_malloc_heap_create("ext") != 0 ||
	    rte_malloc_heap_memory_add("ext", map, FOREIGN_SIZE, NULL, 0,
				       (size_t)getpagesize()) != 0)
		bail_out("no external heap");
	test_heap_objects(rte_malloc_heap_get_socket("ext"));
	if (rte_malloc_heap_memory_remove("ext", map, FOREIGN_SIZE) != 0)
		bail_out("external memory is still in use");
	rte_malloc_heap_destroy("ext");
	munmap(map, FOREIGN_SIZE);
}

/* Pages that the EAL has given back.  rte_mempool_free() would read them. */
static void test_freed_memory(void)
{
	const struct rte_memzone *mz;
	struct rte_mempool *mp;

	/* More than was allocated at the start, so that pages come and go. */
	mz = rte_memzone_reserve_aligned("freed", 36 << 20, SOCKET_ID_ANY, 0,
					 RTE_PGSIZE_2M);
	if (mz == NULL)
		bail_out("no memzone of 36 MiB");
	mp = pool_in("dangling", mz->addr, FOREIGN_SIZE);
	rte_memzone_free(mz);
	begin();
	refused(rte_ivshmem_metadata_add_mempool(mp, "md"), EFAULT,
		"'dangling'", "was it freed?",
		"refuses a pool in pages that were freed");
}

/* The last test: the names of all hugepage files are removed. */
static void test_removed_files(void)
{
	struct rte_ring *r;
	char through[32];

	r = rte_ring_create("nameless", 64, SOCKET_ID_ANY, 0);
	cleanup_pages(getenv("IVSHMEM_HUGE"), test_prefix);
	snprintf(through, sizeof(through), "/proc/%d/fd/", getpid());
	check(rte_ivshmem_metadata_add_ring(r, "md") == 0 &&
	      rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						    "md") == 0 &&
	      strstr(text, through) != NULL &&
	      strstr(text, getenv("IVSHMEM_HUGE")) == NULL,
	      "files without a name are opened through the host");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		bail_out("usage: test-backing MODE");
	start_host(argv[1]);
	if (rte_ivshmem_metadata_create("md") != 0)
		bail_out("no metadata");
	test_application_memory();
	test_registered_memory();
	test_external_heap();
	/* With all memory allocated at the start, or in memfds, there are no
	 * such pages, or names. */
	if (strcmp(argv[1], "huge") == 0 || strcmp(argv[1], "huge-sfs") == 0)
		test_freed_memory();
	if (has_hugepages(argv[1]))
		test_removed_files();
	end_log();
	return tap_end();
}

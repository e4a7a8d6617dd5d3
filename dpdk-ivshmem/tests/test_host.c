/* SPDX-License-Identifier: BSD-3-Clause */
/* The host side: what is published, and every refusal. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "child.h"
#include "eal.h"
#include "format.h"
#include "holdings.h"
#include "rte_ivshmem.h"
#include "tap.h"

static const struct rte_memzone *zone;
static struct rte_ring *ring;
static struct rte_mempool *pool;
static char text[65536];

/* A call failed with this errno. */
static void fails(int ret, int error, const char *what)
{
	int got = rte_errno;

	check(ret < 0 && got == error, "%s (%s)", what, strerror(got));
}

static void make_objects(void)
{
	zone = rte_memzone_reserve("zone", 10000, SOCKET_ID_ANY, 0);
	ring = rte_ring_create("ring", 1024, SOCKET_ID_ANY, 0);
	pool = rte_pktmbuf_pool_create("pool", 1023, 32, 0, 2176,
				       SOCKET_ID_ANY);
	if (zone == NULL || ring == NULL || pool == NULL)
		bail_out(rte_strerror(rte_errno));
	memset(zone->addr, 0x5a, zone->len);
}

static void test_names(void)
{
	char longest[RTE_IVSHMEM_NAME_SIZE], longer[RTE_IVSHMEM_NAME_SIZE + 1];

	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	fails(rte_ivshmem_metadata_create(NULL), EINVAL, "refuses no name");
	fails(rte_ivshmem_metadata_create(""), EINVAL, "refuses an empty name");
	fails(rte_ivshmem_metadata_create("a/b"), EINVAL,
	      "refuses a name with a slash");
	fails(rte_ivshmem_metadata_create("a:b"), EINVAL,
	      "refuses a name with a colon");
	fails(rte_ivshmem_metadata_create("../x"), EINVAL,
	      "refuses a name that leaves the folder");
	fails(rte_ivshmem_metadata_create(longer), ENAMETOOLONG,
	      "refuses a name of 64 characters");
	check(rte_ivshmem_metadata_create(longest) == 0,
	      "accepts a name of 63 characters");
	check(rte_ivshmem_metadata_create("md.new") == 0 &&
	      rte_ivshmem_metadata_create("md") == 0,
	      "accepts short names, also one that extends another");
	fails(rte_ivshmem_metadata_create("md"), EEXIST,
	      "refuses a name that this process uses");
}

static void test_arguments(void)
{
	fails(rte_ivshmem_metadata_add_memzone(NULL, "md"), EINVAL,
	      "refuses a NULL memzone");
	fails(rte_ivshmem_metadata_add_ring(NULL, "md"), EINVAL,
	      "refuses a NULL ring");
	fails(rte_ivshmem_metadata_add_mempool(NULL, "md"), EINVAL,
	      "refuses a NULL mempool");
	fails(rte_ivshmem_metadata_add_ring(ring, NULL), EINVAL,
	      "refuses no metadata name");
	fails(rte_ivshmem_metadata_add_ring(ring, "other"), ENOENT,
	      "refuses an unknown metadata name");
	fails(rte_ivshmem_metadata_cmdline_generate(NULL, 10, "md"), EINVAL,
	      "refuses a NULL buffer");
	fails(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text), "md"),
	      ENODATA, "refuses to publish nothing");
	fails(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text), "x"),
	      ENOENT, "refuses to publish unknown metadata");
	fails(rte_ivshmem_metadata_dump(NULL, "md"), EINVAL,
	      "refuses to dump to NULL");
	fails(rte_ivshmem_metadata_dump(stdout, "x"), ENOENT,
	      "refuses to dump unknown metadata");
}

/* Memory of the C library, made to look like objects. */
static void test_foreign_memory(void)
{
	static char bytes[4096];
	struct rte_memzone fake = *zone;
	ssize_t size = rte_ring_get_memsize(64);
	struct rte_ring *fake_ring = aligned_alloc(64, (size_t)size);
	struct rte_mempool *fake_pool = aligned_alloc(64, sizeof(*pool));

	fake.addr = bytes;
	fake.len = sizeof(bytes);
	strcpy(fake.name, "fake");
	fails(rte_ivshmem_metadata_add_memzone(&fake, "md"), ENOENT,
	      "refuses a memzone that DPDK does not know");
	if (rte_ring_init(fake_ring, "fake", 64, 0) != 0)
		bail_out("rte_ring_init");
	fails(rte_ivshmem_metadata_add_ring(fake_ring, "md"), ENOENT,
	      "refuses a ring in memory of the application");
	fails(rte_ivshmem_metadata_add_ring(RTE_PTR_ADD(ring, 64), "md"),
	      ENOENT, "refuses a pointer into a ring");
	fails(rte_ivshmem_metadata_add_memzone(RTE_PTR_ADD(zone, 8), "md"),
	      ENOENT, "refuses a pointer into a descriptor");
	fails(rte_ivshmem_metadata_add_mempool((void *)ring, "md"), ENOENT,
	      "refuses a ring for a mempool");
	fails(rte_ivshmem_metadata_add_ring((void *)8, "md"), ENOENT,
	      "refuses a wild pointer");
	memcpy(fake_pool, pool, sizeof(*pool));
	fails(rte_ivshmem_metadata_add_mempool(fake_pool, "md"), ENOENT,
	      "refuses a copy of a mempool");
	free(fake_ring);
	free(fake_pool);
}

/* A pool whose objects lie in memory of the application. */
static void test_foreign_chunk(void)
{
	struct rte_mempool *mp = rte_mempool_create_empty("mapped", 15, 64, 0,
						0, SOCKET_ID_ANY, 0);
	size_t len = 1 << 16;
	void *map = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mp == NULL || map == MAP_FAILED ||
	    rte_mempool_set_ops_byname(mp, "ring_mp_mc", NULL) != 0 ||
	    rte_mempool_populate_iova(mp, map, RTE_BAD_IOVA, len, NULL,
				      NULL) <= 0)
		bail_out("cannot make a pool in own memory");
	fails(rte_ivshmem_metadata_add_mempool(mp, "md"), EFAULT,
	      "refuses a mempool with a chunk outside DPDK memory");
	rte_mempool_free(mp);
	munmap(map, len);
}

static void test_partly_populated(void)
{
	struct rte_mempool *mp = rte_mempool_create_empty("empty", 15, 64, 0,
						0, SOCKET_ID_ANY, 0);

	fails(rte_ivshmem_metadata_add_mempool(mp, "md"), ENOTSUP,
	      "refuses a mempool without its objects");
	rte_mempool_free(mp);
}

static void test_add(void)
{
	check(rte_ivshmem_metadata_add_memzone(zone, "md") == 0,
	      "shares a memzone");
	fails(rte_ivshmem_metadata_add_memzone(zone, "md"), EEXIST,
	      "refuses the same memzone again");
	check(rte_ivshmem_metadata_add_ring(ring, "md") == 0, "shares a ring");
	fails(rte_ivshmem_metadata_add_ring(ring, "md"), EEXIST,
	      "refuses the same ring again");
	check(rte_ivshmem_metadata_add_mempool(pool, "md") == 0,
	      "shares a mempool");
	fails(rte_ivshmem_metadata_add_mempool(pool, "md"), EEXIST,
	      "refuses the same mempool again");
	check(rte_ivshmem_metadata_add_memzone(ring->memzone, "md") == 0,
	      "shares the memzone of a ring that is shared already");
	check(rte_mem_virt2memseg(zone->addr, NULL)->flags &
	      RTE_MEMSEG_FLAG_DO_NOT_FREE, "pins the pages of what is shared");
}

/* Read what a guest would read. */
static void read_published(const char *name, struct ivshmem_metadata *md)
{
	static char image[1 << 20];
	struct ivshmem_error err;
	char path[128];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", test_dir, name);
	fd = open(path, O_RDONLY);
	len = fd >= 0 ? read(fd, image, sizeof(image)) : -1;
	close(fd);
	if (len < 0 || ivshmem_metadata_decode(image, (size_t)len, UINT64_MAX,
					       md, &err) != 0)
		bail_out(len < 0 ? path : err.text);
}

static bool is_shared(const struct ivshmem_metadata *md, const void *address,
		      size_t length)
{
	uintptr_t at = (uintptr_t)address, end = at + length;

	while (at < end) {
		uint32_t i;

		for (i = 1; i < md->n_chunks; i++)
			if (at - md->chunks[i].address < md->chunks[i].length)
				break;
		if (i == md->n_chunks)
			return false;
		at = md->chunks[i].address + md->chunks[i].length;
	}
	return true;
}

static void check_memory_chunk(struct rte_mempool *mp __rte_unused,
			       void *opaque, struct rte_mempool_memhdr *memhdr,
			       unsigned int index)
{
	check(is_shared(opaque, memhdr, sizeof(*memhdr)) &&
	      is_shared(opaque, memhdr->addr, memhdr->len),
	      "publishes memory chunk %u of the pool with its header", index);
}

static const struct rte_ivshmem_object *
find_object(const struct ivshmem_metadata *md, uint32_t type, const char *name)
{
	for (uint32_t i = 0; i < md->n_objects; i++)
		if (md->objects[i].type == type &&
		    strcmp(md->objects[i].name, name) == 0)
			return &md->objects[i];
	return NULL;
}

/* The device finds the same bytes by path and offset. */
static bool file_holds(const struct ivshmem_metadata *md, const void *address,
		       size_t length)
{
	uintptr_t at = (uintptr_t)address;

	for (uint32_t i = 1; i < md->n_chunks; i++) {
		const struct rte_ivshmem_chunk *c = &md->chunks[i];
		bool same;
		char *map;
		int fd;

		if (at < c->address || at + length > c->address + c->length)
			continue;
		fd = open(ivshmem_chunk_path(md, c), O_RDWR);
		map = mmap(NULL, c->length, PROT_READ, MAP_SHARED, fd,
			   (off_t)c->file_offset);
		close(fd);
		if (map == MAP_FAILED)
			return false;
		same = memcmp(map + (at - c->address), address, length) == 0;
		munmap(map, c->length);
		return same;
	}
	return false;
}

static void test_contents(const struct ivshmem_metadata *md)
{
	check(md->state == RTE_IVSHMEM_READY && md->n_chunks > 1 &&
	      md->n_lcores == 1 && md->lcores[0] == 0, "publishes metadata");
	check(find_object(md, RTE_IVSHMEM_MEMZONE, "zone") != NULL &&
	      find_object(md, RTE_IVSHMEM_RING, "ring") != NULL &&
	      find_object(md, RTE_IVSHMEM_MEMPOOL, "pool") != NULL,
	      "lists each object by its name");
	check(is_shared(md, zone->addr, zone->len),
	      "publishes the whole memzone");
	check(is_shared(md, ring, ring->memzone->len),
	      "publishes the whole ring");
	check(is_shared(md, pool->mz->addr, pool->mz->len),
	      "publishes the pool's header and caches");
	check(is_shared(md, pool->pool_data,
			sizeof(struct rte_ring) + 1024 * sizeof(void *)),
	      "publishes the pool's ring of free objects");
	rte_mempool_mem_iter(pool, check_memory_chunk, (void *)(uintptr_t)md);
	check(md->n_ops == 1 && strcmp(md->ops[0].name, "ring_mp_mc") == 0 &&
	      md->ops[0].index == (uint32_t)pool->ops_index,
	      "carries the name of the pool's ops");
	check(file_holds(md, zone->addr, 64),
	      "names the file and offset that hold the memzone");
}

static uint32_t largest_page(const struct ivshmem_metadata *md)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < md->n_chunks; i++)
		size = RTE_MAX(size, md->chunks[i].page_size);
	return (uint32_t)size;
}

static void test_publish(const char *mode)
{
	struct ivshmem_metadata first, second;
	char small[32];
	int ret;

	memset(small, 'x', sizeof(small));
	ret = rte_ivshmem_metadata_cmdline_generate(small, sizeof(small), "md");
	check(ret < -(int)sizeof(small) && rte_errno == ENOBUFS &&
	      small[0] == 'x' && small[31] == 'x',
	      "leaves a small buffer alone and tells the size, %d bytes", -ret);
	read_published("md", &first);
	check(first.state == RTE_IVSHMEM_BUILDING && first.n_objects == 0,
	      "and publishes nothing then");
	ivshmem_metadata_free(&first);

	check(rte_ivshmem_metadata_cmdline_generate(text, (unsigned int)-ret,
						    "md") == 0 &&
	      strlen(text) + 1 <= (size_t)-ret &&
	      strlen(text) + 1 + 20 >= (size_t)-ret,
	      "prints the QEMU argument into a buffer of that size");
	check(strncmp(text, "-device ivshmem,file=", 21) == 0 &&
	      strstr(text, test_dir) != NULL, "which begins with %.60s", text);
	read_published("md", &first);
	test_contents(&first);
	read_published("md.new", &second);
	check(strcmp(second.name, "md.new") == 0,
	      "other metadata stays what it was");
	ivshmem_metadata_free(&second);
	check(largest_page(&first) == (has_hugepages(mode) ? 2u << 20 : 4096u),
	      "knows the page size (%u)", largest_page(&first));

	check(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						    "md") == 0,
	      "publishes again");
	read_published("md", &second);
	check(second.generation > first.generation,
	      "each publication is a new generation");
	ivshmem_metadata_free(&first);
	ivshmem_metadata_free(&second);
}

static unsigned int count_words(const char *word)
{
	unsigned int n = 0;

	for (const char *c = text; (c = strstr(c, word)) != NULL; c++)
		n++;
	return n;
}

/* The text is made before the new metadata file has its name, and for a
 * publication that is there already. */
static void test_identities(const char *mode)
{
	bool nameless = !has_hugepages(mode);
	char path[256], expected[64];
	struct ivshmem_metadata md;
	struct stat st;

	for (int again = 1; again >= 0; again--) {
		check((again ? rte_ivshmem_metadata_cmdline_generate(text,
				sizeof(text), "md") :
		       rte_ivshmem_metadata_device_generate(text, sizeof(text),
				"md", RTE_IVSHMEM_FORM_PLAIN)) == 0,
		      again ? "publishes" : "prints what is published");
		snprintf(path, sizeof(path), "%s/md", test_dir);
		if (stat(path, &st) != 0)
			bail_out(path);
		snprintf(expected, sizeof(expected), ",inode=%ju:",
			 (uintmax_t)st.st_ino);
		check((strstr(text, expected) != NULL) == nameless &&
		      count_words("inode") == nameless,
		      "the plain form identifies %s", nameless ?
		      "each file, the published metadata among them" :
		      "no file that has a name");
	}
	read_published("md", &md);
	check(rte_ivshmem_metadata_device_generate(text, sizeof(text), "md",
			RTE_IVSHMEM_FORM_JSON) == 0 &&
	      count_words("\"inode\":") == (nameless ? md.n_chunks - 1 : 0),
	      "JSON identifies the files that have no name");
	ivshmem_metadata_free(&md);
}

static unsigned int count_changes(const struct ivshmem_metadata *md)
{
	unsigned int n = 0;

	for (uint32_t i = 1; i < md->n_chunks; i++)
		n += (md->chunks[i].flags & RTE_IVSHMEM_CHUNK_READONLY) !=
		     (md->chunks[i - 1].flags & RTE_IVSHMEM_CHUNK_READONLY);
	return n;
}

/* QEMU has three memory slots for a device: one for each change between
 * read-only and writable chunks in the BAR, however they lie in memory. */
static void test_kinds_are_grouped(void)
{
	const struct rte_memzone *zones[16];
	struct ivshmem_metadata md;
	char name[32];
	bool added = rte_ivshmem_metadata_create("kinds") == 0;
	bool ordered = true;

	for (unsigned int i = 0; i < RTE_DIM(zones); i++) {
		snprintf(name, sizeof(name), "kind%u", i);
		zones[i] = rte_ivshmem_memzone_reserve(name, 1, SOCKET_ID_ANY,
						       0);
		if (zones[i] == NULL)
			bail_out(rte_strerror(rte_errno));
		added = added &&
			(i % 2 == 0 ?
			 rte_ivshmem_metadata_add_memzone(zones[i], "kinds") :
			 rte_ivshmem_metadata_add_memzone_readonly(zones[i],
								   "kinds"))
			== 0;
	}
	check(added && rte_ivshmem_metadata_device_generate(text, sizeof(text),
			"kinds", RTE_IVSHMEM_FORM_JSON) == 0,
	      "shares memzones to be changed and to be read by turns");
	read_published("kinds", &md);
	for (uint32_t i = 1; i < md.n_chunks; i++)
		ordered = ordered && md.chunks[i].bar_offset >=
			  md.chunks[i - 1].bar_offset + md.chunks[i - 1].length;
	check(ordered && count_changes(&md) == 1 &&
	      !(md.chunks[md.n_chunks - 1].flags & RTE_IVSHMEM_CHUNK_READONLY),
	      "all read-only chunks come before the writable ones in the BAR");
	ivshmem_metadata_free(&md);
	rte_ivshmem_metadata_destroy("kinds");
	for (unsigned int i = 0; i < RTE_DIM(zones); i++)
		rte_memzone_free(zones[i]);
}

static void *register_thread(void *refused)
{
	*(bool *)refused = rte_thread_register() < 0;
	if (!*(bool *)refused)
		rte_thread_unregister();
	return NULL;
}

static bool registration_is_refused(void)
{
	bool refused = false;
	pthread_t thread;

	if (pthread_create(&thread, NULL, register_thread, &refused) != 0)
		bail_out("pthread_create");
	pthread_join(thread, NULL);
	return refused;
}

static void test_dump(void)
{
	FILE *full = fopen("/dev/full", "w");
	char *dump = NULL;
	size_t size;
	FILE *f = open_memstream(&dump, &size);

	check(rte_ivshmem_metadata_dump(f, "md") == 0, "dumps");
	fclose(f);
	check(strstr(dump, "metadata 'md'") && strstr(dump, "ready") &&
	      strstr(dump, "ring     ring") && strstr(dump, "BAR 2"),
	      "the dump names objects and draws the BAR");
	free(dump);
	fails(rte_ivshmem_metadata_dump(full, "md"), EIO,
	      "reports a stream that cannot be written");
	fclose(full);
}

/* Share a ring as `dead`, tell that it is done, and live until killed. */
static void share_and_wait(int tell)
{
	bool done = rte_ivshmem_metadata_create("dead") == 0 &&
		    rte_ivshmem_metadata_add_ring(ring, "dead") == 0 &&
		    rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
							  "dead") == 0;

	if (write(tell, done ? "y" : "n", 1) == 1)
		pause();
	_exit(1);
}

static pid_t start_sharing_process(void)
{
	char answer = 'n';
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0)
		bail_out("pipe");
	pid = fork();
	if (pid < 0)
		bail_out("fork");
	if (pid == 0)
		share_and_wait(ends[1]);
	check(read(ends[0], &answer, 1) == 1 && answer == 'y',
	      "another process shares a ring");
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void test_other_process(void)
{
	struct ivshmem_metadata dead, mine;
	pid_t pid = start_sharing_process();
	uint32_t state = 0;
	char path[128];
	int fd;

	fails(rte_ivshmem_metadata_create("dead"), EEXIST,
	      "refuses its name while it lives");
	child_kill(pid);
	read_published("dead", &dead);
	check(dead.state == RTE_IVSHMEM_READY,
	      "killed, it leaves a file that says ready");
	snprintf(path, sizeof(path), "%s/dead", test_dir);
	fd = open(path, O_RDONLY);
	check(rte_ivshmem_metadata_create("dead") == 0,
	      "a fresh start replaces the leavings");
	check(pread(fd, &state, sizeof(state),
		    offsetof(struct rte_ivshmem_header, state)) ==
	      sizeof(state) && state == RTE_IVSHMEM_CLOSING,
	      "and tells those who still look at them");
	close(fd);
	read_published("dead", &mine);
	check(mine.generation > dead.generation && mine.n_objects == 0,
	      "and begins a new generation");
	ivshmem_metadata_free(&dead);
	ivshmem_metadata_free(&mine);
}

static void test_exit(void)
{
	char path[128];
	int status;
	pid_t pid = fork();

	if (pid == 0)
		exit(rte_ivshmem_metadata_create("orderly") == 0 ? 0 : 1);
	waitpid(pid, &status, 0);
	snprintf(path, sizeof(path), "%s/md", test_dir);
	check(status == 0 && access(path, F_OK) == 0,
	      "a forked child that exits leaves the parent's metadata alone");
	snprintf(path, sizeof(path), "%s/orderly", test_dir);
	check(access(path, F_OK) != 0 && errno == ENOENT,
	      "a process that exits in order removes its own");
}

static void test_bad_folders(void)
{
	char path[160], long_path[5000];
	int fd;

	snprintf(path, sizeof(path), "%s/file", test_dir);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	close(fd);
	setenv(RTE_IVSHMEM_DIR_ENV, path, 1);
	fails(rte_ivshmem_metadata_create("a"), ENOTDIR,
	      "reports a metadata folder that is a file");
	strcat(path, "/below");
	setenv(RTE_IVSHMEM_DIR_ENV, path, 1);
	fails(rte_ivshmem_metadata_create("a"), ENOTDIR,
	      "reports a metadata folder below a file");
	/* A file system that nobody can write to, not even root. */
	setenv(RTE_IVSHMEM_DIR_ENV, "/proc/ivshmem", 1);
	check(rte_ivshmem_metadata_create("a") < 0,
	      "reports a metadata folder that cannot be written (%s)",
	      rte_strerror(rte_errno));
	memset(long_path, 'x', sizeof(long_path));
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	setenv(RTE_IVSHMEM_DIR_ENV, long_path, 1);
	fails(rte_ivshmem_metadata_create("a"), ENAMETOOLONG,
	      "reports a metadata folder with too long a name");
	setenv(RTE_IVSHMEM_DIR_ENV, test_dir, 1);
}

/* The metadata's file is `name` in `folder` below test_dir. */
static void cannot_write(const char *folder, const char *name, int error,
			 const char *what)
{
	struct ivshmem_metadata before, after;
	char path[200], file[200];
	unsigned int files;

	snprintf(path, sizeof(path), "%s/%s", test_dir, folder);
	files = count_entries(path, NULL);
	snprintf(file, sizeof(file), "%s/%s", folder, name);
	read_published(file, &before);
	fails(rte_ivshmem_metadata_cmdline_generate(text, sizeof(text), name),
	      error, what);
	read_published(file, &after);
	check(before.generation == after.generation &&
	      before.state == after.state,
	      "what was published before stays as it was");
	check(count_entries(path, NULL) == files,
	      "and no temporary file is left");
	ivshmem_metadata_free(&before);
	ivshmem_metadata_free(&after);
}

static void test_file_limit(void)
{
	struct rlimit old, none;

	getrlimit(RLIMIT_FSIZE, &old);
	none = (struct rlimit){ 0, old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none);
	cannot_write(".", "md", EFBIG, "reports that a file may not grow");
	setrlimit(RLIMIT_FSIZE, &old);
}

/* A file system of two pages: the metadata has one, a filler the other. */
static void test_full_disk(void)
{
	char folder[160], filler[180], page[4096] = "";
	int fd;

	snprintf(folder, sizeof(folder), "%s/full", test_dir);
	snprintf(filler, sizeof(filler), "%s/filler", folder);
	if (mkdir(folder, 0700) != 0)
		bail_out(folder);
	if (mount("tmpfs", folder, "tmpfs", 0, "size=8k") != 0) {
		skip("reports a disk that is full", "only root may mount");
		rmdir(folder);
		return;
	}
	setenv(RTE_IVSHMEM_DIR_ENV, folder, 1);
	check(rte_ivshmem_metadata_create("full") == 0 &&
	      rte_ivshmem_metadata_add_memzone(zone, "full") == 0,
	      "shares on a small disk");
	fd = open(filler, O_CREAT | O_WRONLY, 0600);
	if (write(fd, page, sizeof(page)) != sizeof(page))
		bail_out(filler);
	close(fd);
	setenv(RTE_IVSHMEM_DIR_ENV, test_dir, 1);
	cannot_write("full", "full", ENOSPC,
		     "reports a disk that is full");
	unlink(filler);
	umount2(folder, MNT_DETACH);
	rmdir(folder);
}

/* A folder with a colon and a quote: the plain form cannot carry it. */
static void test_json(void)
{
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/a:'b", test_dir);
	setenv(RTE_IVSHMEM_DIR_ENV, folder, 1);
	check(rte_ivshmem_metadata_create("json") == 0 &&
	      rte_ivshmem_metadata_add_memzone(zone, "json") == 0 &&
	      rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						    "json") == 0,
	      "shares from a folder with a colon and a quote");
	check(strstr(text, "-device '{\"driver\":\"ivshmem\",\"id\":") ==
	      text && strstr(text, "a:\\u0027b/json") != NULL,
	      "the argument is JSON then");
	setenv(RTE_IVSHMEM_DIR_ENV, test_dir, 1);
	strcat(folder, "/json");
	unlink(folder);
	*strrchr(folder, '/') = '\0';
	rmdir(folder);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "no-huge";

	if (!has_hugepages(mode))
		fails(rte_ivshmem_metadata_create("early"), EAGAIN,
		      "refuses to work before rte_eal_init()");
	start_host(mode);
	make_objects();
	check(!registration_is_refused(),
	      "a thread may become an lcore before publication");
	test_names();
	test_arguments();
	test_foreign_memory();
	test_foreign_chunk();
	test_partly_populated();
	test_add();
	test_publish(mode);
	test_identities(mode);
	test_kinds_are_grouped();
	check(registration_is_refused(),
	      "no thread may when a guest relies on the lcore ids");
	test_dump();
	test_other_process();
	test_exit();
	test_bad_folders();
	test_file_limit();
	test_full_disk();
	test_json();
	return tap_end();
}

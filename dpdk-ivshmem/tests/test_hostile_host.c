/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host that lies: whatever its metadata says, and however it changes while it
 * is read, the guest side neither crashes nor leaves a mapping behind.
 *
 * This process is the guest, and attaches metadata files at run time.  A child
 * is an honest host; another one rewrites a file all the time.
 *
 * Argument: the mode (eal.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "child.h"
#include "eal.h"
#include "format.h"
#include "rte_ivshmem.h"
#include "rte_ivshmem_guest.h"
#include "sample.h"
#include "source.h"
#include "tap.h"

#define CHANGED 4000 /* metadata of the generator */
#define RACES 1500   /* attachments while a writer writes */

static char good_file[128], bad_file[128], other_file[160];
static uint32_t seed = 20261122;
static pid_t children[2];

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)seed * n) >> 32);
}

/* ---- the honest host ------------------------------------------------------ */

static void share(void)
{
	static char text[1 << 16];
	struct rte_ring *ring = rte_ring_create("hh_ring", 64, SOCKET_ID_ANY,
						0);
	struct rte_mempool *pool = rte_mempool_create("hh_pool", 127, 64, 32,
						      0, NULL, NULL, NULL,
						      NULL, SOCKET_ID_ANY, 0);
	struct rte_mempool *own = rte_ivshmem_pktmbuf_pool_create("hh_own", 63,
						8, 0, 256, SOCKET_ID_ANY);
	const struct rte_memzone *zone = rte_ivshmem_memzone_reserve("hh_zone",
						5000, SOCKET_ID_ANY, 0);

	if (ring == NULL || pool == NULL || own == NULL || zone == NULL ||
	    rte_ivshmem_metadata_create("good") != 0 ||
	    rte_ivshmem_metadata_add_ring(ring, "good") != 0 ||
	    rte_ivshmem_metadata_add_mempool(pool, "good") != 0 ||
	    rte_ivshmem_metadata_add_mempool(own, "good") != 0 ||
	    rte_ivshmem_metadata_add_memzone_readonly(zone, "good") != 0 ||
	    rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  "good") != 0)
		bail_out(rte_strerror(rte_errno));
}

static pid_t start_child(void (*run)(int ready), bool wait)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe(ends) != 0)
		bail_out("pipe");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (wait && read(ends[0], &byte, 1) != 1)
		bail_out("a child has not started");
	close(ends[0]);
	return pid;
}

static void run_host(int ready)
{
	start_eal("no-huge");
	share();
	if (write(ready, "", 1) != 1)
		_exit(1);
	pause();
}

static void end_child(pid_t *pid)
{
	if (*pid <= 0)
		return;
	child_kill(*pid);
	*pid = 0;
}

static void end_children(void)
{
	end_child(&children[0]);
	end_child(&children[1]);
}

/* ---- the guest ------------------------------------------------------------ */

static void start_guest(void)
{
	const char *argv[] = {
		"guest", "--no-huge", "-m", "16", "--no-pci", "--no-telemetry",
		"--lcores", "1@0", "--file-prefix", test_guest,
		"--base-virtaddr", "0x300000000000",
		/* Thousands of refusals, each with its reason. */
		"--log-level", "lib.ivshmem:critical",
		"--log-level", "lib.eal:critical",
	};

	if (rte_eal_init(RTE_DIM(argv), (char **)(uintptr_t)argv) < 0)
		bail_out(rte_strerror(rte_errno));
}

/* Its allocator's mappings come and go. */
#ifdef __SANITIZE_ADDRESS__
#define counts(line) (strchr(line, '/') != NULL)
#else
#define counts(line) (strstr(line, "[heap]") == NULL)
#endif

/* All mappings but the heap's, as one text; to be released with free(). */
static char *list_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 128], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (f == NULL || out == NULL)
		bail_out("/proc/self/maps");
	while (fgets(line, sizeof(line), f) != NULL)
		if (counts(line))
			fputs(line, out);
	fclose(f);
	fclose(out);
	return text;
}

static unsigned int count_descriptors(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/** What the process had before. */
struct holdings {
	char *mappings;
	unsigned int descriptors;
};

static struct holdings take_stock(void)
{
	return (struct holdings){ list_mappings(), count_descriptors() };
}

static void check_stock(struct holdings *before, const char *when)
{
	struct holdings now = take_stock();

	if (!check(strcmp(before->mappings, now.mappings) == 0,
		   "no mapping is left %s", when))
		printf("# before:\n%s# now:\n%s", before->mappings,
		       now.mappings);
	check(before->descriptors == now.descriptors,
	      "no descriptor is left %s", when);
	free(before->mappings);
	free(now.mappings);
}

/* True if it was attached; it is detached again. */
static bool try_file(const char *file)
{
	if (rte_ivshmem_attach(file) != 0)
		return false;
	if (rte_ivshmem_detach(file, 0) != 0)
		bail_out("what was attached cannot be detached");
	return true;
}

/* ---- changed metadata ----------------------------------------------------- */

static void load(struct ivshmem_metadata *md)
{
	struct ivshmem_error err;
	int fd = open(good_file, O_RDONLY);

	if (fd < 0 || ivshmem_source_read_file(fd, md, &err) != 0)
		bail_out("the honest host's metadata cannot be read");
	close(fd);
}

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		bail_out(path);
	close(fd);
}

static void write_metadata(const struct ivshmem_metadata *md)
{
	void *image;

	if (ivshmem_metadata_encode(md, &image) != 0)
		bail_out("encoding failed");
	write_file(bad_file, image, ivshmem_metadata_size(md));
	free(image);
}

/* A number that is near another one, or near a limit. */
static uint64_t strange(uint64_t value)
{
	switch (random_below(8)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - random_below(2) * 4095;
	case 2:
		return value + 4096;
	case 3:
		return value - 4096;
	case 4:
		return value + 1 + random_below(64);
	case 5:
		return value ^ (UINT64_C(1) << random_below(64));
	case 6:
		return (uintptr_t)good_file & ~UINT64_C(4095);
	default:
		return UINT64_C(1) << random_below(48);
	}
}

static void change_chunk(struct rte_ivshmem_chunk *c)
{
	uint64_t *const fields[] = { &c->address, &c->length, &c->bar_offset,
				     &c->file_offset, &c->page_size };
	uint32_t i = random_below(RTE_DIM(fields) + 2);

	if (i < RTE_DIM(fields))
		*fields[i] = strange(*fields[i]);
	else if (i == RTE_DIM(fields))
		c->path = (uint32_t)strange(c->path);
	else
		c->flags ^= 1u << random_below(3);
}

static void change_object(struct ivshmem_metadata *md)
{
	struct rte_ivshmem_object *o =
		&md->objects[random_below(md->n_objects)];
	const struct rte_ivshmem_object *other =
		&md->objects[random_below(md->n_objects)];

	switch (random_below(9)) {
	case 0:
		o->address = strange(o->address);
		break;
	case 1:
		o->length = strange(o->length);
		break;
	case 2:
		o->memzone = strange(o->memzone);
		break;
	case 3:
		o->type = random_below(6);
		break;
	case 4:
		o->flags = random_below(8);
		break;
	case 5:
		o->cache_size = (uint32_t)strange(o->cache_size);
		break;
	case 6:
		o->ops = (uint32_t)strange(o->ops);
		break;
	case 7:
		o->address = other->address;
		o->memzone = other->memzone;
		break;
	default:
		memset(o->name, 'a' + (int)random_below(26),
		       random_below(sizeof(o->name) + 1));
	}
}

static void change_rest(struct ivshmem_metadata *md)
{
	struct rte_ivshmem_dyn *dyn = md->n_dyns > 0 ? md->dyns : NULL;

	switch (random_below(6)) {
	case 0:
		md->ops[0].index = (uint32_t)strange(md->ops[0].index);
		break;
	case 1:
		md->ops[0].name[random_below(8)] ^= 1;
		break;
	case 2:
		md->layout[random_below(md->n_layout)] ^= 1;
		break;
	case 3:
		md->n_layout = random_below(md->n_layout + 1);
		break;
	case 4:
		md->n_objects = random_below(md->n_objects) + 1;
		break;
	default:
		if (dyn != NULL)
			dyn->position = (uint32_t)strange(dyn->position);
	}
}

static void change(struct ivshmem_metadata *md)
{
	for (uint32_t n = 1 + random_below(3); n > 0; n--)
		switch (random_below(5)) {
		case 0:
		case 1:
			change_chunk(&md->chunks[random_below(md->n_chunks)]);
			break;
		case 2:
		case 3:
			change_object(md);
			break;
		default:
			change_rest(md);
		}
}

static void test_changed(void)
{
	struct holdings before = take_stock();
	unsigned int attached = 0;

	for (int i = 0; i < CHANGED; i++) {
		struct ivshmem_metadata md;

		load(&md);
		change(&md);
		write_metadata(&md);
		ivshmem_metadata_free(&md);
		attached += try_file(bad_file);
	}
	check(attached > 0 && attached < CHANGED,
	      "%d changed metadata with good checksums: %u refused, %u attached and detached",
	      CHANGED, CHANGED - attached, attached);
	check_stock(&before, "of changed metadata");
}

/* ---- a writer at the same time -------------------------------------------- */

static void run_writer(int ready)
{
	static char good[1 << 18], other[1 << 18];
	int fd = open(good_file, O_RDONLY), out;
	ssize_t size = read(fd, good, sizeof(good));
	struct rte_ivshmem_header *header = (void *)other;

	out = open(bad_file, O_CREAT | O_RDWR, 0600);
	if (size <= (ssize_t)sizeof(*header) || out < 0)
		_exit(1);
	memcpy(other, good, (size_t)size);
	header->header_size = (uint32_t)header->total_size;
	header->n_tables = 1;
	seal(other, header->total_size);
	for (uint32_t round = 0;; round++) {
		size_t at = random_below((uint32_t)size - 64);
		uint64_t word = strange(at);

		if (pwrite(out, round % 2 ? good : other, (size_t)size, 0) < 0 ||
		    pwrite(out, &word, sizeof(word), (off_t)at) < 0)
			_exit(1);
		if (round % 16 == 0 &&
		    ftruncate(out, random_below((uint32_t)size)) != 0)
			_exit(1);
		if (round % 8 == 0 &&
		    pwrite(out, good, (size_t)size, 0) < 0)
			_exit(1);
		if (round == 0 && write(ready, "", 1) != 1)
			_exit(1);
	}
}

static void test_writer(void)
{
	struct holdings before = take_stock();
	unsigned int attached = 0;
	int status;

	children[1] = start_child(run_writer, true);
	for (int i = 0; i < RACES; i++)
		attached += try_file(bad_file);
	check(waitpid(children[1], &status, WNOHANG) == 0,
	      "a file rewritten all the time: %u of %d times attached",
	      attached, RACES);
	end_child(&children[1]);
	check_stock(&before, "of a file that changes");
}

/* Shared memory, as a BAR is: each copy that is accepted is whole. */
static void test_torn(void)
{
	struct ivshmem_metadata md;
	struct ivshmem_error err;
	unsigned int accepted = 0, torn = 0, refused = 0;
	void *images[2];
	uint8_t *shared;
	size_t size;
	pid_t writer;

	load(&md);
	for (int i = 0; i < 2; i++) {
		memset(md.dpdk_version, 'a' + i, 8);
		md.generation = (uint64_t)'a' + i;
		if (ivshmem_metadata_encode(&md, &images[i]) != 0)
			bail_out("encoding failed");
	}
	size = ivshmem_metadata_size(&md);
	ivshmem_metadata_free(&md);
	shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		bail_out("mmap");
	memcpy(shared, images[0], size);
	writer = fork();
	for (uint32_t i = 0; writer == 0; i++)
		memcpy(shared, images[i % 2], size);
	/* Until both have been seen: a copy is whole by chance. */
	while ((refused < 10000 || accepted < 100) &&
	       refused < 2000000 && accepted < 2000000) {
		if (ivshmem_metadata_decode(shared, size, UINT64_MAX, &md,
					    &err) != 0) {
			refused++;
			continue;
		}
		accepted++;
		torn += (char)md.generation != md.dpdk_version[0];
		ivshmem_metadata_free(&md);
	}
	end_child(&writer);
	check(torn == 0 && accepted > 0 && refused > 0,
	      "memory rewritten all the time: %u copies accepted, %u of them torn, %u refused",
	      accepted, torn, refused);
	munmap(shared, size);
	free(images[0]);
	free(images[1]);
}

/* ---- chunk files ---------------------------------------------------------- */

/* The good metadata with another file behind its last chunk. */
static void write_path(const char *path)
{
	struct ivshmem_metadata md;
	size_t size = strlen(path) + 1;
	char *paths;

	load(&md);
	paths = malloc(md.n_paths + size);
	if (paths == NULL)
		bail_out("out of memory");
	memcpy(paths, md.paths, md.n_paths);
	memcpy(paths + md.n_paths, path, size);
	md.chunks[md.n_chunks - 1].path = md.n_paths;
	md.paths = paths;
	md.n_paths += (uint32_t)size;
	write_metadata(&md);
	free(paths);
	ivshmem_metadata_free(&md);
}

static void refuses_path(const char *path, int error, const char *what)
{
	int ret;

	write_path(path);
	alarm(20);
	ret = rte_ivshmem_attach(bad_file);
	alarm(0);
	if (!check(ret == -error && rte_errno == error, "refuses %s", what))
		printf("# %d, %s\n", ret, rte_strerror(rte_errno));
}

static void test_files(void)
{
	struct holdings before = take_stock();

	snprintf(other_file, sizeof(other_file), "%s/other", test_dir);
	refuses_path(other_file, ENOENT, "a chunk file that is not there");
	refuses_path("", ENOENT, "a chunk file without a name");
	refuses_path(test_dir, EISDIR, "a folder");
	refuses_path("/dev/zero", EINVAL, "a device");
	if (mkfifo(other_file, 0600) != 0)
		bail_out(other_file);
	refuses_path(other_file, EINVAL, "a FIFO, without waiting for a writer");
	unlink(other_file);
	write_file(other_file, "x", 1);
	refuses_path(other_file, EINVAL, "a file that is shorter than its chunk");
	unlink(other_file);
	check_stock(&before, "of bad files");
}

static void refuses_name(const char *name, int error, const char *what)
{
	int ret = rte_ivshmem_attach(name);

	if (!check(ret == -error && rte_errno == error, "refuses %s", what))
		printf("# %d, %s\n", ret, rte_strerror(rte_errno));
}

static void test_calls(void)
{
	char name[PATH_MAX];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	refuses_name(NULL, EINVAL, "NULL");
	refuses_name("", ENODEV, "an empty name");
	refuses_name("0000:99:00.0", ENODEV, "a device that is not there");
	refuses_name("..", ENODEV, "a name that leaves sysfs");
	refuses_name(name, ENODEV, "a name that is too long");
	refuses_name("/none", ENODEV, "a file that is not there");
	refuses_name(test_dir, EISDIR, "a folder instead of metadata");
	refuses_name("/dev/null", ENOENT, "a device instead of metadata");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		bail_out("usage: test-hostile-host MODE");
	/* No mappings that come and go with the heap. */
	mallopt(M_MMAP_MAX, 0);
	prepare_host(argv[1]);
	atexit(end_children);
	snprintf(good_file, sizeof(good_file), "%s/good", test_dir);
	snprintf(bad_file, sizeof(bad_file), "%s/bad", test_dir);
	children[0] = start_child(run_host, true);
	start_guest();
	/* What is taken for good, at the first time. */
	if (!try_file(good_file))
		bail_out("the honest host's metadata is refused");
	test_calls();
	test_changed();
	test_torn();
	test_writer();
	test_files();
	check(try_file(good_file), "the honest host's objects are still there");
	end_children();
	end_eal();
	return tap_end();
}

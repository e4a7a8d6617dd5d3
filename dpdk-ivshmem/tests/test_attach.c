/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole attach path between two DPDK primary processes on this machine:
 * this one is the host; the guest is attach_guest.c with our library as
 * plugin and the metadata file in place of the PCI device.
 *
 * Arguments: the mode (eal.h), the guest program, the plugin.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "attach_protocol.h"
#include "eal.h"
#include "format.h"
#include "rte_ivshmem.h"
#include "tap.h"

/** What a guest run gave. */
struct run {
	int status; /**< exit status, -1 if it died by a signal */
	char output[16384];
};

static const char *guest_program, *plugin;
static const struct rte_memzone *zone;
static struct rte_ring *ring;
static struct rte_mempool *pool;
static int field, flag;
static char good_file[128], bad_file[128];

static void share(void)
{
	static const struct rte_mbuf_dynfield first = {
		.name = "at_first", .size = 16, .align = 8,
	}, params = { .name = HOST_FIELD, .size = 4, .align = 4 };
	static const struct rte_mbuf_dynflag flag_params = {
		.name = HOST_FLAG,
	};
	static char text[65536];

	rte_mbuf_dynfield_register(&first);
	field = rte_mbuf_dynfield_register(&params);
	flag = rte_mbuf_dynflag_register(&flag_params);
	zone = rte_memzone_reserve(SHARED_ZONE, 5000, SOCKET_ID_ANY, 0);
	ring = rte_ring_create(SHARED_RING, 64, SOCKET_ID_ANY, 0);
	pool = rte_pktmbuf_pool_create(SHARED_POOL, POOL_SIZE, 32, 0, 512,
				       SOCKET_ID_ANY);
	if (field < 0 || flag < 0 || zone == NULL || ring == NULL ||
	    pool == NULL || rte_ivshmem_metadata_create("at") != 0 ||
	    rte_ivshmem_metadata_add_memzone(zone, "at") != 0 ||
	    rte_ivshmem_metadata_add_ring(ring, "at") != 0 ||
	    rte_ivshmem_metadata_add_mempool(pool, "at") != 0 ||
	    rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  "at") != 0)
		bail_out(rte_strerror(rte_errno));
	snprintf(good_file, sizeof(good_file), "%s/at", test_dir);
	snprintf(bad_file, sizeof(bad_file), "%s/bad", test_dir);
}

static void fill(void)
{
	void *message;

	while (rte_ring_dequeue(ring, &message) == 0)
		;
	for (uintptr_t i = 1; i <= MESSAGES; i++)
		rte_ring_enqueue(ring, (void *)i);
	memset(zone->addr, FROM_HOST, zone->len);
}

/*
 * By its bare name: the EAL refuses plugins below a folder that all may write
 * to, and this tree may lie in /tmp.
 */
static const char *find_plugin_by_name(void)
{
	const char *slash = strrchr(plugin, '/');
	char folder[PATH_MAX];

	if (slash == NULL)
		return plugin;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - plugin), plugin);
	setenv("LD_LIBRARY_PATH", folder, 1);
	return slash + 1;
}

static void exec_guest(const char *file, const char *lcores,
		       const char *scenario, const char *argument)
{
	const char *name = find_plugin_by_name();
	char device[256];

	snprintf(device, sizeof(device), "ivshmem0,file=%s", file);
	unsetenv(RTE_IVSHMEM_DIR_ENV);
	execl(guest_program, guest_program, "--no-huge", "-m", "16",
	      "--no-pci", "--no-telemetry", "--file-prefix", test_guest,
	      "--log-level", "lib.eal:warning", "--lcores", lcores,
	      "-d", name, "-a", device, "--", scenario, argument, NULL);
	perror(guest_program);
	_exit(127);
}

/* Run the guest to its end and keep what it prints. */
static struct run *run_guest(const char *file, const char *lcores,
			     const char *scenario, const char *argument)
{
	static struct run run;
	size_t len = 0;
	ssize_t n;
	int ends[2], status;
	pid_t pid;

	fill();
	if (pipe(ends) != 0)
		bail_out("pipe");
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		exec_guest(file, lcores, scenario, argument);
	}
	close(ends[1]);
	while (len < sizeof(run.output) - 1 &&
	       (n = read(ends[0], run.output + len,
			 sizeof(run.output) - 1 - len)) > 0)
		len += (size_t)n;
	run.output[len] = '\0';
	close(ends[0]);
	waitpid(pid, &status, 0);
	run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return &run;
}

static void show(const struct run *run)
{
	char copy[sizeof(run->output)];

	strcpy(copy, run->output);
	for (char *line = strtok(copy, "\n"); line != NULL;
	     line = strtok(NULL, "\n"))
		printf("# %s\n", line);
	printf("# exit status %d\n", run->status);
}

/* The guest did as it should and said so. */
static void passes(const struct run *run, const char *says, const char *what)
{
	if (!check(run->status == 0 && strstr(run->output, says) != NULL,
		   "%s", what))
		show(run);
}

static void test_attach(void)
{
	struct run *run = run_guest(good_file, "64@0", "use", "");
	const uint8_t *bytes = zone->addr;
	char places[64];
	bool echoed = true;

	passes(run, "attached 'at'",
	       "an unmodified program finds and uses all objects");
	check(bytes[0] == FROM_GUEST && bytes[1] == FROM_HOST &&
	      bytes[zone->len - 1] == FROM_GUEST,
	      "the host sees what the guest wrote into the memzone");
	for (uintptr_t i = 1; i <= MESSAGES; i++) {
		void *message = NULL;

		echoed = echoed && rte_ring_dequeue(ring, &message) == 0 &&
			 (uintptr_t)message == i + 1;
	}
	check(echoed, "the host gets the guest's answers from the ring");
	check(rte_mempool_avail_count(pool) == POOL_SIZE,
	      "the pool is whole after the guest used it");
	snprintf(places, sizeof(places), "guest: field %d flag %d", field,
		 flag);
	check(strstr(run->output, places) != NULL,
	      "dynamic mbuf areas are where the host has them (%s)", places);
}

/* Each run is a process of its own: nothing of the first one is left. */
static void test_attach_again(void)
{
	passes(run_guest(good_file, "64@0", "use", ""), "attached 'at'",
	       "a second guest attaches after the first one");
}

static void test_lcores(void)
{
	struct run *run = run_guest(good_file, "0@0", "absent", "");

	passes(run, "that of id 0 is shared with other processes",
	       "refuses an lcore id whose cache lies beside other objects");
	check(strstr(run->output, "--lcores 1@0") != NULL,
	      "and says how to start");
	passes(run_guest(good_file, "64@0", "register", ""), "attached 'at'",
	       "refuses a thread that registers as lcore 0 later");
}

static void test_taken(void)
{
	char address[32];

	snprintf(address, sizeof(address), "%" PRIx64,
		 (uint64_t)(uintptr_t)ring & ~UINT64_C(4095));
	passes(run_guest(good_file, "64@0", "taken", address),
	       "start the host with another --base-virtaddr",
	       "refuses a chunk whose addresses are taken");
	snprintf(address, sizeof(address), "%" PRIx64,
		 (uint64_t)(uintptr_t)ring->memzone & ~UINT64_C(4095));
	passes(run_guest(good_file, "64@0", "taken", address),
	       "a memzone descriptor needs the addresses",
	       "refuses a descriptor page whose address is taken");
}

/* What guests may only read, and what lies elsewhere than usual. */
static void share_look(void)
{
	static char text[65536];
	const struct rte_memzone *mz = rte_ivshmem_memzone_reserve(LOOK_ZONE,
						100, SOCKET_ID_ANY, 0);
	struct rte_ring *r = rte_ivshmem_ring_create(LOOK_RING, 64,
						     SOCKET_ID_ANY, 0);
	struct rte_mempool *mp = rte_ivshmem_pktmbuf_pool_create(OWN_POOL,
					POOL_SIZE, 0, 0, 256, SOCKET_ID_ANY);
	const struct rte_memzone *outer = rte_memzone_reserve("outer", 8192,
						SOCKET_ID_ANY, 0);
	struct rte_ring *inner = outer != NULL ? outer->addr : NULL;

	if (mz == NULL || r == NULL || mp == NULL || inner == NULL ||
	    rte_ring_init(inner, INNER_RING, 64, 0) != 0)
		bail_out(rte_strerror(rte_errno));
	memset(mz->addr, FROM_HOST, mz->len);
	for (uintptr_t i = 1; i <= MESSAGES; i++)
		rte_ring_enqueue(r, (void *)i);
	rte_ring_enqueue(inner, (void *)1);
	if (rte_ivshmem_metadata_create("look") != 0 ||
	    rte_ivshmem_metadata_add_memzone_readonly(mz, "look") != 0 ||
	    rte_ivshmem_metadata_add_ring_readonly(r, "look") != 0 ||
	    rte_ivshmem_metadata_add_mempool(mp, "look") != 0 ||
	    rte_ivshmem_metadata_add_ring(inner, "look") != 0 ||
	    rte_ivshmem_metadata_cmdline_generate(text, sizeof(text),
						  "look") != 0)
		bail_out(rte_strerror(rte_errno));
}

static void test_look(void)
{
	char file[128];

	share_look();
	snprintf(file, sizeof(file), "%s/look", test_dir);
	passes(run_guest(file, "64@0", "look", ""), "attached 'look'",
	       "read-only objects can be read, and nothing else");
}

/* The good file, decoded; to be released with ivshmem_metadata_free(). */
static void load(struct ivshmem_metadata *md)
{
	static char image[1 << 20];
	struct ivshmem_error err;
	int fd = open(good_file, O_RDONLY);
	ssize_t len = read(fd, image, sizeof(image));

	close(fd);
	if (len < 0 || ivshmem_metadata_decode(image, (size_t)len, UINT64_MAX,
					       md, &err) != 0)
		bail_out("cannot read back the metadata");
}

static void write_bad(const void *image, size_t len)
{
	int fd = open(bad_file, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (write(fd, image, len) != (ssize_t)len ||
	    ftruncate(fd, (off_t)RTE_ALIGN_CEIL(len, 4096)) != 0)
		bail_out(bad_file);
	close(fd);
}

/* Write changed metadata with a good checksum, and expect a refusal. */
static void refuses(struct ivshmem_metadata *md, const char *says,
		    const char *what)
{
	void *image;

	if (ivshmem_metadata_encode(md, &image) != 0)
		bail_out("encoding failed");
	write_bad(image, ivshmem_metadata_size(md));
	free(image);
	passes(run_guest(bad_file, "64@0", "absent", ""), says, what);
	ivshmem_metadata_free(md);
}

static void test_changed(void)
{
	struct ivshmem_metadata md;

	load(&md);
	md.layout[RTE_IVSHMEM_LAYOUT_max_lcore] = 256;
	refuses(&md, "layout differs: max_lcore is 256 on the host",
		"refuses a DPDK with another layout, and names what differs");
	load(&md);
	strcpy(md.ops[0].name, "stack_of_dreams");
	refuses(&md, "load their driver, for example -d librte_mempool_stack.so",
		"refuses mempool ops that it has not");
	load(&md);
	md.state = RTE_IVSHMEM_BUILDING;
	refuses(&md, "is not complete", "refuses metadata in the making");
	load(&md);
	md.state = RTE_IVSHMEM_CLOSING;
	refuses(&md, "is stale: its host has exited",
		"refuses metadata of a host that exits");
	load(&md);
	for (uint32_t i = 0; i < md.n_objects; i++)
		if (md.objects[i].type == RTE_IVSHMEM_RING)
			strcpy(md.objects[i].name, "before");
	refuses(&md, "does not hold 'before': the host has exited or restarted",
		"refuses memory that holds another ring by now");
	load(&md);
	md.dyns[0].position = 0;
	refuses(&md, "dynamic mbuf field",
		"refuses a dynamic field on top of fixed ones");
	load(&md);
	strcpy(md.paths + md.chunks[1].path, "/gone");
	refuses(&md, "is the host running?",
		"refuses a chunk whose file is gone");
}

static void test_damaged(void)
{
	struct ivshmem_metadata md;
	struct rte_ivshmem_header *header;
	char *image;
	size_t len;

	load(&md);
	if (ivshmem_metadata_encode(&md, (void **)&image) != 0)
		bail_out("encoding failed");
	len = ivshmem_metadata_size(&md);
	ivshmem_metadata_free(&md);

	image[len / 2] ^= 0x10;
	write_bad(image, len);
	passes(run_guest(bad_file, "64@0", "absent", ""), "checksum",
	       "refuses metadata with a flipped bit");
	image[len / 2] ^= 0x10;
	header = (void *)image;
	header->major = 9;
	write_bad(image, len);
	passes(run_guest(bad_file, "64@0", "absent", ""),
	       "metadata version 9.0", "refuses metadata of a newer version");
	header->major = RTE_IVSHMEM_VERSION_MAJOR;
	write_bad(image, sizeof(*header));
	if (truncate(bad_file, sizeof(*header)) != 0)
		bail_out(bad_file);
	passes(run_guest(bad_file, "64@0", "absent", ""), "truncated",
	       "refuses truncated metadata");
	free(image);
	write_bad("", 0);
	passes(run_guest(bad_file, "64@0", "absent", ""),
	       "too few for DPDK metadata", "refuses an empty file");
	unlink(bad_file);
	passes(run_guest(bad_file, "64@0", "absent", ""),
	       "is the host running?", "starts without the file");
}

static void test_whole_after_all(void)
{
	check(rte_mempool_avail_count(pool) == POOL_SIZE &&
	      rte_ring_count(ring) == MESSAGES,
	      "no refused guest touched the shared objects");
}

int main(int argc, char **argv)
{
	if (argc != 4)
		bail_out("usage: test-attach MODE GUEST PLUGIN");
	guest_program = argv[2];
	plugin = argv[3];
	start_host(argv[1]);
	share();
	test_attach();
	test_attach_again();
	test_look();
	test_lcores();
	test_taken();
	test_changed();
	test_damaged();
	test_whole_after_all();
	return tap_end();
}

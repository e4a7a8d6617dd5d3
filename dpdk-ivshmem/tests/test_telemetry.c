/* SPDX-License-Identifier: BSD-3-Clause */
/* What monitoring sees: over the socket, and with DPDK's own tool. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "eal.h"
#include "rte_ivshmem.h"
#include "tap.h"

#define TOOL "dpdk-telemetry.py"
#define MANY 1000

static int telemetry = -1;
static char reply[1 << 16];
static char text[1 << 16];

static void receive(void)
{
	ssize_t n = recv(telemetry, reply, sizeof(reply) - 1, 0);

	if (n <= 0)
		bail_out("telemetry does not answer");
	reply[n] = '\0';
}

static void connect_telemetry(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path),
		 "%.80s/dpdk_telemetry.v2", rte_eal_get_runtime_dir());
	telemetry = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (connect(telemetry, (struct sockaddr *)&address,
		    sizeof(address)) != 0)
		bail_out(address.sun_path);
	receive();
}

/* The answer is in `reply`. */
static const char *ask(const char *question)
{
	if (send(telemetry, question, strlen(question), 0) < 0)
		bail_out("telemetry does not listen");
	receive();
	return reply;
}

static bool has(const char *part)
{
	return strstr(reply, part) != NULL;
}

static bool answers(const char *question, const char *answer)
{
	return check(strcmp(ask(question), answer) == 0, "%s: %.100s",
		     question, reply);
}

static void test_names(void)
{
	answers("/ivshmem/list", "{\"/ivshmem/list\":[]}");
	if (rte_ivshmem_metadata_create("b") != 0 ||
	    rte_ivshmem_metadata_create("a") != 0 ||
	    rte_ivshmem_metadata_create("C.c-c_c") != 0)
		bail_out(rte_strerror(rte_errno));
	answers("/ivshmem/list",
		"{\"/ivshmem/list\":[\"C.c-c_c\",\"a\",\"b\"]}");
	answers("/ivshmem/list,a", "{\"/ivshmem/list\":[\"b\"]}");
	answers("/ivshmem/list,zzz", "{\"/ivshmem/list\":[]}");
	rte_ivshmem_metadata_destroy("C.c-c_c");
	answers("/ivshmem/list", "{\"/ivshmem/list\":[\"a\",\"b\"]}");
}

static void test_help(void)
{
	static const char *const commands[] = { "list", "info", "audit" };
	char question[64];

	for (unsigned int i = 0; i < RTE_DIM(commands); i++) {
		snprintf(question, sizeof(question), "/help,/ivshmem/%s",
			 commands[i]);
		ask(question);
		check(has("Parameters: "), "%s: %s", question, reply);
	}
}

static void test_info(void)
{
	const struct rte_memzone *mz = rte_memzone_reserve("zone", 5000,
						SOCKET_ID_ANY, 0);
	struct rte_ring *r = rte_ivshmem_ring_create("ring", 64, SOCKET_ID_ANY,
						     0);
	char path[100], aside[110];

	ask("/ivshmem/info,a");
	check(has("\"name\":\"a\"") && has("\"state\":\"building\"") &&
	      has("\"unpublished\":0") && has("\"stale\":0") &&
	      has("\"memzones\":0"), "empty metadata: %s", reply);
	if (rte_ivshmem_metadata_add_memzone(mz, "a") != 0 ||
	    rte_ivshmem_metadata_add_ring_readonly(r, "a") != 0)
		bail_out(rte_strerror(rte_errno));
	ask("/ivshmem/info,a");
	check(has("\"state\":\"building\"") && has("\"unpublished\":1") &&
	      has("\"memzones\":2") && has("\"rings\":1") &&
	      has("\"mempools\":0") && has("\"readonly\":1"),
	      "counts objects");
	if (rte_ivshmem_metadata_cmdline_generate(text, sizeof(text), "a") != 0)
		bail_out(rte_strerror(rte_errno));
	ask("/ivshmem/info,a");
	snprintf(path, sizeof(path), "\"file\":\"%s/a\"", test_dir);
	check(has("\"state\":\"ready\"") && has("\"unpublished\":0") &&
	      has("\"chunks\":3") && has("\"bytes\":16384") && has(path) &&
	      has("\"dpdk\":\"DPDK "), "published metadata: %s", reply);
	rte_ivshmem_metadata_remove_ring(r, "a");
	ask("/ivshmem/info,a");
	check(has("\"state\":\"ready\"") && has("\"unpublished\":1") &&
	      has("\"rings\":0"), "tells what guests do not see yet");

	snprintf(path, sizeof(path), "%s/a", test_dir);
	snprintf(aside, sizeof(aside), "%s/.aside", test_dir);
	rename(path, aside);
	ask("/ivshmem/info,a");
	check(has("\"stale\":1"), "tells that its file was deleted");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ask("/ivshmem/info,a");
	check(has("\"stale\":1"), "tells that its file was replaced");
	rename(aside, path);
	ask("/ivshmem/info,a");
	check(has("\"stale\":0"), "tells that it is there again");
}

static void test_problem(void)
{
	const struct rte_memzone *mz = rte_memzone_reserve("shy", 64,
						SOCKET_ID_ANY, 0);
	const struct rte_memzone *near = rte_memzone_reserve("near", 64,
						SOCKET_ID_ANY, 0);

	if (rte_ivshmem_metadata_create("mixed") != 0 ||
	    rte_ivshmem_metadata_add_memzone_readonly(mz, "mixed") != 0 ||
	    rte_ivshmem_metadata_add_memzone(near, "mixed") != 0)
		bail_out(rte_strerror(rte_errno));
	ask("/ivshmem/info,mixed");
	check(has("\"problem\":\"read-only 'shy'") && has("\"memzones\":2") &&
	      !has("\"chunks\""), "tells what cannot be published: %s", reply);
	answers("/ivshmem/audit,mixed", "{\"/ivshmem/audit\":null}");
	rte_ivshmem_metadata_destroy("mixed");
}

static void test_audit(void)
{
	struct rte_ring *r = rte_ring_lookup("ring");
	const struct rte_memzone *mz = rte_memzone_lookup("zone");
	int64_t beyond = rte_ivshmem_metadata_audit(NULL, "a");
	char expected[100];

	snprintf(expected, sizeof(expected),
		 "{\"/ivshmem/audit\":{\"name\":\"a\",\"beyond\":%" PRId64 "}}",
		 beyond);
	check(beyond > 0, "an ordinary memzone (%zu bytes) shows more",
	      mz->len);
	answers("/ivshmem/audit,a", expected);
	rte_ivshmem_metadata_add_ring(r, "b");
	answers("/ivshmem/audit,b",
		"{\"/ivshmem/audit\":{\"name\":\"b\",\"beyond\":0}}");
}

static void test_bad_parameters(void)
{
	static const char *const names[] = {
		"", ",", ",none", ",a ", ",a,b", ",../a", ",%s%n%s", ",\"a\"",
		",\\", ",.a", ",\xff\xfe", ",\n",
	};
	char question[1000], expected[40];

	for (unsigned int i = 0; i < RTE_DIM(names) + 1; i++) {
		for (unsigned int j = 0; j < 2; j++) {
			const char *cmd = j == 0 ? "/ivshmem/info" :
						   "/ivshmem/audit";

			snprintf(question, sizeof(question), "%s%s", cmd,
				 i < RTE_DIM(names) ? names[i] : ",");
			if (i == RTE_DIM(names)) {
				memset(strchr(question, ',') + 1, 'x', 900);
				question[920] = '\0';
			}
			snprintf(expected, sizeof(expected), "{\"%s\":null}",
				 cmd);
			check(strcmp(ask(question), expected) == 0,
			      "%s refuses bad parameter %u", cmd, i);
		}
	}
}

/* The tool prints what it can parse as JSON, one reply a line. */
static bool tool_prints(const char *question, const char *part)
{
	const char *prefix = strrchr(rte_eal_get_runtime_dir(), '/') + 1;
	char command[200];
	bool found;
	FILE *f;

	snprintf(command, sizeof(command),
		 "echo %s | " TOOL " -f %s 2>&1", question, prefix);
	f = popen(command, "r");
	if (f == NULL)
		bail_out("popen");
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	found = pclose(f) == 0 && strstr(text, part) != NULL;
	return check(found, TOOL " understands %s: %.400s", question, text);
}

static bool has_tool(void)
{
	if (system("command -v " TOOL " >/dev/null") == 0)
		return true;
	skip(TOOL " understands the replies", "no " TOOL);
	return false;
}

/* Paths that JSON cannot carry as they are, and one that is too long. */
static void test_odd_folders(void)
{
	static const char *const folders[] = { "quo\"te\\", "\xff\xfe", "\t" };
	static const char *const printed[] = {
		"/quo\\\"te\\\\/odd\"", "/\?\?/odd\"", "/\\t/odd\"", "\"...yyyy",
	};
	char path[300];

	for (unsigned int i = 0; i < RTE_DIM(folders) + 1; i++) {
		snprintf(path, sizeof(path), "%s/%s", test_dir,
			 i < RTE_DIM(folders) ? folders[i] : "");
		if (i == RTE_DIM(folders)) {
			memset(path + strlen(path), 'y', 150);
			path[strlen(test_dir) + 151] = '\0';
		}
		setenv(RTE_IVSHMEM_DIR_ENV, path, 1);
		if (rte_ivshmem_metadata_create("odd") != 0)
			bail_out(rte_strerror(rte_errno));
		tool_prints("/ivshmem/info,odd", printed[i]);
		rte_ivshmem_metadata_destroy("odd");
	}
	setenv(RTE_IVSHMEM_DIR_ENV, test_dir, 1);
}

/* Every other name is as long as can be: a short one may fit behind one that
 * does not. */
static void name_of(unsigned int i, char name[64])
{
	snprintf(name, 64, "m%04u", i);
	if (i % 2 == 0) {
		memset(name + 5, 'n', 58);
		name[63] = '\0';
	}
}

/* The names of one page, which are to go on where the last one ended. */
static bool read_page(unsigned int *n)
{
	char expected[64], *end, *at = strchr(reply, '[');

	while ((at = strchr(at, '"')) != NULL) {
		end = strchr(++at, '"');
		name_of((*n)++, expected);
		if (end == NULL || strncmp(at, expected, strlen(expected)) != 0 ||
		    strlen(expected) != (size_t)(end - at))
			return false;
		at = end + 1;
	}
	return reply[strlen(reply) - 1] == '}';
}

/* Ask for page after page, until one is empty or not as it should be. */
static unsigned int read_pages(unsigned int *n)
{
	char question[100] = "/ivshmem/list,m", last[64];
	unsigned int pages = 0;

	*n = 0;
	while (strcmp(ask(question), "{\"/ivshmem/list\":[]}") != 0 &&
	       read_page(n)) {
		name_of(*n - 1, last);
		snprintf(question, sizeof(question), "/ivshmem/list,%s", last);
		pages++;
	}
	return pages;
}

static void test_many(void)
{
	unsigned int n, pages;
	char name[64];

	for (unsigned int i = 0; i < MANY; i++) {
		name_of(i, name);
		if (rte_ivshmem_metadata_create(name) != 0)
			bail_out(rte_strerror(rte_errno));
	}
	pages = read_pages(&n);
	check(n == MANY && pages > 1, "lists %u names in %u pages", n, pages);
	for (unsigned int i = 0; i < MANY; i++) {
		name_of(i, name);
		rte_ivshmem_metadata_destroy(name);
	}
}

static atomic_bool stop;

static void *churn(void *arg __rte_unused)
{
	uintptr_t n = 0;

	while (!stop) {
		struct rte_ring *r = rte_ring_create("churn", 1 << 16,
						     SOCKET_ID_ANY, 0);

		rte_ivshmem_metadata_create("churn");
		rte_ivshmem_metadata_add_ring(r, "churn");
		rte_ivshmem_metadata_remove_ring(r, "churn");
		rte_ivshmem_metadata_add_ring(r, "churn");
		rte_ivshmem_metadata_destroy("churn");
		rte_ring_free(r);
		n++;
	}
	return (void *)n;
}

static void test_threads(void)
{
	unsigned int found = 0, bad = 0;
	pthread_t thread;
	void *cycles;

	if (pthread_create(&thread, NULL, churn, NULL) != 0)
		bail_out("pthread_create");
	/* Until both states were seen; the other thread decides when. */
	for (unsigned int i = 0; i < 100000 && (i < 25 || found == 0); i++) {
		ask("/ivshmem/info,churn");
		found += has("\"file\"");
		bad += !has("\"file\"") && !has("null");
		ask("/ivshmem/list");
		bad += !has("\"a\",\"b\"");
		ask("/ivshmem/audit,churn");
		bad += !has("\"beyond\"") && !has("null");
	}
	stop = true;
	pthread_join(thread, &cycles);
	check(bad == 0 && found > 0,
	      "answers while another thread adds and removes (%u cycles)",
	      (unsigned int)(uintptr_t)cycles);
}

int main(void)
{
	start_host("telemetry");
	connect_telemetry();
	test_names();
	test_help();
	test_info();
	test_problem();
	test_audit();
	test_bad_parameters();
	if (has_tool()) {
		tool_prints("/ivshmem/list", "[\"a\", \"b\"]");
		tool_prints("/ivshmem/info,a", "\"ready\"");
		test_odd_folders();
	}
	test_many();
	test_threads();
	close(telemetry);
	return tap_end();
}

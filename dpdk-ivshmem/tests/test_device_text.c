/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device in every form: what it says, read back by read_device.py (the
 * program's only argument), and what each form refuses.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_text.h"
#include "sample.h"
#include "tap.h"
#include "vec.h"

#define PAGE UINT64_C(0x1000)
#define HUGE UINT64_C(0x200000)
#define ARGUMENT_MAX (128 * 1024) /* with its NUL, see execve(2) */
#define LAYOUT "/run/.md.layout"

static const char *reader;
static const char *const form_names[] = {
	"AUTO", "PLAIN", "JSON", "LAYOUT", "SHM", "QMP_ADD", "QMP_DEL",
	"LIBVIRT",
};

/** Metadata that grows, and what a form makes of it. */
static struct ivshmem_metadata md;
static struct ivshmem_vec chunks, paths;
static struct ivshmem_error err;
static char *text;
static bool uses_layout;
/** Of the metadata file: NULL if that is at its path. */
static const struct ivshmem_identity *metadata;

static void grow(struct ivshmem_vec *vec, const void *data, size_t n,
		 size_t size)
{
	if (ivshmem_vec_append(vec, data, (uint32_t)n, size) != 0)
		bail_out("out of memory");
}

/* Behind the last chunk, where the device would place it. */
static struct rte_ivshmem_chunk *append(const char *path, uint64_t page_size,
					uint64_t pages)
{
	struct rte_ivshmem_chunk chunk = {
		.length = pages * page_size, .page_size = page_size,
		.file_offset = chunks.n * page_size, .path = paths.n,
	};

	if (chunks.n > 0) {
		const struct rte_ivshmem_chunk *last =
			&md.chunks[md.n_chunks - 1];
		uint64_t end = last->bar_offset + last->length;

		chunk.bar_offset = (end + page_size - 1) / page_size *
				   page_size;
		chunk.address = HUGE * HUGE + chunk.bar_offset;
	}
	grow(&paths, path, strlen(path) + 1, 1);
	grow(&chunks, &chunk, 1, sizeof(chunk));
	md.chunks = chunks.data;
	md.n_chunks = chunks.n;
	md.paths = paths.data;
	md.n_paths = paths.n;
	return &md.chunks[md.n_chunks - 1];
}

static void begin(const char *path)
{
	sample_metadata(&md);
	chunks.n = 0;
	paths.n = 0;
	append(path, PAGE, 1)->flags = RTE_IVSHMEM_CHUNK_METADATA |
				       RTE_IVSHMEM_CHUNK_READONLY;
}

/* The metadata and n hugepages, a file each. */
static void make_hugepages(uint32_t n)
{
	char path[32];

	begin("/run/md");
	for (uint32_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/hp/map_%u", i);
		append(path, HUGE, 1);
	}
}

static int generate(enum rte_ivshmem_form form, const char *layout)
{
	free(text);
	memset(&err, 0, sizeof(err));
	return ivshmem_device_text(&md, form, layout, metadata, &text,
				   &uses_layout, &err);
}

static void is(enum rte_ivshmem_form form, const char *expected)
{
	int ret = generate(form, LAYOUT);

	if (!check(ret == 0 && strcmp(text, expected) == 0,
		   "%s is as documented", form_names[form]))
		printf("# %s\n", ret == 0 ? text : err.text);
}

static void refuses(enum rte_ivshmem_form form, const char *layout, int ret,
		    const char *words, const char *what)
{
	int got = generate(form, layout);

	if (!check(got == ret && text == NULL && !uses_layout &&
		   strstr(err.text, words) != NULL, "%s refuses %s",
		   form_names[form], what))
		printf("# %d: %s\n", got, err.text);
}

/* What read_device.py makes of a text; the caller closes the stream. */
static FILE *read_back(const char *from)
{
	char command[512];
	FILE *in, *out = tmpfile();

	snprintf(command, sizeof(command), "'%s' <&%d", reader,
		 out != NULL ? fileno(out) : -1);
	if (out == NULL || fputs(from, out) < 0 || fflush(out) != 0)
		bail_out("cannot write a temporary file");
	rewind(out);
	in = popen(command, "r");
	fclose(out);
	if (in == NULL)
		bail_out("cannot run read_device.py");
	return in;
}

static bool reads_as(const char *from, const char *expected)
{
	FILE *in = read_back(from);
	char line[256] = "";
	bool same = fgets(line, sizeof(line), in) != NULL &&
		    strcmp(line, expected) == 0 && fgetc(in) == EOF;

	return pclose(in) == 0 && same;
}

/** What a form says of a chunk beyond its file, offset and size. */
enum extent { LISTS, TYPED, LINES, HISTORICAL };

static bool is_below_proc(uint32_t i)
{
	return strncmp(ivshmem_chunk_path(&md, &md.chunks[i]), "/proc/",
		       6) == 0;
}

/* Lists identify all files or none, the historical form none at all. */
static bool has_identity(uint32_t i, enum extent extent)
{
	bool any = false;

	for (uint32_t n = 0; n < md.n_chunks && extent == LISTS && !any; n++)
		any = is_below_proc(n);
	return extent == LISTS ? any : extent != HISTORICAL && is_below_proc(i);
}

static void expect_identity(uint32_t i, enum extent extent, char *identity,
			    size_t size)
{
	struct stat st;

	if (!has_identity(i, extent))
		snprintf(identity, size, "-");
	else if (i == 0 && metadata != NULL)
		snprintf(identity, size, "%" PRIu64 ":%" PRIu64, metadata->dev,
			 metadata->inode);
	else if (stat(ivshmem_chunk_path(&md, &md.chunks[i]), &st) == 0)
		snprintf(identity, size, "%ju:%ju", (uintmax_t)st.st_dev,
			 (uintmax_t)st.st_ino);
	else
		bail_out("a file of the test is gone");
}

static void expect_chunk(uint32_t i, enum extent extent, char *line,
			 size_t size)
{
	const struct rte_ivshmem_chunk *chunk = &md.chunks[i];
	uint64_t end = i > 0 ? chunk[-1].bar_offset + chunk[-1].length : 0;
	bool moved = chunk->bar_offset != (end + chunk->page_size - 1) /
					  chunk->page_size * chunk->page_size;
	bool typed = extent == TYPED || extent == LINES;
	char place[32] = "-", identity[64];
	size_t len = 0;

	for (const char *c = ivshmem_chunk_path(&md, chunk); *c != '\0'; c++)
		len += (size_t)snprintf(line + len, size - len, "%02x",
					(unsigned char)*c);
	if (extent == HISTORICAL || extent == LINES || moved)
		snprintf(place, sizeof(place), "%" PRIu64, chunk->bar_offset);
	expect_identity(i, extent, identity, sizeof(identity));
	snprintf(line + len, size - len, " %" PRIu64 " %" PRIu64 " %s %d %s\n",
		 chunk->file_offset, chunk->length, place, typed &&
		 (chunk->flags & RTE_IVSHMEM_CHUNK_READONLY) != 0, identity);
}

/* The consumer finds each chunk of md in the text, in order, and no more. */
static bool means_md(const char *from, enum extent extent)
{
	static char line[300000], expected[300000];
	FILE *in = read_back(from);
	bool same = true;

	for (uint32_t i = 0; i < md.n_chunks && same; i++) {
		expect_chunk(i, extent, expected, sizeof(expected));
		same = fgets(line, sizeof(line), in) != NULL &&
		       strcmp(line, expected) == 0;
		if (!same)
			printf("# chunk %u: %.200s", i, line);
	}
	same = fgets(line, sizeof(line), in) == NULL && same;
	return pclose(in) == 0 && same;
}

static void says_md(enum rte_ivshmem_form form, enum extent extent,
		    const char *what)
{
	int ret = generate(form, LAYOUT);

	if (!check(ret == 0 && !uses_layout && means_md(text, extent),
		   "%s says where %s lie", form_names[form], what))
		printf("# %s\n", ret == 0 ? "see above" : err.text);
}

static void layout_says_md(const char *what)
{
	char *layout = NULL;
	int ret = ivshmem_layout_text(&md, &layout, &err);

	check(ret == 0 && means_md(layout, LINES),
	      "the layout file says where %s lie", what);
	free(layout);
}

/* Of metadata that each form can express. */
static void every_form_says_md(const char *what)
{
	says_md(RTE_IVSHMEM_FORM_PLAIN, LISTS, what);
	says_md(RTE_IVSHMEM_FORM_AUTO, LISTS, what);
	says_md(RTE_IVSHMEM_FORM_JSON, TYPED, what);
	says_md(RTE_IVSHMEM_FORM_SHM, HISTORICAL, what);
	says_md(RTE_IVSHMEM_FORM_QMP_ADD, TYPED, what);
	says_md(RTE_IVSHMEM_FORM_LIBVIRT, TYPED, what);
	layout_says_md(what);
}

static void no_layout(int ret, const char *words, const char *what)
{
	char *layout = text;
	int got = ivshmem_layout_text(&md, &layout, &err);

	if (!check(got == ret && layout == NULL &&
		   strstr(err.text, words) != NULL,
		   "there is no layout file of %s", what))
		printf("# %d: %s\n", got, err.text);
}

/* Of a form that names the layout file. */
static void names_layout(enum rte_ivshmem_form form, const char *what)
{
	static const char hex[] = "layout 2f72756e2f2e6d642e6c61796f7574\n";

	check(generate(form, LAYOUT) == 0 && uses_layout && reads_as(text, hex),
	      "%s names the layout file for %s", form_names[form], what);
}

#define SAMPLE_CHUNKS \
	"{\"file\":\"/run/meta\",\"offset\":0,\"size\":4096," \
	"\"readonly\":true}," \
	"{\"file\":\"/hp/a\",\"offset\":0,\"size\":2097152}," \
	"{\"file\":\"/hp/b\",\"offset\":6291456,\"size\":2097152}"
#define SAMPLE_LAYOUT \
	"# dpdk-ivshmem layout: chunks of metadata set 'sample' for QEMU, " \
	"-device ivshmem,layout=FILE\n" \
	"offset=0x0 size=0x1000 at=0x0 readonly=on file=/run/meta\n" \
	"offset=0x0 size=0x200000 at=0x200000 file=/hp/a\n" \
	"offset=0x600000 size=0x200000 at=0x400000 file=/hp/b\n"
#define SAMPLE_PLAIN \
	"-device ivshmem,file=/run/meta:/hp/a:/hp/b," \
	"offset=0x0:0x0:0x600000,size=0x1000:0x200000:0x200000"

static void test_documented(void)
{
	char *layout = NULL;

	sample_metadata(&md);
	is(RTE_IVSHMEM_FORM_AUTO, SAMPLE_PLAIN);
	is(RTE_IVSHMEM_FORM_PLAIN, SAMPLE_PLAIN);
	is(RTE_IVSHMEM_FORM_JSON, "-device '{\"driver\":\"ivshmem\","
	   "\"id\":\"ivshmem-sample\",\"chunks\":[" SAMPLE_CHUNKS "]}'");
	is(RTE_IVSHMEM_FORM_LAYOUT, "-device ivshmem,layout=" LAYOUT);
	is(RTE_IVSHMEM_FORM_SHM, "-device ivshmem,size=8M,shm=fd"
	   ":/run/meta:0x0:0x1000:/dev/zero:0x0:0x1ff000"
	   ":/hp/a:0x0:0x200000:/hp/b:0x600000:0x200000"
	   ":/dev/zero:0x0:0x200000");
	is(RTE_IVSHMEM_FORM_QMP_ADD, "{\"execute\":\"device_add\","
	   "\"arguments\":{\"driver\":\"ivshmem\",\"id\":\"ivshmem-sample\","
	   "\"chunks\":[" SAMPLE_CHUNKS "]}}");
	is(RTE_IVSHMEM_FORM_QMP_DEL, "{\"execute\":\"device_del\","
	   "\"arguments\":{\"id\":\"ivshmem-sample\"}}");
	is(RTE_IVSHMEM_FORM_LIBVIRT, "<qemu:commandline xmlns:qemu="
	   "'http://libvirt.org/schemas/domain/qemu/1.0'>\n"
	   "  <qemu:arg value='-device'/>\n"
	   "  <qemu:arg value='{\"driver\":\"ivshmem\","
	   "\"id\":\"ivshmem-sample\",\"chunks\":[" SAMPLE_CHUNKS "]}'/>\n</qemu:commandline>");
	if (!check(ivshmem_layout_text(&md, &layout, &err) == 0 &&
		   strcmp(layout, SAMPLE_LAYOUT) == 0,
		   "the layout file is as documented"))
		printf("# %s\n", layout != NULL ? layout : err.text);
	free(layout);
}

static void test_kinds_of_pages(void)
{
	const char *what = "pages of three sizes";

	begin("/run/md");
	append("/hp/2M", HUGE, 3);
	append("/hp/4K", PAGE, 5);
	append("/hp/1G", 512 * HUGE, 1);
	append("/hp/4K2", PAGE, 1);
	every_form_says_md(what);
	begin("/run/md");
	says_md(RTE_IVSHMEM_FORM_PLAIN, LISTS, "the metadata alone");
	says_md(RTE_IVSHMEM_FORM_SHM, HISTORICAL, "the metadata alone");
}

static void test_readonly(void)
{
	const char *what = "a read-only chunk";

	make_hugepages(3);
	md.chunks[2].flags = RTE_IVSHMEM_CHUNK_READONLY;
	refuses(RTE_IVSHMEM_FORM_PLAIN, LAYOUT, -ENOTSUP,
		"chunk 2 is read-only", what);
	refuses(RTE_IVSHMEM_FORM_SHM, LAYOUT, -ENOTSUP,
		"chunk 2 is read-only", what);
	says_md(RTE_IVSHMEM_FORM_AUTO, TYPED, what);
	says_md(RTE_IVSHMEM_FORM_LIBVIRT, TYPED, what);
	layout_says_md(what);
}

static void test_places(void)
{
	const char *what = "chunks behind a hole";

	make_hugepages(3);
	md.chunks[2].bar_offset += 16 * HUGE;
	md.chunks[3].bar_offset += 16 * HUGE;
	refuses(RTE_IVSHMEM_FORM_PLAIN, LAYOUT, -ENOTSUP,
		"chunk 2 lies at 0x2400000", what);
	says_md(RTE_IVSHMEM_FORM_AUTO, TYPED, what);
	says_md(RTE_IVSHMEM_FORM_SHM, HISTORICAL, what);
	what = "chunks in another order than in the BAR";
	md.chunks[3].bar_offset = HUGE;
	md.chunks[1].bar_offset += 2 * HUGE;
	refuses(RTE_IVSHMEM_FORM_PLAIN, LAYOUT, -ENOTSUP, "chunk 1 lies", what);
	refuses(RTE_IVSHMEM_FORM_SHM, LAYOUT, -ENOTSUP,
		"chunk 3 lies before chunk 2", what);
	says_md(RTE_IVSHMEM_FORM_QMP_ADD, TYPED, what);
	layout_says_md(what);
	md.chunks[3].bar_offset = UINT64_C(1) << 63;
	refuses(RTE_IVSHMEM_FORM_SHM, LAYOUT, -ENOTSUP, "no BAR is large",
		"what no BAR holds");
}

/* Every byte that UTF-8 can begin with alone, each in a name of its own. */
static void test_ascii_names(void)
{
	const char *what = "files with any ASCII byte in their names";
	char path[] = "/d/x-y";

	begin("/run/it's \"here\":$HOME,`id`\n\\");
	for (char c = 1; c > 0; c = (char)(c + 1)) {
		path[3] = c;
		append(path, HUGE, 1);
		if (c == 127)
			break;
	}
	refuses(RTE_IVSHMEM_FORM_PLAIN, LAYOUT, -ENOTSUP, "chunk 0", what);
	refuses(RTE_IVSHMEM_FORM_SHM, LAYOUT, -ENOTSUP, "chunk 0", what);
	says_md(RTE_IVSHMEM_FORM_AUTO, TYPED, what);
	check(strpbrk(text + strlen("-device '"), "\n!\\'") ==
	      strstr(text, "\\u0027"),
	      "AUTO has neither line ends nor quotes inside its quotes");
	says_md(RTE_IVSHMEM_FORM_QMP_ADD, TYPED, what);
	says_md(RTE_IVSHMEM_FORM_LIBVIRT, TYPED, what);
}

/* All that a file name can have, but for the end of a line. */
static void test_names_in_layout(void)
{
	const char *what = "files with any byte but a newline in their names";
	char path[] = "/d/x-y";

	begin("/run/ it's \"here\":$HOME,`id` file=/x # ");
	for (int c = 1; c < 256; c++) {
		path[3] = (char)c;
		if (c != '\n')
			append(path, HUGE, 1);
	}
	layout_says_md(what);
	check(generate(RTE_IVSHMEM_FORM_AUTO, LAYOUT) == 0 && uses_layout,
	      "AUTO takes a layout file for them");
	check(generate(RTE_IVSHMEM_FORM_LAYOUT, "/a b'\"\n") == 0 &&
	      reads_as(text, "layout 2f61206227220a\n"),
	      "LAYOUT names a layout file of any name");
	what = "a file with a newline in its name";
	make_hugepages(2);
	append("/hp/x\noffset=0", HUGE, 1);
	refuses(RTE_IVSHMEM_FORM_LAYOUT, LAYOUT, -ENOTSUP,
		"chunk 3 ('/hp/x\noffset=0'): a file name with a newline",
		what);
	no_layout(-ENOTSUP, "a file name with a newline", what);
	says_md(RTE_IVSHMEM_FORM_AUTO, TYPED, what);
	make_hugepages(1);
	strcpy(md.name, "a\nfile=/b");
	layout_says_md("chunks of a metadata set with a newline in its name");
}

static void test_plain_characters(void)
{
	static const char plain[] = "abcXYZ019_-./+@%=";
	char path[] = "/x";

	for (int c = 1; c < 256; c++) {
		bool expected = isalnum(c) && c < 128;

		path[1] = (char)c;
		begin(path);
		expected |= strchr(plain, c) != NULL;
		if ((generate(RTE_IVSHMEM_FORM_PLAIN, NULL) == 0) != expected)
			check(false, "PLAIN: character %d", c);
	}
	begin("");
	check(generate(RTE_IVSHMEM_FORM_PLAIN, NULL) == -ENOTSUP,
	      "PLAIN takes letters, digits and %s, and no empty name",
	      plain + 9);
}

static void test_utf8(void)
{
	static const char *const good[] = {
		"/\u00fc", "/\u07ff", "/\u0800", "/\ud7ff", "/\ue000",
		"/\ufffd", "/\U00010000", "/\U0010fffd", "/\u00e9\u4e2d/x",
	};
	static const char *const bad[] = {
		"/\xfc", "/\x80", "/\xc3", "/\xc3/", "/\xc0\xaf",
		"/\xe0\x80\xaf", "/\xed\xa0\x80", "/\xef\xbf\xbe",
		"/\xef\xb7\x90", "/\xf0\x9f\xbf\xbe", "/\xf4\x90\x80\x80",
		"/\xf8\x88\x80\x80\x80", "/\xff",
	};
	unsigned int refused = 0;
	char ascii[128] = "";

	for (char c = ' '; c < 127; c++)
		ascii[c - ' '] = c;
	begin("/run/md");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		append(good[i], HUGE, 1);
	says_md(RTE_IVSHMEM_FORM_AUTO, TYPED, "files with names in UTF-8");
	check(strspn(text, ascii) == strlen(text),
	      "AUTO is ASCII whatever the names are");
	says_md(RTE_IVSHMEM_FORM_LIBVIRT, TYPED, "files with names in UTF-8");
	layout_says_md("files with names in UTF-8");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(bad[i]);
		refused += generate(RTE_IVSHMEM_FORM_JSON, LAYOUT) == -ENOTSUP;
	}
	check(refused == sizeof(bad) / sizeof(bad[0]),
	      "JSON refuses what is not UTF-8 in any way");
}

static void test_not_utf8(void)
{
	static const enum rte_ivshmem_form form[] = {
		RTE_IVSHMEM_FORM_AUTO, RTE_IVSHMEM_FORM_QMP_ADD,
		RTE_IVSHMEM_FORM_LIBVIRT,
	};
	const char *what = "a name that is not UTF-8";

	make_hugepages(2);
	append("/hp/\xff", HUGE, 1);
	refuses(RTE_IVSHMEM_FORM_JSON, LAYOUT, -ENOTSUP, "is not UTF-8", what);
	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		refuses(form[i], NULL, -ENOTSUP, "is not UTF-8", what);
		names_layout(form[i], what);
	}
	layout_says_md(what);
	make_hugepages(2);
	refuses(RTE_IVSHMEM_FORM_LAYOUT, "/\xff", -ENOTSUP, "is not UTF-8",
		"a layout file whose name is not UTF-8");
}

/* A file that only a process names: its number may be another one's later. */
static void make_nameless(const char *path)
{
	begin("/dev/null");
	append("/", HUGE, 1); /* any other file with a name */
	append(path, HUGE, 3);
	append(path, HUGE, 1);
}

static void test_identities(void)
{
	static const struct ivshmem_identity new_file = { 5, UINT64_MAX };
	int fd = memfd_create("nameless", MFD_CLOEXEC);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	make_nameless(path);
	every_form_says_md("files below /proc");
	metadata = &new_file;
	every_form_says_md("files of metadata that has no name yet");
	metadata = NULL;
	close(fd);
}

/* The process has ended, or the number is that of nothing. */
static void test_ended_process(void)
{
	static const enum rte_ivshmem_form form[] = {
		RTE_IVSHMEM_FORM_AUTO, RTE_IVSHMEM_FORM_PLAIN,
		RTE_IVSHMEM_FORM_JSON, RTE_IVSHMEM_FORM_LAYOUT,
		RTE_IVSHMEM_FORM_QMP_ADD, RTE_IVSHMEM_FORM_LIBVIRT,
	};
	const char *what = "a file of a process that has ended";
	const char *words = "chunk 2 ('/proc/0/fd/1'): No such file or directory: the process that shared it has probably ended";

	make_nameless("/proc/0/fd/1");
	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++)
		refuses(form[i], LAYOUT, -ENOENT, words, what);
	no_layout(-ENOENT, words, what);
	says_md(RTE_IVSHMEM_FORM_SHM, HISTORICAL, what);
	check(generate(RTE_IVSHMEM_FORM_QMP_DEL, NULL) == 0,
	      "QMP_DEL unplugs a device of a process that has ended");
	make_nameless("/proc/self/fd/0");
	md.chunks[1].path = md.chunks[0].path;
	strcpy(md.paths + md.chunks[0].path, "/dev/nul");
	refuses(RTE_IVSHMEM_FORM_PLAIN, LAYOUT, -ENOENT,
		"chunk 0 ('/dev/nul'): ", "to identify a file that is missing");
	says_md(RTE_IVSHMEM_FORM_JSON, TYPED, "a file that is missing");
}

static void test_ids(void)
{
	make_hugepages(1);
	strcpy(md.name, "a.b_c-9");
	generate(RTE_IVSHMEM_FORM_QMP_DEL, NULL);
	check(text != NULL && reads_as(text, "delete ivshmem-a.b_c-9\n"),
	      "QMP_DEL unplugs what QMP_ADD plugs");
	strcpy(md.name, "a\"b\n");
	refuses(RTE_IVSHMEM_FORM_QMP_ADD, LAYOUT, -ENOTSUP, "makes no id",
		"a metadata name that QEMU takes in no id");
	refuses(RTE_IVSHMEM_FORM_QMP_DEL, LAYOUT, -ENOTSUP, "makes no id",
		"a metadata name that QEMU takes in no id");
	make_hugepages(1);
	append("/dev/zero", PAGE, 1);
	refuses(RTE_IVSHMEM_FORM_SHM, LAYOUT, -ENOTSUP, "means padding",
		"a chunk of /dev/zero");
}

static void test_no_form(void)
{
	make_hugepages(1);
	check(generate((enum rte_ivshmem_form)8, LAYOUT) == -EINVAL &&
	      generate((enum rte_ivshmem_form)-1, LAYOUT) == -EINVAL &&
	      text == NULL, "refuses what is no form");
	refuses(RTE_IVSHMEM_FORM_LAYOUT, NULL, -EINVAL, "needs a layout file",
		"to do without a layout file");
}

/* Whether Linux takes the text's argument: all that comes after "-device ". */
static bool is_executed(char *argument)
{
	char name[] = "true", *argv[] = { name, argument, NULL };
	pid_t pid;

	if (posix_spawnp(&pid, name, NULL, NULL, argv, NULL) != 0)
		return false;
	return waitpid(pid, NULL, 0) == pid;
}

/* Names as long as it takes to make an argument of this length, for PLAIN. */
static void fill_argument(size_t length)
{
	size_t have;
	char *path;

	make_hugepages(100);
	generate(RTE_IVSHMEM_FORM_PLAIN, LAYOUT);
	have = strlen(text) - strlen("-device ");
	path = calloc(1, length);
	if (path == NULL)
		bail_out("out of memory");
	path[0] = '/';
	memset(path + 1, 'x', length - have - strlen(":/:0x65000:0x1000"));
	append(path, PAGE, 1);
	free(path);
}

static void test_argument_limit(void)
{
	static const char prefix[] = "-device ";

	fill_argument(ARGUMENT_MAX - 1);
	check(generate(RTE_IVSHMEM_FORM_PLAIN, LAYOUT) == 0 &&
	      strlen(text) == strlen(prefix) + ARGUMENT_MAX - 1 &&
	      is_executed(text + strlen(prefix)),
	      "PLAIN makes the longest argument that Linux takes");
	if (text != NULL) {
		char *longer = malloc(ARGUMENT_MAX + 1);

		memset(longer, 'x', ARGUMENT_MAX);
		longer[ARGUMENT_MAX] = '\0';
		check(!is_executed(longer), "Linux takes no longer one");
		free(longer);
	}
	fill_argument(ARGUMENT_MAX);
	refuses(RTE_IVSHMEM_FORM_PLAIN, LAYOUT, -E2BIG,
		"RTE_IVSHMEM_FORM_LAYOUT", "an argument of one byte more");
}

static void test_many_chunks(void)
{
	const char *what = "100,000 chunks";

	make_hugepages(100000);
	refuses(RTE_IVSHMEM_FORM_PLAIN, LAYOUT, -E2BIG, "100001 chunks", what);
	refuses(RTE_IVSHMEM_FORM_JSON, LAYOUT, -E2BIG, "100001 chunks", what);
	refuses(RTE_IVSHMEM_FORM_SHM, LAYOUT, -E2BIG, "100001 chunks", what);
	refuses(RTE_IVSHMEM_FORM_AUTO, NULL, -E2BIG, "single-file", what);
	refuses(RTE_IVSHMEM_FORM_QMP_ADD, NULL, -E2BIG, "larger pages", what);
	refuses(RTE_IVSHMEM_FORM_LIBVIRT, NULL, -E2BIG, "larger pages", what);
	names_layout(RTE_IVSHMEM_FORM_LAYOUT, what);
	names_layout(RTE_IVSHMEM_FORM_AUTO, what);
	names_layout(RTE_IVSHMEM_FORM_QMP_ADD, what);
	names_layout(RTE_IVSHMEM_FORM_LIBVIRT, what);
	layout_says_md(what);
}

/* Some 1,500 chunks fit in JSON, 2,500 in lists only. */
static void test_between(void)
{
	make_hugepages(1500);
	says_md(RTE_IVSHMEM_FORM_QMP_ADD, TYPED, "1,500 chunks");
	says_md(RTE_IVSHMEM_FORM_LIBVIRT, TYPED, "1,500 chunks");
	make_hugepages(2500);
	says_md(RTE_IVSHMEM_FORM_AUTO, LISTS, "2,500 chunks");
	names_layout(RTE_IVSHMEM_FORM_QMP_ADD, "2,500 chunks");
	names_layout(RTE_IVSHMEM_FORM_LIBVIRT, "2,500 chunks");
	md.chunks[1].flags = RTE_IVSHMEM_CHUNK_READONLY;
	names_layout(RTE_IVSHMEM_FORM_AUTO, "2,500 chunks, one read-only");
}

/* QEMU reads a layout file of 64 MiB. */
static void test_layout_limit(void)
{
	char path[4096];

	memset(path, '\t', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	begin("/run/md");
	for (int i = 0; i < 17000; i++)
		append(path, HUGE, 1);
	refuses(RTE_IVSHMEM_FORM_LAYOUT, LAYOUT, -E2BIG, "QEMU reads 67108864",
		"a layout file of more than 64 MiB");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		bail_out("usage: test-device-text READ-DEVICE.PY");
	reader = argv[1];
	test_documented();
	test_kinds_of_pages();
	test_readonly();
	test_places();
	test_ascii_names();
	test_names_in_layout();
	test_plain_characters();
	test_utf8();
	test_not_utf8();
	test_identities();
	test_ended_process();
	test_ids();
	test_no_form();
	test_argument_limit();
	test_between();
	test_many_chunks();
	test_layout_limit();
	free(text);
	free(chunks.data);
	free(paths.data);
	return tap_end();
}

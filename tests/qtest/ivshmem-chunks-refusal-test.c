/*
 * QTest testcase for device ivshmem: what is refused
 *
 * Each case is tried at start-up, where QEMU must exit with status 1, and by
 * hotplug, where QEMU must go on with nothing left mapped or open.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "qemu/units.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "ivshmem-chunks-util.h"

/*
 * @props are the device's properties in JSON, @error is what the message must
 * contain; '@' stands for the scratch directory in both, which contains:
 *
 *   a, b     files of 4 pages
 *   empty    a file of no bytes
 *   odd      a file of 5,000 bytes
 *   huge     a sparse file of 65 MiB
 *   locked   a file that nobody may read
 *   layout*  files for property "layout"
 *   dir, fifo, socket
 */
typedef struct Refusal {
    const char *name;
    const char *props;
    const char *error;
} Refusal;

static const Refusal refusals[] = {
    /* no chunk */
    { "no-property", "{}", "no chunk given: set 'file'" },
    { "empty-file-property", "{'file':''}", "no chunk given: set 'file'" },
    { "only-offset", "{'offset':'0'}", "no chunk given: set 'file'" },
    { "empty-chunks", "{'chunks':[]}", "no chunk given: set 'file'" },
    { "both-forms", "{'file':'@/a','chunks':[{'file':'@/a'}]}",
      "cannot be combined: give one form of the four" },

    /* lists in strings */
    { "empty-path-element", "{'file':'@/a::@/b'}",
      "chunk 1 (''): empty element in 'file'" },
    { "empty-last-path-element", "{'file':'@/a:'}",
      "chunk 1 (''): empty element in 'file'" },
    { "empty-offset-element", "{'file':'@/a','offset':'0::4K'}",
      "chunk 1 ('@/a'): empty element in 'offset'" },
    { "empty-size-element", "{'file':'@/a','offset':'0:0','size':':4K'}",
      "chunk 0 ('@/a'): empty element in 'size'" },
    { "fewer-sizes-than-offsets",
      "{'file':'@/a','offset':'0:4K:8K','size':'4K:4K'}",
      "chunk 2 ('@/a'): no element in 'size': it has 2, but 3 are needed, "
      "because lists must be of equal length" },
    { "fewer-offsets-than-files", "{'file':'@/a:@/b','offset':'0'}",
      "chunk 1 ('@/b'): no element in 'offset'" },
    { "fewer-files-than-offsets", "{'file':'@/a:@/b','offset':'0:0:0'}",
      "chunk 2: no element in 'file': it has 2, but 3 are needed" },
    { "no-size", "{'file':'@/a','offset':'0:zero'}",
      "chunk 1 ('@/a'): 'zero' in 'offset' is not a size" },
    { "negative-size", "{'file':'@/a','size':'-4K'}",
      "chunk 0 ('@/a'): '-4K' in 'size' is not a size" },
    { "size-beyond-64-bits", "{'file':'@/a','offset':'16E'}",
      "chunk 0 ('@/a'): '16E' in 'offset' is not a size" },

    /* the typed form */
    { "unknown-key", "{'chunks':[{'file':'@/a','wrong':1}]}",
      "'chunks[0].wrong' is unexpected" },
    { "no-file-key", "{'chunks':[{'file':'@/a'},{'offset':0}]}",
      "'chunks[1].file' is missing" },
    { "wrong-type", "{'chunks':[{'file':'@/a','size':'all'}]}",
      "chunks[0].size" },
    { "chunks-not-a-list", "{'chunks':{'file':'@/a'}}", "chunks" },

    /* layout files */
    { "layout-and-lists", "{'file':'@/a','layout':'@/layout'}",
      "cannot be combined: give one form of the four" },
    { "layout-and-typed-form",
      "{'layout':'@/layout','chunks':[{'file':'@/a'}]}",
      "cannot be combined: give one form of the four" },
    { "missing-layout", "{'layout':'@/missing'}",
      "layout '@/missing': Could not open '@/missing'" },
    { "layout-without-size", "{'layout':'/proc/self/pagemap'}",
      "layout '/proc/self/pagemap': no chunk in it" },
    { "layout-is-a-directory", "{'layout':'@/dir'}",
      "layout '@/dir': is not a regular file" },
    { "layout-is-a-fifo", "{'layout':'@/fifo'}",
      "layout '@/fifo': is not a regular file" },
    { "layout-is-a-device", "{'layout':'/dev/zero'}",
      "layout '/dev/zero': is not a regular file" },
    { "layout-is-huge", "{'layout':'@/huge'}",
      "layout '@/huge': is larger than 64 MiB" },
    { "layout-with-nul-byte", "{'layout':'@/a'}",
      "layout '@/a': contains a NUL byte" },
    { "empty-layout", "{'layout':'@/empty'}",
      "layout '@/empty': no chunk in it" },
    { "layout-of-comments", "{'layout':'@/layout-comments'}",
      "layout '@/layout-comments': no chunk in it" },
    { "layout-with-duplicate-key", "{'layout':'@/layout-twice'}",
      "layout '@/layout-twice': line 1: 'at' is given twice" },
    { "layout-with-negative-number", "{'layout':'@/layout-negative'}",
      "layout '@/layout-negative': line 1: '-4096' in 'at' is not a size" },
    { "layout-with-long-number", "{'layout':'@/layout-long'}",
      "line 1: '18446744073709551616' in 'at' is not a size" },
    { "layout-with-unknown-key", "{'layout':'@/layout-key'}",
      "layout '@/layout-key': line 3: unknown key 'wrong'" },
    { "layout-without-equals", "{'layout':'@/layout-word'}",
      "line 2: unknown key 'size file'" },
    { "layout-without-file", "{'layout':'@/layout-nofile'}",
      "layout '@/layout-nofile': line 1: 'file' is missing" },
    { "layout-with-bad-readonly", "{'layout':'@/layout-readonly'}",
      "line 1: Parameter 'readonly' expects 'on' or 'off'" },
    { "layout-with-bad-chunk", "{'layout':'@/layout'}",
      "chunk 1 ('@/missing'): Could not open" },

    /* the historical form */
    { "shm-and-lists", "{'shm':'fd:@/a:0x0:0x4000','file':'@/a'}",
      "cannot be combined: give one form of the four" },
    { "shm-and-bar-size",
      "{'shm':'fd:@/a:0x0:0x4000','size':'16K','bar-size':32768}",
      "'bar-size' cannot be combined with 'shm'" },
    { "shm-without-size", "{'shm':'fd:@/a:0x0:0x4000'}", "'shm' needs 'size'" },
    { "shm-of-another-kind", "{'shm':'posix:@/a:0x0:0x4000','size':'16K'}",
      "'shm' is not of the form fd:PATH:OFFSET:LENGTH" },
    { "shm-without-length", "{'shm':'fd:@/a:0x0','size':'16K'}",
      "'shm' is not of the form fd:PATH:OFFSET:LENGTH" },
    { "shm-with-empty-path", "{'shm':'fd:@/a:0:16K::0:0','size':'16K'}",
      "chunk 1 (''): empty element in 'file'" },
    { "shm-with-bad-offset", "{'shm':'fd:@/a:0xg:0x4000','size':'16K'}",
      "chunk 0 ('@/a'): '0xg' in 'offset' is not a size" },
    { "shm-of-another-sum",
      "{'shm':'fd:@/a:0x0:0x4000:/dev/zero:0x0:0x2000','size':'32K'}",
      "'shm' needs 'size', the sum of the lengths in it, which is 0x6000" },
    { "shm-of-odd-size", "{'shm':'fd:@/a:0x0:0x3000','size':'12K'}",
      "which is 0x3000 and must be a power of two" },
    { "shm-that-overflows",
      "{'shm':'fd:@/a:0:0xfffffffffffff000:@/b:0:0x4000','size':'16K'}",
      "chunk 1 ('@/b'): the lengths in 'shm' overflow 64 bits" },
    { "shm-of-padding", "{'shm':'fd:/dev/zero:0x0:0x4000','size':'16K'}",
      "no chunk in 'shm', which is all padding" },
    { "shm-with-missing-file",
      "{'shm':'fd:@/a:0x0:0x2000:@/missing:0x0:0x2000','size':'16K'}",
      "('@/missing'): Could not open" },

    /* files */
    { "missing-file", "{'file':'@/a:@/missing'}",
      "chunk 1 ('@/missing'): Could not open '@/missing': "
      "No such file or directory" },
    /* nobody may write to a program that runs, not even root */
    { "unwritable-file", "{'file':'/proc/self/exe'}",
      "chunk 0 ('/proc/self/exe'): Could not open '/proc/self/exe': " },
    { "directory", "{'file':'@/a:@/dir'}",
      "chunk 1 ('@/dir'): is neither a regular file nor a DAX device" },
    { "fifo", "{'file':'@/fifo'}",
      "chunk 0 ('@/fifo'): is neither a regular file nor a DAX device" },
    { "socket", "{'file':'@/socket'}",
      "chunk 0 ('@/socket'): is neither a regular file nor a DAX device" },
    { "device", "{'file':'/dev/zero'}",
      "chunk 0 ('/dev/zero'): is neither a regular file nor a DAX device" },
    { "empty-file", "{'file':'@/empty'}",
      "chunk 0 ('@/empty'): the file is empty" },
    { "odd-file-size", "{'file':'@/a:@/b:@/odd'}",
      "chunk 2 ('@/odd'): file size 0x1388 is not a multiple of "
      "the file's page size 0x1000" },

    /* ranges */
    { "unaligned-offset", "{'file':'@/a','offset':'0x1001'}",
      "chunk 0 ('@/a'): 'offset' 0x1001 is not a multiple of "
      "the file's page size 0x1000" },
    { "unaligned-size", "{'file':'@/a','size':'4097'}",
      "chunk 0 ('@/a'): 'size' 0x1001 is not a multiple of "
      "the file's page size 0x1000" },
    { "zero-size", "{'file':'@/a:@/b','offset':'0:0','size':'4K:0'}",
      "chunk 1 ('@/b'): 'size' is 0" },
    { "offset-at-end-of-file", "{'file':'@/a','offset':'16K'}",
      "chunk 0 ('@/a'): 'offset' 0x4000 and 'size' 0x0 reach past the end of "
      "the file, whose size is 0x4000" },
    { "range-past-end-of-file", "{'file':'@/a','offset':'12K','size':'8K'}",
      "chunk 0 ('@/a'): 'offset' 0x3000 and 'size' 0x2000 reach past the end "
      "of the file, whose size is 0x4000" },
    { "range-that-overflows",
      "{'chunks':[{'file':'@/a','offset':4096,'size':18446744073709547520}]}",
      "chunk 0 ('@/a'): 'offset' 0x1000 and 'size' 0xfffffffffffff000 reach "
      "past the end of the file" },

    /* places */
    { "unaligned-at", "{'chunks':[{'file':'@/a','at':1}]}",
      "chunk 0 ('@/a'): 'at' 0x1 is not a multiple of "
      "the file's page size 0x1000" },
    { "overlapping-at",
      "{'chunks':[{'file':'@/a','at':8192},{'file':'@/b','at':20480}]}",
      "chunk 1 ('@/b'): size 0x4000 at 0x5000 overlaps "
      "chunk 0 ('@/a') of size 0x4000 at 0x2000" },
    { "overlapping-at-of-earlier-chunk",
      "{'chunks':[{'file':'@/a','at':8192},{'file':'@/b','at':0}]}",
      "chunk 1 ('@/b'): size 0x4000 at 0x0 overlaps "
      "chunk 0 ('@/a') of size 0x4000 at 0x2000" },
    { "same-at",
      "{'chunks':[{'file':'@/a','at':4096},{'file':'@/b','at':4096}]}",
      "overlaps chunk" },
    { "at-that-overflows",
      "{'chunks':[{'file':'@/a','at':18446744073709547520}]}",
      "chunk 0 ('@/a'): size 0x4000 at 0xfffffffffffff000 "
      "overflows 64 bits" },
    { "place-that-overflows",
      "{'chunks':[{'file':'@/a','at':18446744073709531136},{'file':'@/b'}]}",
      "chunk 1 ('@/b'): size 0x4000 at 0xfffffffffffff000 "
      "overflows 64 bits" },
    { "bar-beyond-64-bits",
      "{'chunks':[{'file':'@/a','at':9223372036854775808}]}",
      "chunk 0 ('@/a'): ends at 0x8000000000004000 of BAR 2: "
      "no PCI BAR is that large" },
    { "bar-beyond-address-bits",
      "{'chunks':[{'file':'@/a'},{'file':'@/b','at':2251799813685248}]}",
      "chunk 1 ('@/b'): ends at 0x8000000004000 of BAR 2: "
      "this machine cannot place a BAR of 4 PiB: its CPUs have" },
    { "odd-bar-size", "{'file':'@/a','bar-size':20480}",
      "'bar-size' 0x5000 must be a power of two" },
    { "small-bar-size", "{'file':'@/a','bar-size':8192}",
      "'bar-size' 0x2000 must be a power of two, and the chunks need 0x4000" },
    { "large-bar-size", "{'file':'@/a','bar-size':4503599627370496}",
      "this machine cannot place a BAR of 4 PiB" },

    { "alternating",
      "{'chunks':[{'file':'@/a','size':4096},{'file':'@/b','size':4096,"
      "'readonly':true},{'file':'@/a','size':4096},{'file':'@/b',"
      "'size':4096,'readonly':true}]}",
      "writable and read-only chunks alternate in BAR 2, and each change takes "
      "a memory slot, of which there are 3" },

    /* identity */
    { "dev-without-inode", "{'chunks':[{'file':'@/a','dev':1}]}",
      "chunk 0 ('@/a'): 'dev' and 'inode' identify a file together; 'inode' "
      "is missing" },
    { "inode-without-dev", "{'file':'@/a','inode':'1'}",
      "chunk 0 ('@/a'): 'dev' and 'inode' identify a file together; 'dev' "
      "is missing" },
    { "fewer-inodes-than-files",
      "{'file':'@/a','offset':'0:0:0','dev':'1','inode':'1:1'}",
      "no element in 'inode': it has 2, but 3 are needed" },
    { "identity-without-lists",
      "{'chunks':[{'file':'@/a'}],'dev':'1','inode':'1'}",
      "cannot be combined: give one form of the four" },
    { "dev-is-no-number", "{'file':'@/a','dev':'a','inode':'1'}",
      "chunk 0 ('@/a'): 'a' in 'dev' is not a size" },
    { "other-file", "{'file':'@/a','dev':'1','inode':'1'}",
      "chunk 0 ('@/a'): is another file now: expected device 1, inode 1" },

    /* interrupts */
    { "vectors-without-chardev", "{'file':'@/a','vectors':2}",
      "'vectors' needs 'chardev'" },
    { "missing-chardev", "{'file':'@/a','chardev':'missing'}", "missing" },
};

static char *expand(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "@", -1);

    return g_strjoinv(iv_tmpdir, parts);
}

/* Strings if there is nothing else, JSON otherwise */
static char *device_argument(const QDict *props)
{
    g_autoptr(GString) arg = g_string_new("ivshmem");

    for (const QDictEntry *e = qdict_first(props); e;
         e = qdict_next(props, e)) {
        const char *value = qdict_get_try_str(props, qdict_entry_key(e));

        if (!value) {
            QDict *all = qdict_clone_shallow(props);
            GString *json;

            qdict_put_str(all, "driver", "ivshmem");
            json = qobject_to_json(QOBJECT(all));
            qobject_unref(all);
            return g_string_free(json, false);
        }
        g_string_append_printf(arg, ",%s=%s", qdict_entry_key(e), value);
    }
    return g_string_free(g_steal_pointer(&arg), false);
}

static void check_start_up(const char *device, const char *error)
{
    g_autofree char *quoted = g_shell_quote(device);
    g_autofree char *cmd = g_strdup_printf("exec %s -machine pc -nodefaults "
                                           "-display none -accel qtest "
                                           "-device %s",
                                           g_getenv("QTEST_QEMU_BINARY"),
                                           quoted);
    const char *argv[] = { "/bin/sh", "-c", cmd, NULL };
    g_autofree char *stderr_text = NULL;
    g_autoptr(GError) err = NULL;
    int status;

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                 NULL, NULL, &stderr_text, &status, &err);
    g_assert_no_error(err);
    g_test_message("%s", stderr_text);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_assert_nonnull(strstr(stderr_text, error));
}

static void check_hotplug(QTestState *qts, const QDict *props,
                           const char *error)
{
    QDict *args = qdict_clone_shallow(props);
    QDict *rsp;
    QList *devices;
    const char *desc;

    qdict_put_str(args, "driver", "ivshmem");
    qdict_put_str(args, "id", "refused");
    rsp = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
                                       "'arguments': %p}", args);
    desc = qdict_get_str(rsp, "desc");
    g_test_message("%s", desc);
    g_assert_nonnull(strstr(desc, error));
    qobject_unref(rsp);

    rsp = qtest_qmp(qts, "{'execute': 'qom-list', "
                         "'arguments': {'path': '/machine/peripheral'}}");
    devices = qdict_get_qlist(rsp, "return");
    g_assert_nonnull(devices);
    g_assert_cmpuint(qlist_size(devices), ==, 1); /* "type" */
    qobject_unref(rsp);
    iv_wait_released(qts, iv_tmpdir);
}

static void test_refusal(const void *data)
{
    const Refusal *refusal = data;
    g_autofree char *json = expand(refusal->props);
    g_autofree char *error = expand(refusal->error);
    g_autofree char *device = NULL;
    QDict *props;
    QTestState *qts;

    g_strdelimit(json, "'", '"');
    props = qobject_to(QDict, qobject_from_json(json, &error_abort));
    device = device_argument(props);
    check_start_up(device, error);

    qts = iv_start("pc", NULL);
    check_hotplug(qts, props, error);
    qtest_quit(qts);
    qobject_unref(props);
}

static const Refusal unreadable_file = {
    "unreadable-file", "{'file':'@/locked'}",
    "chunk 0 ('@/locked'): Could not open '@/locked': Permission denied",
};

/*
 * Root may open any file because of a capability, which QEMU does not get if
 * it is gone from the bounding set.  It does not come back: run this last.
 */
static void test_unreadable_file(void)
{
    if (geteuid() == 0) {
        g_assert_cmpint(prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE), ==, 0);
        g_assert_cmpint(prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH), ==, 0);
    }
    test_refusal(&unreadable_file);
}

static void test_malformed_json(void)
{
    g_autofree char *device = expand("{\"driver\":\"ivshmem\","
                                     "\"chunks\":[{\"file\":\"@/a\"]}");

    check_start_up(device, "JSON parse error");
}

static void test_only_migratable(void)
{
    QTestState *qts = qtest_init("-machine pc -nodefaults -only-migratable");
    g_autofree char *path = expand("@/a");
    QDict *error;

    error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
        "'arguments': {'driver': 'ivshmem', 'id': 'iv0', 'file': %s}}", path);
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"), "device 'iv0'"));
    qobject_unref(error);
    iv_wait_released(qts, path);
    qtest_quit(qts);
}

static void create_file(const char *name, size_t size, mode_t mode)
{
    g_autofree char *path = g_build_filename(iv_tmpdir, name, NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, mode);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    close(fd);
}

static void create_layout(const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(iv_tmpdir, name, NULL);
    g_autofree char *expanded = expand(text);

    g_assert_true(g_file_set_contents(path, expanded, -1, NULL));
}

static void create_socket(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpuint(strlen(path), <, sizeof(addr.sun_path));
    strcpy(addr.sun_path, path);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    close(fd);
}

static void create_files(void)
{
    g_autofree char *dir = NULL, *fifo = NULL, *sock = NULL;

    iv_tmpdir_create();
    create_file("a", 4 * IV_PAGE, 0600);
    create_file("b", 4 * IV_PAGE, 0600);
    create_file("empty", 0, 0600);
    create_file("huge", 65 * MiB, 0600);
    create_file("odd", 5000, 0600);
    create_file("locked", 4 * IV_PAGE, 0);
    create_layout("layout", "file=@/a\nfile=@/missing\n");
    create_layout("layout-comments", "\n# nothing\n");
    create_layout("layout-twice", "at=0 at=0 file=@/a\n");
    create_layout("layout-negative", "at=-4096 file=@/a\n");
    create_layout("layout-long", "at=18446744073709551616 file=@/a\n");
    create_layout("layout-key", "file=@/a\n\nwrong=1 file=@/a\n");
    create_layout("layout-word", "file=@/a\nsize file=@/a\n");
    create_layout("layout-nofile", "size=4096");
    create_layout("layout-readonly", "readonly=perhaps file=@/a\n");
    dir = g_build_filename(iv_tmpdir, "dir", NULL);
    fifo = g_build_filename(iv_tmpdir, "fifo", NULL);
    sock = g_build_filename(iv_tmpdir, "socket", NULL);
    g_assert_cmpint(mkdir(dir, 0700), ==, 0);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    create_socket(sock);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    create_files();
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strconcat("/ivshmem-chunks-refusal/",
                                            refusals[i].name, NULL);

        qtest_add_data_func(path, &refusals[i], test_refusal);
    }
    qtest_add_func("/ivshmem-chunks-refusal/malformed-json",
                   test_malformed_json);
    qtest_add_func("/ivshmem-chunks-refusal/only-migratable",
                   test_only_migratable);
    qtest_add_func("/ivshmem-chunks-refusal/unreadable-file",
                   test_unreadable_file);
    ret = g_test_run();
    iv_tmpdir_remove();
    return ret;
}

/*
 * QTest testcases for memory-backend-chunks
 *
 * As BAR 2 of ivshmem-plain, as a DIMM, and as RAM of the machine.  What is
 * refused is tried with object-add, after which QEMU must go on.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "ivshmem-chunks-util.h"

/* Two chunks of file A with a page of hole between them, in reverse order */
#define TWO_CHUNKS "\"chunks\":[" \
    "{\"file\":\"%s\",\"offset\":8192,\"size\":4096}," \
    "{\"file\":\"%s\",\"size\":4096,\"at\":8192}]"

#define IVSHMEM_PLAIN "-device ivshmem-plain,id=iv0,memdev=m,addr=" IV_ADDR

/* pc with backend "m"; @props are further members of it in JSON */
static QTestState *start(const char *machine, const char *rest,
                         const char *props)
{
    return qtest_initf("-machine %s -nodefaults -object "
                       "'{\"qom-type\":\"memory-backend-chunks\","
                       "\"id\":\"m\",%s}' %s", machine, props, rest);
}

static void check_two_chunks(IvBar *bar, const IvFile *a)
{
    iv_bar_check(bar, 0, a->mem + 2 * IV_PAGE, IV_PAGE);
    iv_bar_check(bar, IV_PAGE, NULL, IV_PAGE);
    iv_bar_check(bar, 2 * IV_PAGE, a->mem, IV_PAGE);
}

static void test_ivshmem_plain(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autofree char *props = g_strdup_printf(TWO_CHUNKS ",\"size\":16384",
                                             a->path, a->path);
    QTestState *qts = start("pc", IVSHMEM_PLAIN, props);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, 4 * IV_PAGE);
    check_two_chunks(bar, a);
    iv_bar_check(bar, 3 * IV_PAGE, NULL, IV_PAGE);
    iv_bar_write(bar, 2 * IV_PAGE - 4, "holefile", 8);
    memcpy(a->copy, "file", 4);
    iv_file_check(a);
    iv_assert_mapped(qts, a->path);
    iv_assert_not_open(qts, a->path);
    qtest_quit(qts);
}

/* The address of the first memory device */
static uint64_t dimm_address(QTestState *qts)
{
    QDict *rsp = qtest_qmp(qts, "{'execute': 'query-memory-devices'}");
    const QListEntry *first = qlist_first(qdict_get_qlist(rsp, "return"));
    QDict *info = qobject_to(QDict, qlist_entry_obj(first));
    uint64_t addr = qdict_get_int(qdict_get_qdict(info, "data"), "addr");

    qobject_unref(rsp);
    return addr;
}

static void test_pc_dimm(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * MiB);
    g_autofree char *props = g_strdup_printf("\"chunks\":["
        "{\"file\":\"%s\",\"offset\":2097152},"
        "{\"file\":\"%s\",\"size\":2097152}]", a->path, a->path);
    QTestState *qts = start("pc", "-m 16,slots=1,maxmem=1G "
                            "-device pc-dimm,memdev=m", props);
    uint64_t addr = dimm_address(qts);
    g_autofree uint8_t *seen = g_malloc(2 * MiB);

    qtest_memread(qts, addr, seen, 2 * MiB);
    g_assert_cmpint(memcmp(seen, a->mem + 2 * MiB, 2 * MiB), ==, 0);
    qtest_memread(qts, addr + 2 * MiB, seen, 2 * MiB);
    g_assert_cmpint(memcmp(seen, a->mem, 2 * MiB), ==, 0);
    qtest_memwrite(qts, addr + 2 * MiB - 4, "dimmdimm", 8);
    memcpy(a->copy + 4 * MiB - 4, "dimm", 4);
    memcpy(a->copy, "dimm", 4);
    iv_file_check(a);
    qtest_quit(qts);
}

static void test_machine_memory(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 16 * MiB);
    g_autofree char *props = g_strdup_printf("\"size\":16777216,\"chunks\":["
        "{\"file\":\"%s\",\"offset\":8388608},"
        "{\"file\":\"%s\",\"size\":8388608}]", a->path, a->path);
    QTestState *qts = start("pc,memory-backend=m", "-m 16", props);
    g_autofree uint8_t *seen = g_malloc(MiB);

    /* the BIOS is in the first MiB */
    qtest_memread(qts, 4 * MiB, seen, MiB);
    g_assert_cmpint(memcmp(seen, a->mem + 12 * MiB, MiB), ==, 0);
    qtest_memread(qts, 12 * MiB, seen, MiB);
    g_assert_cmpint(memcmp(seen, a->mem + 4 * MiB, MiB), ==, 0);
    qtest_memwrite(qts, 12 * MiB, "ram", 3);
    memcpy(a->copy + 4 * MiB, "ram", 3);
    g_assert_cmpint(memcmp(a->mem + 2 * MiB, a->copy + 2 * MiB, 6 * MiB), ==,
                    0);
    qtest_quit(qts);
}

static void assert_fails(QTestState *qts, QDict *command, const char *error)
{
    QDict *rsp = qtest_qmp_assert_failure_ref(qts, "%p", command);

    g_test_message("%s", qdict_get_str(rsp, "desc"));
    g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"), error));
    qobject_unref(rsp);
}

static void test_exclusive_use(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    g_autofree char *props = g_strdup_printf("\"chunks\":[{\"file\":\"%s\"}]",
                                             a->path);
    QTestState *qts = start("pc", IVSHMEM_PLAIN, props);

    assert_fails(qts, qdict_from_jsonf_nofail("{'execute': 'device_add', "
        "'arguments': {'driver': 'ivshmem-plain', 'memdev': 'm'}}"),
        "can't use already busy memdev: m");
    assert_fails(qts, qdict_from_jsonf_nofail("{'execute': 'object-del', "
        "'arguments': {'id': 'm'}}"), "in use");
    qtest_quit(qts);
}

/* Upstream aborted, because the RAM block was still registered */
static void test_plug_again(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    g_autofree char *props = g_strdup_printf("\"chunks\":[{\"file\":\"%s\"}]",
                                             a->path);
    QTestState *qts = start("pc", "", props);

    for (int cycle = 0; cycle < 3; cycle++) {
        g_autoptr(IvBar) bar = NULL;

        qtest_qmp_device_add(qts, "ivshmem-plain", "iv0",
                             "{'addr': %s, 'memdev': 'm'}", IV_ADDR);
        bar = iv_bar_map(qts, IV_DEVFN);
        iv_bar_check(bar, 0, a->mem, IV_PAGE);
        iv_unplug(qts, "iv0");
    }
    qtest_qmp_assert_success(qts, "{'execute': 'object-del', "
                             "'arguments': {'id': 'm'}}");
    iv_wait_released(qts, a->path);
    qtest_quit(qts);
}

static void test_readonly(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autofree char *props = g_strdup_printf(TWO_CHUNKS ",\"size\":16384,"
                                             "\"readonly\":true",
                                             a->path, a->path);
    QTestState *qts = start("pc", IVSHMEM_PLAIN, props);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    qtest_memset(qts, bar->addr, 0xff, bar->size);
    check_two_chunks(bar, a);
    iv_bar_check(bar, 3 * IV_PAGE, NULL, IV_PAGE);
    iv_file_check(a);
    qtest_quit(qts);
}

/* The guest's changes are its own */
static void test_private(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    g_autofree char *props = g_strdup_printf("\"chunks\":[{\"file\":\"%s\"}],"
                                             "\"share\":false", a->path);
    QTestState *qts = start("pc", IVSHMEM_PLAIN, props);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    iv_bar_check(bar, 0, a->mem, 2 * IV_PAGE);
    iv_bar_write(bar, 8, "private", 7);
    iv_bar_check(bar, 8, "private", 7);
    iv_file_check(a);
    qtest_quit(qts);
}

static void test_size(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 3 * IV_PAGE);
    QTestState *qts = iv_start("pc", NULL);

    for (int size = 0; size <= 4 * IV_PAGE + 1; size += IV_PAGE + size / 8192) {
        QDict *args = qdict_from_jsonf_nofail("{'qom-type': "
            "'memory-backend-chunks', 'id': 'm', 'chunks': [{'file': %s}]}",
            a->path);
        QDict *rsp;

        if (size) {
            qdict_put_int(args, "size", size);
        }
        rsp = qtest_qmp(qts, "{'execute': 'object-add', 'arguments': %p}",
                        args);
        if (size && (size < 3 * IV_PAGE || size % IV_PAGE)) {
            g_assert_nonnull(strstr(qdict_get_str(qdict_get_qdict(rsp, "error"),
                                                  "desc"), "is invalid"));
        } else {
            g_assert_true(qdict_haskey(rsp, "return"));
            qtest_qmp_assert_success(qts, "{'execute': 'object-del', "
                                     "'arguments': {'id': 'm'}}");
        }
        qobject_unref(rsp);
        iv_wait_released(qts, a->path);
    }
    qtest_quit(qts);
}

static void test_prealloc(void)
{
    for (int prealloc = 0; prealloc < 2; prealloc++) {
        g_autoptr(IvFile) a = iv_file_new_sparse(NULL, "a", 32 * IV_PAGE);
        g_autofree char *props = g_strdup_printf(
            "\"chunks\":[{\"file\":\"%s\",\"size\":131072}],\"prealloc\":%s,"
            "\"prealloc-threads\":2", a->path, prealloc ? "true" : "false");
        QTestState *qts = start("pc", "", props);

        g_assert_true(prealloc ? iv_file_allocated(a) >= 128 * KiB :
                      !iv_file_allocated(a));
        qtest_quit(qts);
    }
}

static void test_numa_policy(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autofree char *props = g_strdup_printf(TWO_CHUNKS ",\"policy\":\"bind\","
                                             "\"host-nodes\":[0]",
                                             a->path, a->path);
    g_autofree char *maps = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned n = 0;
    QTestState *qts;

    if (access("/proc/self/numa_maps", R_OK) < 0) {
        g_test_skip("the kernel has no NUMA support");
        return;
    }
    qts = start("pc", "", props);
    maps = iv_read_proc(qts, "numa_maps");
    lines = g_strsplit(maps, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (strstr(*line, a->path)) {
            g_assert_nonnull(strstr(*line, " bind:0 "));
            n++;
        }
    }
    g_assert_cmpuint(n, ==, 2);
    qtest_quit(qts);
}

/* Flags of the mapping of a file, see proc_pid_smaps(5) */
static void test_mapping_flags(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autofree char *props = g_strdup_printf(TWO_CHUNKS ",\"dump\":false",
                                             a->path, a->path);
    /* under qtest's own accelerator, QEMU may fork */
    QTestState *qts = start("pc", "-accel tcg -S", props);
    g_autofree char *flags = iv_smaps_field(qts, a->path, "VmFlags:");

    g_assert_nonnull(strstr(flags, " dc")); /* not in child processes */
    g_assert_nonnull(strstr(flags, " dd")); /* not in core dumps */
    qtest_quit(qts);
}

/* Listeners for RAM blocks hear of a block once all of it is mapped */
static void test_mapped_before_it_is_a_block(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autofree char *log = g_build_filename(iv_tmpdir, "log", NULL);
    QTestState *qts = qtest_initf("-machine pc -nodefaults -D %s "
        "-trace find_ram_offset -trace 'hostmem_chunks_*'", log);
    g_autofree char *text = NULL;
    const char *block, *map = NULL, *next;

    qtest_qmp_assert_success(qts, "{'execute': 'object-add', 'arguments': {"
        "'qom-type': 'memory-backend-chunks', 'id': 'm', 'chunks': ["
        "{'file': %s, 'size': 4096}, {'file': %s, 'size': 8192, 'at': 8192}"
        "]}}", a->path, a->path);
    qtest_quit(qts);
    g_assert_true(g_file_get_contents(log, &text, NULL, NULL));
    unlink(log);
    block = strstr(text, "find_ram_offset size: 0x4000 ");
    g_assert_nonnull(block);
    for (next = text; (next = strstr(next, "hostmem_chunks_map")); next++) {
        map = next;
    }
    g_assert_nonnull(map);
    g_assert(map < block);
}

/* Upstream failed an assertion: the size of a BAR is a power of two */
static void test_odd_size_for_ivshmem_plain(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 3 * IV_PAGE);
    g_autofree char *props = g_strdup_printf("\"chunks\":[{\"file\":\"%s\"}]",
                                             a->path);
    QTestState *qts = start("pc", "", props);

    assert_fails(qts, qdict_from_jsonf_nofail("{'execute': 'device_add', "
        "'arguments': {'driver': 'ivshmem-plain', 'memdev': 'm'}}"),
        "size 0x3000 of the shared memory is not a power of two");
    qtest_quit(qts);
}

/* Members of a backend, '@' for file A, and what the error contains */
static const char *const refused[][2] = {
    { "", "no chunk given" },
    { "'chunks': []", "no chunk given" },
    { "'chunks': [{'file': '/missing'}]", "chunk 0 ('/missing'): Could not" },
    { "'chunks': [{'file': '@', 'size': 1}]", "is not a multiple of" },
    { "'chunks': [{'file': '@'}, {'file': '@', 'at': 0}]", "overlaps chunk 0" },
    { "'chunks': [{'file': '@', 'at': 18446744073709547520}]", "overflows" },
    { "'chunks': [{'file': '@', 'at': 9223372036854771712}]",
      "bytes of address space" },
    { "'chunks': [{'file': '@', 'at': 18446744073709535232}]",
      "bytes of address space" },
    { "'chunks': [{'file': '@'}], 'size': 18446744073709547520",
      "bytes of address space" },
    { "'chunks': [{'file': '@', 'at': 1099511627776}]",
      "without chunks are too many" },
    { "'chunks': [{'file': '@'}], 'readonly': true, 'prealloc': true",
      "'prealloc' cannot be combined with 'readonly'" },
    { "'chunks': [{'file': '@'}], 'host-nodes': [0]",
      "host-nodes must be empty for policy default" },
};

static void test_refusals(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = iv_start("pc", NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_auto(GStrv) parts = g_strsplit(refused[i][0], "@", -1);
        g_autofree char *members = g_strjoinv(a->path, parts);
        g_autofree char *json = g_strdup_printf("{'execute': 'object-add', "
            "'arguments': {'qom-type': 'memory-backend-chunks', 'id': 'm'"
            "%s%s}}", *members ? ", " : "", members);

        assert_fails(qts, qobject_to(QDict, qobject_from_json(json,
                                                              &error_abort)),
                     refused[i][1]);
        iv_wait_released(qts, a->path);
    }
    qtest_quit(qts);
}

static void test_fixed_properties(void)
{
    static const char *const values[][2] = {
        { "chunks", "[]" }, { "readonly", "true" }, { "share", "false" },
        { "size", "8192" },
    };
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    g_autofree char *props = g_strdup_printf("\"chunks\":[{\"file\":\"%s\"}]",
                                             a->path);
    QTestState *qts = start("pc", "", props);

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        assert_fails(qts, qdict_from_jsonf_nofail("{'execute': 'qom-set', "
            "'arguments': {'path': '/objects/m', 'property': %s, "
            "'value': %p}}", values[i][0],
            qobject_from_json(values[i][1], &error_abort)),
            "cannot change property");
    }
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    iv_tmpdir_create();
    qtest_add_func("/hostmem-chunks/ivshmem-plain", test_ivshmem_plain);
    qtest_add_func("/hostmem-chunks/pc-dimm", test_pc_dimm);
    qtest_add_func("/hostmem-chunks/machine-memory", test_machine_memory);
    qtest_add_func("/hostmem-chunks/exclusive-use", test_exclusive_use);
    qtest_add_func("/hostmem-chunks/plug-again", test_plug_again);
    qtest_add_func("/hostmem-chunks/readonly", test_readonly);
    qtest_add_func("/hostmem-chunks/private", test_private);
    qtest_add_func("/hostmem-chunks/size", test_size);
    qtest_add_func("/hostmem-chunks/prealloc", test_prealloc);
    qtest_add_func("/hostmem-chunks/numa-policy", test_numa_policy);
    qtest_add_func("/hostmem-chunks/mapping-flags", test_mapping_flags);
    qtest_add_func("/hostmem-chunks/mapped-before-it-is-a-block",
                   test_mapped_before_it_is_a_block);
    qtest_add_func("/hostmem-chunks/odd-size-for-ivshmem-plain",
                   test_odd_size_for_ivshmem_plain);
    qtest_add_func("/hostmem-chunks/refusals", test_refusals);
    qtest_add_func("/hostmem-chunks/fixed-properties", test_fixed_properties);
    ret = g_test_run();
    iv_tmpdir_remove();
    return ret;
}

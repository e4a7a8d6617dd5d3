/*
 * QTest testcases for device ivshmem: layout files
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "ivshmem-chunks-util.h"

/* How a layout may be written; @ is the scratch directory */
static const char *const layouts[] = {
    "file=@/a\nat=16384 file=@/b\n",
    "# two chunks\n\n  offset=0x0\tsize=8192 file=@/a\n"
    "\t# comment\nat=0x4000 size=0x1000 file=@/b",
};

static void test_layout(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", IV_PAGE);
    g_autofree char *layout = g_build_filename(iv_tmpdir, "layout", NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(layouts); i++) {
        g_auto(GStrv) parts = g_strsplit(layouts[i], "@", -1);
        g_autofree char *text = g_strjoinv(iv_tmpdir, parts);
        g_autoptr(IvBar) bar = NULL;
        QTestState *qts;

        g_assert_true(g_file_set_contents(layout, text, -1, NULL));
        qts = iv_start_plain("layout=%s", layout);
        bar = iv_bar_map(qts, IV_DEVFN);
        g_assert_cmphex(bar->size, ==, 8 * IV_PAGE);
        iv_bar_check(bar, 0, a->mem, a->size);
        iv_bar_check(bar, 4 * IV_PAGE, b->mem, b->size);
        qtest_quit(qts);
    }
    unlink(layout);
}

/* A path may contain all that an argument cannot */
static void test_layout_with_odd_path(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a, b:c=\"d\" 'e' ", IV_PAGE);
    g_autofree char *layout = g_build_filename(iv_tmpdir, "layout", NULL);
    g_autofree char *text = g_strdup_printf("size=4096 file=%s\n", a->path);
    g_autoptr(IvBar) bar = NULL;
    QTestState *qts;

    g_assert_true(g_file_set_contents(layout, text, -1, NULL));
    qts = iv_start_plain("layout=%s", layout);
    bar = iv_bar_map(qts, IV_DEVFN);
    iv_bar_check(bar, 0, a->mem, a->size);
    qtest_quit(qts);
    unlink(layout);
}

/* The same file for a backend */
static void test_layout_of_backend(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    g_autofree char *layout = g_build_filename(iv_tmpdir, "layout", NULL);
    g_autofree char *text = g_strdup_printf("offset=4096 file=%s\n"
        "size=4096 file=%s\n", a->path, a->path);
    g_autoptr(IvBar) bar = NULL;
    QTestState *qts;

    g_assert_true(g_file_set_contents(layout, text, -1, NULL));
    qts = qtest_initf("-machine pc -nodefaults "
                      "-object memory-backend-chunks,id=m,layout=%s "
                      "-device ivshmem-plain,memdev=m,addr=" IV_ADDR, layout);
    bar = iv_bar_map(qts, IV_DEVFN);
    iv_bar_check(bar, 0, a->mem + IV_PAGE, IV_PAGE);
    iv_bar_check(bar, IV_PAGE, a->mem, IV_PAGE);
    qtest_quit(qts);
    unlink(layout);
}

/* More than 65,530 mappings, which is the limit unless the user changed it */
static void test_too_many_mappings_are_refused(void)
{
    const unsigned n = 66000;
    g_autofree char *limit = NULL;
    g_autofree char *layout = g_build_filename(iv_tmpdir, "layout", NULL);
    g_autoptr(GString) chunks = g_string_new(NULL);
    g_autoptr(IvFile) a = NULL;
    QTestState *qts;
    QDict *error;

    if (!g_file_get_contents("/proc/sys/vm/max_map_count", &limit, NULL, NULL)
        || g_ascii_strtoull(limit, NULL, 10) >= n) {
        g_test_skip("vm.max_map_count is larger than by default");
        return;
    }
    a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(chunks, "offset=%u size=%u file=%s\n",
                               i % 2 * 2 * IV_PAGE, IV_PAGE, a->path);
    }
    g_assert_true(g_file_set_contents(layout, chunks->str, -1, NULL));
    qts = iv_start("pc", NULL);
    error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
        "'arguments': {'driver': 'ivshmem', 'layout': %s}}", layout);
    g_test_message("%s", qdict_get_str(error, "desc"));
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"), "vm.max_map_count"));
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"), a->path));
    qobject_unref(error);
    iv_wait_released(qts, a->path);
    qtest_quit(qts);
    unlink(layout);
}

void iv_add_layout_tests(void)
{
    qtest_add_func("/ivshmem-chunks/layout", test_layout);
    qtest_add_func("/ivshmem-chunks/layout-with-odd-path",
                   test_layout_with_odd_path);
    qtest_add_func("/ivshmem-chunks/layout-of-backend", test_layout_of_backend);
    qtest_add_func("/ivshmem-chunks/too-many-mappings-are-refused",
                   test_too_many_mappings_are_refused);
}

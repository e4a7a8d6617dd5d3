/*
 * QTest testcases for device ivshmem: chunks as lists in strings
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "ivshmem-chunks-util.h"

static void test_chunks_out_of_order(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 8 * IV_PAGE);
    QTestState *qts = iv_start_plain("file=%s,offset=0x5000:8K:0,"
                                     "size=4K:12K:4096", a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, 8 * IV_PAGE);
    iv_bar_check(bar, 0, a->mem + 5 * IV_PAGE, IV_PAGE);
    iv_bar_check(bar, IV_PAGE, a->mem + 2 * IV_PAGE, 3 * IV_PAGE);
    iv_bar_check(bar, 4 * IV_PAGE, a->mem, IV_PAGE);
    iv_bar_check(bar, 5 * IV_PAGE, NULL, 3 * IV_PAGE);
    qtest_quit(qts);
}

static void test_sizes_default_to_end_of_file(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", 2 * IV_PAGE);
    QTestState *qts = iv_start_plain("file=%s:%s,offset=0x3000:0x1000",
                                     a->path, b->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, 2 * IV_PAGE);
    iv_bar_check(bar, 0, a->mem + 3 * IV_PAGE, IV_PAGE);
    iv_bar_check(bar, IV_PAGE, b->mem + IV_PAGE, IV_PAGE);
    qtest_quit(qts);
}

static void test_writes_reach_the_right_file(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", 4 * IV_PAGE);
    QTestState *qts = iv_start_plain("file=%s:%s,offset=4K:8K,size=4K:8K",
                                     a->path, b->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
    const char text[] = "written by the guest";

    /* across the border between the two chunks */
    iv_bar_write(bar, IV_PAGE - 5, text, sizeof(text));
    memcpy(a->copy + 2 * IV_PAGE - 5, text, 5);
    memcpy(b->copy + 2 * IV_PAGE, text + 5, sizeof(text) - 5);
    iv_file_check(a);
    iv_file_check(b);
    iv_bar_check(bar, IV_PAGE - 5, text, sizeof(text));
    qtest_quit(qts);
    iv_file_check(a);
    iv_file_check(b);
}

static void test_two_machines_see_each_other(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts1 = iv_start_plain("file=%s", a->path);
    QTestState *qts2 = iv_start_plain("file=%s,offset=4K", a->path);
    g_autoptr(IvBar) bar1 = iv_bar_map(qts1, IV_DEVFN);
    g_autoptr(IvBar) bar2 = iv_bar_map(qts2, IV_DEVFN);

    iv_bar_write(bar1, IV_PAGE + 8, "one", 4);
    iv_bar_check(bar2, 8, "one", 4);
    iv_bar_write(bar2, 100, "two", 4);
    iv_bar_check(bar1, IV_PAGE + 100, "two", 4);
    memcpy(a->mem + IV_PAGE, "host", 5);
    iv_bar_check(bar1, IV_PAGE, "host", 5);
    iv_bar_check(bar2, 0, "host", 5);
    qtest_quit(qts1);
    qtest_quit(qts2);
}

static void test_many_chunks_form_one_run(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 64 * IV_PAGE);
    g_autoptr(GString) offsets = g_string_new(NULL);
    g_autoptr(GString) sizes = g_string_new(NULL);
    QTestState *qts;
    g_autoptr(IvBar) bar = NULL;

    for (int i = 63; i >= 0; i--) {
        g_string_append_printf(offsets, "%s%dK", i == 63 ? "" : ":", i * 4);
        g_string_append_printf(sizes, "%s4K", i == 63 ? "" : ":");
    }
    qts = iv_start_plain("file=%s,offset=%s,size=%s",
                         a->path, offsets->str, sizes->str);
    bar = iv_bar_map(qts, IV_DEVFN);
    g_assert_cmpuint(iv_count_slots(qts), ==, 1);
    for (int i = 0; i < 64; i++) {
        iv_bar_check(bar, i * IV_PAGE, a->mem + (63 - i) * IV_PAGE, IV_PAGE);
    }
    qtest_quit(qts);
}

void iv_add_list_tests(void)
{
    qtest_add_func("/ivshmem-chunks/chunks-out-of-order",
                   test_chunks_out_of_order);
    qtest_add_func("/ivshmem-chunks/sizes-default-to-end-of-file",
                   test_sizes_default_to_end_of_file);
    qtest_add_func("/ivshmem-chunks/writes-reach-the-right-file",
                   test_writes_reach_the_right_file);
    qtest_add_func("/ivshmem-chunks/two-machines-see-each-other",
                   test_two_machines_see_each_other);
    qtest_add_func("/ivshmem-chunks/many-chunks-form-one-run",
                   test_many_chunks_form_one_run);
}

/*
 * QTest testcases for device ivshmem: the string that DPDK 1.6 to 16.07 printed
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "ivshmem-chunks-util.h"

/* As DPDK printed it: chunks, padding up to a power of two, the metadata */
static void test_historical_form(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autoptr(IvFile) meta = iv_file_new(NULL, "metadata", IV_PAGE);
    QTestState *qts = iv_start_plain("size=1M,shm=fd:%s:0x2000:0x1000"
                                     ":%s:0x0:0x2000:/dev/zero:0x0:0xfc000"
                                     ":%s:0x0:0x1000",
                                     a->path, a->path, meta->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, MiB);
    iv_bar_check(bar, 0, a->mem + 2 * IV_PAGE, IV_PAGE);
    iv_bar_check(bar, IV_PAGE, a->mem, 2 * IV_PAGE);
    iv_bar_check(bar, 3 * IV_PAGE, NULL, 0xfc000);
    iv_bar_check(bar, MiB - IV_PAGE, meta->mem, IV_PAGE);
    iv_bar_write(bar, MiB - 4, "last", 4);
    memcpy(meta->copy + IV_PAGE - 4, "last", 4);
    iv_file_check(meta);
    iv_file_check(a);
    qtest_quit(qts);
}

void iv_add_shm_tests(void)
{
    qtest_add_func("/ivshmem-chunks/historical-form", test_historical_form);
}

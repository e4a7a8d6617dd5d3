/*
 * QTest testcases for device ivshmem: read-only chunks
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "libqos/pci-pc.h"
#include "ivshmem-chunks-util.h"

static const char scribble[] = "the guest was here";

/* Every way of writing that a guest has, but for devices */
static void scribble_over(IvBar *bar, uint64_t at, size_t size)
{
    g_autofree void *junk = g_memdup2(scribble, sizeof(scribble));

    iv_bar_write(bar, at + 64, junk, sizeof(scribble));
    qtest_writeb(bar->qts, bar->addr + at, 0xff);
    qtest_writeq(bar->qts, bar->addr + at + 8, UINT64_MAX);
    qtest_memset(bar->qts, bar->addr + at, 0xa5, size);
}

static void test_readonly_device(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    QTestState *qts = iv_start_plain("readonly=on,file=%s,"
                                     "offset=0:12K,size=8K:4K", a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    scribble_over(bar, 0, 3 * IV_PAGE);
    iv_bar_check(bar, 0, a->mem, 2 * IV_PAGE);
    iv_bar_check(bar, 2 * IV_PAGE, a->mem + 3 * IV_PAGE, IV_PAGE);
    iv_file_check(a);
    /* what the host writes is seen at once */
    memcpy(a->mem, "host", 4);
    iv_bar_check(bar, 0, "host", 4);
    qtest_quit(qts);
}

/* writable, read-only, writable, without and with holes around */
static void check_mixed(unsigned gap)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", 4 * IV_PAGE);
    unsigned at_b = 2 * IV_PAGE + gap, at_end = at_b + 4 * IV_PAGE + gap;
    QTestState *qts = iv_start_typed("\"chunks\":["
        "{\"file\":\"%s\",\"size\":8192},"
        "{\"file\":\"%s\",\"at\":%u,\"readonly\":true},"
        "{\"file\":\"%s\",\"offset\":8192,\"at\":%u,\"readonly\":false}]",
        a->path, b->path, at_b, a->path, at_end);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmpuint(iv_count_slots(qts), ==, 3);
    iv_bar_check(bar, 0, a->mem, 2 * IV_PAGE);
    iv_bar_check(bar, at_b, b->mem, 4 * IV_PAGE);
    iv_bar_check(bar, at_end, a->mem + 2 * IV_PAGE, 2 * IV_PAGE);
    qtest_memset(qts, bar->addr, 0x11, bar->size);
    memset(a->copy, 0x11, a->size);
    iv_file_check(a);
    iv_file_check(b);
    iv_bar_check(bar, at_b, b->mem, 4 * IV_PAGE);
    qtest_quit(qts);
}

static void test_mixed_with_readonly(void)
{
    check_mixed(0);
    check_mixed(2 * IV_PAGE);
}

/* A hole between read-only chunks is read-only, too */
static void test_readonly_with_many_holes(void)
{
    const unsigned n = 100;
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", n * IV_PAGE);
    QTestState *qts = iv_start_with_holes(a, n, "\"readonly\":true,");
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmpuint(iv_count_slots(qts), <=, 3);
    qtest_memset(qts, bar->addr, 0xff, bar->size);
    for (unsigned i = 0; i < n - 1; i++) {
        iv_bar_check(bar, i * 2 * IV_PAGE, a->mem + i * IV_PAGE, IV_PAGE);
        iv_bar_check(bar, (i * 2 + 1) * IV_PAGE, NULL, IV_PAGE);
    }
    iv_file_check(a);
    qtest_quit(qts);
}

/* Read-only chunks at either end, and holes of which some find no part */
static void test_holes_at_the_ends(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 3 * IV_PAGE);
    QTestState *qts = iv_start_typed("\"chunks\":["
        "{\"file\":\"%s\",\"size\":4096,\"at\":4096,\"readonly\":true},"
        "{\"file\":\"%s\",\"offset\":4096,\"size\":4096,\"at\":12288},"
        "{\"file\":\"%s\",\"offset\":8192,\"at\":20480,"
        "\"readonly\":true}]", a->path, a->path, a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmpuint(iv_count_slots(qts), ==, 3);
    qtest_memset(qts, bar->addr, 0xff, bar->size);
    iv_bar_check(bar, 0, NULL, IV_PAGE);
    iv_bar_check(bar, IV_PAGE, a->mem, IV_PAGE);
    iv_bar_check(bar, 5 * IV_PAGE, a->mem + 2 * IV_PAGE, IV_PAGE);
    iv_bar_check(bar, 6 * IV_PAGE, NULL, 2 * IV_PAGE);
    memset(a->copy + IV_PAGE, 0xff, IV_PAGE);
    iv_file_check(a);
    qtest_quit(qts);
}

/* If there is a part left, holes at the ends are memory */
static void test_writable_holes_at_the_ends(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = iv_start_typed("\"chunks\":[{\"file\":\"%s\","
        "\"at\":4096,\"readonly\":true}]", a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmpuint(iv_count_slots(qts), ==, 3);
    iv_bar_check(bar, 0, NULL, IV_PAGE);
    iv_bar_check(bar, 3 * IV_PAGE, NULL, IV_PAGE);
    iv_bar_write(bar, 0, "first", 5);
    iv_bar_write(bar, 3 * IV_PAGE, "last", 4);
    iv_bar_check(bar, 0, "first", 5);
    iv_bar_check(bar, 3 * IV_PAGE, "last", 4);
    iv_bar_check(bar, IV_PAGE, a->mem, 2 * IV_PAGE);
    iv_file_check(a);
    qtest_quit(qts);
}

#define EDU_DEVFN QPCI_DEVFN(5, 0)
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_BUFFER 0x40000

/* Have device "edu" copy between its buffer and guest memory */
static void edu_dma(QPCIDevice *edu, QPCIBar regs, uint64_t src, uint64_t dst,
                    bool to_memory)
{
    qpci_io_writeq(edu, regs, EDU_DMA_SRC, src);
    qpci_io_writeq(edu, regs, EDU_DMA_DST, dst);
    qpci_io_writeq(edu, regs, EDU_DMA_COUNT, 64);
    qpci_io_writeq(edu, regs, EDU_DMA_COMMAND, to_memory ? 3 : 1);
    qtest_clock_step(edu->bus->qts, 200 * 1000 * 1000);
    g_assert_cmphex(qpci_io_readq(edu, regs, EDU_DMA_COMMAND) & 1, ==, 0);
}

/* Another device of the guest as the one that writes */
static void test_dma_to_readonly(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", 2 * IV_PAGE);
    QTestState *qts = qtest_initf("-machine pc -nodefaults "
        "-device edu,addr=05.0,dma_mask=0xffffffffffff -device "
        "'{\"driver\":\"ivshmem\",\"addr\":\"" IV_ADDR "\",\"chunks\":["
        "{\"file\":\"%s\"},{\"file\":\"%s\",\"readonly\":true}]}'",
        a->path, b->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
    QPCIDevice *edu = qpci_device_find(bar->bus, EDU_DEVFN);
    QPCIBar regs;

    qpci_device_enable(edu);
    regs = qpci_iomap(edu, 0, NULL);
    /* from the read-only chunk, which works, to the writable one */
    edu_dma(edu, regs, bar->addr + 2 * IV_PAGE, EDU_BUFFER, false);
    edu_dma(edu, regs, EDU_BUFFER, bar->addr + 128, true);
    memcpy(a->copy + 128, b->mem, 64);
    iv_file_check(a);
    /* to the read-only one, also across the border */
    edu_dma(edu, regs, EDU_BUFFER, bar->addr + 3 * IV_PAGE, true);
    edu_dma(edu, regs, EDU_BUFFER, bar->addr + 2 * IV_PAGE - 32, true);
    memcpy(a->copy + 2 * IV_PAGE - 32, b->mem, 32);
    iv_file_check(b);
    iv_file_check(a);
    g_free(edu);
    qtest_quit(qts);
}

/* A file whose permissions allow no writing, and a descriptor that does not */
static void test_readonly_needs_no_permission(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    int fd = open(a->path, O_RDONLY);
    QTestState *qts;
    g_autoptr(IvBar) bar = NULL;

    g_assert_cmpint(fd, >=, 0);
    qts = qtest_initf("-machine pc -nodefaults -add-fd fd=%d,set=7 "
                      "-device ivshmem,addr=" IV_ADDR ",file=/dev/fdset/7,"
                      "readonly=on", fd);
    close(fd);
    bar = iv_bar_map(qts, IV_DEVFN);
    scribble_over(bar, 0, IV_PAGE);
    iv_bar_check(bar, 0, a->mem, IV_PAGE);
    iv_file_check(a);
    qtest_quit(qts);
}

void iv_add_readonly_tests(void)
{
    qtest_add_func("/ivshmem-chunks/readonly/device", test_readonly_device);
    qtest_add_func("/ivshmem-chunks/readonly/mixed", test_mixed_with_readonly);
    qtest_add_func("/ivshmem-chunks/readonly/with-many-holes",
                   test_readonly_with_many_holes);
    qtest_add_func("/ivshmem-chunks/readonly/holes-at-the-ends",
                   test_holes_at_the_ends);
    qtest_add_func("/ivshmem-chunks/readonly/writable-holes-at-the-ends",
                   test_writable_holes_at_the_ends);
    if (qtest_has_device("edu")) {
        qtest_add_func("/ivshmem-chunks/readonly/dma", test_dma_to_readonly);
    }
    qtest_add_func("/ivshmem-chunks/readonly/needs-no-permission",
                   test_readonly_needs_no_permission);
}

/*
 * QTest testcase for the ivshmem device with chunks: what works
 *
 * Layout and life of the device are here, the rest in ivshmem-chunks-memory.c
 * and ivshmem-chunks-doorbell.c.
 *
 * See ivshmem-chunks-refusal-test.c for what is refused.
 *
 * Set QTEST_IVSHMEM_HUGE to the path of a mounted hugetlbfs with some free
 * pages, and QTEST_IVSHMEM_HUGE_1G to one with pages of 1 GiB, to run the
 * tests that need them.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/vfs.h>
#include "qemu/units.h"
#include "hw/pci/pci_regs.h"
#include "libqos/pci-pc.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "ivshmem-chunks-util.h"

/* See hw/misc/ivshmem-chunk-layout.h */
#define MAX_RUNS 3

static void test_whole_file(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 3 * IV_PAGE);
    QTestState *qts = iv_start_plain("file=%s", a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, 4 * IV_PAGE);
    iv_bar_check(bar, 0, a->mem, a->size);
    iv_bar_check(bar, a->size, NULL, bar->size - a->size);
    iv_assert_mapped(qts, a->path);
    iv_assert_not_open(qts, a->path);
    qtest_quit(qts);
}

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

static void test_path_with_colon(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a:b", IV_PAGE);
    QTestState *qts = iv_start_typed("\"chunks\":[{\"file\":\"%s\"}]", a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    iv_bar_check(bar, 0, a->mem, a->size);
    qtest_quit(qts);
}

/* How a list may be written; @ is the scratch directory */
static const char *const layouts[] = {
    "[{\"file\":\"@/a\"},\n {\"file\":\"@/b\",\"at\":16384}]\n",
    "[ { \"file\" : \"@/a\" , \"offset\" : 0 } ,"
    " { \"at\" : 16384 , \"readonly\" : false , \"file\" : \"@/b\" } ] ",
    "[{'file':'@/a','size':8192},{'size':4096,'file':'@/b','at':16384}]",
    "[{\"file\":\"@\\/a\"},{\"\\u0066ile\":\"@/\\u0062\",\"at\":16384}]",
};

static void test_layout_in_a_file(void)
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

static void test_300_typed_chunks(void)
{
    const unsigned n = 300, stride = 7;
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", n * IV_PAGE);
    g_autoptr(GString) chunks = g_string_new(NULL);
    g_autoptr(IvBar) bar = NULL;
    QTestState *qts;

    /* 7 and 300 have no common factor, so that each page comes up once */
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(chunks,
            "%s{\"file\":\"%s\",\"offset\":%u,\"size\":%u}",
            i ? "," : "", a->path, i * stride % n * IV_PAGE, IV_PAGE);
    }
    qts = iv_start_typed("\"chunks\":[%s]", chunks->str);
    bar = iv_bar_map(qts, IV_DEVFN);
    g_assert_cmphex(bar->size, ==, 512 * IV_PAGE);
    for (unsigned i = 0; i < n; i++) {
        iv_bar_check(bar, i * IV_PAGE, a->mem + i * stride % n * IV_PAGE,
                     IV_PAGE);
    }
    iv_bar_check(bar, n * IV_PAGE, NULL, (512 - n) * IV_PAGE);
    qtest_quit(qts);
}

/* Two chunks far apart, the first of them at the end */
static QTestState *start_with_hole(const IvFile *a)
{
    return iv_start_typed("\"chunks\":["
                          "{\"file\":\"%s\",\"size\":%d,\"at\":%" PRIu64 "},"
                          "{\"file\":\"%s\",\"offset\":%d,\"at\":%" PRIu64 "}]",
                          a->path, IV_PAGE, (uint64_t)(GiB - IV_PAGE),
                          a->path, IV_PAGE, (uint64_t)MiB);
}

static void test_holes_read_zero_and_ignore_writes(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = start_with_hole(a);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, GiB);
    /* before, between, and right next to the chunks */
    iv_bar_check(bar, 0, NULL, MiB);
    iv_bar_write(bar, MiB - 8, "previous", 8);
    iv_bar_write(bar, MiB + IV_PAGE, "next", 5);
    iv_bar_write(bar, 512 * MiB, "middle", 7);
    iv_bar_check(bar, MiB - 8, NULL, 8);
    iv_bar_check(bar, MiB + IV_PAGE, NULL, MiB);
    iv_bar_check(bar, 512 * MiB, NULL, IV_PAGE);
    iv_bar_check(bar, MiB, a->mem + IV_PAGE, IV_PAGE);
    iv_bar_check(bar, GiB - IV_PAGE, a->mem, IV_PAGE);
    iv_file_check(a);
    qtest_quit(qts);
}

static void test_holes_cost_no_memory(void)
{
    const uint64_t size = 16 * MiB;
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = start_with_hole(a);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
    uint64_t before, after;

    before = iv_status_kib(qts, "VmRSS:");
    for (uint64_t at = 128 * MiB; at < 256 * MiB; at += size) {
        qtest_memset(qts, bar->addr + at, 0xff, size);
        iv_bar_check(bar, at, NULL, IV_PAGE);
    }
    after = iv_status_kib(qts, "VmRSS:");
    /* 128 MiB were written; the commands keep a buffer or two of @size */
    g_assert_cmpuint(after, <, before + 4 * size / KiB);
    qtest_quit(qts);
}

/* With so few runs, each hole is one */
static void test_few_runs_keep_all_holes(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", MAX_RUNS * IV_PAGE);
    QTestState *qts = iv_start_with_holes(a, MAX_RUNS, false);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmpuint(iv_count_slots(qts), ==, MAX_RUNS);
    for (unsigned i = 0; i < MAX_RUNS; i++) {
        uint64_t hole = (2 * i + 1) * IV_PAGE;

        iv_bar_write(bar, hole, "ignored", 8);
        iv_bar_check(bar, hole, NULL, IV_PAGE);
        iv_bar_check(bar, hole - IV_PAGE, a->mem + i * IV_PAGE, IV_PAGE);
    }
    iv_file_check(a);
    qtest_quit(qts);
}

static void test_small_holes_are_filled(void)
{
    const unsigned n = 40;
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", n * IV_PAGE);
    g_autoptr(GString) chunks = g_string_new(NULL);
    g_autoptr(IvBar) bar = NULL;
    QTestState *qts;

    /* a page every 16 KiB, but the last one at 1 MiB: a large hole */
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(chunks,
            "%s{\"file\":\"%s\",\"offset\":%u,\"size\":%u,\"at\":%u}",
            i ? "," : "", a->path, i * IV_PAGE, IV_PAGE,
            i == n - 1 ? (unsigned)MiB : i * 4 * IV_PAGE);
    }
    qts = iv_start_typed("\"chunks\":[%s]", chunks->str);
    bar = iv_bar_map(qts, IV_DEVFN);
    for (unsigned i = 0; i < n - 1; i++) {
        uint64_t at = i * 4 * IV_PAGE;

        iv_bar_check(bar, at, a->mem + i * IV_PAGE, IV_PAGE);
        iv_bar_check(bar, at + IV_PAGE, NULL, 3 * IV_PAGE);
        iv_bar_write(bar, at + IV_PAGE, "into the hole", 14);
    }
    iv_bar_check(bar, MiB, a->mem + (n - 1) * IV_PAGE, IV_PAGE);
    /* the largest hole is kept */
    iv_bar_write(bar, MiB - 8, "ignored", 8);
    iv_bar_check(bar, MiB - 8, NULL, 8);
    iv_file_check(a);
    qtest_quit(qts);
}

/*
 * Counts in machines of their own, because counting leaks a reference in
 * QEMU, which would keep an unplugged device alive.
 */
static void test_slots_do_not_grow_with_chunks(void)
{
    static const unsigned counts[] = { 1, 2, 3, 4, 64, 512, 1000 };
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 1000 * IV_PAGE);
    QTestState *none = iv_start("pc", NULL);
    unsigned blocks = iv_count_ram_blocks(none) + 1;

    qtest_quit(none);
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        QTestState *qts = iv_start_with_holes(a, counts[i], false);
        g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
        unsigned last = counts[i] - 1;

        g_assert_cmpuint(iv_count_slots(qts), ==, MIN(counts[i], MAX_RUNS));
        g_assert_cmpuint(iv_count_ram_blocks(qts), ==, blocks);
        iv_bar_check(bar, last * 2 * IV_PAGE, a->mem + last * IV_PAGE, IV_PAGE);
        qtest_quit(qts);
    }
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

static void test_bar_size(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = iv_start_plain("file=%s,bar-size=64M", a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, 64 * MiB);
    g_assert_cmphex(iv_get_uint(qts, "iv0", "bar-size"), ==, 64 * MiB);
    iv_bar_check(bar, 0, a->mem, IV_PAGE);
    iv_bar_write(bar, bar->size - 8, "ignored", 8);
    iv_bar_check(bar, bar->size - IV_PAGE, NULL, IV_PAGE);
    qtest_quit(qts);
}

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

static void check_info(const QListEntry *entry, const char *file,
                       uint64_t offset, uint64_t size, uint64_t at, bool ro)
{
    QDict *info = qobject_to(QDict, qlist_entry_obj(entry));

    g_assert_cmpstr(qdict_get_str(info, "file"), ==, file);
    g_assert_cmphex(qdict_get_int(info, "offset"), ==, offset);
    g_assert_cmphex(qdict_get_int(info, "size"), ==, size);
    g_assert_cmphex(qdict_get_int(info, "at"), ==, at);
    g_assert_cmphex(qdict_get_int(info, "page-size"), ==, IV_PAGE);
    g_assert_cmpint(qdict_get_bool(info, "readonly"), ==, ro);
}

static void test_resolved_layout(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", 2 * IV_PAGE);
    QTestState *qts = iv_start_typed(
        "\"chunks\":[{\"file\":\"%s\",\"at\":65536},"
        "{\"file\":\"%s\",\"offset\":4096,\"readonly\":true},"
        "{\"file\":\"%s\",\"size\":8192,\"at\":0}]",
        a->path, b->path, a->path);
    QDict *rsp = iv_get(qts, "iv0", "resolved-layout");
    const QListEntry *entry = qlist_first(qdict_get_qlist(rsp, "return"));

    check_info(entry, a->path, 0, 2 * IV_PAGE, 0, false);
    entry = qlist_next(entry);
    check_info(entry, a->path, 0, 4 * IV_PAGE, 64 * KiB, false);
    entry = qlist_next(entry);
    check_info(entry, b->path, IV_PAGE, IV_PAGE, 80 * KiB, true);
    g_assert_null(qlist_next(entry));
    qobject_unref(rsp);
    g_assert_cmphex(iv_get_uint(qts, "iv0", "bar-size"), ==, 128 * KiB);
    qtest_quit(qts);
}

static void test_subsystem_id(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = qtest_initf("-machine pc -nodefaults "
        "-device ivshmem,addr=5,file=%s "
        "-device ivshmem,addr=6,file=%s,subsystem-id=0xbeef",
        a->path, a->path);
    QPCIBus *bus = qpci_new_pc(qts, NULL);
    QPCIDevice *dev5 = qpci_device_find(bus, QPCI_DEVFN(5, 0));
    QPCIDevice *dev6 = qpci_device_find(bus, QPCI_DEVFN(6, 0));

    g_assert_cmphex(qpci_config_readw(dev5, PCI_SUBSYSTEM_ID), ==, 0x1100);
    g_assert_cmphex(qpci_config_readw(dev6, PCI_SUBSYSTEM_ID), ==, 0xbeef);
    g_free(dev5);
    g_free(dev6);
    qpci_free_pc(bus);
    qtest_quit(qts);
}

/* Page size of the hugetlbfs to be used; skips the test if there is none */
static uint64_t huge_page_size(const char **dir)
{
    struct statfs fs;

    *dir = g_getenv("QTEST_IVSHMEM_HUGE");
    if (!*dir) {
        g_test_skip("QTEST_IVSHMEM_HUGE does not name a hugetlbfs");
        return 0;
    }
    g_assert_cmpint(statfs(*dir, &fs), ==, 0);
    g_assert_cmpuint(fs.f_bsize, >, IV_PAGE);
    return fs.f_bsize;
}

static void test_mixed_page_sizes(void)
{
    const char *dir;
    uint64_t huge = huge_page_size(&dir);
    g_autofree char *name = g_strdup_printf("ivshmem-chunks-%d", getpid());
    g_autoptr(IvFile) a = NULL, h = NULL;
    g_autoptr(IvBar) bar = NULL;
    QTestState *qts;

    if (!huge) {
        return;
    }
    a = iv_file_new(NULL, "a", 3 * IV_PAGE);
    h = iv_file_new(dir, name, 2 * huge);
    qts = iv_start_plain("file=%s:%s:%s,offset=0:%" PRIu64 ":4K,"
                         "size=4K:%" PRIu64 ":8K",
                         a->path, h->path, a->path, huge, huge);
    bar = iv_bar_map(qts, IV_DEVFN);
    g_assert_cmphex(bar->size, ==, 4 * huge);
    iv_bar_check(bar, 0, a->mem, IV_PAGE);
    iv_bar_write(bar, IV_PAGE, "hole", 5);
    iv_bar_check(bar, IV_PAGE, NULL, huge - IV_PAGE);
    iv_bar_check(bar, huge, h->mem + huge, huge);
    iv_bar_check(bar, 2 * huge, a->mem + IV_PAGE, 2 * IV_PAGE);
    iv_bar_write(bar, 2 * huge - 5, "hugesmall", 9);
    memcpy(h->copy + 2 * huge - 5, "huges", 5);
    memcpy(a->copy + IV_PAGE, "mall", 4);
    iv_file_check(a);
    iv_file_check(h);
    qtest_quit(qts);
}

static void test_small_offset_in_huge_file_is_refused(void)
{
    const char *dir;
    uint64_t huge = huge_page_size(&dir);
    g_autofree char *name = g_strdup_printf("ivshmem-chunks-%d", getpid());
    g_autoptr(IvFile) h = NULL;
    QTestState *qts;
    QDict *error;

    if (!huge) {
        return;
    }
    h = iv_file_new(dir, name, 2 * huge);
    qts = iv_start("pc", NULL);
    error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
        "'arguments': {'driver': 'ivshmem', 'file': %s, 'offset': '4K'}}",
        h->path);
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"),
                            "is not a multiple of the file's page size"));
    qobject_unref(error);
    iv_wait_released(qts, h->path);
    qtest_quit(qts);
}

static void test_migration_is_blocked_until_unplug(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = iv_start("pc", NULL);
    g_autofree char *saved = NULL;
    QDict *error;

    qtest_qmp_device_add(qts, "ivshmem", "iv0", "{'file': %s}", a->path);
    error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'migrate', "
        "'arguments': {'uri': 'exec:cat >/dev/null'}}");
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"), "device 'iv0'"));
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"), "unplug it first"));
    qobject_unref(error);
    saved = qtest_hmp(qts, "savevm snapshot");
    g_assert_nonnull(strstr(saved, "device 'iv0'"));

    iv_unplug(qts, "iv0");
    qtest_qmp_assert_success(qts, "{'execute': 'migrate', "
        "'arguments': {'uri': 'exec:cat >/dev/null'}}");
    qtest_quit(qts);
}

/*
 * Plug and unplug repeatedly.  The device reserves more than 1 GiB of address
 * space, so that a leak of it shows.
 */
static void check_hotplug(QTestState *qts, const char *bus, const char *addr)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    uint64_t before = iv_status_kib(qts, "VmSize:");

    for (int cycle = 0; cycle < 5; cycle++) {
        qtest_qmp_device_add(qts, "ivshmem", "iv0",
                             "{'bus': %s, 'addr': %s, 'chunks': ["
                             "{'file': %s, 'size': %d},"
                             "{'file': %s, 'offset': %d, 'at': %" PRId64 "}]}",
                             bus, addr, a->path, IV_PAGE,
                             a->path, IV_PAGE, (int64_t)GiB);
        iv_assert_mapped(qts, a->path);
        iv_assert_not_open(qts, a->path);
        iv_unplug(qts, "iv0");
        iv_wait_released(qts, a->path);
    }
    g_assert_cmpuint(iv_status_kib(qts, "VmSize:"), <, before + GiB / KiB);
    iv_file_check(a);
    qtest_quit(qts);
}

static void test_hotplug_pc(void)
{
    check_hotplug(iv_start("pc", NULL), "pci.0", IV_ADDR);
}

static void test_hotplug_q35(void)
{
    check_hotplug(iv_start("q35", "{\"driver\":\"pcie-root-port\","
                           "\"id\":\"rp0\",\"pref64-reserve\":4294967296}"),
                  "rp0", "00.0");
}

/* A device that the guest has mapped goes away, and another one comes */
static void test_hotplug_while_mapped(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", IV_PAGE);
    QTestState *qts = iv_start("pc", NULL);

    for (int cycle = 0; cycle < 3; cycle++) {
        const IvFile *file = cycle % 2 ? b : a;
        g_autoptr(IvBar) bar = NULL;

        qtest_qmp_device_add(qts, "ivshmem", "iv0", "{'addr': %s, 'file': %s}",
                             IV_ADDR, file->path);
        bar = iv_bar_map(qts, IV_DEVFN);
        iv_bar_check(bar, 0, file->mem, IV_PAGE);
        iv_unplug(qts, "iv0");
        iv_wait_released(qts, file->path);
        iv_bar_write(bar, 0, "gone", 5);
        iv_file_check(file);
    }
    qtest_quit(qts);
}

/* Make the firmware's settings of a root port with secondary bus 1 */
static void setup_root_port(QTestState *qts, int devfn)
{
    QPCIBus *bus = qpci_new_pc(qts, NULL);
    QPCIDevice *port = qpci_device_find(bus, devfn);

    g_assert_nonnull(port);
    qpci_config_writeb(port, PCI_SECONDARY_BUS, 1);
    qpci_config_writeb(port, PCI_SUBORDINATE_BUS, 1);
    /* a prefetchable window over all that is above 4 GiB */
    qpci_config_writew(port, PCI_PREF_MEMORY_BASE, PCI_PREF_RANGE_TYPE_64);
    qpci_config_writel(port, PCI_PREF_BASE_UPPER32, 1);
    qpci_config_writew(port, PCI_PREF_MEMORY_LIMIT,
                       0xfff0 | PCI_PREF_RANGE_TYPE_64);
    qpci_config_writel(port, PCI_PREF_LIMIT_UPPER32, 0xff);
    qpci_config_writew(port, PCI_COMMAND, PCI_COMMAND_MEMORY);
    g_free(port);
    qpci_free_pc(bus);
}

static void test_behind_root_port(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = qtest_initf("-machine q35 -nodefaults "
        "-device pcie-root-port,id=rp0,addr=03.0,pref64-reserve=1G "
        "-device ivshmem,bus=rp0,file=%s", a->path);
    g_autoptr(IvBar) bar = NULL;

    setup_root_port(qts, QPCI_DEVFN(3, 0));
    bar = iv_bar_map(qts, 1 << 8);
    iv_bar_check(bar, 0, a->mem, a->size);
    iv_bar_write(bar, IV_PAGE, "q35", 4);
    memcpy(a->copy + IV_PAGE, "q35", 4);
    iv_file_check(a);
    qtest_quit(qts);
}

static void test_realized_properties_are_fixed(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = iv_start_plain("file=%s", a->path);
    static const char *const props[] = {
        "file", "offset", "size", "shm", "layout",
    };
    QDict *rsp;

    for (size_t i = 0; i < G_N_ELEMENTS(props); i++) {
        rsp = qtest_qmp_assert_failure_ref(qts, "{'execute': 'qom-set', "
            "'arguments': {'path': '/machine/peripheral/iv0', "
            "'property': %s, 'value': '0'}}", props[i]);
        g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"),
                                "after the device was realized"));
        qobject_unref(rsp);
    }
    rsp = qtest_qmp_assert_failure_ref(qts, "{'execute': 'qom-set', "
        "'arguments': {'path': '/machine/peripheral/iv0', "
        "'property': 'chunks', 'value': []}}");
    g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"),
                            "after the device was realized"));
    qobject_unref(rsp);
    qtest_quit(qts);
}

/* More than 65,530 mappings, which is the limit unless the user changed it */
static void test_too_many_mappings_are_refused(void)
{
    const unsigned n = 66000;
    g_autofree char *limit = NULL;
    g_autofree char *layout = g_build_filename(iv_tmpdir, "layout", NULL);
    g_autoptr(GString) chunks = g_string_new("[");
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
        g_string_append_printf(chunks,
            "%s{\"file\":\"%s\",\"offset\":%u,\"size\":%u}", i ? "," : "",
            a->path, i % 2 * 2 * IV_PAGE, IV_PAGE);
    }
    g_string_append_c(chunks, ']');
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

static void add_tests(void)
{
    qtest_add_func("/ivshmem-chunks/whole-file", test_whole_file);
    qtest_add_func("/ivshmem-chunks/chunks-out-of-order",
                   test_chunks_out_of_order);
    qtest_add_func("/ivshmem-chunks/sizes-default-to-end-of-file",
                   test_sizes_default_to_end_of_file);
    qtest_add_func("/ivshmem-chunks/path-with-colon", test_path_with_colon);
    qtest_add_func("/ivshmem-chunks/layout-in-a-file", test_layout_in_a_file);
    qtest_add_func("/ivshmem-chunks/writes-reach-the-right-file",
                   test_writes_reach_the_right_file);
    qtest_add_func("/ivshmem-chunks/two-machines-see-each-other",
                   test_two_machines_see_each_other);
    qtest_add_func("/ivshmem-chunks/300-typed-chunks", test_300_typed_chunks);
    qtest_add_func("/ivshmem-chunks/many-chunks-form-one-run",
                   test_many_chunks_form_one_run);
    qtest_add_func("/ivshmem-chunks/holes-read-zero-and-ignore-writes",
                   test_holes_read_zero_and_ignore_writes);
    qtest_add_func("/ivshmem-chunks/holes-cost-no-memory",
                   test_holes_cost_no_memory);
    qtest_add_func("/ivshmem-chunks/few-runs-keep-all-holes",
                   test_few_runs_keep_all_holes);
    qtest_add_func("/ivshmem-chunks/small-holes-are-filled",
                   test_small_holes_are_filled);
    qtest_add_func("/ivshmem-chunks/slots-do-not-grow-with-chunks",
                   test_slots_do_not_grow_with_chunks);
    qtest_add_func("/ivshmem-chunks/bar-size", test_bar_size);
    qtest_add_func("/ivshmem-chunks/historical-form", test_historical_form);
    qtest_add_func("/ivshmem-chunks/resolved-layout", test_resolved_layout);
    qtest_add_func("/ivshmem-chunks/subsystem-id", test_subsystem_id);
    qtest_add_func("/ivshmem-chunks/mixed-page-sizes", test_mixed_page_sizes);
    qtest_add_func("/ivshmem-chunks/small-offset-in-huge-file-is-refused",
                   test_small_offset_in_huge_file_is_refused);
    qtest_add_func("/ivshmem-chunks/realized-properties-are-fixed",
                   test_realized_properties_are_fixed);
    qtest_add_func("/ivshmem-chunks/migration-is-blocked-until-unplug",
                   test_migration_is_blocked_until_unplug);
    qtest_add_func("/ivshmem-chunks/hotplug-pc", test_hotplug_pc);
    qtest_add_func("/ivshmem-chunks/hotplug-while-mapped",
                   test_hotplug_while_mapped);
    if (qtest_has_machine("q35")) {
        qtest_add_func("/ivshmem-chunks/behind-root-port",
                       test_behind_root_port);
        qtest_add_func("/ivshmem-chunks/hotplug-q35", test_hotplug_q35);
    }
    qtest_add_func("/ivshmem-chunks/too-many-mappings-are-refused",
                   test_too_many_mappings_are_refused);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    iv_tmpdir_create();
    add_tests();
    iv_add_doorbell_tests();
    iv_add_memory_tests();
    iv_add_last_tests();
    ret = g_test_run();
    iv_tmpdir_remove();
    return ret;
}

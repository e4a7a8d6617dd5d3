/*
 * QTest testcases for device ivshmem: what no chunk covers
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/vfs.h>
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "ivshmem-chunks-util.h"

#define DEADLINE_US (60 * G_TIME_SPAN_SECOND)

#define SCRATCH "memory-chunks-scratch"

/* What uncovered addresses may cost, whatever the guest writes */
#define MAX_COST_KIB (16 * MiB / KiB)

/* As much as the device makes memory of, behind the last chunk */
#define MAX_LAST_HOLE (2 * GiB)

/* Two chunks far apart, the first of them at the end of the BAR */
static QTestState *start_with_hole(const IvFile *a)
{
    return iv_start_typed("\"chunks\":["
                          "{\"file\":\"%s\",\"size\":%d,\"at\":%" PRIu64 "},"
                          "{\"file\":\"%s\",\"offset\":%d,\"at\":%" PRIu64 "}]",
                          a->path, IV_PAGE, (uint64_t)(GiB - IV_PAGE),
                          a->path, IV_PAGE, (uint64_t)MiB);
}

/* Holes are memory: what a guest writes there it may read back */
static void test_read_back(void)
{
    const unsigned n = 40;
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", n * IV_PAGE);
    QTestState *qts = iv_start_with_holes(a, n, "");
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
    uint8_t page[IV_PAGE];

    for (unsigned i = 0; i < n; i++) {
        iv_bar_check(bar, (2 * i + 1) * IV_PAGE, NULL, IV_PAGE);
    }
    for (unsigned i = 0; i < n; i++) {
        memset(page, i + 1, sizeof(page));
        iv_bar_write(bar, (2 * i + 1) * IV_PAGE, page, IV_PAGE);
    }
    /* holes of less than the scratch memory are distinct */
    for (unsigned i = 0; i < n; i++) {
        memset(page, i + 1, sizeof(page));
        iv_bar_check(bar, 2 * i * IV_PAGE, a->mem + i * IV_PAGE, IV_PAGE);
        iv_bar_check(bar, (2 * i + 1) * IV_PAGE, page, IV_PAGE);
    }
    iv_file_check(a);
    qtest_quit(qts);
}

static void test_large_holes(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = start_with_hole(a);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, GiB);
    /* before, between, and right next to the chunks */
    iv_bar_check(bar, 0, NULL, MiB);
    iv_bar_check(bar, MiB + IV_PAGE, NULL, MiB);
    iv_bar_check(bar, 512 * MiB, NULL, IV_PAGE);
    iv_bar_write(bar, MiB - 8, "previous", 8);
    iv_bar_write(bar, MiB + IV_PAGE, "next", 5);
    iv_bar_write(bar, 512 * MiB, "middle", 7);
    iv_bar_check(bar, MiB, a->mem + IV_PAGE, IV_PAGE);
    iv_bar_check(bar, GiB - IV_PAGE, a->mem, IV_PAGE);
    iv_file_check(a);
    qtest_quit(qts);
}

/* What holes may cost: private memory, scratch memory once, page tables */
static uint64_t memory_kib(QTestState *qts)
{
    return iv_smaps_sum_kib(qts, "", "\nAnonymous:") +
           iv_smaps_sum_kib(qts, SCRATCH, "\nPss:") +
           iv_status_kib(qts, "VmPTE:");
}

static void write_everywhere(const IvBar *bar, uint64_t size)
{
    for (uint64_t at = 0; at < size; at += MiB) {
        qtest_memset(bar->qts, bar->addr + at, 0xff, MiB);
    }
}

/* A guest cannot make the host spend memory, not even behind the last chunk */
static void check_cost(const char *arguments)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = iv_start_plain("file=%s,bar-size=512M -m 16 %s", a->path,
                                     arguments);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
    uint64_t before = memory_kib(qts);

    write_everywhere(bar, bar->size);
    g_assert_cmpuint(memory_kib(qts), <, before + MAX_COST_KIB);
    qtest_quit(qts);
}

static void test_cost(void)
{
    check_cost("");
}

/* Nothing of holes is locked or allocated, let alone for each address */
static void test_cost_with_mem_lock(void)
{
    g_autofree char *flags = NULL, *scratch_flags = NULL;
    g_autoptr(IvFile) a = NULL;
    QTestState *qts;

    if (!iv_can_lock_memory()) {
        g_test_skip("locking all memory takes root, or a higher ulimit -l");
        return;
    }
    a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    qts = iv_start_plain("file=%s,bar-size=1G -m 16 -overcommit mem-lock=on",
                         a->path);
    flags = iv_smaps_field(qts, a->path, "VmFlags:");
    g_assert_nonnull(strstr(flags, " lo"));
    scratch_flags = iv_smaps_field(qts, SCRATCH, "VmFlags:");
    g_assert_null(strstr(scratch_flags, " lo"));
    g_assert_cmpuint(iv_smaps_sum_kib(qts, SCRATCH, "Size:"), >, 1000 * KiB);
    g_assert_cmpuint(iv_smaps_sum_kib(qts, SCRATCH, "Rss:"), ==, 0);
    qtest_quit(qts);
    g_clear_pointer(&a, iv_file_free);
    check_cost("-overcommit mem-lock=on");
}

/* Allocating chunks beforehand does not touch what is between them */
static void test_cost_with_prealloc(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = iv_start_typed("\"prealloc\":true,\"chunks\":["
        "{\"file\":\"%s\",\"size\":4096},{\"file\":\"%s\",\"offset\":4096,"
        "\"at\":%" PRIu64 "}]", a->path, a->path, (uint64_t)GiB);

    g_assert_cmpuint(iv_smaps_sum_kib(qts, a->path, "Rss:"), ==, 8);
    g_assert_cmpuint(iv_smaps_sum_kib(qts, SCRATCH, "Rss:"), ==, 0);
    qtest_quit(qts);
}

/* What is far behind the last chunk is no memory, and costs none */
static void test_huge_bar(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = iv_start_plain("file=%s,bar-size=256G", a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
    uint64_t last = IV_PAGE + MAX_LAST_HOLE;

    g_assert_cmphex(bar->size, ==, 256 * GiB);
    iv_bar_check(bar, last - IV_PAGE, NULL, 2 * IV_PAGE);
    iv_bar_write(bar, last - 4, "keepdrop", 8);
    iv_bar_check(bar, last - 4, "keep\0\0\0", 8);
    iv_bar_write(bar, bar->size - 8, "ignored", 8);
    iv_bar_check(bar, bar->size - IV_PAGE, NULL, IV_PAGE);
    iv_file_check(a);
    qtest_quit(qts);
}

/*
 * A boot sector that copies 32 bytes with AVX from the start of BAR 2 to the
 * hole at 0x1000 and from there to 0x20, and stores "done" at 0x40
 */
static const uint8_t boot_code[] = {
    /* .code16: load a flat GDT, enter protected mode */
    0xfa,                                           /* cli */
    0x31, 0xc0,                                     /* xor %ax, %ax */
    0x8e, 0xd8,                                     /* mov %ax, %ds */
    0x66, 0x0f, 0x01, 0x16, 0x90, 0x7c,             /* lgdtl 0x7c90 */
    0x0f, 0x20, 0xc0,                               /* mov %cr0, %eax */
    0x0c, 0x01,                                     /* or $1, %al */
    0x0f, 0x22, 0xc0,                               /* mov %eax, %cr0 */
    0x66, 0xea, 0x1b, 0x7c, 0x00, 0x00, 0x08, 0x00, /* ljmpl $8, $0x7c1b */
    /* .code32: enable AVX in CR0, CR4, XCR0 */
    0x66, 0xb8, 0x10, 0x00,                         /* mov $0x10, %ax */
    0x8e, 0xd8,                                     /* mov %ax, %ds */
    0x0f, 0x20, 0xc0,                               /* mov %cr0, %eax */
    0x24, 0xfb,                                     /* and $~4, %al */
    0x0c, 0x02,                                     /* or $2, %al */
    0x0f, 0x22, 0xc0,                               /* mov %eax, %cr0 */
    0x0f, 0x20, 0xe0,                               /* mov %cr4, %eax */
    0x0d, 0x00, 0x06, 0x04, 0x00,                   /* or $0x40600, %eax */
    0x0f, 0x22, 0xe0,                               /* mov %eax, %cr4 */
    0x31, 0xc9,                                     /* xor %ecx, %ecx */
    0x31, 0xd2,                                     /* xor %edx, %edx */
    0xb8, 0x07, 0x00, 0x00, 0x00,                   /* mov $7, %eax */
    0x0f, 0x01, 0xd1,                               /* xsetbv */
    /* the address of BAR 2 of device 6 */
    0xb8, 0x18, 0x30, 0x00, 0x80,                   /* mov $0x80003018, %eax */
    0x66, 0xba, 0xf8, 0x0c,                         /* mov $0xcf8, %dx */
    0xef,                                           /* out %eax, (%dx) */
    0x66, 0xba, 0xfc, 0x0c,                         /* mov $0xcfc, %dx */
    0xed,                                           /* in (%dx), %eax */
    0x24, 0xf0,                                     /* and $0xf0, %al */
    0x89, 0xc3,                                     /* mov %eax, %ebx */
    /* chunk to hole, hole to chunk */
    0xc5, 0xfc, 0x10, 0x03,                         /* vmovups (%ebx), %ymm0 */
    0xc5, 0xfc, 0x11, 0x83, 0x00, 0x10, 0x00, 0x00, /* vmovups to 0x1000 */
    0xc5, 0xfc, 0x10, 0x8b, 0x00, 0x10, 0x00, 0x00, /* vmovups to %ymm1 */
    0xc5, 0xfc, 0x11, 0x4b, 0x20,                   /* vmovups to 0x20 */
    0xc7, 0x43, 0x40, 0x64, 0x6f, 0x6e, 0x65,       /* movl "done" to 0x40 */
    0xf4,                                           /* hlt */
    0xeb, 0xfd,                                     /* jmp to the hlt */
    /* at 0x7c78: the GDT, and its limit and address */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0xff, 0xff, 0x00, 0x00, 0x00, 0x9a, 0xcf, 0x00,
    0xff, 0xff, 0x00, 0x00, 0x00, 0x92, 0xcf, 0x00,
    0x17, 0x00, 0x78, 0x7c, 0x00, 0x00,
};

static void create_boot_disk(const char *path)
{
    uint8_t sector[512] = { [510] = 0x55, [511] = 0xaa };

    memcpy(sector, boot_code, sizeof(boot_code));
    g_assert_true(g_file_set_contents(path, (char *)sector, sizeof(sector),
                                      NULL));
}

static bool host_has_avx(void)
{
    g_autofree char *text = NULL;

    return g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL) &&
           strstr(text, " avx ");
}

/* KVM would terminate a guest that accesses an I/O region in this way */
static void test_vector_instructions(const void *accel)
{
    bool kvm = !strcmp(accel, "kvm");
    g_autoptr(IvFile) a = NULL;
    g_autofree char *disk = g_build_filename(iv_tmpdir, "disk", NULL);
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;
    QTestState *qts;

    if (!qtest_has_accel(accel) || (kvm && !host_has_avx())) {
        g_test_skip("there is no such accelerator, or no AVX");
        return;
    }
    a = iv_file_new(NULL, "a", IV_PAGE);
    create_boot_disk(disk);
    qts = qtest_initf("-machine pc -nodefaults -accel %s -cpu %s "
                      "-drive file=%s,format=raw "
                      "-device ivshmem,addr=" IV_ADDR ",bar-size=8K,file=%s",
                      (char *)accel, kvm ? "host" : "max", disk, a->path);
    while (memcmp(a->mem + 64, "done", 4)) {
        QDict *rsp = qtest_qmp_assert_success_ref(qts, "{'execute': "
                                                  "'query-status'}");

        g_assert_true(qdict_get_bool(rsp, "running"));
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        qobject_unref(rsp);
    }
    memcpy(a->copy + 32, a->copy, 32);
    memcpy(a->copy + 64, "done", 4);
    iv_file_check(a);
    qtest_quit(qts);
    unlink(disk);
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

void iv_add_hole_tests(void)
{
    qtest_add_func("/ivshmem-chunks/holes/read-back", test_read_back);
    qtest_add_func("/ivshmem-chunks/holes/large", test_large_holes);
    qtest_add_func("/ivshmem-chunks/holes/cost", test_cost);
    qtest_add_func("/ivshmem-chunks/holes/cost-with-mem-lock",
                   test_cost_with_mem_lock);
    qtest_add_func("/ivshmem-chunks/holes/cost-with-prealloc",
                   test_cost_with_prealloc);
    qtest_add_func("/ivshmem-chunks/holes/huge-bar", test_huge_bar);
    qtest_add_data_func("/ivshmem-chunks/holes/vector-instructions-tcg", "tcg",
                        test_vector_instructions);
    qtest_add_data_func("/ivshmem-chunks/holes/vector-instructions-kvm", "kvm",
                        test_vector_instructions);
    qtest_add_func("/ivshmem-chunks/holes/mixed-page-sizes",
                   test_mixed_page_sizes);
    qtest_add_func("/ivshmem-chunks/small-offset-in-huge-file-is-refused",
                   test_small_offset_in_huge_file_is_refused);
}

/*
 * QTest testcases for the ivshmem device with chunks: kinds of memory
 *
 * Read-only chunks, memory that is allocated beforehand or locked, all kinds
 * of file, and what other parts of QEMU do with the memory.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include "qemu/units.h"
#include "hw/pci/pci_regs.h"
#include "libqos/pci-pc.h"
#include "qobject/qdict.h"
#include "ivshmem-chunks-util.h"

/* ---- read-only ---------------------------------------------------------- */

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
    if (gap) {
        iv_bar_check(bar, at_b - gap, NULL, gap);
    }
    qtest_quit(qts);
}

static void test_mixed_with_readonly(void)
{
    check_mixed(0);
    check_mixed(2 * IV_PAGE);
}

/* Between read-only chunks a hole stays one to the guest, however many */
static void test_readonly_with_many_holes(void)
{
    const unsigned n = 100;
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", n * IV_PAGE);
    QTestState *qts = iv_start_with_holes(a, n, true);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmpuint(iv_count_slots(qts), <=, 3);
    qtest_memset(qts, bar->addr, 0xff, bar->size);
    for (unsigned i = 0; i < n; i++) {
        iv_bar_check(bar, i * 2 * IV_PAGE, a->mem + i * IV_PAGE, IV_PAGE);
        iv_bar_check(bar, (i * 2 + 1) * IV_PAGE, NULL, IV_PAGE);
    }
    iv_file_check(a);
    qtest_quit(qts);
}

/* More changes between writable and read-only than there are slots */
static void test_alternating_readonly(void)
{
    const unsigned n = 8;
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", n * IV_PAGE);
    g_autoptr(GString) chunks = g_string_new(NULL);
    g_autoptr(IvBar) bar = NULL;
    QTestState *qts;

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(chunks,
            "%s{\"file\":\"%s\",\"offset\":%u,\"size\":%u,\"readonly\":%s}",
            i ? "," : "", a->path, i * IV_PAGE, IV_PAGE,
            i % 2 ? "true" : "false");
    }
    qts = iv_start_typed("\"chunks\":[%s]", chunks->str);
    bar = iv_bar_map(qts, IV_DEVFN);
    qtest_memset(qts, bar->addr, 0x77, bar->size);
    for (unsigned i = 0; i < n; i += 2) {
        memset(a->copy + i * IV_PAGE, 0x77, IV_PAGE);
    }
    iv_file_check(a);
    iv_bar_check(bar, 0, a->mem, a->size);
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

/* ---- allocation --------------------------------------------------------- */

static uint64_t allocated(const IvFile *file)
{
    struct stat st;

    g_assert_cmpint(stat(file->path, &st), ==, 0);
    return st.st_blocks * 512;
}

static void check_prealloc(const char *prealloc, uint64_t expected)
{
    g_autoptr(IvFile) a = iv_file_new_sparse(NULL, "a", 64 * IV_PAGE);
    QTestState *qts = iv_start_plain("prealloc=%s,file=%s,size=128K",
                                     prealloc, a->path);

    g_assert_cmpuint(allocated(a), ==, expected);
    qtest_quit(qts);
}

static void test_prealloc(void)
{
    check_prealloc("off", 0);
    check_prealloc("on", 128 * KiB);
}

/*
 * A small file system, which is gone when this process is, in a mount
 * namespace that only this process and its QEMUs see.  NULL if not allowed.
 */
static char *mount_tmpfs(const char *size)
{
    g_autofree char *options = g_strconcat("size=", size, NULL);
    char *dir;

    if (unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        return NULL;
    }
    dir = g_build_filename(iv_tmpdir, "tmpfs", NULL);
    g_assert_cmpint(mkdir(dir, 0700), ==, 0);
    g_assert_cmpint(mount("ivshmem-test", dir, "tmpfs", 0, options), ==, 0);
    return dir;
}

static void test_prealloc_without_space(void)
{
    g_autofree char *dir = mount_tmpfs("64K");
    g_autoptr(IvFile) a = NULL;
    QTestState *qts;

    if (!dir) {
        g_test_skip("mounting a tmpfs takes root");
        return;
    }
    a = iv_file_new_sparse(dir, "a", 32 * IV_PAGE);
    qts = iv_start("pc", NULL);
    for (int readonly = 0; readonly < 2; readonly++) {
        QDict *error = qtest_qmp_assert_failure_ref(qts,
            "{'execute': 'device_add', 'arguments': {'driver': 'ivshmem', "
            "'file': %s, 'readonly': %i, 'prealloc': true}}",
            a->path, readonly);
        const char *desc = qdict_get_str(error, "desc");

        g_test_message("%s", desc);
        g_assert_nonnull(strstr(desc, "cannot allocate its memory"));
        g_assert_nonnull(strstr(desc, a->path));
        qobject_unref(error);
        iv_wait_released(qts, a->path);
    }
    qtest_quit(qts);
    g_assert_cmpint(umount2(dir, MNT_DETACH), ==, 0);
}

static void test_mem_lock(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 16 * IV_PAGE);
    struct rlimit limit;
    QTestState *qts;
    g_autoptr(IvBar) bar = NULL;

    g_assert_cmpint(getrlimit(RLIMIT_MEMLOCK, &limit), ==, 0);
    if (geteuid() && limit.rlim_cur < 2 * GiB) {
        g_test_skip("locking all memory takes root, or a higher ulimit -l");
        return;
    }
    qts = iv_start_plain("file=%s,offset=0:32K,size=4K:8K "
                         "-overcommit mem-lock=on -m 16", a->path);
    bar = iv_bar_map(qts, IV_DEVFN);
    iv_bar_check(bar, 0, a->mem, IV_PAGE);
    iv_bar_check(bar, IV_PAGE, a->mem + 8 * IV_PAGE, 2 * IV_PAGE);
    qtest_quit(qts);
}

static void test_sandbox(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    QTestState *qts;
    g_autofree char *help = NULL;
    g_autofree char *cmd = g_strdup_printf("%s -sandbox off -version",
                                           g_getenv("QTEST_QEMU_BINARY"));
    int status;

    if (!g_spawn_command_line_sync(cmd, NULL, &help, &status, NULL) || status) {
        g_test_skip("this QEMU was built without seccomp");
        return;
    }
    qts = qtest_initf("-machine pc -nodefaults -sandbox on,obsolete=deny,"
                      "elevateprivileges=deny,spawn=deny,resourcecontrol=deny "
                      "-device ivshmem,addr=05.0,file=%s,prealloc=on", a->path);
    /* once the sandbox is closed as well */
    for (int cycle = 0; cycle < 2; cycle++) {
        g_autoptr(IvBar) bar = NULL;

        qtest_qmp_device_add(qts, "ivshmem", "iv0", "{'addr': %s, 'file': %s, "
                             "'prealloc': true}", IV_ADDR, a->path);
        bar = iv_bar_map(qts, IV_DEVFN);
        iv_bar_check(bar, 0, a->mem, a->size);
        iv_unplug(qts, "iv0");
    }
    qtest_quit(qts);
}

/* ---- kinds of file ------------------------------------------------------ */

static void check_path(const IvFile *a, const char *path)
{
    QTestState *qts = iv_start_plain("offset=4K,file=%s", path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    iv_bar_check(bar, 0, a->mem + IV_PAGE, a->size - IV_PAGE);
    iv_bar_write(bar, 8, "guest", 5);
    memcpy(a->copy + IV_PAGE + 8, "guest", 5);
    iv_file_check(a);
    qtest_quit(qts);
}

/* On disk, in contrast to the scratch directory, which is often a tmpfs */
static void test_file_on_disk(void)
{
    g_autofree char *cwd = g_get_current_dir();
    g_autofree char *name = g_strdup_printf("ivshmem-disk-%d", getpid());
    g_autoptr(IvFile) a = iv_file_new(cwd, name, 3 * IV_PAGE);

    check_path(a, a->path);
}

static void test_file_in_tmpfs(void)
{
    g_autofree char *name = g_strdup_printf("ivshmem-tmpfs-%d", getpid());
    g_autoptr(IvFile) a = NULL;

    if (access("/dev/shm", W_OK) < 0) {
        g_test_skip("/dev/shm is not writable");
        return;
    }
    a = iv_file_new("/dev/shm", name, 3 * IV_PAGE);
    check_path(a, a->path);
}

static void test_deleted_file(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 3 * IV_PAGE);
    int fd = open(a->path, O_RDWR | O_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/%d", getpid(), fd);

    g_assert_cmpint(unlink(a->path), ==, 0);
    check_path(a, path);
    close(fd);
}

static void test_memfd(void)
{
    int fd = memfd_create("ivshmem-chunks-test",
                          MFD_CLOEXEC | MFD_ALLOW_SEALING);
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/%d", getpid(), fd);
    g_autoptr(IvFile) a = NULL;

    g_assert_cmpint(fd, >=, 0);
    a = iv_file_from_fd(fd, path, 3 * IV_PAGE);
    /* so that nobody can take the memory away */
    g_assert_cmpint(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), ==, 0);
    check_path(a, path);
    close(fd);
}

static void test_descriptor_on_command_line(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 3 * IV_PAGE);
    int fd = open(a->path, O_RDWR);
    g_autofree char *extra = g_strdup_printf("/dev/fdset/3 -add-fd "
                                             "fd=%d,set=3", fd);

    check_path(a, extra);
    close(fd);
}

/* Twice, because closing must leave the descriptor in the set */
static void test_descriptor_by_qmp(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = iv_start("pc", NULL);
    int fd = open(a->path, O_RDWR | O_CLOEXEC);

    qtest_qmp_fds_assert_success(qts, &fd, 1, "{'execute': 'add-fd', "
                                 "'arguments': {'fdset-id': 9}}");
    close(fd);
    for (int cycle = 0; cycle < 2; cycle++) {
        g_autoptr(IvBar) bar = NULL;

        qtest_qmp_device_add(qts, "ivshmem", "iv0", "{'addr': %s, "
                             "'file': '/dev/fdset/9'}", IV_ADDR);
        bar = iv_bar_map(qts, IV_DEVFN);
        iv_bar_check(bar, 0, a->mem, a->size);
        iv_unplug(qts, "iv0");
    }
    qtest_qmp_assert_success(qts, "{'execute': 'remove-fd', "
                             "'arguments': {'fdset-id': 9}}");
    iv_wait_released(qts, a->path);
    qtest_quit(qts);
}

/* Address at which @qts has mapped @path first */
static uint64_t mapped_at(QTestState *qts, const char *path)
{
    g_autofree char *name = g_strdup_printf("/proc/%d/maps", qtest_pid(qts));
    g_autofree char *maps = NULL;
    char *line;

    g_assert_true(g_file_get_contents(name, &maps, NULL, NULL));
    line = strstr(maps, path);
    g_assert_nonnull(line);
    while (line > maps && line[-1] != '\n') {
        line--;
    }
    return g_ascii_strtoull(line, NULL, 16);
}

/*
 * A huge page takes one entry of second-level page tables if its address on
 * the host and in the guest, where the BAR is aligned to its size, are alike.
 */
static void check_huge(const char *variable)
{
    const char *dir = g_getenv(variable);
    g_autofree char *name = g_strdup_printf("ivshmem-huge-%d", getpid());
    g_autoptr(IvFile) h = NULL, small = NULL;
    g_autoptr(IvBar) bar = NULL;
    struct statfs fs;
    QTestState *qts;

    if (!dir) {
        g_autofree char *why = g_strconcat(variable,
                                           " does not name a hugetlbfs", NULL);

        g_test_skip(why);
        return;
    }
    g_assert_cmpint(statfs(dir, &fs), ==, 0);
    small = iv_file_new(NULL, "small", 3 * IV_PAGE);
    h = iv_file_new_sparse(dir, name, fs.f_bsize);
    qts = iv_start_plain("prealloc=on,file=%s:%s", small->path, h->path);
    bar = iv_bar_map(qts, IV_DEVFN);
    g_assert_cmphex(bar->size, ==, 2 * fs.f_bsize);
    g_assert_cmphex(mapped_at(qts, h->path) % fs.f_bsize, ==, 0);
    /* also for the small pages, which may be part of a huge one one day */
    g_assert_cmphex(mapped_at(qts, small->path) % (2 * MiB), ==, 0);
    iv_bar_write(bar, bar->size - 4, "huge", 4);
    g_assert_cmpint(memcmp(h->mem + h->size - 4, "huge", 4), ==, 0);
    iv_bar_check(bar, 0, small->mem, small->size);
    qtest_quit(qts);
}

static void test_huge_pages(void)
{
    check_huge("QTEST_IVSHMEM_HUGE");
}

static void test_1g_pages(void)
{
    check_huge("QTEST_IVSHMEM_HUGE_1G");
}

/* ---- with the rest of QEMU ---------------------------------------------- */

static bool file_contains(const char *path, const void *mem, size_t size)
{
    g_autofree char *text = NULL;
    size_t length;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    return memmem(text, length, mem, size);
}

/* Chunks are in a dump of the guest's memory; holes do not stop it */
static void test_dump_guest_memory(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autofree char *dump = g_build_filename(iv_tmpdir, "dump", NULL);
    QTestState *qts = qtest_initf("-machine pc -nodefaults -m 16 -device "
        "'{\"driver\":\"ivshmem\",\"addr\":\"" IV_ADDR "\",\"chunks\":["
        "{\"file\":\"%s\",\"size\":4096},"
        "{\"file\":\"%s\",\"offset\":4096,\"size\":4096,\"at\":16384,"
        "\"readonly\":true},"
        "{\"file\":\"%s\",\"offset\":8192,\"at\":1048576}]}'",
        a->path, a->path, a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
    g_autofree char *protocol = g_strconcat("file:", dump, NULL);

    qtest_qmp_assert_success(qts, "{'execute': 'dump-guest-memory', "
        "'arguments': {'paging': false, 'protocol': %s}}", protocol);
    g_assert_true(file_contains(dump, a->mem, IV_PAGE));
    g_assert_true(file_contains(dump, a->mem + IV_PAGE, IV_PAGE));
    g_assert_true(file_contains(dump, a->mem + 2 * IV_PAGE, 2 * IV_PAGE));
    unlink(dump);
    qtest_quit(qts);
}

static void test_trace_events(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    g_autofree char *log = g_build_filename(iv_tmpdir, "log", NULL);
    QTestState *qts = qtest_initf("-machine pc -nodefaults "
                                  "-trace 'ivshmem_*' -D %s", log);
    static const char *const events[] = {
        "ivshmem_chunk_map chunk 0", "ivshmem_plug device 'iv0'",
        "ivshmem_chunk_unmap ",
        "ivshmem_error device 'iv1': chunk 0",
    };

    qtest_qmp_device_add(qts, "ivshmem", "iv0", "{'file': %s}", a->path);
    iv_unplug(qts, "iv0");
    qobject_unref(qtest_qmp_assert_failure_ref(qts,
        "{'execute': 'device_add', 'arguments': {"
        "'driver': 'ivshmem', 'id': 'iv1', 'file': '/missing'}}"));
    iv_wait_released(qts, a->path);
    qtest_quit(qts);
    for (size_t i = 0; i < G_N_ELEMENTS(events); i++) {
        g_assert_true(file_contains(log, events[i], strlen(events[i])));
    }
}

void iv_add_memory_tests(void)
{
    qtest_add_func("/ivshmem-chunks/memory/readonly-device",
                   test_readonly_device);
    qtest_add_func("/ivshmem-chunks/memory/mixed-with-readonly",
                   test_mixed_with_readonly);
    qtest_add_func("/ivshmem-chunks/memory/readonly-with-many-holes",
                   test_readonly_with_many_holes);
    qtest_add_func("/ivshmem-chunks/memory/alternating-readonly",
                   test_alternating_readonly);
    if (qtest_has_device("edu")) {
        qtest_add_func("/ivshmem-chunks/memory/dma-to-readonly",
                       test_dma_to_readonly);
    }
    qtest_add_func("/ivshmem-chunks/memory/readonly-needs-no-permission",
                   test_readonly_needs_no_permission);
    qtest_add_func("/ivshmem-chunks/memory/prealloc", test_prealloc);
    qtest_add_func("/ivshmem-chunks/memory/mem-lock", test_mem_lock);
    qtest_add_func("/ivshmem-chunks/memory/sandbox", test_sandbox);
    qtest_add_func("/ivshmem-chunks/memory/file-on-disk", test_file_on_disk);
    qtest_add_func("/ivshmem-chunks/memory/file-in-tmpfs", test_file_in_tmpfs);
    qtest_add_func("/ivshmem-chunks/memory/deleted-file", test_deleted_file);
    qtest_add_func("/ivshmem-chunks/memory/memfd", test_memfd);
    qtest_add_func("/ivshmem-chunks/memory/descriptor-on-command-line",
                   test_descriptor_on_command_line);
    qtest_add_func("/ivshmem-chunks/memory/descriptor-by-qmp",
                   test_descriptor_by_qmp);
    qtest_add_func("/ivshmem-chunks/memory/huge-pages", test_huge_pages);
    qtest_add_func("/ivshmem-chunks/memory/1g-pages", test_1g_pages);
    qtest_add_func("/ivshmem-chunks/memory/dump-guest-memory",
                   test_dump_guest_memory);
    qtest_add_func("/ivshmem-chunks/memory/trace-events", test_trace_events);
}

void iv_add_last_tests(void)
{
    /* changes this process's mount namespace */
    qtest_add_func("/ivshmem-chunks/memory/prealloc-without-space",
                   test_prealloc_without_space);
}

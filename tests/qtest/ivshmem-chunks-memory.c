/*
 * QTest testcases for device ivshmem: kinds of memory
 *
 * Memory that is allocated beforehand or locked, all kinds of file, and what
 * other parts of QEMU do with the memory.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "ivshmem-chunks-util.h"

/* ---- allocation --------------------------------------------------------- */

static void check_prealloc(const char *prealloc, uint64_t expected)
{
    g_autoptr(IvFile) a = iv_file_new_sparse(NULL, "a", 32 * IV_PAGE);
    QTestState *qts = iv_start_plain("prealloc=%s,file=%s,size=128K",
                                     prealloc, a->path);

    g_assert_cmpuint(iv_file_allocated(a), >=, expected);
    g_assert_true(expected || !iv_file_allocated(a));
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
    QDict *error;

    if (!dir) {
        g_test_skip("mounting a tmpfs takes root");
        return;
    }
    a = iv_file_new_sparse(dir, "a", 32 * IV_PAGE);
    qts = iv_start("pc", NULL);
    error = qtest_qmp_assert_failure_ref(qts,
        "{'execute': 'device_add', 'arguments': {'driver': 'ivshmem', "
        "'file': %s, 'prealloc': true}}", a->path);
    g_test_message("%s", qdict_get_str(error, "desc"));
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"),
                            "preallocating memory failed"));
    qobject_unref(error);
    iv_wait_released(qts, a->path);
    qtest_quit(qts);
    g_assert_cmpint(umount2(dir, MNT_DETACH), ==, 0);
}

static void test_mem_lock(void)
{
    g_autoptr(IvFile) a = NULL;
    g_autofree char *flags = NULL;
    g_autoptr(IvBar) bar = NULL;
    QTestState *qts;

    if (!iv_can_lock_memory()) {
        g_test_skip("locking all memory takes root, or a higher ulimit -l");
        return;
    }
    a = iv_file_new(NULL, "a", 16 * IV_PAGE);
    qts = iv_start_plain("file=%s,offset=0:32K,size=4K:8K "
                         "-overcommit mem-lock=on -m 16", a->path);
    bar = iv_bar_map(qts, IV_DEVFN);
    flags = iv_smaps_field(qts, a->path, "VmFlags:");
    g_assert_nonnull(strstr(flags, " lo"));
    g_assert_cmpuint(iv_smaps_sum_kib(qts, a->path, "Rss:"), ==, 12);
    iv_bar_check(bar, 0, a->mem, IV_PAGE);
    iv_bar_check(bar, IV_PAGE, a->mem + 8 * IV_PAGE, 2 * IV_PAGE);
    qtest_quit(qts);
}

/* Chunks are not passed to child processes, nor dumped if RAM is not */
static void test_mapping_flags(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    /* under qtest's own accelerator, QEMU may fork */
    QTestState *qts = qtest_initf("-machine pc,dump-guest-core=off -accel tcg "
                                  "-S -nodefaults -device ivshmem,file=%s",
                                  a->path);
    g_autofree char *flags = iv_smaps_field(qts, a->path, "VmFlags:");

    g_assert_nonnull(strstr(flags, " dc"));
    g_assert_nonnull(strstr(flags, " dd"));
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
    g_autofree char *maps = iv_read_proc(qts, "maps");
    char *line = strstr(maps, path);

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
        "{\"file\":\"%s\",\"offset\":4096,\"size\":4096,\"at\":16384},"
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
                                  "-trace 'ivshmem_*' "
                                  "-trace 'hostmem_chunks_*' -D %s", log);
    static const char *const events[] = {
        "hostmem_chunks_map chunk 0", "ivshmem_files_plug device 'iv0'",
        "hostmem_chunks_unmap ",
        "ivshmem_files_error device 'iv1': chunk 0",
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
    qtest_add_func("/ivshmem-chunks/memory/prealloc", test_prealloc);
    qtest_add_func("/ivshmem-chunks/memory/mem-lock", test_mem_lock);
    qtest_add_func("/ivshmem-chunks/memory/mapping-flags", test_mapping_flags);
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

/*
 * QTest testcases for device ivshmem: identity of files
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "ivshmem-chunks-util.h"

static struct stat get_stat(const IvFile *file)
{
    struct stat st;

    g_assert_cmpint(stat(file->path, &st), ==, 0);
    return st;
}

/* In each form: lists with one file and two, typed, in a layout file */
static void test_right_file(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", 2 * IV_PAGE);
    struct stat st = get_stat(a), st_b = get_stat(b);
    unsigned long dev = st.st_dev, ino = st.st_ino, ino_b = st_b.st_ino;
    g_autofree char *layout = g_build_filename(iv_tmpdir, "layout", NULL);
    g_autofree char *text = g_strdup_printf("inode=%lu dev=%lu file=%s\n",
                                            ino, dev, a->path);
    QTestState *qts[4];

    g_assert_true(g_file_set_contents(layout, text, -1, NULL));
    qts[0] = iv_start_plain("file=%s,offset=0:4K,dev=%lu,inode=%lu",
                            a->path, dev, ino);
    qts[1] = iv_start_plain("file=%s:%s,dev=%lu:%lu,inode=%lu:%lu", a->path,
                            b->path, dev, dev, ino, ino_b);
    qts[2] = iv_start_typed("\"chunks\":[{\"file\":\"%s\",\"dev\":%lu,"
                            "\"inode\":%lu}]", a->path, dev, ino);
    qts[3] = iv_start_plain("layout=%s", layout);
    for (int i = 0; i < G_N_ELEMENTS(qts); i++) {
        g_autoptr(IvBar) bar = iv_bar_map(qts[i], IV_DEVFN);

        iv_bar_check(bar, 0, a->mem, 2 * IV_PAGE);
        qtest_quit(qts[i]);
    }
    unlink(layout);
}

static void check_refusal(QTestState *qts, QDict *arguments, const char *error)
{
    QDict *rsp = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
                                              "'arguments': %p}", arguments);

    g_test_message("%s", qdict_get_str(rsp, "desc"));
    g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"), error));
    qobject_unref(rsp);
}

/* Another file has taken the name, or the descriptor's number */
static void test_other_file(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", IV_PAGE);
    struct stat st = get_stat(a);
    int fd = open(a->path, O_RDWR | O_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/%d", getpid(), fd);
    QTestState *qts = iv_start("pc", NULL);

    qtest_qmp_device_add(qts, "ivshmem", "iv0", "{'chunks': [{'file': %s, "
                         "'dev': %d, 'inode': %d}]}", path, (int)st.st_dev,
                         (int)st.st_ino);
    iv_assert_mapped(qts, a->path);
    iv_unplug(qts, "iv0");
    iv_wait_released(qts, a->path);

    g_assert_cmpint(close(fd), ==, 0);
    g_assert_cmpint(open(b->path, O_RDWR | O_CLOEXEC), ==, fd);
    check_refusal(qts, qdict_from_jsonf_nofail("{'driver': 'ivshmem', "
        "'chunks': [{'file': %s, 'dev': %d, 'inode': %d}]}", path,
        (int)st.st_dev, (int)st.st_ino), "is another file now");
    check_refusal(qts, qdict_from_jsonf_nofail("{'driver': 'ivshmem', "
        "'chunks': [{'file': %s, 'dev': %d, 'inode': %d}]}", a->path,
        (int)st.st_dev + 1, (int)st.st_ino), "is another file now");
    iv_wait_released(qts, iv_tmpdir);
    iv_file_check(b);
    close(fd);
    qtest_quit(qts);
}

static void test_descriptor(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    struct stat st = get_stat(a);
    int fd = open(a->path, O_RDWR);
    QTestState *qts = qtest_initf("-machine pc -nodefaults -add-fd fd=%d,set=3 "
                                  "-device ivshmem,addr=" IV_ADDR ","
                                  "file=/dev/fdset/3,dev=%lu,inode=%lu", fd,
                                  (unsigned long)st.st_dev,
                                  (unsigned long)st.st_ino);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    iv_bar_check(bar, 0, a->mem, a->size);
    close(fd);
    qtest_quit(qts);
}

void iv_add_identity_tests(void)
{
    qtest_add_func("/ivshmem-chunks/identity/right-file", test_right_file);
    qtest_add_func("/ivshmem-chunks/identity/other-file", test_other_file);
    qtest_add_func("/ivshmem-chunks/identity/descriptor", test_descriptor);
}

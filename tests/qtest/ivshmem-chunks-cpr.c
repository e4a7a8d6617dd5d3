/*
 * QTest testcases for device ivshmem: a new QEMU on the same host
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "ivshmem-chunks-util.h"

#define DEADLINE_US (60 * G_TIME_SPAN_SECOND)

/* A machine with RAM in a file, and device "iv0" with a writable chunk */
static QTestState *start(const IvFile *ram, const IvFile *a, const char *rest)
{
    return qtest_initf("-machine pc,memory-backend=ram -m 16 -nodefaults "
                       "-object memory-backend-file,id=ram,size=16M,share=on,"
                       "mem-path=%s -device ivshmem,id=iv0,addr=" IV_ADDR ","
                       "file=%s,offset=4K:0,size=4K:4K %s",
                       ram->path, a->path, rest);
}

static void set_mode(QTestState *qts, const char *mode)
{
    qtest_qmp_assert_success(qts, "{'execute': 'migrate-set-parameters', "
                             "'arguments': {'mode': %s}}", mode);
    qtest_qmp_assert_success(qts, "{'execute': 'migrate-set-capabilities', "
        "'arguments': {'capabilities': [{'capability': 'x-ignore-shared', "
        "'state': true}]}}");
}

static void wait_for_migration(QTestState *qts)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;
    bool completed = false;

    while (!completed) {
        QDict *rsp = qtest_qmp_assert_success_ref(qts, "{'execute': "
                                                  "'query-migrate'}");
        const char *status = qdict_get_try_str(rsp, "status");

        g_assert_cmpstr(status, !=, "failed");
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        completed = !g_strcmp0(status, "completed");
        qobject_unref(rsp);
    }
}

static void test_cpr_reboot(void)
{
    g_autoptr(IvFile) ram = iv_file_new_sparse(NULL, "ram", 16 * MiB);
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    g_autofree char *path = g_build_filename(iv_tmpdir, "state", NULL);
    g_autofree char *uri = g_strconcat("file:", path, NULL);
    QTestState *qts = start(ram, a, "");
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    iv_bar_write(bar, 8, "old QEMU", 8);
    memcpy(a->copy + IV_PAGE + 8, "old QEMU", 8);
    set_mode(qts, "cpr-reboot");
    qtest_qmp_assert_success(qts, "{'execute': 'migrate', "
                             "'arguments': {'uri': %s}}", uri);
    wait_for_migration(qts);
    qtest_quit(qts);
    iv_file_check(a);

    qts = start(ram, a, "-incoming defer");
    set_mode(qts, "cpr-reboot");
    qtest_qmp_assert_success(qts, "{'execute': 'migrate-incoming', "
                             "'arguments': {'uri': %s}}", uri);
    wait_for_migration(qts);
    /* the BAR is where the guest has put it */
    bar->qts = qts;
    iv_bar_check(bar, 0, a->copy + IV_PAGE, IV_PAGE);
    iv_bar_check(bar, IV_PAGE, a->copy, IV_PAGE);
    iv_bar_write(bar, 8, "new", 3);
    memcpy(a->copy + IV_PAGE + 8, "new", 3);
    iv_file_check(a);
    qtest_quit(qts);
    unlink(path);
}

/* Other modes go to other hosts */
static void test_normal_mode(void)
{
    g_autoptr(IvFile) ram = iv_file_new_sparse(NULL, "ram", 16 * MiB);
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = start(ram, a, "");
    QDict *rsp;

    set_mode(qts, "normal");
    rsp = qtest_qmp_assert_failure_ref(qts, "{'execute': 'migrate', "
        "'arguments': {'uri': 'exec:cat >/dev/null'}}");
    g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"), "use a CPR mode"));
    qobject_unref(rsp);
    qtest_quit(qts);
}

void iv_add_cpr_tests(void)
{
    qtest_add_func("/ivshmem-chunks/cpr/reboot", test_cpr_reboot);
    qtest_add_func("/ivshmem-chunks/cpr/normal-mode", test_normal_mode);
}

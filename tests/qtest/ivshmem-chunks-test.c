/*
 * QTest testcases for device ivshmem: contents and life
 *
 * Other aspects are in files of their own, ivshmem-chunks-*.c, and what is
 * refused in ivshmem-chunks-refusal-test.c.
 *
 * Set QTEST_IVSHMEM_HUGE to the path of a mounted hugetlbfs with some free
 * pages, and QTEST_IVSHMEM_HUGE_1G to one with pages of 1 GiB, to run the
 * tests that need them.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "hw/pci/pci_regs.h"
#include "libqos/pci-pc.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "ivshmem-chunks-util.h"

static void test_whole_file(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 3 * IV_PAGE);
    QTestState *qts = iv_start_typed("\"chunks\":[{\"file\":\"%s\"}]",
                                     a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, 4 * IV_PAGE);
    iv_bar_check(bar, 0, a->mem, a->size);
    iv_bar_check(bar, a->size, NULL, bar->size - a->size);
    iv_assert_mapped(qts, a->path);
    iv_assert_not_open(qts, a->path);
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

static void test_bar_size(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = iv_start_typed("\"bar-size\":67108864,"
                                     "\"chunks\":[{\"file\":\"%s\"}]", a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmphex(bar->size, ==, 64 * MiB);
    g_assert_cmphex(iv_get_uint(qts, "iv0", "bar-size"), ==, 64 * MiB);
    iv_bar_check(bar, 0, a->mem, IV_PAGE);
    iv_bar_check(bar, bar->size - IV_PAGE, NULL, IV_PAGE);
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

static void check_info(const QListEntry *entry, const char *file,
                       uint64_t offset, uint64_t size, uint64_t at)
{
    QDict *info = qobject_to(QDict, qlist_entry_obj(entry));

    g_assert_cmpstr(qdict_get_str(info, "file"), ==, file);
    g_assert_cmphex(qdict_get_int(info, "offset"), ==, offset);
    g_assert_cmphex(qdict_get_int(info, "size"), ==, size);
    g_assert_cmphex(qdict_get_int(info, "at"), ==, at);
}

static void test_resolved_layout(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 4 * IV_PAGE);
    g_autoptr(IvFile) b = iv_file_new(NULL, "b", 2 * IV_PAGE);
    QTestState *qts = iv_start_typed(
        "\"chunks\":[{\"file\":\"%s\",\"at\":65536},"
        "{\"file\":\"%s\",\"offset\":4096},"
        "{\"file\":\"%s\",\"size\":8192,\"at\":0}]",
        a->path, b->path, a->path);
    QDict *rsp = iv_get(qts, "iv0", "resolved-layout");
    const QListEntry *entry = qlist_first(qdict_get_qlist(rsp, "return"));

    check_info(entry, a->path, 0, 2 * IV_PAGE, 0);
    entry = qlist_next(entry);
    check_info(entry, a->path, 0, 4 * IV_PAGE, 64 * KiB);
    entry = qlist_next(entry);
    check_info(entry, b->path, IV_PAGE, IV_PAGE, 80 * KiB);
    g_assert_null(qlist_next(entry));
    qobject_unref(rsp);
    g_assert_cmphex(iv_get_uint(qts, "iv0", "bar-size"), ==, 128 * KiB);
    qtest_quit(qts);
}

/* No matter how many chunks and holes there are, there is one of each */
static void test_slots_do_not_grow_with_chunks(void)
{
    static const unsigned counts[] = { 1, 2, 3, 4, 64, 512, 1000 };
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 1000 * IV_PAGE);
    QTestState *none = iv_start("pc", NULL);
    unsigned blocks = iv_count_ram_blocks(none) + 1;

    qtest_quit(none);
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        QTestState *qts = iv_start_with_holes(a, counts[i], "");
        g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
        unsigned last = counts[i] - 1;

        g_assert_cmpuint(iv_count_slots(qts), ==, 1);
        g_assert_cmpuint(iv_count_ram_blocks(qts), ==, blocks);
        iv_bar_check(bar, last * 2 * IV_PAGE, a->mem + last * IV_PAGE, IV_PAGE);
        qtest_quit(qts);
    }
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

/* A property can be set until the device is realized, and never again */
static void test_fixed_properties(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = iv_start_typed("\"chunks\":[{\"file\":\"%s\"}]",
                                     a->path);
    static const char *const strings[] = {
        "file", "offset", "size",
        "layout",
        "shm",
        "dev", "inode",
    };
    static const char *const others[] = {
        "prealloc", "bar-size", "subsystem-id",
        "readonly",
        "vectors", "ioeventfd",
    };
    QDict *rsp;

    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
        rsp = qtest_qmp_assert_failure_ref(qts, "{'execute': 'qom-set', "
            "'arguments': {'path': '/machine/peripheral/iv0', "
            "'property': %s, 'value': '0'}}", strings[i]);
        g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"),
                                "after it was realized"));
        qobject_unref(rsp);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        rsp = qtest_qmp_assert_failure_ref(qts, "{'execute': 'qom-set', "
            "'arguments': {'path': '/machine/peripheral/iv0', "
            "'property': %s, 'value': 0}}", others[i]);
        g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"),
                                "after it was realized"));
        qobject_unref(rsp);
    }
    rsp = qtest_qmp_assert_failure_ref(qts, "{'execute': 'qom-set', "
        "'arguments': {'path': '/machine/peripheral/iv0', "
        "'property': 'chunks', 'value': []}}");
    g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"),
                            "after it was realized"));
    qobject_unref(rsp);
    qtest_quit(qts);
}

/* QEMU aborted when a PCI device was realized again */
static void test_realized_off_and_on(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = iv_start_typed("\"chunks\":[{\"file\":\"%s\"}]",
                                     a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);
    QDict *rsp;

    qtest_qmp_assert_success(qts, "{'execute': 'qom-set', 'arguments': {"
        "'path': '/machine/peripheral/iv0', 'property': 'realized', "
        "'value': false}}");
    iv_wait_released(qts, a->path);
    rsp = qtest_qmp_assert_failure_ref(qts, "{'execute': 'qom-set', "
        "'arguments': {'path': '/machine/peripheral/iv0', "
        "'property': 'realized', 'value': true}}");
    g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"), "again"));
    qobject_unref(rsp);
    qtest_qmp_device_add(qts, "ivshmem", "iv1", "{'file': %s}", a->path);
    qtest_system_reset(qts);
    qtest_quit(qts);
}

/* Neither a reset of the device nor of the machine changes the memory */
static void test_reset(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    QTestState *qts = iv_start_typed("\"chunks\":[{\"file\":\"%s\"}]",
                                     a->path);
    IvBar *bar = iv_bar_map(qts, IV_DEVFN);

    iv_bar_write(bar, 16, "kept", 4);
    memcpy(a->copy + 16, "kept", 4);
    iv_bar_free(bar);
    qtest_system_reset(qts);
    bar = iv_bar_map(qts, IV_DEVFN);
    iv_bar_check(bar, 0, a->copy, a->size);
    iv_bar_free(bar);
    iv_file_check(a);
    qtest_quit(qts);
}

/* "info mtree -f" took references that it did not release */
static void test_unplug_after_info_mtree(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    QTestState *qts = iv_start_typed("\"chunks\":[{\"file\":\"%s\"}]",
                                     a->path);
    g_autoptr(IvBar) bar = iv_bar_map(qts, IV_DEVFN);

    g_assert_cmpuint(iv_count_slots(qts), ==, 1);
    iv_unplug(qts, "iv0");
    iv_wait_released(qts, a->path);
    qtest_quit(qts);
}

static void add_tests(void)
{
    qtest_add_func("/ivshmem-chunks/whole-file", test_whole_file);
    qtest_add_func("/ivshmem-chunks/path-with-colon", test_path_with_colon);
    qtest_add_func("/ivshmem-chunks/300-typed-chunks", test_300_typed_chunks);
    qtest_add_func("/ivshmem-chunks/slots-do-not-grow-with-chunks",
                   test_slots_do_not_grow_with_chunks);
    qtest_add_func("/ivshmem-chunks/bar-size", test_bar_size);
    qtest_add_func("/ivshmem-chunks/resolved-layout", test_resolved_layout);
    qtest_add_func("/ivshmem-chunks/subsystem-id", test_subsystem_id);
    qtest_add_func("/ivshmem-chunks/fixed-properties", test_fixed_properties);
    qtest_add_func("/ivshmem-chunks/realized-off-and-on",
                   test_realized_off_and_on);
    qtest_add_func("/ivshmem-chunks/reset", test_reset);
    qtest_add_func("/ivshmem-chunks/migration-is-blocked-until-unplug",
                   test_migration_is_blocked_until_unplug);
    qtest_add_func("/ivshmem-chunks/unplug-after-info-mtree",
                   test_unplug_after_info_mtree);
    qtest_add_func("/ivshmem-chunks/hotplug-pc", test_hotplug_pc);
    qtest_add_func("/ivshmem-chunks/hotplug-while-mapped",
                   test_hotplug_while_mapped);
    if (qtest_has_machine("q35")) {
        qtest_add_func("/ivshmem-chunks/behind-root-port",
                       test_behind_root_port);
        qtest_add_func("/ivshmem-chunks/hotplug-q35", test_hotplug_q35);
    }
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    iv_tmpdir_create();
    add_tests();
    iv_add_list_tests();
    iv_add_memory_tests();
    iv_add_hole_tests();
    iv_add_layout_tests();
    iv_add_readonly_tests();
    iv_add_identity_tests();
    iv_add_doorbell_tests();
    iv_add_shm_tests();
    iv_add_cpr_tests();
    iv_add_last_tests();
    ret = g_test_run();
    iv_tmpdir_remove();
    return ret;
}

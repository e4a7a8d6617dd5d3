/*
 * QTest helpers for the ivshmem device with chunks
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include <sys/resource.h>
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "hw/pci/pci_regs.h"
#include "libqos/pci-pc.h"
#include "qobject/qdict.h"
#include "ivshmem-chunks-util.h"

/* Above anything that the machines put there themselves */
#define BAR_ADDR (64ULL << 30)

#define DEADLINE_US (30 * G_TIME_SPAN_SECOND)

char *iv_tmpdir;

static void abrt_handler(void *data)
{
    iv_tmpdir_remove();
}

void iv_tmpdir_create(void)
{
    g_autoptr(GError) err = NULL;

    qtest_add_abrt_handler(abrt_handler, NULL);
    iv_tmpdir = g_dir_make_tmp("ivshmem-chunks-XXXXXX", &err);
    g_assert_no_error(err);
}

void iv_tmpdir_remove(void)
{
    GDir *dir = g_dir_open(iv_tmpdir, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(iv_tmpdir, name, NULL);

        g_remove(path);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_rmdir(iv_tmpdir);
    g_clear_pointer(&iv_tmpdir, g_free);
}

/* Give the file its size and map it */
static IvFile *file_from_fd(int fd, char *path, size_t size)
{
    IvFile *file = g_new0(IvFile, 1);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    file->path = path;
    file->size = size;
    file->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert(file->mem != MAP_FAILED);
    return file;
}

static void fill(IvFile *file)
{
    uint32_t seed = g_str_hash(file->path);

    for (size_t i = 0; i + 4 <= file->size; i += 4) {
        seed = seed * 1664525 + 1013904223;
        memcpy(file->mem + i, &seed, 4);
    }
    file->copy = g_memdup2(file->mem, file->size);
}

IvFile *iv_file_new_sparse(const char *dir, const char *name, size_t size)
{
    char *path = g_build_filename(dir ?: iv_tmpdir, name, NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    IvFile *file = file_from_fd(fd, path, size);

    close(fd);
    return file;
}

IvFile *iv_file_new(const char *dir, const char *name, size_t size)
{
    IvFile *file = iv_file_new_sparse(dir, name, size);

    fill(file);
    return file;
}

IvFile *iv_file_from_fd(int fd, const char *path, size_t size)
{
    IvFile *file = file_from_fd(fd, g_strdup(path), size);

    fill(file);
    return file;
}

void iv_file_free(IvFile *file)
{
    munmap(file->mem, file->size);
    g_unlink(file->path);
    g_free(file->path);
    g_free(file->copy);
    g_free(file);
}

uint64_t iv_file_allocated(const IvFile *file)
{
    struct stat st;

    g_assert_cmpint(stat(file->path, &st), ==, 0);
    return st.st_blocks * 512;
}

void iv_file_check(const IvFile *file)
{
    g_assert_cmpint(memcmp(file->mem, file->copy, file->size), ==, 0);
}

static uint64_t bar_size(QPCIDevice *dev)
{
    uint64_t mask;

    qpci_config_writel(dev, PCI_BASE_ADDRESS_2, UINT32_MAX);
    qpci_config_writel(dev, PCI_BASE_ADDRESS_3, UINT32_MAX);
    mask = qpci_config_readl(dev, PCI_BASE_ADDRESS_2);
    g_assert_cmphex(mask & ~PCI_BASE_ADDRESS_MEM_MASK, ==,
                    PCI_BASE_ADDRESS_MEM_TYPE_64 |
                    PCI_BASE_ADDRESS_MEM_PREFETCH);
    mask |= (uint64_t)qpci_config_readl(dev, PCI_BASE_ADDRESS_3) << 32;
    return -(mask & PCI_BASE_ADDRESS_MEM_MASK);
}

IvBar *iv_bar_map(QTestState *qts, int devfn)
{
    IvBar *bar = g_new0(IvBar, 1);

    bar->qts = qts;
    bar->bus = qpci_new_pc(qts, NULL);
    bar->dev = qpci_device_find(bar->bus, devfn);
    g_assert_nonnull(bar->dev);
    g_assert_cmphex(qpci_config_readl(bar->dev, PCI_VENDOR_ID), ==, 0x11101af4);
    bar->size = bar_size(bar->dev);
    bar->addr = MAX(BAR_ADDR, bar->size);
    qpci_config_writel(bar->dev, PCI_BASE_ADDRESS_2, bar->addr);
    qpci_config_writel(bar->dev, PCI_BASE_ADDRESS_3, bar->addr >> 32);
    qpci_config_writew(bar->dev, PCI_COMMAND, PCI_COMMAND_MEMORY);
    return bar;
}

void iv_bar_free(IvBar *bar)
{
    g_free(bar->dev);
    qpci_free_pc(bar->bus);
    g_free(bar);
}

void iv_bar_check(IvBar *bar, uint64_t at, const void *mem, size_t size)
{
    g_autofree uint8_t *seen = g_malloc(size);

    qtest_bufread(bar->qts, bar->addr + at, seen, size);
    if (mem) {
        g_assert_cmpint(memcmp(seen, mem, size), ==, 0);
    } else {
        g_assert_true(buffer_is_zero(seen, size));
    }
}

void iv_bar_write(IvBar *bar, uint64_t at, const void *mem, size_t size)
{
    qtest_bufwrite(bar->qts, bar->addr + at, mem, size);
}

char *iv_read_proc(QTestState *qts, const char *file)
{
    g_autofree char *name = g_strdup_printf("/proc/%d/%s", qtest_pid(qts),
                                            file);
    g_autoptr(GError) err = NULL;
    char *text = NULL;

    g_file_get_contents(name, &text, NULL, &err);
    g_assert_no_error(err);
    return text;
}

static bool is_mapped(QTestState *qts, const char *path)
{
    g_autofree char *maps = iv_read_proc(qts, "maps");

    return strstr(maps, path);
}

static bool is_open(QTestState *qts, const char *path)
{
    g_autofree char *name = g_strdup_printf("/proc/%d/fd", qtest_pid(qts));
    g_autoptr(GError) err = NULL;
    g_autoptr(GDir) dir = g_dir_open(name, 0, &err);
    const char *fd;
    bool found = false;

    g_assert_no_error(err);
    while ((fd = g_dir_read_name(dir))) {
        g_autofree char *link = g_build_filename(name, fd, NULL);
        g_autofree char *target = g_file_read_link(link, NULL);

        found = found || (target && g_str_has_prefix(target, path));
    }
    return found;
}

void iv_assert_mapped(QTestState *qts, const char *path)
{
    g_assert_true(is_mapped(qts, path));
}

void iv_assert_not_open(QTestState *qts, const char *path)
{
    g_assert_false(is_open(qts, path));
}

void iv_wait_released(QTestState *qts, const char *path)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

    /* memory goes away after an RCU grace period; a command passes the time */
    while (is_mapped(qts, path)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        qtest_qmp_assert_success(qts, "{'execute': 'query-status'}");
    }
    iv_assert_not_open(qts, path);
}

uint64_t iv_status_kib(QTestState *qts, const char *field)
{
    g_autofree char *status = iv_read_proc(qts, "status");
    const char *line = strstr(status, field);

    g_assert_nonnull(line);
    return g_ascii_strtoull(line + strlen(field) + 1, NULL, 10);
}

char *iv_smaps_field(QTestState *qts, const char *path, const char *field)
{
    g_autofree char *smaps = iv_read_proc(qts, "smaps");
    const char *line = strstr(smaps, path);

    g_assert_nonnull(line);
    line = strstr(line, field);
    g_assert_nonnull(line);
    line += strlen(field);
    return g_strndup(line, strcspn(line, "\n"));
}

uint64_t iv_smaps_sum_kib(QTestState *qts, const char *path, const char *field)
{
    g_autofree char *smaps = iv_read_proc(qts, "smaps");
    const char *line = smaps;
    uint64_t sum = 0;

    while ((line = strstr(line, path)) && (line = strstr(line, field))) {
        line += strlen(field);
        sum += g_ascii_strtoull(line, NULL, 10);
    }
    return sum;
}

bool iv_can_lock_memory(void)
{
    struct rlimit limit;

    g_assert_cmpint(getrlimit(RLIMIT_MEMLOCK, &limit), ==, 0);
    return !geteuid() || limit.rlim_cur >= 4 * GiB;
}

QDict *iv_get(QTestState *qts, const char *id, const char *property)
{
    g_autofree char *path = g_strconcat("/machine/peripheral/", id, NULL);
    QDict *rsp = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': {"
                           "'path': %s, 'property': %s}}", path, property);

    g_assert_true(qdict_haskey(rsp, "return"));
    return rsp;
}

uint64_t iv_get_uint(QTestState *qts, const char *id, const char *property)
{
    QDict *rsp = iv_get(qts, id, property);
    uint64_t value = qdict_get_int(rsp, "return");

    qobject_unref(rsp);
    return value;
}

unsigned iv_count_slots(QTestState *qts)
{
    g_autofree char *mtree = qtest_hmp(qts, "info mtree -f");
    const char *view = strstr(mtree, " AS \"memory\"");
    g_auto(GStrv) lines = NULL;
    unsigned n = 0;

    g_assert_nonnull(view);
    lines = g_strsplit(view, "\n", -1);
    for (char **line = lines; *line && !g_str_has_prefix(*line, "FlatView");
         line++) {
        n += strstr(*line, " ram): ivshmem-") ||
             strstr(*line, " rom): ivshmem-");
    }
    return n;
}

unsigned iv_count_ram_blocks(QTestState *qts)
{
    QDict *rsp = qtest_qmp(qts, "{'execute': 'x-query-ramblock'}");
    const char *text = qdict_get_str(qdict_get_qdict(rsp, "return"),
                                     "human-readable-text");
    g_auto(GStrv) lines = g_strsplit(g_strstrip((char *)text), "\n", -1);
    unsigned n = g_strv_length(lines) - 1; /* but for the heading */

    qobject_unref(rsp);
    return n;
}

void iv_unplug(QTestState *qts, const char *id)
{
    bool deleted = false;

    qtest_qmp_device_del_send(qts, id);
    qtest_system_reset_nowait(qts);
    while (!deleted) {
        QDict *event = qtest_qmp_eventwait_ref(qts, "DEVICE_DELETED");
        QDict *data = qdict_get_qdict(event, "data");

        deleted = !g_strcmp0(qdict_get_try_str(data, "device"), id);
        qobject_unref(event);
    }
}

QTestState *iv_start(const char *machine, const char *device)
{
    g_autofree char *quoted = device ? g_shell_quote(device) : NULL;

    return qtest_initf("-machine %s -nodefaults%s%s", machine,
                       device ? " -device " : "", quoted ?: "");
}

QTestState *iv_start_typed(const char *fmt, ...)
{
    g_autofree char *props = NULL;
    g_autofree char *json = NULL;
    va_list ap;

    va_start(ap, fmt);
    props = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    json = g_strdup_printf("{\"driver\":\"ivshmem\",\"id\":\"iv0\","
                           "\"addr\":\"" IV_ADDR "\",%s}", props);
    return iv_start("pc", json);
}

QTestState *iv_start_plain(const char *fmt, ...)
{
    g_autofree char *props = NULL;
    va_list ap;

    va_start(ap, fmt);
    props = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return qtest_initf("-machine pc -nodefaults "
                       "-device ivshmem,id=iv0,addr=" IV_ADDR ",%s", props);
}

QTestState *iv_start_with_holes(const IvFile *file, unsigned n,
                                const char *members)
{
    g_autoptr(GString) chunks = g_string_new(NULL);

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(chunks,
            "%s{\"file\":\"%s\",\"offset\":%u,\"size\":%u,\"at\":%u}",
            i ? "," : "", file->path, i * IV_PAGE, IV_PAGE, i * 2 * IV_PAGE);
    }
    return iv_start_typed("%s\"chunks\":[%s]", members, chunks->str);
}

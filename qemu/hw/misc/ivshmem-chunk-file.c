/*
 * ivshmem chunks: the files that they are ranges of
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/sysmacros.h>
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qemu/mmap-alloc.h"
#include "qapi/error.h"
#include "ivshmem-chunk-layout.h"

static char *sysfs_path(const struct stat *st, const char *name)
{
    return g_strdup_printf("/sys/dev/char/%u:%u/%s",
                           major(st->st_rdev), minor(st->st_rdev), name);
}

/* Is it a device DAX, a character device whose memory can be mapped? */
static bool is_dax(const struct stat *st)
{
    g_autofree char *link = NULL;
    g_autofree char *target = NULL;

    if (!S_ISCHR(st->st_mode)) {
        return false;
    }
    link = sysfs_path(st, "subsystem");
    target = g_file_read_link(link, NULL);
    return target && g_str_has_suffix(target, "/dax");
}

static bool read_dax(const struct stat *st, const char *name, uint64_t *value,
                     Error **errp)
{
    g_autofree char *path = sysfs_path(st, name);
    g_autofree char *text = NULL;

    if (g_file_get_contents(path, &text, NULL, NULL) &&
        qemu_strtou64(g_strchomp(text), NULL, 0, value) == 0) {
        return true;
    }
    error_setg(errp, "cannot read the device's %s from %s", name, path);
    return false;
}

static bool check_kind(const struct stat *st, Error **errp)
{
    if (S_ISREG(st->st_mode) || is_dax(st)) {
        return true;
    }
    error_setg(errp, "is %s, need a regular file or a device DAX",
               S_ISDIR(st->st_mode) ? "a directory" :
               S_ISFIFO(st->st_mode) ? "a FIFO" :
               S_ISSOCK(st->st_mode) ? "a socket" : "a device of another kind");
    return false;
}

/*
 * Look before opening, because opening a device may have side effects.  A
 * path that cannot be looked at, such as /dev/fdset/1, is left to the caller.
 */
static bool check_path(const char *path, Error **errp)
{
    struct stat st;

    return stat(path, &st) < 0 || check_kind(&st, errp);
}

/*
 * O_NONBLOCK has no effect on regular files, and no other file gets to block.
 * A descriptor in an fdset has the access mode that it has, and one for
 * reading and writing serves for reading.
 */
static int open_path(const char *path, bool readonly, Error **errp)
{
    ERRP_GUARD();
    const int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd;

    if (!readonly) {
        fd = qemu_open(path, flags | O_RDWR, errp);
        if (fd < 0 && access(path, W_OK) < 0 && access(path, R_OK) == 0) {
            error_prepend(errp, "cannot be written; set 'readonly' to share "
                          "it all the same: ");
        }
        return fd;
    }
    if (g_str_has_prefix(path, "/dev/fdset/")) {
        fd = qemu_open(path, flags | O_RDWR, NULL);
        if (fd >= 0) {
            return fd;
        }
    }
    return qemu_open(path, flags | O_RDONLY, errp);
}

static bool get_sizes(IvshmemFile *file, Error **errp)
{
    struct stat st;

    if (fstat(file->fd, &st) < 0) {
        error_setg_errno(errp, errno, "cannot get the file's size");
        return false;
    }
    if (!check_kind(&st, errp)) {
        return false;
    }
    if (S_ISCHR(st.st_mode)) {
        return read_dax(&st, "size", &file->size, errp) &&
               read_dax(&st, "align", &file->page_size, errp);
    }
    file->size = st.st_size;
    file->page_size = qemu_fd_getpagesize(file->fd);
    return true;
}

static bool check_sizes(const IvshmemFile *file, Error **errp)
{
    if (!is_power_of_2(file->page_size) ||
        file->page_size < qemu_real_host_page_size()) {
        error_setg(errp, "the alignment of 0x%" PRIx64 " makes no sense",
                   file->page_size);
        return false;
    }
    if (file->size == 0) {
        error_setg(errp, "the file is empty");
        return false;
    }
    if (file->size % file->page_size) {
        error_setg(errp, "file size 0x%" PRIx64 " is not a multiple of "
                   "the file's page size 0x%" PRIx64,
                   file->size, file->page_size);
        return false;
    }
    return true;
}

IvshmemFile *ivshmem_file_open(const char *path, bool readonly, Error **errp)
{
    ERRP_GUARD();
    IvshmemFile *file;
    int fd;

    if (!check_path(path, errp)) {
        return NULL;
    }
    fd = open_path(path, readonly, errp);
    if (fd < 0) {
        return NULL;
    }
    file = g_new0(IvshmemFile, 1);
    file->fd = fd;
    if (!get_sizes(file, errp) || !check_sizes(file, errp)) {
        ivshmem_file_free(file);
        return NULL;
    }
    return file;
}

void ivshmem_file_close(IvshmemFile *file)
{
    if (file->fd >= 0) {
        qemu_close(file->fd);
        file->fd = -1;
    }
}

void ivshmem_file_free(IvshmemFile *file)
{
    ivshmem_file_close(file);
    g_free(file);
}

/*
 * Generic device fuzzing: arguments for device ivshmem
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef IVSHMEM_FUZZ_ARGS_H
#define IVSHMEM_FUZZ_ARGS_H

#include <glib/gstdio.h>
#include <sys/eventfd.h>
#include "qemu/units.h"

/* A file without a name, so that a fuzzer that crashes leaves nothing behind */
static inline int ivshmem_fuzz_file(void)
{
    g_autofree gchar *path = NULL;
    int fd = g_file_open_tmp("qemu-fuzz.XXXXXX", &path, NULL);

    g_assert(fd >= 0);
    g_assert(g_unlink(path) == 0);
    g_assert(ftruncate(fd, 64 * KiB) == 0);
    return fd;
}

/* A message of an interrupt server, with descriptor @fd unless it is -1 */
static inline void ivshmem_fuzz_send(int sock, int64_t value, int fd)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(int))];
    } control = { .align.cmsg_len = CMSG_LEN(sizeof(int)) };
    struct iovec iov = { .iov_base = &value, .iov_len = sizeof(value) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    value = cpu_to_le64(value);
    if (fd >= 0) {
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
    }
    g_assert(sendmsg(sock, &msg, 0) == sizeof(value));
}

/* A connection to a server that has introduced two peers with two vectors */
static inline int ivshmem_fuzz_server(void)
{
    int socks[2];

    g_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, socks) == 0);
    ivshmem_fuzz_send(socks[0], 0, -1);         /* the protocol's version */
    ivshmem_fuzz_send(socks[0], 0, -1);         /* the device is peer 0 */
    for (int i = 0; i < 4; i++) {
        ivshmem_fuzz_send(socks[0], i / 2, eventfd(0, EFD_NONBLOCK));
    }
    return socks[1];
}

/* Chunks of both kinds, a hole between them, and one at the end of the BAR */
static inline gchar *generic_fuzzer_ivshmem_args(void)
{
    g_autofree gchar *file = g_strdup_printf("/proc/self/fd/%d",
                                             ivshmem_fuzz_file());

    return g_strdup_printf(
        "-machine q35 -nodefaults -chardev socket,id=server,fd=%d "
        "-device '{\"driver\": \"ivshmem\", \"bar-size\": 131072, "
        "\"chardev\": \"server\", \"vectors\": 2, "
        "\"chunks\": [{\"file\": \"%s\", \"size\": 8192}, "
                     "{\"file\": \"%s\", \"offset\": 16384, \"size\": 8192, "
                      "\"readonly\": true}, "
                     "{\"file\": \"%s\", \"offset\": 32768, \"size\": 4096, "
                      "\"at\": 65536}]}'",
        ivshmem_fuzz_server(), file, file, file);
}

#endif

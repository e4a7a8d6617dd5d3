/*
 * QTest testcases for device ivshmem: interrupts
 *
 * With a real ivshmem-server, run by a thread of the test, and with a script
 * in its place that says what no real one does.
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <poll.h>
#include <linux/sockios.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "qemu/bswap.h"
#include "contrib/ivshmem-server/ivshmem-server.h"
#include "hw/misc/ivshmem.h"
#include "hw/pci/pci_regs.h"
#include "libqos/pci-pc.h"
#include "qobject/qdict.h"
#include "ivshmem-chunks-util.h"

#define DEADLINE_MS 60000

/* Registers in BAR 0, see docs/specs/ivshmem-spec.rst */
#define IVPOSITION 8
#define DOORBELL 12

/* A device whose registers and vectors can be used */
typedef struct Doorbell {
    IvBar *bar;
    QPCIBar regs;
} Doorbell;

static Doorbell doorbell_enable(QTestState *qts)
{
    Doorbell bell = { .bar = iv_bar_map(qts, IV_DEVFN) };

    qpci_device_enable(bell.bar->dev);
    bell.regs = qpci_iomap(bell.bar->dev, 0, NULL);
    qpci_msix_enable(bell.bar->dev);
    return bell;
}

static void doorbell_free(Doorbell *bell)
{
    qpci_msix_disable(bell->bar->dev);
    iv_bar_free(bell->bar);
}

static uint32_t position(const Doorbell *bell)
{
    return qpci_io_readl(bell->bar->dev, bell->regs, IVPOSITION);
}

static void ring(const Doorbell *bell, uint32_t peer, uint32_t vector)
{
    qpci_io_writel(bell->bar->dev, bell->regs, DOORBELL, peer << 16 | vector);
}

/* Vectors are masked, so that an interrupt stays pending */
static void wait_for_interrupt(const Doorbell *bell, unsigned vector)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;

    while (!qpci_msix_pending(bell->bar->dev, vector)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(1000);
    }
}

static void wait_for_event(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    uint64_t count;

    g_assert_cmpint(poll(&pfd, 1, DEADLINE_MS), ==, 1);
    g_assert_cmpint(read(fd, &count, sizeof(count)), ==, sizeof(count));
}

static void kick(int fd)
{
    uint64_t one = 1;

    g_assert_cmpint(write(fd, &one, sizeof(one)), ==, sizeof(one));
}

static char *socket_path(void)
{
    return g_build_filename(iv_tmpdir, "server", NULL);
}

/* ---- a real server ------------------------------------------------------ */

typedef struct ServerThread {
    IvshmemServer server;
    GThread *thread;
    int stop[2];
} ServerThread;

static void *serve(void *opaque)
{
    ServerThread *t = opaque;

    for (;;) {
        int maxfd = t->stop[0] + 1;
        fd_set fds;

        FD_ZERO(&fds);
        FD_SET(t->stop[0], &fds);
        ivshmem_server_get_fds(&t->server, &fds, &maxfd);
        g_assert_cmpint(select(maxfd, &fds, NULL, NULL, NULL), >, 0);
        if (FD_ISSET(t->stop[0], &fds)) {
            return NULL;
        }
        ivshmem_server_handle_fds(&t->server, &fds, maxfd);
    }
}

static void server_start(ServerThread *t, unsigned vectors)
{
    g_autofree char *path = socket_path();

    /* the server may send to a QEMU that has ended */
    signal(SIGPIPE, SIG_IGN);
    g_assert_cmpint(ivshmem_server_init(&t->server, path, iv_tmpdir, false,
                                        IV_PAGE, vectors, false), ==, 0);
    g_assert_cmpint(ivshmem_server_start(&t->server), ==, 0);
    g_assert_cmpint(pipe(t->stop), ==, 0);
    t->thread = g_thread_new("ivshmem-server", serve, t);
}

static void server_stop(ServerThread *t)
{
    g_assert_cmpint(write(t->stop[1], "", 1), ==, 1);
    g_thread_join(t->thread);
    ivshmem_server_close(&t->server);
    close(t->stop[0]);
    close(t->stop[1]);
}

static QTestState *start_guest(const IvFile *a, unsigned vectors)
{
    g_autofree char *path = socket_path();

    return qtest_initf("-machine pc -nodefaults "
                       "-chardev socket,id=server,path=%s "
                       "-device ivshmem,id=iv0,addr=" IV_ADDR ",file=%s,"
                       "chardev=server,vectors=%u", path, a->path, vectors);
}

static void test_between_guests(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", 2 * IV_PAGE);
    ServerThread server;
    QTestState *qts1, *qts2;
    Doorbell bell1, bell2;

    server_start(&server, 2);
    qts1 = start_guest(a, 2);
    qts2 = start_guest(a, 2);
    bell1 = doorbell_enable(qts1);
    bell2 = doorbell_enable(qts2);

    g_assert_cmpuint(position(&bell1), !=, position(&bell2));
    g_assert_cmpuint(qpci_msix_table_size(bell1.bar->dev), ==, 2);
    /* the memory is that of the file, not that of the server */
    iv_bar_check(bell1.bar, 0, a->mem, a->size);
    iv_bar_check(bell2.bar, 0, a->mem, a->size);

    ring(&bell1, position(&bell2), 1);
    wait_for_interrupt(&bell2, 1);
    g_assert_false(qpci_msix_pending(bell2.bar->dev, 0));
    ring(&bell2, position(&bell1), 0);
    wait_for_interrupt(&bell1, 0);
    /* nobody is there, and there is no such vector */
    ring(&bell1, 77, 0);
    ring(&bell1, position(&bell2), 2);
    ring(&bell1, UINT16_MAX, UINT8_MAX);

    doorbell_free(&bell1);
    doorbell_free(&bell2);
    qtest_quit(qts1);
    qtest_quit(qts2);
    server_stop(&server);
}

/* ---- a script in place of a server, or a process as a peer -------------- */

static int unix_socket(struct sockaddr_un *addr)
{
    g_autofree char *path = socket_path();

    *addr = (struct sockaddr_un) { .sun_family = AF_UNIX };
    g_assert_cmpuint(strlen(path), <, sizeof(addr->sun_path));
    strcpy(addr->sun_path, path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/*
 * Send a message of the protocol, a number, and a descriptor unless -1.
 * Returns false if the connection is closed.
 */
static bool try_send_msg(int sock, int64_t value, int fd)
{
    char control[CMSG_SPACE(sizeof(int))] = {};
    struct iovec iov = { .iov_base = &value, .iov_len = sizeof(value) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    value = cpu_to_le64(value);
    if (fd >= 0) {
        struct cmsghdr *cmsg;

        msg.msg_control = control;
        msg.msg_controllen = sizeof(control);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
    }
    return sendmsg(sock, &msg, MSG_NOSIGNAL) == sizeof(value);
}

static void send_msg(int sock, int64_t value, int fd)
{
    g_assert_true(try_send_msg(sock, value, fd));
}

static int64_t receive_msg(int sock, int *fd)
{
    char control[CMSG_SPACE(sizeof(int))];
    int64_t value;
    struct iovec iov = { .iov_base = &value, .iov_len = sizeof(value) };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = control, .msg_controllen = sizeof(control),
    };
    struct cmsghdr *cmsg;

    g_assert_cmpint(recvmsg(sock, &msg, MSG_WAITALL), ==, sizeof(value));
    cmsg = CMSG_FIRSTHDR(&msg);
    *fd = -1;
    if (cmsg) {
        memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
    }
    return le64_to_cpu(value);
}

/* A process on the host is a peer like any other */
static void test_between_host_and_guest(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    struct sockaddr_un addr;
    int sock = unix_socket(&addr);
    int memory, ours, theirs;
    struct pollfd pfd = { .events = POLLIN };
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;
    ServerThread server;
    int64_t id, peer;
    Doorbell bell;
    QTestState *qts;

    server_start(&server, 1);
    qts = start_guest(a, 1);
    bell = doorbell_enable(qts);
    g_assert_cmpint(connect(sock, (struct sockaddr *)&addr, sizeof(addr)),
                    ==, 0);
    g_assert_cmpint(receive_msg(sock, &ours), ==, IVSHMEM_PROTOCOL_VERSION);
    id = receive_msg(sock, &ours);
    g_assert_cmpint(receive_msg(sock, &memory), ==, -1);
    peer = receive_msg(sock, &theirs);
    g_assert_cmpint(peer, ==, position(&bell));
    g_assert_cmpint(receive_msg(sock, &ours), ==, id);

    kick(theirs);
    wait_for_interrupt(&bell, 0);
    /* the guest's device hears of the new peer some time */
    pfd.fd = ours;
    do {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        ring(&bell, id, 0);
    } while (poll(&pfd, 1, 10) == 0);
    wait_for_event(ours);

    close(sock);
    close(memory);
    close(ours);
    close(theirs);
    doorbell_free(&bell);
    qtest_quit(qts);
    server_stop(&server);
}

/* QEMU that is connected to @sock as to a server; no device yet */
static QTestState *start_with_script_and(int *sock, const char *arguments)
{
    struct sockaddr_un addr;
    int listener = unix_socket(&addr);
    QTestState *qts;

    unlink(addr.sun_path);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&addr, sizeof(addr)),
                    ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    qts = qtest_initf("-machine pc -nodefaults "
                      "-chardev socket,id=server,path=%s %s", addr.sun_path,
                      arguments);
    *sock = accept(listener, NULL, NULL);
    g_assert_cmpint(*sock, >=, 0);
    close(listener);
    unlink(addr.sun_path);
    return qts;
}

static QTestState *start_with_script(int *sock)
{
    return start_with_script_and(sock, "");
}

/* The server introduces itself and gives the device its ID */
static void plug_as(QTestState *qts, int sock, const IvFile *a, int64_t id,
                    unsigned vectors)
{
    send_msg(sock, IVSHMEM_PROTOCOL_VERSION, -1);
    send_msg(sock, id, -1);
    qtest_qmp_device_add(qts, "ivshmem", "iv0", "{'addr': %s, 'file': %s, "
                         "'chardev': 'server', 'vectors': %u}",
                         IV_ADDR, a->path, vectors);
}

static int new_event(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* Until QEMU has handled what was sent */
static void wait_until_heard(QTestState *qts, int sock)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;
    int left = 1;

    while (left) {
        g_assert_cmpint(ioctl(sock, SIOCOUTQ, &left), ==, 0);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        qtest_qmp_assert_success(qts, "{'execute': 'query-status'}");
    }
    qtest_qmp_assert_success(qts, "{'execute': 'query-status'}");
}

/* The server says nothing of memory, neither before nor after */
static void test_server_without_memory(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    int sock, event = new_event();
    QTestState *qts = start_with_script(&sock);
    Doorbell bell;

    plug_as(qts, sock, a, 5, 1);
    send_msg(sock, 5, event);
    bell = doorbell_enable(qts);
    g_assert_cmpuint(position(&bell), ==, 5);
    iv_bar_check(bell.bar, 0, a->mem, a->size);
    wait_until_heard(qts, sock);
    kick(event);
    wait_for_interrupt(&bell, 0);
    /* a memory message without memory */
    send_msg(sock, -1, -1);
    wait_until_heard(qts, sock);

    doorbell_free(&bell);
    qtest_quit(qts);
    close(sock);
    close(event);
}

/* A peer goes and comes back; upstream used memory that it had freed */
static void test_peer_comes_back(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    int sock;
    QTestState *qts = start_with_script(&sock);
    Doorbell bell;

    plug_as(qts, sock, a, 0, 4);
    bell = doorbell_enable(qts);
    for (int cycle = 0; cycle < 20; cycle++) {
        int event = new_event();

        send_msg(sock, 3, event);
        wait_until_heard(qts, sock);
        ring(&bell, 3, 0);
        wait_for_event(event);
        send_msg(sock, 3, -1);
        wait_until_heard(qts, sock);
        ring(&bell, 3, 0);
        close(event);
    }
    doorbell_free(&bell);
    qtest_quit(qts);
    close(sock);
}

/* The server and the peers know nothing of an unplug, and continue */
static void test_unplug_while_connected(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    int sock, own = new_event(), other = new_event();
    QTestState *qts = start_with_script(&sock);
    Doorbell bell;

    plug_as(qts, sock, a, 1, 1);
    send_msg(sock, 1, own);
    send_msg(sock, 2, other);
    bell = doorbell_enable(qts);
    wait_until_heard(qts, sock);

    qtest_qmp_device_del_send(qts, "iv0");
    kick(own);
    qtest_system_reset_nowait(qts);
    for (int i = 0; i < 20; i++) {
        if (try_send_msg(sock, 2, i % 2 ? other : -1)) {
            try_send_msg(sock, 10 + i, other);
        }
        kick(own);
        qtest_qmp_assert_success(qts, "{'execute': 'query-status'}");
    }
    iv_wait_released(qts, a->path);
    kick(own);
    /* a device that is gone leaves no connection */
    g_assert_false(try_send_msg(sock, 2, -1));
    iv_bar_free(bell.bar);
    qtest_quit(qts);
    close(sock);
    close(own);
    close(other);
}

/* What a server may say instead of version and ID; -2 is the end */
typedef struct BadServer {
    int64_t messages[3];
    bool with_fd;
    const char *error;
} BadServer;

static const BadServer bad_servers[] = {
    { { -2 }, false, "read from server failed" },
    { { IVSHMEM_PROTOCOL_VERSION, -2 }, false, "read from server failed" },
    { { 77 }, false, "server sent version 77" },
    { { IVSHMEM_PROTOCOL_VERSION }, true, "invalid version message" },
    { { IVSHMEM_PROTOCOL_VERSION, -1 }, false, "invalid ID message" },
    { { IVSHMEM_PROTOCOL_VERSION, 65536 }, false, "invalid ID message" },
};

static void test_bad_servers(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);

    for (size_t i = 0; i < G_N_ELEMENTS(bad_servers); i++) {
        const BadServer *bad = &bad_servers[i];
        int sock, event = new_event();
        QTestState *qts = start_with_script(&sock);
        QDict *error;

        for (int m = 0; bad->messages[m] != -2 && m < 2; m++) {
            send_msg(sock, bad->messages[m], bad->with_fd ? event : -1);
        }
        shutdown(sock, SHUT_WR);
        error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
            "'arguments': {'driver': 'ivshmem', 'file': %s, "
            "'chardev': 'server'}}", a->path);
        g_test_message("%s", qdict_get_str(error, "desc"));
        g_assert_nonnull(strstr(qdict_get_str(error, "desc"), bad->error));
        qobject_unref(error);
        iv_wait_released(qts, a->path);
        qtest_quit(qts);
        close(sock);
        close(event);
    }
}

/* Messages that make no sense are reported, and nothing comes of them */
static void test_bad_messages(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    static const int64_t values[] = { -3, INT64_MIN, INT64_MAX, 65536, 1, 9 };
    int sock, own = -1;
    QTestState *qts = start_with_script(&sock);
    Doorbell bell;

    plug_as(qts, sock, a, 1, 2);
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        send_msg(sock, values[i], -1);
        /* more descriptors than there are vectors */
        for (int vector = 0; vector < 4; vector++) {
            int event = new_event();

            send_msg(sock, values[i], event);
            if (values[i] == 1 && vector == 0) {
                own = event;
            } else {
                close(event);
            }
        }
    }
    send_msg(sock, -1, own);
    wait_until_heard(qts, sock);
    bell = doorbell_enable(qts);
    kick(own);
    wait_for_interrupt(&bell, 0);
    doorbell_free(&bell);
    qtest_quit(qts);
    close(sock);
    close(own);
}

static void test_number_of_vectors(void)
{
    static const unsigned bad[] = { 0, 2049, UINT32_MAX };
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    int sock;
    QTestState *qts = start_with_script(&sock);

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        QDict *error = qtest_qmp_assert_failure_ref(qts,
            "{'execute': 'device_add', 'arguments': {'driver': 'ivshmem', "
            "'file': %s, 'chardev': 'server', 'vectors': %u}}",
            a->path, bad[i]);

        g_assert_nonnull(strstr(qdict_get_str(error, "desc"),
                                "must be 1 to 2048"));
        qobject_unref(error);
    }
    plug_as(qts, sock, a, 0, 2048);
    qtest_quit(qts);
    close(sock);
}

/* The server introduces itself once: a second device must not wait for it */
static void test_chardev_reuse(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    int sock;
    QTestState *qts = start_with_script(&sock);
    QDict *error;

    plug_as(qts, sock, a, 0, 1);
    error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
        "'arguments': {'driver': 'ivshmem', 'file': %s, "
        "'chardev': 'server'}}", a->path);
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"), "in use"));
    qobject_unref(error);
    iv_unplug(qts, "iv0");
    error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
        "'arguments': {'driver': 'ivshmem', 'file': %s, "
        "'chardev': 'server'}}", a->path);
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"),
                            "read from server failed"));
    qobject_unref(error);
    iv_wait_released(qts, a->path);
    qtest_quit(qts);
    close(sock);
}

/* Upstream had room for 16 peers until one with a higher ID was announced */
static void test_high_ids(void)
{
    static const int ids[] = { 15, 16, 17, 1000, UINT16_MAX };
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);

    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        int sock, own = new_event(), other = new_event();
        QTestState *qts = start_with_script(&sock);
        Doorbell bell;

        plug_as(qts, sock, a, ids[i], 1);
        /* before the server has said anything of the device's vectors */
        bell = doorbell_enable(qts);
        g_assert_cmpuint(position(&bell), ==, ids[i]);
        ring(&bell, ids[i], 0);
        send_msg(sock, ids[i], own);
        send_msg(sock, ids[i] - 1, other);
        wait_until_heard(qts, sock);
        kick(own);
        wait_for_interrupt(&bell, 0);
        ring(&bell, ids[i] - 1, 0);
        wait_for_event(other);
        doorbell_free(&bell);
        qtest_quit(qts);
        close(sock);
        close(own);
        close(other);
    }
}

/* ivshmem-doorbell: eventfds for the own vectors before the shared memory */
static void test_eventfds_before_memory(void)
{
    int sock, own = new_event();
    int memory = memfd_create("ivshmem-chunks-test", MFD_CLOEXEC);
    QTestState *qts = start_with_script(&sock);

    g_assert_cmpint(ftruncate(memory, IV_PAGE), ==, 0);
    send_msg(sock, IVSHMEM_PROTOCOL_VERSION, -1);
    send_msg(sock, 20, -1);
    send_msg(sock, 20, own);
    send_msg(sock, -1, memory);
    qtest_qmp_device_add(qts, "ivshmem-doorbell", "iv0", "{'addr': %s, "
                         "'chardev': 'server', 'vectors': 1}", IV_ADDR);
    kick(own);
    iv_unplug(qts, "iv0");
    kick(own);
    qtest_qmp_assert_success(qts, "{'execute': 'query-status'}");
    qtest_quit(qts);
    close(sock);
    close(own);
    close(memory);
}

/* A device without vectors is reset with the machine */
static void test_reset_of_unrealized(void)
{
    g_autoptr(IvFile) a = iv_file_new(NULL, "a", IV_PAGE);
    int sock;
    QTestState *qts = start_with_script(&sock);

    plug_as(qts, sock, a, 0, 2);
    qtest_qmp_assert_success(qts, "{'execute': 'qom-set', 'arguments': {"
        "'path': '/machine/peripheral/iv0', 'property': 'realized', "
        "'value': false}}");
    qtest_system_reset(qts);
    qtest_quit(qts);
    close(sock);
}

/* The size of a BAR is a power of two, other than that of the memory */
static void test_odd_memory(void)
{
    int sock, memory = memfd_create("ivshmem-chunks-test", MFD_CLOEXEC);
    QTestState *qts = start_with_script(&sock);
    QDict *error;

    g_assert_cmpint(ftruncate(memory, 3 * IV_PAGE), ==, 0);
    send_msg(sock, IVSHMEM_PROTOCOL_VERSION, -1);
    send_msg(sock, 0, -1);
    send_msg(sock, -1, memory);
    error = qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
        "'arguments': {'driver': 'ivshmem-doorbell', 'chardev': 'server'}}");
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"),
                            "is not a power of two"));
    qobject_unref(error);
    qtest_quit(qts);
    close(sock);
    close(memory);
}

/* Handlers of a device that was not realized must not stay */
static void test_failed_realize(void)
{
    int sock, own = new_event();
    QTestState *qts = start_with_script(&sock);

    send_msg(sock, IVSHMEM_PROTOCOL_VERSION, -1);
    send_msg(sock, 3, -1);
    send_msg(sock, 3, own);
    send_msg(sock, -1, -1);     /* a memory message without memory */
    qobject_unref(qtest_qmp_assert_failure_ref(qts, "{'execute': 'device_add', "
        "'arguments': {'driver': 'ivshmem-doorbell', 'vectors': 1, "
        "'chardev': 'server'}}"));
    kick(own);
    for (int i = 0; i < 3; i++) {
        qtest_qmp_assert_success(qts, "{'execute': 'query-status'}");
    }
    qtest_quit(qts);
    close(sock);
    close(own);
}

/* Have the guest mask a vector, or direct it to a local APIC and unmask it */
static void set_masked(const Doorbell *bell, unsigned vector, bool masked)
{
    QPCIDevice *dev = bell->bar->dev;
    uint64_t entry = dev->msix_table_off + vector * PCI_MSIX_ENTRY_SIZE;

    qpci_io_writel(dev, dev->msix_table_bar, entry, 0xfee00000);
    qpci_io_writel(dev, dev->msix_table_bar,
                   entry + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
    qpci_io_writel(dev, dev->msix_table_bar, entry + PCI_MSIX_ENTRY_DATA, 0x41);
    qpci_io_writel(dev, dev->msix_table_bar,
                   entry + PCI_MSIX_ENTRY_VECTOR_CTRL, masked);
}

static bool is_readable(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    return poll(&pfd, 1, 0) == 1;
}

/* KVM reads an eventfd that is an irqfd, without QEMU */
static void check_irqfd(QTestState *qts, int event)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;

    kick(event);
    while (is_readable(event)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    qtest_qmp_assert_success(qts, "{'execute': 'query-status'}");
}

/* All that a guest may do with vectors, before and after their eventfds come */
static void test_irqfd(void)
{
    g_autoptr(IvFile) a = NULL;
    int sock, event[2] = { new_event(), new_event() };
    QTestState *qts;
    Doorbell bell;

    if (!qtest_has_accel("kvm")) {
        g_test_skip("there is no KVM");
        return;
    }
    a = iv_file_new(NULL, "a", IV_PAGE);
    qts = start_with_script_and(&sock, "-accel kvm -S");
    plug_as(qts, sock, a, 300, 2);
    bell = doorbell_enable(qts);
    /* no eventfd yet */
    set_masked(&bell, 0, false);
    set_masked(&bell, 0, true);
    set_masked(&bell, 0, false);
    send_msg(sock, 300, event[0]);
    send_msg(sock, 300, event[1]);
    wait_until_heard(qts, sock);
    check_irqfd(qts, event[0]);
    set_masked(&bell, 1, false);
    check_irqfd(qts, event[1]);
    for (int cycle = 0; cycle < 10; cycle++) {
        set_masked(&bell, 0, true);
        kick(event[0]);
        g_assert_true(qpci_msix_pending(bell.bar->dev, 0));
        set_masked(&bell, 0, false);
        check_irqfd(qts, event[0]);
        qpci_msix_disable(bell.bar->dev);
        qpci_msix_enable(bell.bar->dev);
    }
    /* the guest lets the device go as it is */
    iv_unplug(qts, "iv0");
    kick(event[0]);
    iv_wait_released(qts, a->path);
    iv_bar_free(bell.bar);
    qtest_quit(qts);
    close(sock);
    close(event[0]);
    close(event[1]);
}

void iv_add_doorbell_tests(void)
{
    qtest_add_func("/ivshmem-chunks/doorbell/between-guests",
                   test_between_guests);
    qtest_add_func("/ivshmem-chunks/doorbell/between-host-and-guest",
                   test_between_host_and_guest);
    qtest_add_func("/ivshmem-chunks/doorbell/server-without-memory",
                   test_server_without_memory);
    qtest_add_func("/ivshmem-chunks/doorbell/peer-comes-back",
                   test_peer_comes_back);
    qtest_add_func("/ivshmem-chunks/doorbell/unplug-while-connected",
                   test_unplug_while_connected);
    qtest_add_func("/ivshmem-chunks/doorbell/bad-servers", test_bad_servers);
    qtest_add_func("/ivshmem-chunks/doorbell/bad-messages", test_bad_messages);
    qtest_add_func("/ivshmem-chunks/doorbell/number-of-vectors",
                   test_number_of_vectors);
    qtest_add_func("/ivshmem-chunks/doorbell/chardev-reuse",
                   test_chardev_reuse);
    qtest_add_func("/ivshmem-chunks/doorbell/high-ids", test_high_ids);
    qtest_add_func("/ivshmem-chunks/doorbell/eventfds-before-memory",
                   test_eventfds_before_memory);
    qtest_add_func("/ivshmem-chunks/doorbell/irqfd", test_irqfd);
    qtest_add_func("/ivshmem-chunks/doorbell/reset-of-unrealized",
                   test_reset_of_unrealized);
    qtest_add_func("/ivshmem-chunks/doorbell/odd-memory", test_odd_memory);
    qtest_add_func("/ivshmem-chunks/doorbell/failed-realize",
                   test_failed_realize);
}

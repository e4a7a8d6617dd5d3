/*
 * QTest helpers for the ivshmem device with chunks
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TEST_IVSHMEM_CHUNKS_UTIL_H
#define TEST_IVSHMEM_CHUNKS_UTIL_H

#include "libqtest.h"
#include "libqos/pci.h"

#define IV_PAGE 4096

/* Slot on the root bus in which the tests put the device */
#define IV_SLOT 6
#define IV_ADDR "06.0"
#define IV_DEVFN QPCI_DEVFN(IV_SLOT, 0)

/* The groups of tests; the last ones change the process */
void iv_add_memory_tests(void);
void iv_add_last_tests(void);
void iv_add_hole_tests(void);
void iv_add_list_tests(void);
void iv_add_layout_tests(void);
void iv_add_readonly_tests(void);
void iv_add_identity_tests(void);
void iv_add_doorbell_tests(void);
void iv_add_shm_tests(void);
void iv_add_cpr_tests(void);

/* A scratch directory that iv_tmpdir_remove() deletes with its contents */
extern char *iv_tmpdir;

void iv_tmpdir_create(void);
void iv_tmpdir_remove(void);

/* A file with contents that differ everywhere, mapped into the test */
typedef struct IvFile {
    char *path;
    uint8_t *mem;
    uint8_t *copy;              /* what it has to contain; NULL if sparse */
    size_t size;
} IvFile;

/* @dir is the scratch directory if NULL */
IvFile *iv_file_new(const char *dir, const char *name, size_t size);

/* The same without contents, hence without memory */
IvFile *iv_file_new_sparse(const char *dir, const char *name, size_t size);

/* The file behind a descriptor, which remains the caller's */
IvFile *iv_file_from_fd(int fd, const char *path, size_t size);

void iv_file_free(IvFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IvFile, iv_file_free)

/* Bytes of memory or disk that the file takes */
uint64_t iv_file_allocated(const IvFile *file);

/* Assert that the whole file contains what it has to */
void iv_file_check(const IvFile *file);

/* BAR 2 of an ivshmem device, enabled and mapped */
typedef struct IvBar {
    QTestState *qts;
    QPCIBus *bus;
    QPCIDevice *dev;
    uint64_t addr;
    uint64_t size;
} IvBar;

/* @devfn includes the bus number in bits 8 and up */
IvBar *iv_bar_map(QTestState *qts, int devfn);
void iv_bar_free(IvBar *bar);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IvBar, iv_bar_free)

/* Assert that the guest sees @size bytes at @mem, zeros if NULL, at @at */
void iv_bar_check(IvBar *bar, uint64_t at, const void *mem, size_t size);
void iv_bar_write(IvBar *bar, uint64_t at, const void *mem, size_t size);

/* Assert that QEMU does, or after a while does not, map or hold open @path */
void iv_assert_mapped(QTestState *qts, const char *path);
void iv_assert_not_open(QTestState *qts, const char *path);
void iv_wait_released(QTestState *qts, const char *path);

/* The contents of /proc/PID/FILE */
char *iv_read_proc(QTestState *qts, const char *file);

/* A field of /proc/PID/status in KiB */
uint64_t iv_status_kib(QTestState *qts, const char *field);

/*
 * A field of /proc/PID/smaps, of the first mapping of @path, or in KiB for all
 * mappings of it
 */
char *iv_smaps_field(QTestState *qts, const char *path, const char *field);
uint64_t iv_smaps_sum_kib(QTestState *qts, const char *path, const char *field);

/* May QEMU use -overcommit mem-lock=on? */
bool iv_can_lock_memory(void);

/* A property of device @id, as reply of QMP or as a number */
QDict *iv_get(QTestState *qts, const char *id, const char *property);
uint64_t iv_get_uint(QTestState *qts, const char *id, const char *property);

/*
 * Number of memory slots that a hypervisor needs for the devices of @qts, whose
 * BARs are mapped
 */
unsigned iv_count_slots(QTestState *qts);

/* Number of RAM blocks of the whole machine */
unsigned iv_count_ram_blocks(QTestState *qts);

/*
 * Unplug as a guest would: it is not running, but a reset of the machine lets
 * go of the device.
 */
void iv_unplug(QTestState *qts, const char *id);

/* Start pc, or another @machine, with a device given in JSON; NULL for none */
QTestState *iv_start(const char *machine, const char *device);

/* Start pc with a device "iv0" in IV_SLOT; @fmt is for further JSON members */
QTestState *iv_start_typed(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* The same in the plain form; @fmt may end in further arguments for QEMU */
QTestState *iv_start_plain(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/*
 * The same with the first @n pages of @file, a page of hole between them, and
 * further JSON members, each with a comma behind it
 */
QTestState *iv_start_with_holes(const IvFile *file, unsigned n,
                                const char *members);

#endif

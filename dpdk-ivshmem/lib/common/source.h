/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where metadata comes from: a file on the host, or BAR 2 of a PCI device in a
 * guest.  Thread-safe.
 */
#ifndef IVSHMEM_SOURCE_H
#define IVSHMEM_SOURCE_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

#include "format.h"

/**
 * Read the metadata in a file.
 *
 * @param fd
 *   Open for reading; its position does not matter and does not change.
 * @return
 *   0, or as ivshmem_metadata_decode(), or why it cannot be read.
 */
int ivshmem_source_read_file(int fd, struct ivshmem_metadata *md,
			     struct ivshmem_error *err);

/**
 * List the PCI devices 1af4:1110 of this machine in the order of their
 * addresses.
 *
 * @param[out] entries
 *   Their addresses as `d_name`; each entry and the array are released with
 *   free().
 * @return
 *   Their number; 0 also without PCI, entries is NULL then.
 */
int ivshmem_source_list_pci(struct dirent ***entries);

/** Is there a PCI device 1af4:1110 of that address? */
bool ivshmem_source_is_pci(const char *name);

/** Has it a file for BAR 2?  It gets that a little after it appears. */
bool ivshmem_source_has_bar(const char *name);

/** The inode of its folder in sysfs, another one after each plug; 0 if it is
 *  not there. */
ino_t ivshmem_source_pci_inode(const char *name);

/**
 * Enable a PCI device and read the metadata in its BAR 2.  A device that has
 * none (-ENOENT) is left as it was.
 *
 * @param name
 *   Address, as 0000:00:04.0.
 * @return
 *   A descriptor as of ivshmem_window_open(); or as ivshmem_metadata_decode(); or why it cannot be opened.
 */
int ivshmem_source_open_pci(const char *name, struct ivshmem_metadata *md,
			    struct ivshmem_error *err);

#endif

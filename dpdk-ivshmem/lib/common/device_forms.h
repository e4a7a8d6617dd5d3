/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device in the notations that QEMU reads: what device_text.c chooses from
 * and wraps for a shell or for libvirt.  Thread-safe.
 *
 *   device_plain.c   lists of file names, offsets and sizes; the historical form
 *   device_json.c    JSON, as an argument and for QMP
 *   device_layout.c  the layout file
 */
#ifndef IVSHMEM_DEVICE_FORMS_H
#define IVSHMEM_DEVICE_FORMS_H

#include <stdbool.h>
#include <stdio.h>

#include "file_identity.h"
#include "format.h"

/** What is said. */
struct ivshmem_device {
	const struct ivshmem_metadata *md;
	const char *layout; /**< path of the layout file */
	/** Of each chunk; NULL: every path names its file for good. */
	const struct ivshmem_identity *files;
};

/**
 * Print one notation of a device, without quotes for a shell.
 *
 * @return
 *   0, -ENOTSUP if the notation cannot express the device, -E2BIG if QEMU does
 *   not take it in that size, -ENOENT if it identifies a file that is missing,
 *   or -ENOMEM; f is of no use on failure.
 */
typedef int ivshmem_print(FILE *f, const struct ivshmem_device *device,
			  struct ivshmem_error *err);

ivshmem_print ivshmem_print_plain;      /* ivshmem,file=A:B,offset=... */
ivshmem_print ivshmem_print_shm;        /* ivshmem,size=S,shm=fd:A:... */
ivshmem_print ivshmem_print_json;       /* {"driver":"ivshmem",...} */
ivshmem_print ivshmem_print_layout;     /* ivshmem,layout=FILE */
ivshmem_print ivshmem_print_add;        /* QMP, with the chunks */
ivshmem_print ivshmem_print_add_layout; /* QMP, with the layout file */
ivshmem_print ivshmem_print_del;        /* QMP */

/**
 * Check before it is written what the layout file will contain: 0, -E2BIG,
 * -ENOTSUP or -ENOMEM.
 */
int ivshmem_layout_file_check(const struct ivshmem_device *device,
			      struct ivshmem_error *err);

/** The identity that goes with the path of chunk i, NULL if none needs to. */
const struct ivshmem_identity *
ivshmem_identity(const struct ivshmem_device *device, uint32_t i);

/** True if neither a shell nor QEMU's lists give a byte of it a meaning. */
bool ivshmem_is_plain(const char *path);

/**
 * Where the device places chunk i unless it is told: at the first multiple of
 * the page size behind the chunk before it.
 */
uint64_t ivshmem_default_place(const struct ivshmem_metadata *md, uint32_t i);

#endif

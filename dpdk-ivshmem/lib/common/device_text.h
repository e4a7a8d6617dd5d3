/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device as QEMU and its users want to read it.  Thread-safe.
 */
#ifndef IVSHMEM_DEVICE_TEXT_H
#define IVSHMEM_DEVICE_TEXT_H

#include <stdbool.h>

#include "file_identity.h"
#include "format.h"
#include "rte_ivshmem.h"

/** How a layout file begins. */
#define IVSHMEM_LAYOUT_START "# dpdk-ivshmem layout"

/**
 * Say md in a form of rte_ivshmem.h.
 *
 * @param form
 *   With RTE_IVSHMEM_FORM_AUTO, the first of PLAIN, JSON and LAYOUT that can
 *   express md.
 * @param layout
 *   Path of the layout file, which the caller writes if uses_layout says so;
 *   NULL: no form may use one.
 * @param metadata
 *   Identity of the metadata file, which may not have its name yet; NULL: that
 *   of the file at its path.
 * @param[out] text
 *   Without a newline at the end; to be released with free().
 * @param[out] uses_layout
 *   True if the text names the layout file.
 * @return
 *   0, -ENOMEM, or
 *   - -EINVAL: no such form, or form LAYOUT without a layout file
 *   - -E2BIG: the form would not fit into an argument of a Linux program, and
 *     a layout file cannot help
 *   - -ENOTSUP: a file name, a place in the BAR, a read-only object, or for
 *     QMP a metadata name, that it cannot express
 *   - -ENOENT, -EACCES, ...: a path below /proc names no file
 */
int ivshmem_device_text(const struct ivshmem_metadata *md,
			enum rte_ivshmem_form form, const char *layout,
			const struct ivshmem_identity *metadata, char **text,
			bool *uses_layout, struct ivshmem_error *err);

/**
 * The contents of the layout file, a line per chunk (device_layout.c).
 *
 * @param[out] text
 *   With a newline at the end; to be released with free().
 * @return
 *   0, -ENOMEM, -ENOTSUP: a file name has a newline; or -ENOENT, -EACCES, ...:
 *   a path below /proc names no file.
 */
int ivshmem_layout_text(const struct ivshmem_metadata *md, char **text,
			struct ivshmem_error *err);

#endif

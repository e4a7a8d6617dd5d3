/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of the library that fail on request.
 *
 * A program that is linked with faults.c and `--wrap` for each of the functions
 * there calls ours where the library's objects say malloc(), open() and so on.
 * DPDK and libc are other objects: their calls are not touched.
 */
#ifndef IVSHMEM_TEST_FAULTS_H
#define IVSHMEM_TEST_FAULTS_H

/** From now on the n-th call of the library fails; 0: none. */
void faults_arm(unsigned int n);

/** No call fails any more.  The function that failed, or NULL. */
const char *faults_disarm(void);

#endif

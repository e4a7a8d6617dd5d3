/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_TLB_H
#define BENCH_TLB_H

#include <stddef.h>

/*
 * Bring an emulator's TLB to a size that suits this memory.  It grows only when it is
 * flushed after much use, so that what a guest has done before would decide on what is
 * measured.  A processor's TLB is not changed by it.
 */
void bench_grow_tlb(const void *memory, size_t length);

#endif

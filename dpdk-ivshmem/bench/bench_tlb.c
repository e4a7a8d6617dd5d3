/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/mman.h>

#include "bench_tlb.h"

#define PAGE 4096UL
#define FLUSHES 10 /* each doubles the TLB at most */

/* Linux flushes the whole TLB for changes of more than 33 pages. */
#define OTHER_LENGTH (64 * PAGE)

void bench_grow_tlb(const void *memory, size_t length)
{
	void *other = mmap(NULL, OTHER_LENGTH, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (other == MAP_FAILED)
		return;
	for (int i = 0; i < FLUSHES; i++) {
		for (size_t at = 0; at < length; at += PAGE)
			(void)((const volatile char *)memory)[at];
		mprotect(other, OTHER_LENGTH,
			 i % 2 ? PROT_READ | PROT_WRITE : PROT_READ);
	}
	munmap(other, OTHER_LENGTH);
}

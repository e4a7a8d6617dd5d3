/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the dpdk-ivshmem authors */
/*
 * The guest of the CPR test: a boot sector that counts for ever.
 *
 * The counter is kept in RAM, copied to the first word of BAR 2, and counted in a
 * register as well. Before each step the guest compares all three: a difference
 * means that one of them was lost, or is of another time than the others. guest.py
 * has the same list of words.
 *
 * It is linked for address 0x7c00, where the firmware loads a boot sector.
 */
#define CONFIG_ADDRESS  0xcf8
#define CONFIG_DATA     0xfc                    /* low byte of port 0xcfc */
#define BAR2_OF_DEVICE  (0x80000000 | 6 << 11 | 0x18)   /* of 00:06.0 */

/* 64-bit words of BAR 2 */
#define COUNTER         (0 * 8)
#define STARTS          (1 * 8)
#define MISMATCHES      (2 * 8)
#define COMMAND         (3 * 8)
#define ANSWER          (4 * 8)

/* in RAM, and in a page without code, which QEMU would translate again */
#define RAM_COUNTER     0x10000

        .globl _start
        .code16
_start:
        cli
        inb     $0x92, %al                      /* enable address line 20 */
        orb     $2, %al
        outb    %al, $0x92
        xorw    %ax, %ax
        movw    %ax, %ds
        lgdtl   gdt_pointer
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmpl   $8, $protected

        .code32
protected:
        movl    $16, %eax
        movl    %eax, %ds

        movl    $BAR2_OF_DEVICE, %eax
        movw    $CONFIG_ADDRESS, %dx
        outl    %eax, %dx
        movb    $CONFIG_DATA, %dl
        inl     %dx, %eax
        andb    $0xf0, %al                      /* flags of the BAR */
        movl    %eax, %ebx                      /* EBX: address of BAR 2 */

        incl    STARTS(%ebx)
        xorl    %ecx, %ecx                      /* ECX: low half of the counter */
        pxor    %mm0, %mm0
        movq    %mm0, RAM_COUNTER
count:
        cmpl    RAM_COUNTER, %ecx
        jne     mismatch
        cmpl    COUNTER(%ebx), %ecx
        je      step
mismatch:
        incl    MISMATCHES(%ebx)
        movl    RAM_COUNTER, %ecx
step:
        incl    %ecx
        movq    RAM_COUNTER, %mm0
        paddq   one, %mm0
        movq    %mm0, RAM_COUNTER
        movq    %mm0, COUNTER(%ebx)             /* the host reads whole values */
        movl    COMMAND(%ebx), %eax
        movl    %eax, ANSWER(%ebx)
        jmp     count

        .balign 8
one:
        .quad   1
gdt:
        .quad   0
        .quad   0x00cf9a000000ffff              /* 8: code, 0 to 4 GiB */
        .quad   0x00cf92000000ffff              /* 16: data, the same */
gdt_pointer:
        .word   . - gdt - 1
        .long   gdt

        .org    510
        .word   0xaa55

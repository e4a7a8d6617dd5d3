/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbered packets of a shared pool, for tests/e2e/programs.sh: host and guest
 * put them into shared rings and take them out.
 *
 * Number, length and every byte of a packet follow from its number.  Each fifth one
 * has two segments, so that a pointer leads from one shared mbuf to another.
 */
#ifndef IVSHMEM_PROGRAMS_PACKETS_H
#define IVSHMEM_PROGRAMS_PACKETS_H

#include <stdbool.h>

#define PROGRAMS_POOL "programs_pool"
#define PROGRAMS_POOL_SIZE 1000 /* fewer than the slots of a ring */
#define PROGRAMS_CACHE 32
#define PROGRAMS_RING_SLOTS 1024
#define PROGRAMS_ZONE "programs_zone"
#define PROGRAMS_ZONE_WORDS 512

/**
 * Run a command and print one line about it.
 *
 *   find                       all kinds of objects, by their names
 *   put RING FIRST N           N packets, numbered from FIRST on
 *   take RING FIRST N [MAC]    exactly those, each once, with every byte; MAC, if
 *                              given, is their new destination
 *   forward FROM TO FIRST N [MAC]
 *                              put into FROM while taking out of TO
 *   empty RING                 somebody has taken all that is in it
 *   whole                      all mbufs are in the pool, and none in a cache of
 *                              another process
 *
 * @return
 *   True if all was as it has to be.
 */
bool programs_command(const char *line);

#endif

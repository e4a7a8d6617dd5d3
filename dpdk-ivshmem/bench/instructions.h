/* SPDX-License-Identifier: BSD-3-Clause */
/* What bench_instructions.c and its parts have in common. */
#ifndef IVSHMEM_BENCH_INSTRUCTIONS_H
#define IVSHMEM_BENCH_INSTRUCTIONS_H

struct rte_ring;

/** Objects that one path adds, publishes or attaches. */
#define OBJECTS 256

/** Objects that a data path moves at once, and how often it does. */
#define BURST 32
#define ROUNDS 64

/** What `share` shares, by the names of its metadata and objects. */
#define RINGS_FILE "rings"   /**< OBJECTS rings, side by side */
#define CHUNKS_FILE "chunks" /**< OBJECTS memzones, each a chunk */
#define DATA_FILE "data"     /**< the objects of the data paths */
#define RING_SP_SC "sp_sc"
#define RING_MP_MC "mp_mc"
#define RING_THERE "there"
#define RING_BACK "back"
#define POOL_CACHED "cached"
#define POOL_BARE "bare"

/**
 * Let callgrind count one run of a path.
 *
 * @param path
 *   Its name.
 * @param n
 *   How many operations it runs.
 */
void count(const char *path, unsigned int n, void (*run)(void));

/** "FOLDER/NAME" of metadata; valid until the next call. */
const char *file_of(const char *name);

/* Each for one command of the program; the EAL has been started. */

/** Paths of a process that shares. */
void count_host(void);

/** Share, until the end of standard input. */
void share(void);

/** Paths of a process that is attached to what share() shares. */
void count_guest(void);

#endif

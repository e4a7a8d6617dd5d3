/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What may be done to the files and mappings of the module ivshmem_wb, in a guest.
 *
 * usage: mappings NODE SIZE      checks, and prints TAP
 *        mappings hold NODE      maps 4 MiB with entries of 2 MiB, and of 4 KiB;
 *                                touches half of each, and at SIGUSR1 looks at
 *                                both halves; ends with SIGTERM
 *        mappings spin NODE      maps the same, touches all of it without end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMALL 4096UL
#define LARGE (2UL << 20)
/* Nothing of the process is there; as the host's addresses, given to mmap(). */
#define PLACE ((char *)0x7e0000000000)

static const char *node;
static unsigned long size;
static int fd;

static void ok(bool good, const char *what)
{
	static int number;

	printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
	fflush(stdout);
}

static void *map_at(char *place, unsigned long length, int prot, long offset)
{
	return mmap(place, length, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, fd,
		    offset);
}

static bool refused(unsigned long length, int flags, unsigned long offset)
{
	/* Not mmap(), which refuses some of these itself. */
	void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, fd,
			 (long)offset);

	if (map != MAP_FAILED)
		munmap(map, length);
	return map == MAP_FAILED &&
		(errno == EINVAL || errno == EOVERFLOW || errno == ENOMEM);
}

/* Of the device, from the module's attribute. */
static long entries(const char *kind)
{
	char path[128];
	struct stat st;
	long n = -1;
	FILE *f;

	if (fstat(fd, &st) != 0)
		return -1;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/entries_%s",
		 major(st.st_rdev), minor(st.st_rdev), kind);
	f = fopen(path, "r");
	if (f == NULL)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* Each page gets its own number; true if all still have it. */
static void number_pages(char *map, unsigned long length)
{
	for (unsigned long i = 0; i < length; i += SMALL)
		*(volatile uint64_t *)(map + i) = i + 1;
}

static bool numbered(const char *map, unsigned long length, unsigned long from)
{
	for (unsigned long i = 0; i < length; i += SMALL)
		if (*(const volatile uint64_t *)(map + i) != from + i + 1)
			return false;
	return true;
}

/* ---- what is checked --------------------------------------------------------- */

static void check_refusals(void)
{
	ok(refused(size + SMALL, MAP_SHARED, 0), "more than the BAR is refused");
	ok(refused(SMALL, MAP_SHARED, size), "the page behind it is refused");
	ok(refused(2 * SMALL, MAP_SHARED, size - SMALL),
	   "one page of it and one behind are refused");
	ok(refused(SMALL, MAP_SHARED, 1UL << 62), "an offset of 2^62 is refused");
	ok(refused(SMALL, MAP_SHARED, -SMALL), "the last page of all is refused");
	ok(refused(2 * SMALL, MAP_SHARED, -SMALL), "one that overflows is refused");
	ok(refused(SMALL, MAP_PRIVATE, 0), "MAP_PRIVATE is refused");
}

static void check_sizes(void)
{
	unsigned long length = size < 8 * LARGE ? size : 8 * LARGE;
	long large = entries("2m"), small = entries("4k");
	char *map = map_at(PLACE, length, PROT_READ | PROT_WRITE, 0);

	ok(map == PLACE, "it is mapped where it is wanted");
	if (map != PLACE)
		exit(1);
	number_pages(map, length);
	ok(numbered(map, length, 0), "what is written is there");
	ok(entries("2m") - large == (long)(length / LARGE) &&
	   entries("4k") == small, "aligned, it has entries of 2 MiB alone");
	munmap(map, length);

	large = entries("2m");
	map = map_at(PLACE + SMALL, 2 * LARGE, PROT_READ | PROT_WRITE, 0);
	ok(numbered(map, 2 * LARGE, 0), "not aligned, the same is there");
	ok(entries("2m") == large &&
	   entries("4k") - small == (long)(2 * LARGE / SMALL),
	   "not aligned, it has entries of 4 KiB alone");
	munmap(map, 2 * LARGE);

	small = entries("4k");
	map = map_at(PLACE + SMALL, LARGE + SMALL, PROT_READ, SMALL);
	ok(numbered(map, LARGE + SMALL, SMALL), "aligned but for its start: the same is there");
	ok(entries("2m") == large && entries("4k") - small ==
	   (long)(LARGE / SMALL + 1), "where an entry of 2 MiB does not fit, there is none");
	munmap(map, LARGE + SMALL);
}

static void check_splits(void)
{
	char *map = map_at(PLACE, 4 * LARGE, PROT_READ | PROT_WRITE, 0);
	char *moved;

	number_pages(map, 4 * LARGE);
	munmap(map + 3 * SMALL, SMALL);
	ok(numbered(map, 3 * SMALL, 0) &&
	   numbered(map + 4 * SMALL, 4 * LARGE - 4 * SMALL, 4 * SMALL),
	   "one page unmapped: all others are there");
	moved = mremap(map + LARGE, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       PLACE + 16 * LARGE);
	ok(moved == PLACE + 16 * LARGE && numbered(moved, LARGE, LARGE),
	   "moved by mremap, aligned: the same is there");
	moved = mremap(map + 2 * LARGE, LARGE, LARGE,
		       MREMAP_MAYMOVE | MREMAP_FIXED,
		       PLACE + 32 * LARGE + SMALL);
	ok(moved == PLACE + 32 * LARGE + SMALL &&
	   numbered(moved, LARGE, 2 * LARGE),
	   "moved by mremap, not aligned: the same is there");
	ok(mremap(moved, LARGE, 2 * LARGE, MREMAP_MAYMOVE) == MAP_FAILED,
	   "mremap does not make it longer");
	moved = mremap(map + 3 * LARGE, LARGE, SMALL, 0);
	ok(moved == map + 3 * LARGE && numbered(moved, SMALL, 3 * LARGE),
	   "mremap makes it shorter");
	munmap(PLACE, 64 * LARGE);
}

static volatile sig_atomic_t faults;

static void count_fault(int number)
{
	(void)number;
	faults++;
	mprotect(PLACE, 2 * LARGE, PROT_READ | PROT_WRITE);
}

static void check_protection(void)
{
	struct sigaction action = { .sa_handler = count_fault };
	char *map = map_at(PLACE, 2 * LARGE, PROT_READ | PROT_WRITE, 0);
	int readonly = open(node, O_RDONLY | O_CLOEXEC);
	void *second;

	sigaction(SIGSEGV, &action, NULL);
	number_pages(map, 2 * LARGE);
	mprotect(map, 2 * LARGE, PROT_READ);
	*(volatile uint64_t *)map = 1;
	ok(faults == 1, "a store after mprotect(PROT_READ) is a fault");
	mprotect(map + SMALL, SMALL, PROT_NONE);
	*(volatile uint64_t *)(map + SMALL) = SMALL + 1;
	ok(faults == 2 && numbered(map, 2 * LARGE, 0),
	   "so is one after mprotect(PROT_NONE) of one page; all is there");
	signal(SIGSEGV, SIG_DFL);

	second = mmap(NULL, LARGE, PROT_READ, MAP_SHARED, readonly, 0);
	ok(second != MAP_FAILED && numbered(second, LARGE, 0),
	   "a file open for reading is mapped for reading");
	ok(mprotect(second, LARGE, PROT_READ | PROT_WRITE) != 0 &&
	   mmap(NULL, LARGE, PROT_WRITE, MAP_SHARED, readonly, 0) == MAP_FAILED,
	   "and not for writing");
	munmap(second, LARGE);
	close(readonly);
	munmap(map, 2 * LARGE);
}

static void check_fork(void)
{
	char *map = map_at(PLACE, 3 * LARGE, PROT_READ | PROT_WRITE, SMALL);
	char *large = map_at(PLACE + 8 * LARGE, 2 * LARGE,
			     PROT_READ | PROT_WRITE, 0);
	int status = -1;
	pid_t child;

	number_pages(large, 2 * LARGE);
	numbered(map, LARGE, SMALL);
	child = fork();
	if (child == 0) {
		bool good = numbered(large, 2 * LARGE, 0) &&
			    numbered(map, LARGE, SMALL);

		*(volatile uint64_t *)large = 4711;
		munmap(large + 5 * SMALL, SMALL);
		_exit(!good);
	}
	waitpid(child, &status, 0);
	ok(status == 0 && *(volatile uint64_t *)large == 4711,
	   "a child of fork() has the same memory");
	*(volatile uint64_t *)large = 1;
	ok(numbered(large, 2 * LARGE, 0), "and what it unmapped stays with its parent");
	munmap(map, 3 * LARGE);
	munmap(large, 2 * LARGE);
}

/*
 * The kernel has no `struct page` for this memory, and must not look for one where
 * it takes pages of the user's: for I/O, for another process, for its reports.
 */
static void check_kernel_use(const char *what, char *map)
{
	char text[128], bytes[64], line[256];
	struct iovec here = { bytes, sizeof(bytes) }, there = { map, 64 };
	int direct = open("/direct", O_RDWR | O_CREAT | O_DIRECT, 0600);
	uint64_t entry[4] = { 0 };
	int pipes[2], f;
	bool good;
	FILE *smaps;

	/* O_DIRECT of tmpfs copies; the splice of pages does not. */
	if (direct >= 0) {
		(void)!write(direct, map, SMALL);
		(void)!pread(direct, map, SMALL, 0);
		close(direct);
	}
	good = pipe(pipes) == 0 &&
	       vmsplice(pipes[1], &(struct iovec){ map, SMALL }, 1, 0) < 0 &&
	       errno == EFAULT;
	snprintf(text, sizeof(text), "%s: vmsplice() fails", what);
	ok(good, text);
	close(pipes[0]);
	close(pipes[1]);
	good = process_vm_readv(getpid(), &here, 1, &there, 1, 0) < 0;
	snprintf(text, sizeof(text), "%s: process_vm_readv() fails", what);
	ok(good, text);
	f = open("/proc/self/pagemap", O_RDONLY);
	good = pread(f, entry, sizeof(entry),
		     (off_t)((uintptr_t)map / SMALL * 8)) == sizeof(entry);
	close(f);
	smaps = fopen("/proc/self/smaps", "r");
	while (smaps != NULL && fgets(line, sizeof(line), smaps) != NULL)
		;
	if (smaps != NULL)
		fclose(smaps);
	snprintf(text, sizeof(text), "%s: pagemap and smaps can be read", what);
	ok(good && smaps != NULL, text);
	madvise(map, LARGE, MADV_DONTNEED);
	madvise(map, LARGE, MADV_PAGEOUT);
	madvise(map, LARGE, MADV_COLD);
	madvise(map, LARGE, MADV_HUGEPAGE);
	madvise(map, LARGE, MADV_NOHUGEPAGE);
	mlock(map, LARGE);
	munlock(map, LARGE);
	msync(map, LARGE, MS_SYNC);
	(void)!mincore(map, SMALL, (unsigned char *)bytes);
	snprintf(text, sizeof(text), "%s: after madvise, mlock and msync all is there",
		 what);
	ok(numbered(map, LARGE, 0), text);
}

static void check_kernel(void)
{
	char *large = map_at(PLACE, LARGE, PROT_READ | PROT_WRITE, 0);
	char *small = map_at(PLACE + 4 * LARGE + SMALL, LARGE,
			     PROT_READ | PROT_WRITE, 0);

	number_pages(large, LARGE);
	numbered(small, LARGE, 0);
	check_kernel_use("2 MiB", large);
	check_kernel_use("4 KiB", small);
	munmap(large, LARGE);
	munmap(small, LARGE);
}

static void *touch(void *arg)
{
	for (unsigned long i = 0; i < size && i < 8 * LARGE; i += SMALL)
		(void)*(volatile char *)((char *)arg + i);
	return NULL;
}

static void check_threads(void)
{
	unsigned long length = size < 8 * LARGE ? size : 8 * LARGE;
	bool good = true;

	for (int round = 0; round < 20; round++) {
		char *place = PLACE + (round % 2 ? SMALL : 0);
		char *map = map_at(place, length, PROT_READ, 0);
		pthread_t threads[4];

		for (int i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, touch, map);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		good = good && numbered(map, length, 0);
		munmap(map, length);
	}
	ok(good, "four threads that touch it at once find what is there");
}

static void check_all(void)
{
	int second = open(node, O_RDWR | O_CLOEXEC);

	ok(second >= 0, "it is opened twice");
	close(second);
	check_refusals();
	check_sizes();
	check_splits();
	check_protection();
	check_fork();
	check_threads();
	check_kernel();
}

/* ---- hold -------------------------------------------------------------------- */

static int hold(bool spins)
{
	char *large = map_at(PLACE, 2 * LARGE, PROT_READ | PROT_WRITE, 0);
	char *small = map_at(PLACE + 4 * LARGE + SMALL, 2 * LARGE,
			     PROT_READ | PROT_WRITE, 0);
	sigset_t wanted;
	int number;

	if (large == MAP_FAILED || small == MAP_FAILED)
		return 1;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	sigaddset(&wanted, SIGTERM);
	if (!spins)
		sigprocmask(SIG_BLOCK, &wanted, NULL);
	/* Half of it is touched for the first time later. */
	number_pages(large, LARGE);
	(void)numbered(small, LARGE, 0);
	close(fd);
	printf("held\n");
	fflush(stdout);
	while (spins) {
		(void)numbered(large, 2 * LARGE, 0);
		(void)numbered(small, 2 * LARGE, 0);
	}
	while (sigwait(&wanted, &number) == 0 && number == SIGUSR1) {
		printf("large %" PRIu64 " %" PRIu64 ", small %" PRIu64 " %" PRIu64 "\n",
		       *(volatile uint64_t *)large,
		       *(volatile uint64_t *)(large + LARGE),
		       *(volatile uint64_t *)small,
		       *(volatile uint64_t *)(small + LARGE));
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool spins = argc == 3 && strcmp(argv[1], "spin") == 0;
	bool holds = spins || (argc == 3 && strcmp(argv[1], "hold") == 0);

	if (argc != 3) {
		fprintf(stderr, "usage: mappings NODE SIZE | hold NODE | spin NODE\n");
		return 2;
	}
	node = holds ? argv[2] : argv[1];
	size = holds ? 0 : strtoul(argv[2], NULL, 0);
	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(node);
		return 1;
	}
	if (holds)
		return hold(spins);
	check_all();
	printf("done\n");
	return 0;
}

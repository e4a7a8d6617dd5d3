/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "faults.h"

/* Of the thread that asked: the heartbeat of another one does not count. */
static __thread unsigned int countdown;
static const char *failed;

void faults_arm(unsigned int n)
{
	countdown = n;
	failed = NULL;
}

const char *faults_disarm(void)
{
	countdown = 0;
	return failed;
}

/* True if this call is the one that fails. */
static bool fails(const char *function, int error)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = function;
	errno = error;
	return true;
}

/* __real_X is what --wrap=X makes of the X of libc. */
#define WRAP(type, name, error, failure, parameters, arguments) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		return fails(#name, error) ? (failure) : \
		       __real_##name arguments; \
	}

/* Memory */
WRAP(void *, malloc, ENOMEM, NULL, (size_t n), (n))
WRAP(void *, calloc, ENOMEM, NULL, (size_t n, size_t size), (n, size))
WRAP(void *, reallocarray, ENOMEM, NULL, (void *p, size_t n, size_t size),
     (p, n, size))
WRAP(char *, strdup, ENOMEM, NULL, (const char *s), (s))
WRAP(void *, mmap64, ENOMEM, MAP_FAILED,
     (void *p, size_t n, int prot, int flags, int fd, off_t at),
     (p, n, prot, flags, fd, at))
WRAP(int, mprotect, ENOMEM, -1, (void *p, size_t n, int prot), (p, n, prot))
WRAP(void *, rte_lcore_callback_register, ENOMEM, NULL,
     (const char *name, rte_lcore_init_cb init, rte_lcore_uninit_cb uninit,
      void *arg), (name, init, uninit, arg))

/* Streams */
WRAP(FILE *, fopen64, EMFILE, NULL, (const char *path, const char *mode),
     (path, mode))
WRAP(FILE *, open_memstream, ENOMEM, NULL, (char **text, size_t *size),
     (text, size))
WRAP(int, fflush, ENOSPC, EOF, (FILE *f), (f))
WRAP(char *, fgets, EIO, NULL, (char *s, int size, FILE *f), (s, size, f))
WRAP(ssize_t, __getdelim, ENOMEM, -1,
     (char **line, size_t *size, int end, FILE *f), (line, size, end, f))

/* Its stream is gone also when it fails. */
int __real_fclose(FILE *f);
int __wrap_fclose(FILE *f);
int __wrap_fclose(FILE *f)
{
	int ret = __real_fclose(f);

	return fails("fclose", ENOSPC) ? EOF : ret;
}

/* Descriptors.  A mode is passed on also where none was given. */
#define WRAP_OPEN(name, parameters, arguments) \
	int __real_##name parameters; \
	int __wrap_##name parameters; \
	int __wrap_##name parameters \
	{ \
		va_list list; \
		mode_t mode; \
		\
		va_start(list, flags); \
		mode = va_arg(list, mode_t); \
		va_end(list); \
		return fails(#name, EMFILE) ? -1 : __real_##name arguments; \
	}

WRAP_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat64, (int dir, const char *path, int flags, ...),
	  (dir, path, flags, mode))

/* The library's only one is openat2(). */
WRAP(long, syscall, EMFILE, -1, (long n, long a, long b, long c, long d),
     (n, a, b, c, d))

/*
 * Whoever opens a file while we have a lease on it has the kernel send us a
 * signal.  Here somebody does, each time: it must not end the process.
 */
static void open_leased(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = __real_open64(path, O_RDONLY | O_NONBLOCK);
	if (fd >= 0)
		close(fd);
}

int __real_fcntl64(int fd, int command, long arg);
int __wrap_fcntl64(int fd, int command, long arg);
int __wrap_fcntl64(int fd, int command, long arg)
{
	int ret = fails("fcntl64", EIO) ? -1 :
		  __real_fcntl64(fd, command, arg);

	if (ret == 0 && command == F_SETLEASE && arg == F_WRLCK)
		open_leased(fd);
	return ret;
}

WRAP(int, flock, ENOLCK, -1, (int fd, int operation), (fd, operation))
WRAP(int, fstat64, EIO, -1, (int fd, struct stat *st), (fd, st))
WRAP(int, fstatfs64, EIO, -1, (int fd, struct statfs *fs), (fd, fs))
WRAP(ssize_t, pread64, EIO, -1, (int fd, void *p, size_t n, off_t at),
     (fd, p, n, at))
WRAP(ssize_t, pwrite64, EIO, -1, (int fd, const void *p, size_t n, off_t at),
     (fd, p, n, at))
WRAP(ssize_t, write, EIO, -1, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(ssize_t, pwritev64, ENOSPC, -1,
     (int fd, const struct iovec *pieces, int n, off_t at), (fd, pieces, n, at))

/* Names */
WRAP(int, stat64, EACCES, -1, (const char *path, struct stat *st), (path, st))
WRAP(int, fstatat64, EACCES, -1,
     (int dir, const char *path, struct stat *st, int flags),
     (dir, path, st, flags))
WRAP(ssize_t, readlink, EACCES, -1, (const char *path, char *to, size_t n),
     (path, to, n))
WRAP(char *, realpath, EACCES, NULL, (const char *path, char *to), (path, to))
WRAP(int, mkdir, ENOSPC, -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, rename, ENOSPC, -1, (const char *from, const char *to), (from, to))
WRAP(int, renameat2, EINVAL, -1,
     (int from_dir, const char *from, int to_dir, const char *to,
      unsigned int flags), (from_dir, from, to_dir, to, flags))
WRAP(int, link, EPERM, -1, (const char *from, const char *to), (from, to))
WRAP(int, unlink, EIO, -1, (const char *path), (path))
WRAP(int, unlinkat, EIO, -1, (int dir, const char *path, int flags),
     (dir, path, flags))
WRAP(DIR *, opendir, EMFILE, NULL, (const char *path), (path))
WRAP(struct dirent *, readdir64, EIO, NULL, (DIR *dir), (dir))
WRAP(int, scandir64, ENOMEM, -1,
     (const char *path, struct dirent ***list,
      int (*wanted)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)),
     (path, list, wanted, compare))

/* Doorbells */
WRAP(void *, realloc, ENOMEM, NULL, (void *p, size_t n), (p, n))
WRAP(int, socket, EMFILE, -1, (int family, int type, int protocol),
     (family, type, protocol))
WRAP(int, connect, ECONNREFUSED, -1,
     (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n))
WRAP(ssize_t, recvmsg, ECONNRESET, -1,
     (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(int, poll, ENOMEM, -1, (struct pollfd *fds, nfds_t n, int ms),
     (fds, n, ms))
WRAP(ssize_t, read, EIO, -1, (int fd, void *p, size_t n), (fd, p, n))
WRAP(int, eventfd, EMFILE, -1, (unsigned int value, int flags), (value, flags))
/* Of a device in a guest, where tests/e2e/doorbell.sh goes. */
WRAP(int, ioctl, ENOTTY, -1, (int fd, unsigned long request, void *arg),
     (fd, request, arg))

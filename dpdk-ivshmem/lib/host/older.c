/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Generations of a metadata file that were replaced, but that VMs still have:
 * they are marked closing in the end, by this process or, through a hidden
 * name, by the next start after its death.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "leavings.h"
#include "log.h"

/*
 * A lease for writing is given only if nobody else has the file open.  Whoever
 * opens it while we have the lease waits until we give it back, and we get a
 * signal: one that does nothing by default, since SIGIO would end the process.
 */
static bool is_in_use(int fd)
{
	if (fcntl(fd, F_SETSIG, SIGURG) != 0)
		return true;
	if (fcntl(fd, F_SETLEASE, F_WRLCK) != 0)
		return errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

/* The name under which a generation is kept; "" if there is none. */
static void older_path(const struct ivshmem_file *file, int fd,
		       char older[PATH_MAX])
{
	struct stat st;

	older[0] = '\0';
	if (fstat(fd, &st) == 0)
		ivshmem_older_path(file->path, st.st_ino, older);
}

/*
 * The generation that is about to lose its name gets a hidden one, so that the
 * next start finds it if this process dies.  Without it (a file system that
 * has no links) that start would not tell the VM that has it; no more than
 * that.
 */
void ivshmem_older_keep_name(const struct ivshmem_file *file)
{
	char older[PATH_MAX];

	if (!is_in_use(file->fd) ||
	    !ivshmem_file_is_named(file->fd, file->path))
		return;
	older_path(file, file->fd, older);
	if (link(file->path, older) != 0)
		IVSHMEM_LOG(DEBUG, "'%s' cannot be linked: %s", file->path,
			    strerror(errno));
}

void ivshmem_older_drop_name(const struct ivshmem_file *file, int fd)
{
	char older[PATH_MAX];

	older_path(file, fd, older);
	unlink(older);
}

/* Let go of a generation that was replaced. */
static void forget(const struct ivshmem_file *file, int fd)
{
	ivshmem_heartbeat_end(fd);
	ivshmem_older_drop_name(file, fd);
	close(fd);
}

/*
 * As long as a VM has the generation before, it is kept open, to be marked in
 * the end.
 */
void ivshmem_older_retire(struct ivshmem_file *file, bool outdated)
{
	int *older = file->older.data;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < file->older.n; i++) {
		if (outdated)
			ivshmem_mark_closing(older[i]);
		if (!outdated && is_in_use(older[i]))
			older[kept++] = older[i];
		else
			forget(file, older[i]);
	}
	file->older.n = kept;
	if (outdated)
		ivshmem_mark_closing(file->fd);
	if (!outdated && is_in_use(file->fd))
		ivshmem_vec_append(&file->older, &file->fd, 1,
				   sizeof(file->fd));
	else
		forget(file, file->fd);
}

void ivshmem_older_close(struct ivshmem_file *file)
{
	const int *older = file->older.data;

	for (uint32_t i = 0; i < file->older.n; i++) {
		if (file->owner == getpid()) {
			ivshmem_heartbeat_end(older[i]);
			ivshmem_mark_closing(older[i]);
			ivshmem_older_drop_name(file, older[i]);
		}
		close(older[i]);
	}
	free(file->older.data);
	file->older = (struct ivshmem_vec){ 0 };
}

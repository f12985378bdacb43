#include "client/files/source.h"
#include "client/files/disk.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE (16 * 1024)

/* A byte is read where none should be, or where the last one should be: the latter only of what occupies
 * nothing, as a file of holes does, too. */
int source_is_unsized(int fd, const struct stat *st)
{
    char byte;
    if (st->st_size > 0 && st->st_blocks > 0)
        return 0;
    ssize_t got = pread(fd, &byte, 1, st->st_size > 0 ? st->st_size - 1 : 0);
    if (got < 0)
        return -1;
    return st->st_size > 0 ? got == 0 : got > 0;
}

static int write_all(int fd, const char *data, ssize_t len)
{
    for (ssize_t done = 0; done < len;) {
        ssize_t put = write(fd, data + done, (size_t)(len - done));
        if (put < 0)
            return -1;
        done += put;
    }
    return 0;
}

/* All that `from` gives, to `to`. The number of its bytes, or -1. */
static off_t drain(int from, int to)
{
    char piece[PIECE];
    off_t size = 0;
    for (;;) {
        ssize_t got = read(from, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -1 : size;
        size += got;
        if (size > SOURCE_UNSIZED_MAX) {
            errno = EFBIG;
            return -1;
        }
        if (write_all(to, piece, got) < 0)
            return -1;
    }
}

/* What is sent instead: with its time, so that it passes for unchanged. */
static int read_to_end(int fd, struct stat *st)
{
    int copy = memfd_create("hx-source", MFD_CLOEXEC);
    if (copy < 0)
        return -1;
    const struct timespec times[2] = {st->st_mtim, st->st_mtim};
    off_t size = drain(fd, copy);
    if (size >= 0 && futimens(copy, times) == 0) {
        st->st_size = size;
        return copy;
    }
    disk_close(copy);
    return -1;
}

int source_open(int root, const char *path, struct stat *st, enum reach reach)
{
    int fd = beneath_file_in_reach(root, path, st, reach);
    int unsized = fd < 0 ? 0 : source_is_unsized(fd, st);
    if (fd < 0 || unsized == 0)
        return fd;
    int copy = unsized > 0 ? read_to_end(fd, st) : -1;
    disk_close(fd);
    return copy;
}

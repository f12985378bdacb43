#include "client/visit_store.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "visits"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *directory; /* NULL: none */
static struct visits memory;

void visit_store_use(const char *name)
{
    pthread_mutex_lock(&lock);
    if (name && !directory)
        directory = strdup(name);
    pthread_mutex_unlock(&lock);
}

static bool path_of(char out[PATH_MAX], const char *file)
{
    int len = directory ? snprintf(out, PATH_MAX, "%s/%s", directory, file) : -1;

    return len > 0 && len < PATH_MAX;
}

/* A FIFO's open() would wait, and a link may lead anywhere. */
static void read_file(struct visits *v)
{
    char path[PATH_MAX], text[VISITS_TEXT_MAX];
    struct stat st;

    if (!path_of(path, FILE_NAME))
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        ssize_t len = read(fd, text, sizeof text);
        if (len > 0)
            visits_read(v, text, (size_t)len);
    }
    close(fd);
}

/* As the XDG Base Directory Specification has it: with its parents, for its owner alone. */
static void make_directory(void)
{
    char path[PATH_MAX];

    if (!path_of(path, FILE_NAME))
        return;
    for (char *slash = path + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        (void)mkdir(path, 0700); /* it may be there, and else nothing can be written into it */
    }
}

/* Whole or not at all: another process may read or write it now. Of two that write the later one wins; the
 * other's next visit is one more round trip. */
static void write_file(const struct visits *v)
{
    char path[PATH_MAX], made[PATH_MAX], text[VISITS_TEXT_MAX];
    size_t len = visits_write(v, text);

    if (!path_of(path, FILE_NAME) || !path_of(made, FILE_NAME ".XXXXXX"))
        return;
    int fd = mkostemp(made, O_CLOEXEC); /* mode 0600 */
    if (fd < 0 && errno == ENOENT) {
        make_directory();
        if (path_of(made, FILE_NAME ".XXXXXX"))
            fd = mkostemp(made, O_CLOEXEC);
    }
    if (fd < 0)
        return;
    bool whole = write(fd, text, len) == (ssize_t)len;
    if ((close(fd) < 0) | !whole || rename(made, path) < 0)
        (void)unlink(made);
}

size_t visit_store_take(const struct sockaddr *to, socklen_t len, uint8_t ticket[UDT_TICKET_MAX])
{
    struct visits file = {.count = 0};
    struct endpoint at;
    size_t ticket_len = 0;

    if (endpoint_from_sockaddr(&at, to, len) < 0)
        return 0;
    pthread_mutex_lock(&lock);
    struct visit *known = visits_find(&memory, &at);
    if (!known) {
        read_file(&file);
        known = visits_find(&file, &at);
    }
    if (known && (ticket_len = known->ticket_len) > 0) {
        struct visit used = {.at = at};
        memcpy(ticket, known->ticket, ticket_len);
        visits_put(&memory, &used); /* the file's, too: it is not taken from there any more */
    }
    pthread_mutex_unlock(&lock);
    return ticket_len;
}

void visit_store_keep(const struct sockaddr *to, socklen_t len, const uint8_t *ticket, size_t ticket_len)
{
    struct visit visit = {.ticket_len = ticket_len};
    struct visits file = {.count = 0};

    if (ticket_len > sizeof visit.ticket || endpoint_from_sockaddr(&visit.at, to, len) < 0)
        return;
    memcpy(visit.ticket, ticket, ticket_len);
    pthread_mutex_lock(&lock);
    visits_put(&memory, &visit);
    if (directory) {
        read_file(&file);
        visits_put(&file, &visit);
        write_file(&file);
    }
    pthread_mutex_unlock(&lock);
}

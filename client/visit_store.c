#include "client/visit_store.h"
#include "base/clock.h"
#include "base/thread.h"
#include "base/write_aside.h"
#include "client/engine.h"
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME   "visits"
#define STACK_BYTES (256 * 1024)
#define LATER_MS    1000

/* Of what is below; never held while the file is read or written: the engine's thread would wait for a
 * slow disk. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *directory; /* NULL: none. Set once */
static struct visits memory;
static struct visits unwritten; /* those of `memory` that the file does not have */

static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER; /* one at a time writes the file */

static bool path_of(char out[PATH_MAX])
{
    pthread_mutex_lock(&lock);
    int len = directory ? snprintf(out, PATH_MAX, "%s/" FILE_NAME, directory) : -1;
    pthread_mutex_unlock(&lock);
    return len > 0 && len < PATH_MAX;
}

/* A FIFO's open() would wait, and a link may lead anywhere. */
static void read_file(struct visits *v, const char *path)
{
    char text[VISITS_TEXT_MAX];
    struct stat st;

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

static void put_all(struct visits *v, const struct visits *later)
{
    for (int i = 0; i < later->count; i++)
        visits_put(v, &later->list[i]);
}

void visit_store_use(const char *name)
{
    struct visits known = {.count = 0};
    char path[PATH_MAX];

    pthread_mutex_lock(&lock);
    if (name && !directory)
        directory = strdup(name);
    pthread_mutex_unlock(&lock);
    if (!path_of(path))
        return;
    read_file(&known, path);
    pthread_mutex_lock(&lock);
    put_all(&known, &memory); /* what was used up here is there all the same */
    memory = known;
    pthread_mutex_unlock(&lock);
}

/* Of two processes that write the later one wins; the other's next visit is one more round trip. */
static void write_file(const struct visits *v, const char *path)
{
    char made[PATH_MAX], text[VISITS_TEXT_MAX];
    const struct iovec all = {text, visits_write(v, text)};

    (void)write_aside_parents(path, made); /* else nothing can be written into them */
    if (write_aside(made, path, &all, 1, false) && rename(made, path) < 0)
        (void)unlink(made);
}

void visit_store_flush(void)
{
    struct visits file = {.count = 0}, news;
    char path[PATH_MAX];

    if (!path_of(path))
        return;
    pthread_mutex_lock(&writing);
    pthread_mutex_lock(&lock);
    news = unwritten;
    unwritten.count = 0;
    pthread_mutex_unlock(&lock);
    if (news.count > 0) {
        read_file(&file, path); /* others write it, too */
        put_all(&file, &news);
        write_file(&file, path);
    }
    pthread_mutex_unlock(&writing);
}

static void *flush_run(void *unused)
{
    (void)unused;
    visit_store_flush();
    return NULL;
}

static void on_later(struct timer *unused)
{
    (void)unused;
    (void)thread_detached(STACK_BYTES, flush_run, NULL); /* else the next time */
}

void visit_store_flush_later(void)
{
    static struct timer later = {.fire = on_later};
    if (!timer_is_set(&later))
        engine_timer_set(&later, clock_now_ms() + LATER_MS);
}

size_t visit_store_take(const struct sockaddr *to, socklen_t len, uint8_t ticket[UDT_TICKET_MAX])
{
    struct visit used = {.ticket_len = 0};
    size_t ticket_len = 0;

    if (endpoint_from_sockaddr(&used.at, to, len) < 0)
        return 0;
    pthread_mutex_lock(&lock);
    const struct visit *known = visits_find(&memory, &used.at);
    if (known && (ticket_len = known->ticket_len) > 0) {
        memcpy(ticket, known->ticket, ticket_len);
        visits_put(&memory, &used); /* the file's, too: it is not taken from there any more */
        if (visits_find(&unwritten, &used.at))
            visits_put(&unwritten, &used);
    }
    pthread_mutex_unlock(&lock);
    return ticket_len;
}

void visit_store_keep(const struct sockaddr *to, socklen_t len, const uint8_t *ticket, size_t ticket_len)
{
    struct visit visit = {.ticket_len = ticket_len};

    if (ticket_len > sizeof visit.ticket || endpoint_from_sockaddr(&visit.at, to, len) < 0)
        return;
    memcpy(visit.ticket, ticket, ticket_len);
    pthread_mutex_lock(&lock);
    visits_put(&memory, &visit);
    if (directory)
        visits_put(&unwritten, &visit);
    pthread_mutex_unlock(&lock);
}

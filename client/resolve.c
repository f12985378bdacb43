#include "client/resolve.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/thread.h"
#include "client/engine.h"
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define JOB_STACK_BYTES (512 * 1024) /* modules of the name service take more than one expects */
#define NAMES           64           /* of which it is known where the last lookup ended */

/* One getaddrinfo(), and who waits for it: nobody, if it hung for too long. */
struct job {
    struct host_port name;
    int family;
    struct resolve *waiters;
    struct job *prev, *next;
};

/* Waits for its job, or, without one, for its timer to tell what is known already. */
struct resolve {
    struct timer timer; /* the deadline, or now */
    struct job *job;
    resolve_done_fn *done;
    void *user;
    int error; /* without a job */
    bool temporary;
    struct resolve_list list;
    struct resolve *prev, *next;
};

static struct job *jobs;

/* Of more addresses than are tried at once a name's first lookup has the best ones (RFC 6724), and each later
 * one those that follow: whoever tries again comes to each of them. */
static size_t begin_at(size_t count, const struct host_port *name, int family)
{
    static atomic_size_t next[NAMES]; /* names that share one only begin elsewhere */
    size_t place = hash_keyed(name->host, strlen(name->host)) + (family == AF_INET6);
    return count <= RESOLVE_MAX ? 0 : atomic_fetch_add(&next[place % NAMES], RESOLVE_MAX) % count;
}

static bool is_wanted(const struct addrinfo *a, int family)
{
    return (family == AF_UNSPEC || a->ai_family == family) &&
           a->ai_addrlen <= sizeof(struct sockaddr_storage);
}

/* In their order, those from number `from` on before those before it. */
static void take(struct resolve_list *out, const struct addrinfo *found, int family, size_t from)
{
    out->count = 0;
    for (int again = 0; again < 2; again++) {
        size_t number = 0;
        for (const struct addrinfo *a = found; a && out->count < RESOLVE_MAX; a = a->ai_next) {
            if (!is_wanted(a, family) || (number++ < from) != again)
                continue;
            memcpy(&out->address[out->count].sa, a->ai_addr, a->ai_addrlen);
            out->address[out->count++].len = a->ai_addrlen;
        }
    }
}

static int lookup(struct resolve_list *out, const struct host_port *name, int family, int flags)
{
    char port[sizeof "65535"];
    snprintf(port, sizeof port, "%hu", name->port);
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(name->host, port, &hints, &found);
    out->count = 0;
    if (rc != 0)
        return rc;
    size_t count = 0;
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        count += is_wanted(a, family);
    take(out, found, family, begin_at(count, name, family));
    freeaddrinfo(found);
    return out->count > 0 ? 0 : EAI_NONAME;
}

/* Does the name service say that there is none, or could it not say? */
static bool is_temporary(int rc)
{
    return rc == EAI_AGAIN || rc == EAI_SYSTEM || rc == EAI_MEMORY;
}

static void resolve_free(struct resolve *r)
{
    engine_timer_cancel(&r->timer);
    if (r->job)
        DL_DELETE(r->job->waiters, r);
    free(r);
}

static void tell(struct resolve *r, int error, bool temporary, const struct resolve_list *list)
{
    struct resolve_result result = {error, temporary, error == HX_OK ? list : NULL};
    resolve_done_fn *done = r->done;
    void *user = r->user;
    resolve_free(r);
    done(user, &result);
}

static void on_timer(struct timer *t)
{
    struct resolve *r = container_of(t, struct resolve, timer);
    struct resolve_list list = r->list;
    if (r->job)
        tell(r, HX_ERESOLVE, true, NULL);
    else
        tell(r, r->error, r->temporary, &list);
}

static void *job_run(void *user)
{
    struct job *job = user;
    struct resolve_list list;
    int rc = lookup(&list, &job->name, job->family, 0);
    int error = rc == 0 ? HX_OK : HX_ERESOLVE;
    engine_lock();
    DL_DELETE(jobs, job);
    struct resolve *r;
    while ((r = job->waiters)) { /* telling one may cancel others */
        DL_DELETE(job->waiters, r);
        r->job = NULL;
        tell(r, error, is_temporary(rc), &list);
    }
    engine_unlock();
    free(job);
    return NULL;
}

/* The job that looks this name up, maybe since before; NULL: there cannot be one now. */
static struct job *job_get(const struct host_port *name, int family)
{
    struct job *job;
    int count = 0;
    DL_FOREACH(jobs, job)
    {
        if (job->family == family && job->name.port == name->port && strcmp(job->name.host, name->host) == 0)
            return job;
        count++;
    }
    if (count >= RESOLVE_JOBS_MAX)
        return NULL;
    job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->name = *name;
    job->family = family;
    DL_APPEND(jobs, job);
    if (thread_detached(JOB_STACK_BYTES, job_run, job) == HX_OK)
        return job;
    DL_DELETE(jobs, job);
    free(job);
    return NULL;
}

int resolve_begin(struct resolve **out, const struct host_port *name, int family, resolve_done_fn *done,
                  void *user)
{
    struct resolve *r = calloc(1, sizeof *r);
    if (!r)
        return HX_ENOMEM;
    r->done = done;
    r->user = user;
    r->timer.fire = on_timer;
    int64_t due_ms = clock_now_ms();
    if (lookup(&r->list, name, AF_UNSPEC, AI_NUMERICHOST) == 0) {
        r->error = r->list.address[0].sa.ss_family == family ? HX_OK : HX_ERESOLVE;
    } else if ((r->job = job_get(name, family))) {
        DL_APPEND(r->job->waiters, r);
        due_ms += RESOLVE_MS;
    } else {
        r->error = HX_ERESOLVE;
        r->temporary = true;
    }
    engine_timer_set(&r->timer, due_ms);
    *out = r;
    return HX_OK;
}

void resolve_cancel(struct resolve *r)
{
    if (r)
        resolve_free(r);
}

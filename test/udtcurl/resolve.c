#include "test/udtcurl/resolve.h"
#include "base/clock.h"
#include "shim/udt/udt.h"
#include "test/udtcurl/codes.h"
#include "test/udtcurl/wait.h"
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 50 /* the resolver has no descriptor to poll: its answer is looked for this often */

/* What the resolver's thread reads and writes. It is not freed if the thread could not be stopped in time. */
struct query {
    struct gaicb request;
    struct addrinfo hints;
    char host[256];
    char port[8];
};

static struct query *query_new(const char *host, uint16_t port, int family)
{
    struct query *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    snprintf(q->host, sizeof q->host, "%s", host);
    snprintf(q->port, sizeof q->port, "%u", port);
    q->hints.ai_family = family;
    q->hints.ai_socktype = SOCK_DGRAM;
    q->hints.ai_flags = AI_NUMERICSERV;
    q->request.ar_name = q->host;
    q->request.ar_service = q->port;
    q->request.ar_request = &q->hints;
    return q;
}

static int await(struct query *q, int64_t until_ms)
{
    const struct gaicb *list[] = {&q->request};
    while (gai_error(&q->request) == EAI_INPROGRESS) {
        struct timespec slice = {.tv_nsec = LOOK_MS * 1000000L};
        gai_suspend(list, 1, &slice);
        int err = wait_fds(NULL, 0, 0); /* lets a signal in */
        if (err != UC_OK && err != UC_TIMEOUT)
            return err;
        if (until_ms >= 0 && clock_now_ms() >= until_ms)
            return UC_TIMEOUT;
    }
    return UC_OK;
}

int resolve(struct addrinfo **out, const char *host, uint16_t port, int family, int64_t until_ms,
            const char **why)
{
    struct query *q = query_new(host, port, family);
    struct gaicb *list[1];
    int err;
    *out = NULL;
    if (!q)
        return UC_MEMORY;
    q->hints.ai_flags |= AI_NUMERICHOST; /* an address needs no thread */
    err = getaddrinfo(q->host, q->port, &q->hints, out);
    if (err == EAI_NONAME) {
        q->hints.ai_flags &= ~AI_NUMERICHOST;
        list[0] = &q->request;
        err = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
        int waited = err == 0 ? await(q, until_ms) : UC_OK;
        if (waited != UC_OK) {
            if (gai_cancel(&q->request) == EAI_CANCELED)
                free(q);
            return waited;
        }
        if (err == 0)
            err = gai_error(&q->request);
        if (err == 0)
            *out = q->request.ar_result;
    }
    free(q);
    *why = gai_strerror(err);
    return err == 0 ? UC_OK : UC_RESOLVE;
}

/* client/nameserver.h: one request to a nameserver, and the stream of parts that answers it. Everything is
 * called and calls back with the engine's lock held. */
#ifndef HX_CLIENT_NAMESERVER_H
#define HX_CLIENT_NAMESERVER_H

#include "base/buf.h"
#include "client/resolve.h"
#include "proto/multipart.h"

#define NAMESERVER_ANSWER_MS 10000 /* from the request to the head of its answer; a wait comes on top */
#define NAMESERVER_SILENCE_MS \
    20000                        /* its UDT sends something every 8 s or so: two were lost, now give up \
                                  */
#define NAMESERVER_HURRY_MS 1000 /* for an address that is not the last to be tried */

struct nameserver;

struct nameserver_end {
    int error; /* HX_ECLOSED: broken; HX_EEOF: it said goodbye; HX_ETIMEDOUT; an answer's HX_E*; ... */
    int retry_after_s; /* -1: it said nothing about that */
    const char *text;  /* the first line of its explanation, or "" */
};

struct nameserver_callbacks {
    void (*on_agreed)(void *user, const struct endpoint *external); /* 200; AF_UNSPEC if it did not tell */
    void (*on_part)(void *user, const struct multipart_part *part);
    /* Once, as the last. Here alone nameserver_close() may be called from a callback. */
    void (*on_end)(void *user, const struct nameserver_end *end);
    void *user;
};

/* Turns to the addresses one after the other until one answers at all. `request` is copied; `wait_s`: how
 * long its answer may take on top. HX_OK, or an error and no callback. */
int nameserver_open(struct nameserver **out, const struct resolve_list *addresses, const struct buf *request,
                    int wait_s, const struct nameserver_callbacks *callbacks);
void nameserver_close(struct nameserver *n); /* NULL is fine; no callback any more */

#endif

/* server/admin/admin_state.h: the inside of the admin listener, for its own files alone. */
#ifndef HX_SERVER_ADMIN_ADMIN_STATE_H
#define HX_SERVER_ADMIN_ADMIN_STATE_H

#include "base/buf.h"
#include "server/admin/access.h"
#include "server/admin/admin.h"
#include "server/config.h"
#include "server/introductions.h"
#include "server/loop.h"
#include <microhttpd.h>

/* A connection, from its start to its end. */
struct admin_peer {
    struct admin_listener *listener;
    struct admin_peer *prev, *next;
    int fd;
    int64_t deadline_ms; /* when it is cut off, whatever it does slowly; -1: it listens to events */
};

/* A request, from its line to the last byte of its answer. */
struct admin_request {
    struct admin *admin;
    struct MHD_Connection *connection;
    bool changes; /* its method asks for more than to look */
    struct admin_peer *peer;
    struct admin_request *prev, *next; /* in `list` */
    struct admin_request **list;       /* admin->waiting or ->listening; NULL: in none */
    bool listens;                      /* to events */
    struct buf event;                  /* that is being sent */
    uint64_t told_status, told_introduction;
};

struct admin_listener {
    struct admin *admin;
    struct MHD_Daemon *daemon;
    struct loop_edge edge; /* of what the daemon waits for */
    bool again;            /* it has more to do */
    bool by_path;
    char text[ADMIN_TEXT_MAX];
    struct admin_peer *peers;
};

struct admin {
    struct access access;
    struct admin_listener listeners[CONFIG_ADMIN_MAX];
    size_t count;
    struct admin_sources from;
    struct status status;
    struct introductions introductions;
    bool serving, ended;
    int64_t now_ms, tick_ms;
    int64_t news_ms;                 /* when introductions were told last */
    uint64_t news;                   /* the last change of one that was told */
    int64_t spent_us;                /* of this turn */
    struct admin_request *waiting;   /* for the next turn; suspended */
    struct admin_request *listening; /* to events, and have been told all; suspended */
    size_t listeners_to_events;
    uint64_t status_number; /* of the newest event `status` */
    struct buf status_text; /* it, as it is sent */
};

/* http.c: what libmicrohttpd calls */
enum MHD_Result http_request(void *listener, struct MHD_Connection *connection, const char *path,
                             const char *method, const char *version, const char *body, size_t *body_len,
                             void **request);
void http_completed(void *listener, struct MHD_Connection *connection, void **request,
                    enum MHD_RequestTerminationCode why);
/* Nothing is read or written for `r` until those of this list are resumed. */
void http_suspend(struct admin_request *r, struct admin_request **list);
void http_resume_all(struct admin_request **list);
/* Queues `body`, which is the answer's from now on and empty afterwards. */
enum MHD_Result http_answer(struct admin_request *r, unsigned status, const char *type, struct buf *body);
/* Queues `response`, and lets go of it; NULL: there was no memory. */
enum MHD_Result http_queue(struct admin_request *r, unsigned status, struct MHD_Response *response);

/* A line of text. */
enum MHD_Result http_refuse(struct admin_request *r, unsigned status, const char *text);

/* api.c */
struct api_route {
    const char *path;
    enum MHD_Result (*serve)(struct admin_request *r, const char *name);
    const char *allow; /* methods, each with a space behind it; NULL: API_LOOKS */
    bool for_all;      /* no token is needed */
};
#define API_LOOKS "GET HEAD "
/* NULL: there is none. `name`: the one that the path has, if it is about one. */
const struct api_route *api_find(const char *path, char name[HOST_ID_MAX + 1]);

/* events.c */
enum MHD_Result events_begin(struct admin_request *r, const char *name);
void events_tick(struct admin *a);
/* Introductions have been made, or been told of. */
void events_news(struct admin *a);
void events_end(struct admin_request *r);

#endif

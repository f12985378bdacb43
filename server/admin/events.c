/* GET /events: what happens, as it happens (HTML, 9.2: server-sent events). Who listens has a place in what
 * there is to tell, and no queue: who reads slowly misses some. */
#include "base/error.h"
#include "server/admin/admin_state.h"
#include "server/admin/listing.h"
#include <string.h>
#include <utlist.h>

#define EVENTS_ROW 16 /* introductions that one listener is told at once */

/* Those that were made, or have been told of, since it was told last: as they are now. */
static void add_introductions(struct admin_request *r)
{
    const struct introduction *i;

    for (int n = 0;
         n < EVENTS_ROW && (i = introductions_after(&r->admin->introductions, r->told_introduction)); n++) {
        struct json j = json_begin(&r->event);
        int err = buf_printf(&r->event, "event: introduction\ndata: ");

        if (err == HX_OK)
            listing_introduction(i, &j, NULL, r->admin->now_ms);
        if (err == HX_OK && j.err == HX_OK)
            (void)buf_append(&r->event, "\n\n", 2);
        r->told_introduction = i->changed;
    }
}

/* The next event that it has not been told, into r->event. */
static void next_event(struct admin_request *r)
{
    struct admin *a = r->admin;

    if (r->told_status == a->status_number)
        add_introductions(r);
    else if (buf_append(&r->event, buf_data(&a->status_text), a->status_text.len) == HX_OK)
        r->told_status = a->status_number;
}

static ssize_t read_event(void *request, uint64_t at, char *out, size_t size)
{
    struct admin_request *r = request;

    (void)at;
    if (r->admin->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (r->event.len == 0)
        next_event(r);
    if (r->event.len == 0) {
        http_suspend(r, &r->admin->listening);
        return 0;
    }
    size_t n = r->event.len < size ? r->event.len : size;
    memcpy(out, buf_data(&r->event), n);
    buf_consume(&r->event, n);
    if (r->event.len == 0)
        buf_free(&r->event);
    return (ssize_t)n;
}

/* One text for all who listen. */
static void write_status(struct admin *a)
{
    buf_free(&a->status_text);
    struct json j = json_begin(&a->status_text);
    int err = buf_printf(&a->status_text, "event: status\ndata: ");
    status_write(&a->status, &a->from, &j, a->now_ms);
    if (err == HX_OK)
        err = j.err;
    if (err == HX_OK)
        err = buf_append(&a->status_text, "\n\n", 2);
    if (err == HX_OK)
        a->status_number++;
}

enum MHD_Result events_begin(struct admin_request *r, const char *name)
{
    struct admin *a = r->admin;

    (void)name;
    if (a->listeners_to_events == ADMIN_EVENTS_MAX) {
        struct buf body;

        buf_init(&body, 0);
        (void)buf_printf(&body, "%d listen already; close another page\n", ADMIN_EVENTS_MAX);
        return http_answer(r, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", &body);
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_event, r, NULL);
    if (response)
        (void)MHD_add_response_header(response, "Content-Type", "text/event-stream");
    if (a->listeners_to_events++ == 0) /* the last one was written for somebody who has left */
        write_status(a);
    r->listens = true;
    r->told_introduction = a->introductions.changes;
    r->peer->deadline_ms = -1;
    return http_queue(r, MHD_HTTP_OK, response);
}

void events_news(struct admin *a)
{
    a->news = a->introductions.changes;
    a->news_ms = a->now_ms;
    http_resume_all(&a->listening);
}

void events_tick(struct admin *a)
{
    if (a->listeners_to_events > 0)
        write_status(a);
    http_resume_all(&a->listening);
}

void events_end(struct admin_request *r)
{
    r->admin->listeners_to_events -= r->listens;
}

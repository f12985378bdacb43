#include "base/clock.h"
#include "client/forward/say.h"
#include "client/tool/json.h"
#include "client/tool/meet.h"
#include "client/tool/ui.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISSING_MAX 1024

/* Adds ,"KEY":"TEXT". Without memory an event is not whole, as the lines of members are not then. */
static void json_add(struct meet *m, const char *key, const char *text)
{
    bool exact;
    char *room = buf_printf(&m->out.bytes, ",\"%s\":", key) == HX_OK
                     ? buf_room(&m->out.bytes, JSON_TIMES * strlen(text) + 3)
                     : NULL;
    if (room)
        buf_add(&m->out.bytes, json_string(room, text, &exact));
}

static bool json_begin(struct meet *m, const char *event)
{
    return m->args->json && buf_printf(&m->out.bytes, "{\"event\":\"%s\"", event) == HX_OK;
}

static void json_number(struct meet *m, const char *key, int64_t number)
{
    (void)buf_printf(&m->out.bytes, ",\"%s\":%" PRId64, key, number);
}

static void json_counts(struct meet *m)
{
    json_number(m, "here", roster_count(&m->roster));
    json_number(m, "expect", m->args->expect);
}

static void json_end(struct meet *m)
{
    (void)buf_append(&m->out.bytes, "}\n", 2);
}

/* An event that is only about a member. */
static void json_member(struct meet *m, const char *event, const char *name)
{
    if (!json_begin(m, event))
        return;
    json_add(m, "name", name);
    json_end(m);
}

#define COUNT_TEXT_MAX 32

/* "3 of 5"; "3" if no more were expected. */
static const char *count(const struct meet *m, char out[COUNT_TEXT_MAX])
{
    int here = roster_count(&m->roster);
    if (here <= m->args->expect)
        snprintf(out, COUNT_TEXT_MAX, "%d of %d", here, m->args->expect);
    else
        snprintf(out, COUNT_TEXT_MAX, "%d", here);
    return out;
}

static void tell_joined(struct meet *m, const struct meet_told *t)
{
    say_note("in '%s' as %s, %s%s", t->name, m->own, UI_AT(t->address));
    if (!json_begin(m, "joined"))
        return;
    json_add(m, "session", t->name);
    json_add(m, "name", m->own);
    json_add(m, "address", t->address);
    json_counts(m);
    json_end(m);
}

static void tell_member(struct meet *m, const struct meet_told *t, const char *event, const char *words)
{
    char text[COUNT_TEXT_MAX];
    say_note("%s %s, %s%s (%s)", t->name, words, UI_AT(t->address), count(m, text));
    if (!json_begin(m, event))
        return;
    json_add(m, "name", t->name);
    json_add(m, "address", t->address);
    json_counts(m);
    json_end(m);
}

static void tell_failed(struct meet *m, const struct meet_told *t)
{
    const char *why = t->text[0] ? t->text : hx_strerror(t->error);
    bool news = roster_failed(&m->roster, t->name, t->error);
    if (t->error == HX_EAUTH && news)
        say_error_often(SAY_UNKNOWN, "%s is not connected: it does not have our key (hx key --set takes it)",
                        t->name);
    else
        say_note("%s is not connected yet: %s", t->name, why);
    if (!json_begin(m, "failed"))
        return;
    json_add(m, "name", t->name);
    json_add(m, "reason", t->error == HX_EAUTH ? hx_strerror(t->error) : why);
    json_end(m);
}

static void tell_lost(struct meet *m, const struct meet_told *t)
{
    say_note("nameserver lost (%s%s%s), joining '%s' again in %" PRId64 " ms", hx_strerror(t->error),
             t->text[0] ? ": " : "", t->text, m->args->name, t->retry_ms);
    if (!json_begin(m, "nameserver_lost"))
        return;
    json_add(m, "reason", t->text[0] ? t->text : hx_strerror(t->error));
    json_number(m, "retry_ms", t->retry_ms);
    json_end(m);
}

static void tell_path(struct meet *m, const struct meet_told *t)
{
    say_note("path to %s: %s, at %s", t->name, t->text, t->address);
    if (!json_begin(m, "path"))
        return;
    json_add(m, "name", t->name);
    json_add(m, "path", t->text);
    json_add(m, "address", t->address);
    json_end(m);
}

static void tell(struct meet *m, const struct meet_told *t)
{
    if (t->event == HX_EVENT_MEMBER_HERE || t->event == HX_EVENT_MEMBER_JOINED ||
        t->event == HX_EVENT_MEMBER_LEFT)
        roster_here(&m->roster, t->name, t->event != HX_EVENT_MEMBER_LEFT);
    switch (t->event) {
    case HX_EVENT_JOINED:
        tell_joined(m, t);
        break;
    case HX_EVENT_MEMBER_HERE:
        tell_member(m, t, "here", "is here");
        break;
    case HX_EVENT_MEMBER_JOINED:
        tell_member(m, t, "came", "has come");
        break;
    case HX_EVENT_MEMBER_MOVED:
        tell_member(m, t, "moved", "has moved");
        break;
    case HX_EVENT_MEMBER_LEFT:
        tell_member(m, t, "left", "has left");
        break;
    case HX_EVENT_PUNCH_FAILED:
        tell_failed(m, t);
        break;
    case HX_EVENT_NAMESERVER_LOST:
        tell_lost(m, t);
        break;
    case HX_EVENT_PATH:
        tell_path(m, t);
        break;
    default:
        break;
    }
}

void meet_on_event(void *user, const struct hx_event_info *info)
{
    struct meet *m = user;
    switch (info->event) {
    case HX_EVENT_NAMESERVER_AWAITED: /* while the loop does not run yet */
    case HX_EVENT_REJECTED:
    case HX_EVENT_RELAY_LIMIT:
        ui_bind_event((void *)m->args->nameserver, info);
        break;
    default:
        meet_queue_put(&m->queue, info);
    }
}

void meet_tell_events(struct meet *m)
{
    struct meet_told *t;
    while (!meet_out_full(m) && (t = meet_queue_take(&m->queue))) {
        tell(m, t);
        free(t);
    }
}

void meet_tell_connected(struct meet *m, struct hx_stream *s)
{
    struct hx_path path = {.kind = "?"};
    const char *name = hx_peer_name(s);
    if (hx_stream_path(s, &path) < 0)
        path = (struct hx_path){.kind = "?", .address = "?"};
    say_note_each("connected to %s: %s, at %s", name, path.kind, path.address);
    if (!json_begin(m, "connected"))
        return;
    json_add(m, "name", name);
    json_add(m, "path", path.kind);
    json_add(m, "address", path.address);
    if (path.rtt_us > 0)
        (void)buf_printf(&m->out.bytes, ",\"rtt_ms\":%.3f", (double)path.rtt_us / 1000);
    json_end(m);
}

void meet_tell_begun(struct meet *m, bool all)
{
    char text[COUNT_TEXT_MAX];
    int connected = 0;
    for (const struct member *p = m->members; p; p = p->next)
        connected++;
    if (all)
        say_note("%s have met", count(m, text));
    else
        say_note("%s are here, going on with %d connected", count(m, text), connected);
    if (!json_begin(m, all ? "met" : "short"))
        return;
    json_counts(m);
    json_end(m);
}

void meet_tell_ended(struct meet *m, const char *name)
{
    meet_out_flush(m); /* at a terminal what it has said stands before that */
    say_note("%s has said all", name);
    json_member(m, "ended", name);
}

void meet_tell_gone(struct meet *m, const char *name, const char *reason)
{
    meet_out_flush(m);
    if (!reason)
        say_note("%s: all has arrived, both ways", name);
    else
        say_error_often(SAY_PEER, "lost %s: %s", name, reason);
    if (!json_begin(m, reason ? "lost" : "done"))
        return;
    json_add(m, "name", name);
    if (reason)
        json_add(m, "reason", reason);
    json_end(m);
}

void meet_tell_command(struct meet *m, const char *name, int status)
{
    if (status != 0)
        say_error_often(SAY_REQUEST, "the command for %s ended with status %d", name, status);
    if (!json_begin(m, "exit"))
        return;
    json_add(m, "name", name);
    json_number(m, "status", status);
    json_end(m);
}

void meet_tell_timeout(struct meet *m)
{
    char missing[MISSING_MAX];
    char text[COUNT_TEXT_MAX];
    roster_missing(&m->roster, m->args->expect, missing, sizeof missing);
    say_error("'%s' has %s members after %d s%s%s: see that `hx meet %s` runs there with the same "
              "--nameserver and key, wait longer, or go on with fewer by --go-short",
              m->args->name, count(m, text), m->args->timeout_s, missing[0] ? ", " : "", missing,
              m->args->name);
    if (!json_begin(m, "timeout"))
        return;
    json_counts(m);
    json_end(m);
}

bool meet_tell_join_failure(struct meet *m, int error, const char *nameserver)
{
    if (error == HX_ENOTFOUND)
        say_error("the nameserver %s knows no groups: it needs an hx-nameserver as new as this hx",
                  nameserver);
    else if (error == HX_ECONFLICT)
        say_error("'%s' is full, or has a member %s who is alive: choose another --name, or another session",
                  m->args->name, m->own);
    return error == HX_ENOTFOUND || error == HX_ECONFLICT;
}

/* What the store says, and its death. */
#include "base/clock.h"
#include "base/error.h"
#include "proto/host_id.h"
#include "server/log.h"
#include "server/store_state.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

/* `status`: NULL: not known. */
static void log_death(struct store *s, const int *status)
{
    if (s->death_logged)
        return;
    s->death_logged = true;
    int how = status ? *status : 0;
    log_always(LOG_ERROR, "store_died", "reason", s->reason, "signal",
               LOG_NUM_IF(status && WIFSIGNALED(how), WTERMSIG(how)), "status",
               LOG_NUM_IF(status && WIFEXITED(how), WEXITSTATUS(how)), "effect",
               "what is held goes on; until a restart no name can be claimed, and nothing is read again or "
               "written");
}

/* A process closes its descriptors before it has ended, and one that only says nonsense ends when its socket
 * is closed: how it has ended is asked for a while, and not waited for. */
void store_reap(struct store *s, int64_t now_ms)
{
    int status = 0;

    if (s->reap_ms < 0 || now_ms < s->reap_ms)
        return;
    pid_t pid = waitpid(s->pid, &status, WNOHANG);
    if (pid != 0) {
        s->reap_ms = -1;
        log_death(s, pid == s->pid ? &status : NULL);
        return;
    }
    if (s->reap_tries++ < STORE_REAP_TRIES) {
        s->reap_ms = now_ms + STORE_REAP_MS;
        return;
    }
    log_death(s, NULL); /* it does not obey: then it is the kernel that ends it, with us */
    s->reap_ms = now_ms + STORE_REAP_LATE_MS;
}

void store_tell_claimed(const struct store *s, struct pending *p, int result)
{
    bool tell = p->claims && !p->over;

    p->over = true;
    if (tell && s->owners)
        s->owners->claimed(s->owners->user, p->name, result);
}

static void finish_pending(struct store *s, struct pending *p)
{
    DL_DELETE(s->pending, p);
    s->pending_count--;
    free(p);
}

void store_fail_pending(struct store *s)
{
    while (s->pending) {
        store_tell_claimed(s, s->pending, HX_ECLOSED);
        finish_pending(s, s->pending);
    }
}

void store_drop_queue(struct store *s)
{
    struct packet *p, *next;

    DL_FOREACH_SAFE(s->queue, p, next)
    {
        free(p);
    }
    s->queue = NULL;
    s->queued = 0;
}

static void close_socket(struct store *s)
{
    if (s->watched) {
        loop_unwatch(s->loop, s->fd);
        loop_remove_edge(s->loop, &s->room);
    }
    s->watched = false;
    close(s->fd);
    s->fd = -1;
}

static void die(struct store *s, const char *reason)
{
    if (s->fd < 0)
        return;
    close_socket(s);
    store_drop_queue(s);
    s->reason = reason;
    s->reap_ms = 0;
    store_reap(s, 0);
    if (s->reading && s->texts) {
        s->reading = false;
        s->texts->read_end(s->texts->user, 0, "the store has died");
    }
    store_fail_pending(s);
}

static void take_read_end(struct store *s, const struct store_message *m)
{
    char error[512];
    int again = s->read_again;

    /* One that nobody has asked for: the file has changed. */
    s->reading = false;
    s->read_again = 0;
    snprintf(error, sizeof error, "%.*s", (int)m->value.len, (const char *)m->value.data);
    if (s->texts)
        s->texts->read_end(s->texts->user, m->code, error);
    if (again)
        (void)store_read(s, again);
}

static void tell_owned(const struct store *s, struct store_bytes name, const uint8_t *key)
{
    char text[STORE_NAME_MAX + 1] = "";

    if (!s->owners || !host_id_valid(name.data, name.len))
        return;
    memcpy(text, name.data, name.len);
    s->owners->owned(s->owners->user, text, key);
}

static void tell_forgotten(const struct store *s, struct store_bytes name)
{
    char text[STORE_NAME_MAX + 1] = "";

    if (!s->owners || !host_id_valid(name.data, name.len))
        return;
    memcpy(text, name.data, name.len);
    s->owners->forgotten(s->owners->user, text);
}

static int take_rows(struct store *s, struct store_bytes rows)
{
    struct store_bytes name;
    const uint8_t *key;
    int err;

    while ((err = store_row_read(&rows, &name, &key)) == HX_OK)
        tell_owned(s, name, key);
    s->unusable = false;
    return err == HX_EEOF ? HX_OK : err;
}

/* The operator was told that it would be: the name is its owner's again after a restart. */
static void tell_not_forgotten(const struct pending *p)
{
    log_event(LOG_ERROR, "owner_not_forgotten", "name", p->name, "reason", "the database does not take it");
}

static int take_answer(struct store *s, const struct store_message *m)
{
    struct pending *p = s->pending;
    bool conflict = m->code == HX_ECONFLICT;

    if (!p || p->id != m->id || m->value.len != (conflict ? STORE_KEY_BYTES : 0) ||
        (m->code != HX_OK && m->code != HX_ESYS && m->code != (p->claims ? HX_ECONFLICT : HX_ENOTFOUND)))
        return HX_EPROTO;
    bool late = p->over;
    s->unusable = m->code == HX_ESYS;
    store_tell_claimed(s, p, m->code);
    if (!p->claims && m->code == HX_ESYS)
        tell_not_forgotten(p);
    if (p->claims && (conflict || (late && m->code == HX_OK)))
        tell_owned(s, (struct store_bytes){p->name, strlen(p->name)}, conflict ? m->value.data : p->key);
    finish_pending(s, p);
    return HX_OK;
}

static void take_trouble(struct store *s, const struct store_message *m)
{
    char word[32], text[512];

    snprintf(word, sizeof word, "%.*s", (int)m->name.len, (const char *)m->name.data);
    snprintf(text, sizeof text, "%.*s", (int)m->value.len, (const char *)m->value.data);
    s->unusable |= strcmp(word, STORE_NO_OWNERS) == 0;
    log_event(LOG_ERROR, "store_trouble", "what", word, "reason", text);
}

static int take_message(struct store *s, const struct store_message *m)
{
    switch (m->kind) {
    case STORE_PIECE:
        if (s->texts)
            s->texts->piece(s->texts->user, (enum store_text)m->code, m->value.data, m->value.len);
        return HX_OK;
    case STORE_READ_END:
        take_read_end(s, m);
        return HX_OK;
    case STORE_OWNERS:
        return take_rows(s, m->value);
    case STORE_FORGOTTEN:
        tell_forgotten(s, m->name);
        return HX_OK;
    case STORE_LOADED:
        s->loaded = true;
        return HX_OK;
    case STORE_ANSWER:
        return take_answer(s, m);
    case STORE_TROUBLE:
        take_trouble(s, m);
        return HX_OK;
    default:
        return HX_EPROTO;
    }
}

/* One message. False: there is none, or there will be none. */
bool store_take(struct store *s)
{
    uint8_t bytes[STORE_MESSAGE_MAX + 1];
    struct store_message m;

    if (s->fd < 0)
        return false;
    ssize_t n = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        die(s, "it has ended");
    else if (store_message_read(&m, bytes, (size_t)n) < 0 || take_message(s, &m) < 0)
        die(s, "it says what no store says");
    return s->fd >= 0;
}

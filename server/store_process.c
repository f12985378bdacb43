#include "server/store_process.h"
#include "base/clock.h"
#include "base/error.h"
#include "proto/host_id.h"
#include "server/privileges.h"
#include "server/store.h"
#include "server/store_files.h"
#include "server/store_owners.h"
#include "server/store_sandbox.h"
#include "server/store_transcripts.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET 3 /* the one descriptor that it has of the server */

struct answer {
    uint32_t id;
    int code;
    uint8_t owner[STORE_KEY_BYTES];
};

struct process {
    const struct store_config *c;
    int fd;
    struct store_files files;
    struct store_owners *owners; /* NULL: there are none, or they cannot be used */
    bool owners_known;           /* the database has been opened: if it is not there, it is not made anew */
    int64_t retry_ms;            /* when they may be opened again */
    int64_t told_ms;             /* when trouble with them was last told of; -1: never */
    struct store_transcripts *transcripts;
    bool in_batch;
    size_t answer_count;
    struct answer answers[STORE_BATCH_MAX];
    struct { /* rows that are gathered for one message */
        size_t len;
        uint8_t bytes[STORE_VALUE_MAX];
    } rows;
};

static int send_message(void *user, const struct store_message *m)
{
    const struct process *p = user;
    uint8_t bytes[STORE_MESSAGE_MAX];
    ssize_t len = store_message_write(bytes, m), n;

    if (len < 0)
        return (int)len;
    while ((n = send(p->fd, bytes, (size_t)len, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
    }
    return n < 0 ? HX_ECLOSED : HX_OK;
}

static int tell_trouble(const struct process *p, const char *word, const char *text)
{
    const struct store_message m = {
        .kind = STORE_TROUBLE, .name = {word, strlen(word)}, .value = {text, strlen(text)}};

    return send_message((void *)p, &m);
}

static int tell_transcripts(const struct process *p)
{
    const char *trouble = store_transcripts_trouble(p->transcripts);

    return trouble ? tell_trouble(p, "transcripts", trouble) : HX_OK;
}

/* A user has a limited number of watches, and may not watch what it may not read. */
static int tell_unwatched(const struct process *p)
{
    char text[512];

    if (p->files.unwatched == 0)
        return HX_OK;
    snprintf(text, sizeof text, "the directory of %.300s cannot be watched: %s; SIGHUP has it read again",
             p->files.auth, strerror(p->files.unwatched));
    return tell_trouble(p, "watch", text);
}

/* ---- owners ---- */

static int send_rows(struct process *p)
{
    const struct store_message m = {.kind = STORE_OWNERS, .value = {p->rows.bytes, p->rows.len}};

    p->rows.len = 0;
    return send_message(p, &m);
}

static int send_row(void *user, struct store_bytes name, const uint8_t key[STORE_KEY_BYTES],
                    const char *claimed)
{
    struct process *p = user;
    int err = HX_OK;
    size_t added;

    (void)claimed;
    if (!host_id_valid(name.data, name.len)) /* somebody else's hand */
        return HX_OK;
    while (err == HX_OK &&
           (added = store_row_write(p->rows.bytes + p->rows.len, sizeof p->rows.bytes - p->rows.len,
                                    name.data, name.len, key)) == 0)
        err = send_rows(p);
    if (err == HX_OK)
        p->rows.len += added;
    return err;
}

/* A full disk may have room again, and somebody may bring back a copy of a damaged file. */
static int open_owners(struct process *p, int64_t now_ms)
{
    char error[STORE_OWNERS_ERROR_MAX];

    if (!p->c->auth_db || p->owners || now_ms < p->retry_ms)
        return HX_OK;
    p->retry_ms = now_ms + STORE_RETRY_MS;
    if (store_owners_open(&p->owners, p->c->auth_db, !p->owners_known, error) < 0)
        return tell_trouble(p, STORE_NO_OWNERS, error);
    p->owners_known = true;
    p->rows.len = 0;
    int err = store_owners_each(p->owners, false, send_row, p);
    if (err != HX_ESYS)
        return err < 0 ? err : send_rows(p);
    snprintf(error, sizeof error, "%.200s: cannot be read: %.200s", p->c->auth_db,
             store_owners_error(p->owners));
    store_owners_close(p->owners);
    p->owners = NULL;
    return tell_trouble(p, STORE_NO_OWNERS, error);
}

static int tell_forgotten(void *user, struct store_bytes name)
{
    const struct store_message m = {.kind = STORE_FORGOTTEN, .name = name};

    return name.len > STORE_NAME_MAX ? HX_OK : send_message(user, &m);
}

/* Somebody has taken the file away, or put another one into its place: what went into this one would be lost,
 * and a file that were made in its place would be in the way of the copy that is brought back. */
static int leave_owners(struct process *p)
{
    char text[STORE_OWNERS_ERROR_MAX];

    store_owners_close(p->owners);
    p->owners = NULL;
    p->retry_ms = 0;
    snprintf(
        text, sizeof text,
        "%.200s: the file is no more the one that was opened; what is there is opened instead, and names "
        "that were owned stay so until a restart",
        p->c->auth_db);
    int err = tell_trouble(p, STORE_NO_OWNERS, text);
    return err < 0 ? err : open_owners(p, clock_now_ms());
}

static int look_at_owners(struct process *p)
{
    if (p->owners && store_owners_moved(p->owners))
        return leave_owners(p);
    if (!p->owners)
        return HX_OK;
    int err = store_owners_look(p->owners, tell_forgotten, p);
    return err == HX_ESYS ? HX_OK : err; /* the next claim will tell of it */
}

static void owners_failed(struct process *p, int64_t now_ms)
{
    char text[STORE_OWNERS_ERROR_MAX];

    if (p->told_ms >= 0 && now_ms - p->told_ms < STORE_RETRY_MS)
        return;
    p->told_ms = now_ms;
    snprintf(text, sizeof text, "%.200s: no name can be claimed: %.200s", p->c->auth_db,
             store_owners_error(p->owners));
    (void)tell_trouble(p, STORE_NO_OWNERS, text);
}

static int send_answers(struct process *p)
{
    int err = HX_OK;

    for (size_t i = 0; err == HX_OK && i < p->answer_count; i++) {
        const struct answer *a = &p->answers[i];
        const struct store_message m = {.kind = STORE_ANSWER,
                                        .id = a->id,
                                        .code = a->code,
                                        .value = {a->owner, a->code == HX_ECONFLICT ? STORE_KEY_BYTES : 0}};

        err = send_message(p, &m);
    }
    p->answer_count = 0;
    return err;
}

static int end_batch(struct process *p)
{
    bool failed = p->in_batch && store_owners_commit(p->owners) < 0;

    p->in_batch = false;
    for (size_t i = 0; failed && i < p->answer_count; i++)
        p->answers[i].code = HX_ESYS;
    if (failed)
        owners_failed(p, clock_now_ms());
    return send_answers(p);
}

static int do_owners(struct process *p, const struct store_message *m, struct answer *a)
{
    int err = HX_OK;

    if (!p->owners)
        return HX_ESYS;
    if (!p->in_batch && (err = store_owners_begin(p->owners)) == HX_OK)
        p->in_batch = true;
    if (err == HX_OK && m->kind == STORE_CLAIM)
        err = store_owners_claim(p->owners, m->name, m->value.data, a->owner);
    else if (err == HX_OK)
        err = store_owners_forget(p->owners, m->name, false);
    if (err == HX_ESYS)
        owners_failed(p, clock_now_ms());
    return err;
}

static int take_owners(struct process *p, const struct store_message *m)
{
    struct answer *a = &p->answers[p->answer_count];
    int err = open_owners(p, clock_now_ms());

    if (err < 0)
        return err;
    if (!host_id_valid(m->name.data, m->name.len) ||
        m->value.len != (m->kind == STORE_CLAIM ? STORE_KEY_BYTES : 0))
        return HX_EPROTO;
    *a = (struct answer){.id = m->id};
    a->code = do_owners(p, m, a);
    p->answer_count++;
    return HX_OK;
}

/* ---- the rest ---- */

static int take_write(struct process *p, const struct store_message *m)
{
    int err = store_transcripts_take(p->transcripts, m);

    return err == HX_OK ? tell_transcripts(p) : err;
}

static int take(struct process *p, const struct store_message *m)
{
    switch (m->kind) {
    case STORE_READ:
        return store_files_read(&p->files, m->code, send_message, p);
    case STORE_CLAIM:
    case STORE_FORGET:
        return take_owners(p, m);
    case STORE_WRITE:
        return take_write(p, m);
    default:
        return HX_EPROTO; /* whoever sends that is not the server any more */
    }
}

/* All that has come, up to a batch. HX_ECLOSED: the server has gone. */
static int take_messages(struct process *p)
{
    uint8_t bytes[STORE_MESSAGE_MAX + 1];
    struct store_message m;
    int err = look_at_owners(p);
    ssize_t n = 1;

    for (int i = 0; err == HX_OK && n > 0 && i < STORE_BATCH_MAX; i++) {
        n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            err = HX_ECLOSED;
        else if (n > 0 && (err = store_message_read(&m, bytes, (size_t)n)) == HX_OK)
            err = take(p, &m);
    }
    int end = end_batch(p);
    return err == HX_OK ? end : err;
}

/* The directories have changed: by somebody's editor, or by the command that forgets an owner. */
static int look(struct process *p)
{
    int err = store_files_look(&p->files, send_message, p);

    return err == HX_OK ? look_at_owners(p) : err;
}

static int serve(struct process *p)
{
    struct pollfd fds[] = {{.fd = p->fd, .events = POLLIN}, {.fd = p->files.inotify, .events = POLLIN}};
    int err = HX_OK;

    while (err == HX_OK) {
        int64_t due_ms = store_files_due_ms(&p->files), now_ms = clock_now_ms();
        int left_ms = due_ms < 0 ? -1 : due_ms <= now_ms ? 0 : (int)(due_ms - now_ms);

        if (poll(fds, 2, left_ms) < 0 && errno != EINTR)
            return HX_ESYS;
        now_ms = clock_now_ms();
        if (fds[1].revents)
            store_files_note(&p->files, now_ms);
        else if (due_ms >= 0 && due_ms <= now_ms)
            err = look(p);
        if (err == HX_OK && fds[0].revents)
            err = take_messages(p);
    }
    return err;
}

/* Of what was inherited nothing is left but standard error and this socket: the ports are others'. */
static int keep_only(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return HX_ESYS;
    if (fd != SOCKET && dup3(fd, SOCKET, O_CLOEXEC) < 0)
        return HX_ESYS;
    return close_range(SOCKET + 1, ~0U, 0) < 0 ? HX_ESYS : HX_OK;
}

/* It ends when the server's end of the socket is closed; if it hangs then, the kernel ends it. */
static int begin(struct process *p, int fd, pid_t parent)
{
    umask(077);
    (void)prctl(PR_SET_NAME, "hx-store");
    if (keep_only(fd) < 0 || (p->c->user && privileges_drop(p->c->user) < 0))
        return HX_ESYS;
    p->fd = SOCKET;
    /* Who changes its user is not told of its parent's end any more (prctl(2)): so it is asked for now. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        return HX_ESYS;
    store_files_open(&p->files, p->c->config_path, p->c->auth_path, p->c->auth_db);
    if (p->c->transcripts)
        store_transcripts_open(&p->transcripts, p->c->transcripts, p->c->transcripts_max);
    return HX_OK;
}

int store_process(int fd, pid_t parent, const struct store_config *config)
{
    static struct process p;

    p = (struct process){.c = config, .told_ms = -1};
    int err = begin(&p, fd, parent);
    if (err < 0) {
        fprintf(stderr, "hx-nameserver: the store cannot begin: %s\n", strerror(errno));
        return 1;
    }
    if (!config->no_sandbox && store_sandbox_enter(config->auth_db, config->transcripts) < 0)
        err = tell_trouble(&p, "sandbox", strerror(errno));
    if (err == HX_OK)
        err = open_owners(&p, clock_now_ms());
    if (err == HX_OK)
        err = tell_transcripts(&p);
    if (err == HX_OK)
        err = tell_unwatched(&p);
    const struct store_message loaded = {.kind = STORE_LOADED};
    if (err == HX_OK)
        err = send_message(&p, &loaded);
    if (err == HX_OK)
        err = serve(&p);
    store_owners_close(p.owners);
    store_transcripts_close(p.transcripts);
    return err == HX_ECLOSED ? 0 : 2;
}

#include "client/probe_inbox.h"
#include "base/clock.h"
#include "client/datagrams.h"
#include "proto/relay_frame.h"
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#define PORTS_MAX 8       /* more than the engine ever opens */
#define EARLY_MAX 16      /* probes for a session that begins just now, ... */
#define EARLY_US  1000000 /* ... and how long they are good for */
#define LISTS     256     /* of members, by the first byte of their tags, which are random */

static_assert(PROBE_TAG_AT == RELAY_SESSION_AT && PROBE_TAG_BYTES == RELAY_ID_BYTES,
              "both say in the same place whose they are");

/* The receiving threads have their own lock, since the engine's may be held by who waits for them. */
static struct {
    pthread_mutex_t lock;
    struct probe_member *members[LISTS]; /* changed with the engine's lock held as well */
    unsigned first, count;               /* of the ring */
    bool noted;
    struct engine_watch watch;
    bool watched;
    const struct udt_port *ports[PORTS_MAX]; /* that are listened to */
    struct arrived_probe ring[PROBE_INBOX_MAX];
    struct arrived_probe early[EARLY_MAX]; /* len 0: none; a newer one takes the oldest one's place */
    unsigned early_next;
} inbox = {.lock = PTHREAD_MUTEX_INITIALIZER, .watch = {.fd = -1}};

static void ring_bell(void)
{
    uint64_t one = 1;
    (void)!write(inbox.watch.fd, &one, sizeof one);
}

/* The next one after `m` (NULL: the first) whose session has this tag: both sides may be of this process. */
static struct probe_member *find_next(struct probe_member *m, const uint8_t tag[PROBE_TAG_BYTES])
{
    m = m ? m->next : inbox.members[tag[0]];
    while (m && memcmp(m->tag, tag, PROBE_TAG_BYTES) != 0)
        m = m->next;
    return m;
}

/* The lock is held, and there is room. */
static void put(const struct arrived_probe *p)
{
    inbox.ring[(inbox.first + inbox.count++) % PROBE_INBOX_MAX] = *p;
    ring_bell();
}

/* The lock is held. What comes to a session that begins just now is not lost: the peer was told of it a
 * little earlier. */
static void keep_early(const struct arrived_probe *p)
{
    if (p->len <= PROBE_BYTES + PROBE_EARLY_MAX)
        inbox.early[inbox.early_next++ % EARLY_MAX] = *p;
}

/* The lock is held. */
static void put_early(const struct probe_member *m)
{
    int64_t since_us = clock_now_us() - EARLY_US;
    for (unsigned i = 0; i < EARLY_MAX; i++) {
        struct arrived_probe *p = &inbox.early[(inbox.early_next + i) % EARLY_MAX];
        if (p->len == 0 || memcmp(p->bytes + PROBE_TAG_AT, m->tag, PROBE_TAG_BYTES) != 0)
            continue;
        if (p->came_us >= since_us && inbox.count < PROBE_INBOX_MAX)
            put(p);
        p->len = 0;
    }
}

static bool is_well_formed(const struct arrived_probe *a)
{
    struct probe p;
    struct relay_frame f;
    if (probe_is(a->bytes, a->len))
        return probe_read(&p, a->bytes, a->len) == HX_OK;
    return relay_frame_read(&f, a->bytes, a->len) == HX_OK && f.kind != RELAY_DATA;
}

/* The handler of NET_USER_PROBE and of NET_USER_RELAY. */
static bool take(void *port, struct net_datagram *d)
{
    struct arrived_probe arrived = {.port = port,
                                    .from = {.to = d->from, .local = d->local, .socket = d->socket},
                                    .came_us = clock_now_us()};
    if (d->len < PROBE_BYTES || d->len > PROBE_BYTES_MAX)
        return false;
    arrived.from.local.scope = d->interface;
    arrived.len = demux_gather(d, arrived.bytes, sizeof arrived.bytes);
    if (!is_well_formed(&arrived))
        return false;
    pthread_mutex_lock(&inbox.lock);
    if (!find_next(NULL, arrived.bytes + PROBE_TAG_AT))
        keep_early(&arrived);
    else if (inbox.count < PROBE_INBOX_MAX)
        put(&arrived);
    pthread_mutex_unlock(&inbox.lock);
    return false;
}

void probe_inbox_note(struct probe_member *m, unsigned note)
{
    pthread_mutex_lock(&inbox.lock);
    m->notes |= note;
    inbox.noted = true;
    ring_bell();
    pthread_mutex_unlock(&inbox.lock);
}

/* ---- the engine's thread ---- */

/* One of those that were noted, and what. NULL: there is none. */
static struct probe_member *next_noted(unsigned *notes)
{
    struct probe_member *m = NULL;
    pthread_mutex_lock(&inbox.lock);
    for (int i = 0; i < LISTS && inbox.noted && !m; i++) {
        DL_FOREACH(inbox.members[i], m)
        {
            if (m->notes)
                break;
        }
    }
    if (m) {
        *notes = m->notes;
        m->notes = 0;
    } else {
        inbox.noted = false;
    }
    pthread_mutex_unlock(&inbox.lock);
    return m;
}

static bool next_probe(struct arrived_probe *out)
{
    pthread_mutex_lock(&inbox.lock);
    bool any = inbox.count > 0;
    if (any) {
        *out = inbox.ring[inbox.first];
        inbox.first = (inbox.first + 1) % PROBE_INBOX_MAX;
        inbox.count--;
    }
    pthread_mutex_unlock(&inbox.lock);
    return any;
}

/* At most a ring full: others want the engine's thread, too. */
static void on_ready(struct engine_watch *w)
{
    struct arrived_probe probe;
    struct probe_member *m;
    uint64_t bells;
    unsigned notes;
    int left = PROBE_INBOX_MAX;
    (void)!read(w->fd, &bells, sizeof bells);
    while ((m = next_noted(&notes)))
        m->on_noted(m, notes);
    while (left > 0 && next_probe(&probe)) { /* its member may have left meanwhile */
        left--;
        for (m = NULL; (m = find_next(m, probe.bytes + PROBE_TAG_AT));)
            m->on_probe(m, &probe);
    }
    if (left == 0)
        ring_bell();
}

void probe_inbox_listen(struct udt_port *port)
{
    for (int i = 0; i < PORTS_MAX; i++) {
        if (inbox.ports[i] == port)
            return;
        if (inbox.ports[i])
            continue;
        inbox.ports[i] = port;
        net_port_set_handler(udt_port_net(port), NET_USER_PROBE, take, port);
        net_port_set_handler(udt_port_net(port), NET_USER_RELAY, take, port);
        net_port_set_handler(udt_port_net(port), NET_USER_SEALED, datagrams_take, NULL);
        return;
    }
}

static int begin(void)
{
    if (inbox.watched)
        return HX_OK;
    if (inbox.watch.fd < 0)
        inbox.watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox.watch.fd < 0)
        return HX_ESYS;
    inbox.watch.on_ready = on_ready;
    int err = engine_watch_begin(&inbox.watch);
    inbox.watched = err == HX_OK;
    return err;
}

int probe_inbox_join(struct probe_member *m)
{
    int err = begin();
    if (err < 0)
        return err;
    pthread_mutex_lock(&inbox.lock);
    DL_APPEND(inbox.members[m->tag[0]], m);
    put_early(m);
    pthread_mutex_unlock(&inbox.lock);
    return HX_OK;
}

void probe_inbox_leave(struct probe_member *m)
{
    if (!m->prev)
        return;
    pthread_mutex_lock(&inbox.lock);
    DL_DELETE(inbox.members[m->tag[0]], m);
    pthread_mutex_unlock(&inbox.lock);
    m->prev = NULL;
}

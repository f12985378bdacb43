#include "client/engine.h"
#include "base/clock.h"
#include "client/netwatch.h"
#include "client/stun.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>
#include <utlist.h>

#define BATCH_EVENTS     256 /* of one port; then others get the lock */
#define NETWORK_MS       500 /* changes come in flocks: they are told so often, ... */
#define NETWORK_FIRST_MS 50  /* ... the first ones so soon */
#define PORTS_MAX        4 /* each costs two threads; a NAT has forgotten the first when its turn comes again */
#define WAY_FDS          6 /* descriptors that a port takes, or a tunnel, at most */
#define SPARE_FDS        8 /* and that what it is for will take: a stream, a file and its folder */
#define SHUTDOWN_MS      60 /* for the last words about the ends of streams to leave, and once more 50 ms later */

#define LAST_WORDS_MS      500 /* at most, for a sender that does not get a processor */
#define LAST_WORDS_LOOK_MS 2   /* that a packet has left is told by nobody */

/* LEAVES: nothing is begun any more; what was written last leaves. */
enum engine_state { ENGINE_IDLE, ENGINE_RUNS, ENGINE_LEAVES, ENGINE_STOPS, ENGINE_ENDED };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    enum engine_state state;
    uint16_t asked_port;
    struct udt_port *ports[PORTS_MAX];
    int port_count;
    int newest; /* the port that is used for what is begun */
    int wake_fd;
    int netwatch_fd;      /* below 0: none */
    struct timer network; /* since the first change that was not told */
    int64_t network_ms;   /* when changes were told last; 0: never */
    pthread_t thread;
    struct timers timers;
    struct engine_member *members;
    struct engine_watch *watches;
} engine = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER, .wake_fd = -1, .netwatch_fd = -1};

void engine_lock(void)
{
    pthread_mutex_lock(&engine.lock);
}

void engine_unlock(void)
{
    pthread_mutex_unlock(&engine.lock);
}

struct udt_port *engine_port(void)
{
    return engine.ports[engine.newest];
}

void engine_unlocked(void (*work)(void))
{
    engine_unlock();
    work();
    engine_lock();
}

void engine_wake(void)
{
    uint64_t one = 1;
    (void)!write(engine.wake_fd, &one, sizeof one);
}

static bool thread_runs(void)
{
    return engine.state == ENGINE_RUNS || engine.state == ENGINE_LEAVES;
}

/* If it sleeps, and is not the one that asks. */
static void wake_thread(void)
{
    if (thread_runs() && !pthread_equal(engine.thread, pthread_self()))
        engine_wake();
}

uint32_t engine_random(void)
{
    uint32_t value = 0;
    if (getrandom(&value, sizeof value, GRND_NONBLOCK) != sizeof value)
        value = (uint32_t)clock_now_ms();
    return value;
}

int engine_cond_init(pthread_cond_t *cond)
{
    return pthread_cond_init(cond, NULL) == 0 ? HX_OK : HX_ENOMEM;
}

bool engine_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    return clock_wait(cond, mutex, deadline_ms);
}

bool engine_wait(pthread_cond_t *cond, int64_t deadline_ms)
{
    return engine_cond_wait(cond, &engine.lock, deadline_ms);
}

int64_t engine_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : clock_now_ms() + timeout_ms;
}

void engine_timer_set(struct timer *t, int64_t due_ms)
{
    int64_t before_ms = timers_next_ms(&engine.timers);
    timers_set(&engine.timers, t, due_ms);
    if (before_ms >= 0 && before_ms <= due_ms) /* the thread wakes up before that */
        return;
    wake_thread();
}

void engine_timer_cancel(struct timer *t)
{
    timers_cancel(&engine.timers, t);
}

void engine_join(struct engine_member *m)
{
    m->joined = true;
    DL_APPEND(engine.members, m);
}

void engine_leave(struct engine_member *m)
{
    if (m->joined)
        DL_DELETE(engine.members, m);
    m->joined = false;
}

int engine_watch_begin(struct engine_watch *w)
{
    struct engine_watch *it;
    int count;
    DL_COUNT(engine.watches, it, count);
    if (count >= ENGINE_WATCHES_MAX)
        return HX_ELIMIT;
    w->ready = false;
    DL_APPEND(engine.watches, w);
    wake_thread();
    return HX_OK;
}

void engine_watch_end(struct engine_watch *w)
{
    DL_DELETE(engine.watches, w);
}

void engine_watch_writable(struct engine_watch *w, bool wanted)
{
    if (wanted && !w->writable)
        wake_thread();
    w->writable = wanted;
}

/* Takes what waits at one port, at most a batch. True: there may be more. */
static bool take_events(struct udt_port *port)
{
    struct udt_event ev;
    for (int i = 0; i < BATCH_EVENTS; i++) {
        if (udt_port_next(port, &ev) <= 0)
            return false;
        struct engine_sink *sink = ev.stream->user;
        if (sink)
            sink->on_event(sink, &ev);
    }
    return true;
}

static bool take_all_events(void)
{
    bool more = false;
    for (int i = 0; i < engine.port_count; i++) /* an event may add one */
        more |= take_events(engine.ports[i]);
    return more;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int sleep_ms(void)
{
    int64_t least = -1;
    int64_t now_ms = clock_now_ms();
    for (int i = 0; i < engine.port_count; i++)
        least = earlier(least, udt_port_timeout_ms(engine.ports[i]));
    int64_t due_ms = timers_next_ms(&engine.timers);
    if (due_ms >= 0)
        least = earlier(least, due_ms > now_ms ? due_ms - now_ms : 0);
    return least > INT32_MAX ? INT32_MAX : (int)least;
}

static void on_network(struct timer *unused)
{
    (void)unused;
    struct engine_member *m, *next;
    engine.network_ms = clock_now_ms();
    DL_FOREACH_SAFE(engine.members, m, next)
    {
        if (m->network_changed)
            m->network_changed(m);
    }
}

void engine_path_suspect(bool lost)
{
    struct engine_member *m, *next;
    DL_FOREACH_SAFE(engine.members, m, next)
    {
        if (m->path_suspect)
            m->path_suspect(m, lost);
    }
}

static void take_network_changes(void)
{
    int64_t soon_ms = clock_now_ms() + NETWORK_FIRST_MS, next_ms = engine.network_ms + NETWORK_MS;
    netwatch_drain(engine.netwatch_fd);
    if (!timer_is_set(&engine.network))
        engine_timer_set(&engine.network, engine.network_ms == 0 || next_ms < soon_ms ? soon_ms : next_ms);
}

static struct engine_watch *next_ready(void)
{
    struct engine_watch *w;
    DL_FOREACH(engine.watches, w)
    {
        if (w->ready)
            return w;
    }
    return NULL;
}

/* `fds` are from before the lock was taken again: a watch may have ended meanwhile, and another one have its
 * descriptor. That one finds nothing there. */
static void tell_watches(const struct pollfd *fds, nfds_t count)
{
    struct engine_watch *w;
    DL_FOREACH(engine.watches, w)
    {
        for (nfds_t i = 0; i < count && !w->ready; i++)
            w->ready = fds[i].fd == w->fd && fds[i].revents;
    }
    while ((w = next_ready())) { /* telling one may end others */
        w->ready = false;
        w->on_ready(w);
    }
}

static void *engine_run(void *unused)
{
    (void)unused;
    engine_lock();
    while (thread_runs()) {
        bool more = take_all_events();
        timers_run(&engine.timers, clock_now_ms());
        int timeout_ms = more ? 0 : sleep_ms();
        struct pollfd fds[2 + PORTS_MAX + ENGINE_WATCHES_MAX] = {
            {.fd = engine.wake_fd, .events = POLLIN}, {.fd = engine.netwatch_fd, .events = POLLIN}};
        nfds_t count = 2;
        for (int i = 0; i < engine.port_count; i++)
            fds[count++] = (struct pollfd){.fd = udt_port_fd(engine.ports[i]), .events = POLLIN};
        nfds_t first_watch = count;
        struct engine_watch *w;
        DL_FOREACH(engine.watches, w)
        {
            fds[count++] = (struct pollfd){.fd = w->fd, .events = w->writable ? POLLIN | POLLOUT : POLLIN};
        }
        engine_unlock();
        uint64_t wakes;
        bool ready = poll(fds, count, timeout_ms) > 0;
        if (ready && (fds[0].revents & POLLIN))
            (void)!read(engine.wake_fd, &wakes, sizeof wakes);
        engine_lock();
        if (ready && fds[1].revents)
            take_network_changes();
        if (ready)
            tell_watches(fds + first_watch, count - first_watch);
    }
    engine_unlock();
    return NULL;
}

static int open_port(struct udt_port **out, uint16_t local_port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(local_port)};
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(local_port)};
    struct udt_port_config config = {
        .local = (struct sockaddr *)&any6, .local_len = sizeof any6, .stun = stun_take_answer};
    int err = udt_port_open(out, &config);
    if (err == HX_EADDR) { /* a kernel without IPv6 */
        config = (struct udt_port_config){
            .local = (struct sockaddr *)&any, .local_len = sizeof any, .stun = stun_take_answer};
        err = udt_port_open(out, &config);
    }
    return err;
}

bool engine_has_room(void)
{
    int fds[WAY_FDS + SPARE_FDS];
    int got = 0;
    while (got < WAY_FDS + SPARE_FDS && (fds[got] = fcntl(engine.wake_fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        got++;
    for (int i = 0; i < got; i++)
        close(fds[i]);
    return got == WAY_FDS + SPARE_FDS;
}

void engine_port_leave(const struct udt_port *port)
{
    if (engine.state != ENGINE_RUNS || engine.asked_port != 0 || port != engine_port())
        return;
    if (engine.port_count < PORTS_MAX && engine_has_room() &&
        open_port(&engine.ports[engine.port_count], 0) == HX_OK)
        engine.newest = engine.port_count++;
    else
        engine.newest = (engine.newest + 1) % engine.port_count;
    engine_wake(); /* the thread shall look at it, too */
}

/* A first try that fails after the port was opened keeps it for the next: UDT's threads are on it. */
static int engine_start(uint16_t local_port)
{
    int err = HX_OK;
    if (engine.wake_fd < 0)
        engine.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine.wake_fd < 0)
        return HX_ESYS;
    if (engine.port_count == 0 && (err = open_port(&engine.ports[0], local_port)) == HX_OK)
        engine.port_count = 1;
    if (err < 0)
        return err;
    engine.asked_port = local_port;
    if (engine.netwatch_fd < 0)
        engine.netwatch_fd = netwatch_open();
    engine.network.fire = on_network;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the program's */
    engine.state = ENGINE_RUNS;
    if (pthread_create(&engine.thread, NULL, engine_run, NULL) != 0) {
        engine.state = ENGINE_IDLE;
        err = HX_ESYS;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

int engine_enter(uint16_t local_port)
{
    int err = HX_OK;
    engine_lock();
    if (engine.state == ENGINE_IDLE)
        err = engine_start(local_port);
    else if (engine.state != ENGINE_RUNS)
        err = HX_ECANCELED;
    else if (local_port != 0 && local_port != engine.asked_port)
        err = HX_EINVAL;
    if (err < 0)
        engine_unlock();
    return err;
}

/* UDT's sender is a thread of its own: a last answer written and a process ended at once would be an
 * answer lost. */
static void await_last_words(void)
{
    int64_t deadline_ms = clock_now_ms() + LAST_WORDS_MS;
    struct engine_member *m = engine.members;
    while (m && clock_now_ms() < deadline_ms) {
        if (!m->unsent || !m->unsent(m)) {
            m = m->next;
            continue;
        }
        engine_unlock();
        poll(NULL, 0, LAST_WORDS_LOOK_MS);
        engine_lock();
        m = engine.members; /* others may have left meanwhile */
    }
}

void engine_end(void)
{
    engine_lock();
    while (engine.state == ENGINE_LEAVES || engine.state == ENGINE_STOPS)
        pthread_cond_wait(&engine.ended, &engine.lock);
    if (engine.state != ENGINE_RUNS) {
        engine.state = ENGINE_ENDED;
        engine_unlock();
        return;
    }
    engine.state = ENGINE_LEAVES;
    await_last_words();
    struct engine_member *m;
    while ((m = engine.members)) { /* a cancelled one may free others, or bring new ones */
        engine_leave(m);
        m->cancel(m);
    }
    engine.state = ENGINE_STOPS;
    engine_unlock();
    engine_wake();
    pthread_join(engine.thread, NULL);
    udt_shutdown(SHUTDOWN_MS);
    engine_lock();
    engine.state = ENGINE_ENDED;
    pthread_cond_broadcast(&engine.ended);
    engine_unlock();
}

#include "shim/udt/udt_clock.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define NS_PER_MS 1000000LL
#define GAP_NS    (UDT_CLOCK_GAP_MS * NS_PER_MS)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for gaps */
static _Atomic unsigned takes;                           /* odd: a gap is being taken */
static _Atomic int64_t seen_ns;    /* no reading is a millisecond later, or more; 0: none yet */
static _Atomic int64_t stopped_ns; /* all gaps together */

static int64_t read_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Somebody else may have seen the gap first. What is taken out begins behind the last reading, whichever that was. */
static void take_gap(void)
{
    int64_t now, seen;

    pthread_mutex_lock(&lock);
    atomic_fetch_add(&takes, 1);
    now = read_ns();
    seen = atomic_load(&seen_ns);
    if (seen != 0 && now - seen >= GAP_NS)
        atomic_fetch_add(&stopped_ns, now - seen - NS_PER_MS);
    atomic_store(&seen_ns, now);
    atomic_fetch_add(&takes, 1);
    pthread_mutex_unlock(&lock);
}

int64_t udt_clock_ns(void)
{
    for (;;) {
        unsigned before = atomic_load(&takes);
        int64_t stopped = atomic_load(&stopped_ns);
        int64_t now = read_ns();
        int64_t seen = atomic_load(&seen_ns);

        if ((before & 1) || now - seen >= GAP_NS) {
            take_gap();
            continue;
        }
        if (now - seen >= NS_PER_MS && !atomic_compare_exchange_strong(&seen_ns, &seen, now))
            continue;
        /* a gap that another thread took meanwhile may lie before this reading, or behind it */
        if (atomic_load(&takes) == before)
            return now - stopped;
    }
}

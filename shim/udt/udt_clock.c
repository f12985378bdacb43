#include "shim/udt/udt_clock.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define NS_PER_MS 1000000LL
#define GAP_NS    (UDT_CLOCK_GAP_MS * NS_PER_MS)
#define TAKING    INT64_MAX

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for gaps */
/* No reading is later than this by a millisecond or more. 0: there was none; TAKING: a gap is
 * being taken, wait. */
static _Atomic int64_t seen_ns;
static _Atomic int64_t stopped_ns; /* all gaps together */

static int64_t read_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Somebody else may have seen the gap first. A gap leaves the millisecond in which there may
 * have been readings. */
static void take_gap(void)
{
    pthread_mutex_lock(&lock);
    int64_t seen = atomic_exchange(&seen_ns, TAKING);
    int64_t now = read_ns();
    if (seen != 0 && now - seen >= GAP_NS)
        atomic_fetch_add(&stopped_ns, now - seen - NS_PER_MS);
    atomic_store(&seen_ns, seen == 0 || now - seen >= GAP_NS ? now : seen);
    pthread_mutex_unlock(&lock);
}

int64_t udt_clock_ns(void)
{
    for (;;) {
        int64_t stopped = atomic_load_explicit(&stopped_ns, memory_order_acquire);
        int64_t now = read_ns();
        int64_t seen = atomic_load_explicit(&seen_ns, memory_order_acquire);

        if (seen == TAKING || now - seen >= GAP_NS) {
            take_gap();
            continue;
        }
        if (now - seen >= NS_PER_MS && !atomic_compare_exchange_strong(&seen_ns, &seen, now))
            continue; /* another thread was faster */
        /* a gap that another thread took meanwhile may lie before this reading, or behind it */
        if (atomic_load_explicit(&stopped_ns, memory_order_acquire) == stopped)
            return now - stopped;
    }
}

/* Connections are made by UDT's thread and freed by others, thousands a second. glibc's threads wait for each
 * other there: with one arena 8,000 times a second, and with one for each thread it gives memory back and
 * takes it again all the time. jemalloc's threads do not (`make bench`: a fifth more sessions). A sanitizer
 * brings its own malloc(); nothing is given back then. */
#include "server/memory.h"
#include <stddef.h>

#define EVERY_ARENA "arena.4096.purge" /* MALLCTL_ARENAS_ALL */

/* jemalloc's; absent where it is not linked. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *value, size_t value_len)
    __attribute__((weak));

/* One arena for all: threads have caches of their own, and what one frees the others find. */
__attribute__((visibility("default"))) const char *malloc_conf =
    "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0";

/* C++'s delete with and without a size. UDT deletes some objects as if they were of another type: glibc does
 * not look at the size, jemalloc believes it, and then its lists of free memory overlap. */
void _ZdlPv(void *p);
__attribute__((visibility("default"))) void _ZdlPvm(void *p, size_t size);
void _ZdlPvm(void *p, size_t size)
{
    (void)size;
    _ZdlPv(p);
}

void memory_give_back(void)
{
    if (mallctl)
        mallctl(EVERY_ARENA, NULL, NULL, NULL, 0);
}

/* "epoch": jemalloc sums up what its arenas have counted. */
int64_t memory_allocated_bytes(void)
{
    uint64_t epoch = 1;
    size_t allocated, epoch_len = sizeof epoch, len = sizeof allocated;

    if (!mallctl || mallctl("epoch", &epoch, &epoch_len, &epoch, epoch_len) != 0 ||
        mallctl("stats.allocated", &allocated, &len, NULL, 0) != 0)
        return -1;
    return (int64_t)allocated;
}

/* libhx tells its events from threads of its own, with a lock held: they are copied, and told by the loop. */
#include "addon.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct event {
    struct event *next;
    int handler;
    struct hx_event_info info;
    char texts[]; /* name, address and text, each with its NUL */
};

/* Of what libhx keeps for us so many bits say which environment, the rest which handler. There are never so
 * many at once. */
#ifndef ADDON_BITS
#define ADDON_BITS 12
#endif
#define ADDON_MASK ((1 << ADDON_BITS) - 1)

/* All environments. An event may come after its environment, or its handler, has gone: so it has numbers, no
 * pointers. */
static struct {
    pthread_mutex_t mutex;
    struct addon *first;
    uintptr_t last; /* the last number that was given, before it was cut to ADDON_BITS */
} all = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The mutex is held. */
static struct addon *addon_of(uintptr_t number)
{
    struct addon *a = all.first;
    while (a && a->number != number)
        a = a->next;
    return a;
}

void addon_list_add(struct addon *a)
{
    pthread_mutex_lock(&all.mutex);
    do
        a->number = ++all.last & ADDON_MASK;
    while (addon_of(a->number));
    a->next = all.first;
    all.first = a;
    pthread_mutex_unlock(&all.mutex);
}

void addon_list_remove(struct addon *a)
{
    pthread_mutex_lock(&all.mutex);
    struct addon **at = &all.first;
    while (*at && *at != a)
        at = &(*at)->next;
    if (*at)
        *at = a->next;
    bool last = !all.first;
    pthread_mutex_unlock(&all.mutex);
    if (!last)
        return;
    hx_cleanup();
    /* Node unloads the addon with the last worker that has it; once the main thread has it, it stays. */
    if (gettid() != getpid())
        jobs_await_threads();
}

static struct event *copy(int handler, const struct hx_event_info *info)
{
    size_t name = strlen(info->name) + 1, address = strlen(info->address) + 1, text = strlen(info->text) + 1;
    struct event *e = malloc(sizeof *e + name + address + text);
    if (!e)
        return NULL;
    *e = (struct event){.handler = handler, .info = *info};
    e->info.name = memcpy(e->texts, info->name, name);
    e->info.address = memcpy(e->texts + name, info->address, address);
    e->info.text = memcpy(e->texts + name + address, info->text, text);
    return e;
}

static void on_event(void *user, const struct hx_event_info *info)
{
    pthread_mutex_lock(&all.mutex);
    struct addon *a = addon_of((uintptr_t)user & ADDON_MASK);
    struct event *e = a ? copy((int)((uintptr_t)user >> ADDON_BITS), info) : NULL;
    if (e) {
        pthread_mutex_lock(&a->mutex);
        *a->events_end = e;
        a->events_end = &e->next;
        pthread_mutex_unlock(&a->mutex);
        uv_async_send(&a->async); /* which is closed only after the addon has left the list */
    }
    pthread_mutex_unlock(&all.mutex);
}

void events_tell(struct addon *a, int handler, struct hx_config *config)
{
    config->on_event = on_event;
    config->user = (void *)((uintptr_t)handler << ADDON_BITS | a->number);
}

static struct event *take(struct addon *a)
{
    pthread_mutex_lock(&a->mutex);
    struct event *first = a->events;
    a->events = NULL;
    a->events_end = &a->events;
    pthread_mutex_unlock(&a->mutex);
    return first;
}

static void deliver(struct addon *a, const struct event *e)
{
    napi_value args[2] = {value_int(a->env, e->handler), NULL};
    napi_create_object(a->env, &args[1]);
    value_set(a->env, args[1], "event", value_int(a->env, e->info.event));
    value_set(a->env, args[1], "error", value_int(a->env, e->info.error));
    value_set(a->env, args[1], "name", value_text(a->env, e->info.name));
    value_set(a->env, args[1], "address", value_text(a->env, e->info.address));
    value_set(a->env, args[1], "text", value_text(a->env, e->info.text));
    value_set(a->env, args[1], "punchMs", value_int(a->env, e->info.punch_ms));
    value_set(a->env, args[1], "totalMs", value_int(a->env, e->info.total_ms));
    value_set(a->env, args[1], "retryMs", value_int(a->env, e->info.retry_ms));
    addon_call(a, a->on_event, 2, args);
}

void events_deliver(struct addon *a)
{
    struct event *next;
    for (struct event *e = take(a); e; e = next) {
        napi_handle_scope scope;
        next = e->next;
        napi_open_handle_scope(a->env, &scope);
        deliver(a, e);
        napi_close_handle_scope(a->env, scope);
        free(e);
    }
}

void events_forget(struct addon *a)
{
    struct event *next;
    for (struct event *e = take(a); e; e = next) {
        next = e->next;
        free(e);
    }
}

/* addon.h: libhx for Node, as little of it as cannot be said in JavaScript. N-API of version 8, and libuv's
 * loop.
 *
 * Calls that block run as jobs, each in a thread of its own that ends with it; all else is called with a
 * timeout of 0, and what would wait is polled by the loop: no thread waits for a stream. Everything but jobs'
 * work and on_event() is called by the loop's thread. */
#ifndef HX_NODE_ADDON_H
#define HX_NODE_ADDON_H

#define NAPI_VERSION 8
#include <hx.h>
#include <node_api.h>
#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

struct event;
struct job;
struct watcher;

/* One for each environment (the main thread, each worker). Freed when neither the environment nor a job has
 * it. */
struct addon {
    napi_env env;
    napi_ref on_event; /* a function: (handler, event) */
    uv_loop_t *loop;
    uv_async_t async; /* jobs are over, or events have come */
    int uv_handles;   /* open ones: `async` and watchers */
    struct watcher *watchers;
    int pending; /* jobs that JavaScript waits for: they keep the process */
    napi_async_cleanup_hook_handle cleanup;
    uintptr_t number;   /* which on_event() knows it by */
    struct addon *next; /* of all */

    pthread_mutex_t mutex; /* of what follows */
    int users;
    bool dead; /* the environment has gone */
    int running;
    struct job *waiting, **waiting_end; /* for a thread */
    struct job *over, **over_end;
    struct event *events, **events_end;
};

/* What an external value of JavaScript holds. */
enum box_kind { BOX_STREAM, BOX_LISTENER, BOX_GROUP, BOX_WATCHER };
struct box {
    enum box_kind kind;
    void *it; /* NULL: closed */
};

#define ARGS_MAX 6
/* Reads the arguments of a call. */
struct addon *addon_args(napi_env env, napi_callback_info info, napi_value args[ARGS_MAX]);
/* NULL, and an exception, if `value` is not an open one of that kind. */
struct box *box_open(napi_env env, napi_value value, enum box_kind kind);
/* The open box of a call's first argument, for calls that have no other. */
struct box *only_box(napi_env env, napi_callback_info info, enum box_kind kind);
napi_value box_new(napi_env env, enum box_kind kind, void *it);
/* Ends the life of what a box of that kind holds; NULL is fine. */
void kind_close(enum box_kind kind, void *it);
napi_value value_int(napi_env env, int64_t number);
napi_value value_text(napi_env env, const char *text);
int value_to_int(napi_env env, napi_value value);
/* The bytes of a Buffer. */
void *value_bytes(napi_env env, napi_value value, size_t *len);
void value_set(napi_env env, napi_value object, const char *name, napi_value value);
/* Calls a function of JavaScript from the loop; what it throws is an uncaught exception. */
void addon_call(struct addon *a, napi_ref function, size_t count, napi_value *args);
/* A uv_handle of the addon's has been closed. */
void addon_closed(struct addon *a);

/* config.c. What `value` has, in *config; free with config_free(). `handler` says whose its events are. */
struct owned_config {
    struct hx_config config;
    char *texts[8];
    int count;
};
void config_read(struct addon *a, napi_value value, int handler, struct owned_config *out);
char *config_text(napi_env env, napi_value value); /* malloc()ed; NULL if it is no string */
void config_free(struct owned_config *config);

/* events.c */
void events_tell(struct addon *a, int handler, struct hx_config *config);
void events_deliver(struct addon *a);
void events_forget(struct addon *a);
void addon_list_add(struct addon *a); /* on_event() finds it from now on */
void addon_list_remove(struct addon *a);

/* jobs.c. The functions of JavaScript return at once and call back with (code, value). */
napi_value job_bind(napi_env env, napi_callback_info info);    /* config, handler, name, back */
napi_value job_connect(napi_env env, napi_callback_info info); /* likewise */
napi_value job_join(napi_env env, napi_callback_info info);    /* likewise, session, back, expect */
napi_value job_close(napi_env env, napi_callback_info info);   /* stream, back */
napi_value job_cleanup(napi_env env, napi_callback_info info); /* back */
void jobs_deliver(struct addon *a);
void jobs_forget(struct addon *a);
void jobs_await_threads(void); /* after hx_cleanup(), as the addon's code is about to go */
void addon_release(struct addon *a);

/* watch.c: a descriptor of libhx's in the loop. */
napi_value watch_new(napi_env env, napi_callback_info info);   /* box, "read" or "write", back: a watcher */
napi_value watch_start(napi_env env, napi_callback_info info); /* calls back once */
napi_value watch_ref(napi_env env, napi_callback_info info);   /* does it keep the process? */
napi_value watch_close(napi_env env, napi_callback_info info);
void watch_close_all(struct addon *a);
void watcher_forgotten(struct watcher *w); /* JavaScript has lost it: it is closed with the environment */

/* streams.c: all of them return what hx.h's functions do. */
napi_value stream_read(napi_env env, napi_callback_info info);  /* stream, buffer */
napi_value stream_write(napi_env env, napi_callback_info info); /* stream, buffer, from */
napi_value stream_end(napi_env env, napi_callback_info info);
napi_value stream_prove(napi_env env, napi_callback_info info);
napi_value stream_abort(napi_env env, napi_callback_info info);
napi_value stream_about(napi_env env, napi_callback_info info);    /* an object */
napi_value listener_accept(napi_env env, napi_callback_info info); /* a code, or a stream */
napi_value listener_external(napi_env env, napi_callback_info info);
napi_value listener_close(napi_env env, napi_callback_info info);

/* groups.c: as streams.c */
napi_value group_next(napi_env env, napi_callback_info info); /* a code, or a stream */
napi_value group_complete(napi_env env, napi_callback_info info);
napi_value group_state(napi_env env, napi_callback_info info); /* an object */
napi_value group_leave(napi_env env, napi_callback_info info);

#endif

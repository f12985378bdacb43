/* A descriptor of libhx's in the loop: it is polled until it is readable, once. */
#include "addon.h"
#include <stdlib.h>
#include <string.h>

struct watcher {
    uv_poll_t poll;
    struct addon *addon;
    napi_ref back;
    struct box *box; /* of the watcher itself */
    struct watcher *next, **at;
};

static int descriptor(napi_env env, napi_value value, napi_value which)
{
    struct box *box = NULL;
    char text[8] = "";
    size_t len;
    napi_get_value_external(env, value, (void **)&box);
    napi_get_value_string_utf8(env, which, text, sizeof text, &len);
    if (!box || !box->it)
        return HX_ECANCELED;
    if (box->kind == BOX_LISTENER)
        return hx_listener_fd(box->it);
    if (box->kind == BOX_GROUP)
        return hx_group_fd(box->it);
    if (box->kind == BOX_STREAM)
        return strcmp(text, "write") == 0 ? hx_stream_write_fd(box->it) : hx_stream_fd(box->it);
    return HX_EINVAL;
}

napi_value watch_new(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    struct addon *a = addon_args(env, info, args);
    int fd = descriptor(env, args[0], args[1]);
    struct watcher *w = fd < 0 ? NULL : calloc(1, sizeof *w);
    if (!w || uv_poll_init(a->loop, &w->poll, fd) != 0) {
        free(w);
        return value_int(env, fd < 0 ? fd : HX_ESYS);
    }
    w->addon = a;
    w->poll.data = w;
    napi_create_reference(env, args[2], 1, &w->back);
    a->uv_handles++;
    w->next = a->watchers;
    w->at = &a->watchers;
    if (w->next)
        w->next->at = &w->next;
    a->watchers = w;
    napi_value value = box_new(env, BOX_WATCHER, w);
    napi_get_value_external(env, value, (void **)&w->box);
    return value;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watcher *w = poll->data;
    napi_handle_scope scope;
    (void)status; /* whatever it is: the next call tells */
    (void)events;
    uv_poll_stop(poll);
    napi_open_handle_scope(w->addon->env, &scope);
    addon_call(w->addon, w->back, 0, NULL);
    napi_close_handle_scope(w->addon->env, scope);
}

napi_value watch_start(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    (void)addon_args(env, info, args);
    struct box *box = box_open(env, args[0], BOX_WATCHER);
    if (box)
        uv_poll_start(&((struct watcher *)box->it)->poll, UV_READABLE, on_ready);
    return NULL;
}

napi_value watch_ref(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    bool keep = true;
    (void)addon_args(env, info, args);
    struct box *box = box_open(env, args[0], BOX_WATCHER);
    if (!box)
        return NULL;
    napi_get_value_bool(env, args[1], &keep);
    (keep ? uv_ref : uv_unref)((uv_handle_t *)&((struct watcher *)box->it)->poll);
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct watcher *w = handle->data;
    struct addon *a = w->addon;
    free(w);
    addon_closed(a);
}

static void watcher_close(struct watcher *w)
{
    *w->at = w->next;
    if (w->next)
        w->next->at = w->at;
    if (w->box)
        w->box->it = NULL;
    napi_delete_reference(w->addon->env, w->back);
    uv_poll_stop(&w->poll); /* libhx closes the descriptor right after this */
    uv_close((uv_handle_t *)&w->poll, on_closed);
}

napi_value watch_close(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    (void)addon_args(env, info, args);
    struct box *box = box_open(env, args[0], BOX_WATCHER);
    if (box)
        watcher_close(box->it);
    return NULL;
}

void watcher_forgotten(struct watcher *w)
{
    w->box = NULL;
}

void watch_close_all(struct addon *a)
{
    while (a->watchers)
        watcher_close(a->watchers);
}

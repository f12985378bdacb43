#include "addon.h"
#include <stdlib.h>
#include <string.h>

struct addon *addon_args(napi_env env, napi_callback_info info, napi_value args[ARGS_MAX])
{
    struct addon *a = NULL;
    size_t count = ARGS_MAX;
    napi_get_cb_info(env, info, &count, args, NULL, NULL); /* those that are missing are undefined */
    napi_get_instance_data(env, (void **)&a);
    return a;
}

struct box *box_open(napi_env env, napi_value value, enum box_kind kind)
{
    struct box *box = NULL;
    napi_valuetype type;
    if (napi_typeof(env, value, &type) == napi_ok && type == napi_external)
        napi_get_value_external(env, value, (void **)&box);
    if (box && box->kind == kind && box->it)
        return box;
    napi_throw_error(env, "HX_ECANCELED", "it is closed");
    return NULL;
}

struct box *only_box(napi_env env, napi_callback_info info, enum box_kind kind)
{
    napi_value args[ARGS_MAX];
    (void)addon_args(env, info, args);
    return box_open(env, args[0], kind);
}

void kind_close(enum box_kind kind, void *it)
{
    if (kind == BOX_STREAM)
        hx_close(it);
    else if (kind == BOX_LISTENER)
        hx_listener_close(it);
    else if (kind == BOX_GROUP)
        hx_group_leave(it);
    else if (it)
        watcher_forgotten(it);
}

/* JavaScript has forgotten one that it had not closed. */
static void box_free(napi_env env, void *data, void *hint)
{
    struct box *box = data;
    (void)env;
    (void)hint;
    kind_close(box->kind, box->it);
    free(box);
}

napi_value box_new(napi_env env, enum box_kind kind, void *it)
{
    napi_value value = NULL;
    struct box *box = malloc(sizeof *box);
    if (!box)
        napi_fatal_error("hx", NAPI_AUTO_LENGTH, "out of memory", NAPI_AUTO_LENGTH);
    *box = (struct box){kind, it};
    if (napi_create_external(env, box, box_free, NULL, &value) != napi_ok)
        box_free(env, box, NULL); /* the environment is being terminated */
    return value;
}

napi_value value_int(napi_env env, int64_t number)
{
    napi_value value = NULL;
    napi_create_int64(env, number, &value);
    return value;
}

napi_value value_text(napi_env env, const char *text)
{
    napi_value value = NULL;
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
    return value;
}

int value_to_int(napi_env env, napi_value value)
{
    int32_t number = 0;
    napi_get_value_int32(env, value, &number);
    return number;
}

void *value_bytes(napi_env env, napi_value value, size_t *len)
{
    void *data = NULL;
    *len = 0;
    if (napi_get_buffer_info(env, value, &data, len) != napi_ok)
        napi_throw_type_error(env, NULL, "a Buffer is wanted");
    return data;
}

void value_set(napi_env env, napi_value object, const char *name, napi_value value)
{
    napi_set_named_property(env, object, name, value);
}

void addon_call(struct addon *a, napi_ref function, size_t count, napi_value *args)
{
    napi_value f = NULL, global = NULL, thrown = NULL;
    bool threw = false;
    napi_get_reference_value(a->env, function, &f);
    napi_get_global(a->env, &global);
    if (!f || napi_make_callback(a->env, NULL, global, f, count, args, NULL) == napi_ok)
        return;
    napi_is_exception_pending(a->env, &threw);
    if (threw && napi_get_and_clear_last_exception(a->env, &thrown) == napi_ok)
        napi_fatal_exception(a->env, thrown);
}

static void on_async(uv_async_t *async)
{
    struct addon *a = async->data;
    napi_handle_scope scope;
    napi_open_handle_scope(a->env, &scope);
    events_deliver(a); /* what they say of a failure is there when that is told */
    jobs_deliver(a);
    napi_close_handle_scope(a->env, scope);
}

void addon_closed(struct addon *a)
{
    if (--a->uv_handles > 0)
        return;
    napi_remove_async_cleanup_hook(a->cleanup);
    addon_release(a);
}

static void on_closed(uv_handle_t *handle)
{
    addon_closed(handle->data);
}

/* The environment goes. Jobs that still run find it gone when they are over; with the last environment the
 * library ends. */
static void on_cleanup(napi_async_cleanup_hook_handle handle, void *arg)
{
    struct addon *a = arg;
    (void)handle;
    pthread_mutex_lock(&a->mutex);
    a->dead = true;
    pthread_mutex_unlock(&a->mutex);
    addon_list_remove(a);
    events_forget(a);
    jobs_forget(a);
    watch_close_all(a);
    uv_close((uv_handle_t *)&a->async, on_closed);
}

static napi_value set_on_event(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    struct addon *a = addon_args(env, info, args);
    napi_create_reference(env, args[0], 1, &a->on_event);
    return NULL;
}

static napi_value generate_key(napi_env env, napi_callback_info info)
{
    char text[HX_KEY_TEXT_MAX];
    (void)info;
    int err = hx_key_generate(text);
    return err < 0 ? value_int(env, err) : value_text(env, text);
}

static napi_value generate_device_key(napi_env env, napi_callback_info info)
{
    char text[HX_KEY_TEXT_MAX];
    (void)info;
    int err = hx_device_key_generate(text);
    return err < 0 ? value_int(env, err) : value_text(env, text);
}

static napi_value device_key_public(napi_env env, napi_callback_info info)
{
    char text[HX_KEY_TEXT_MAX];
    napi_value args[ARGS_MAX];
    (void)addon_args(env, info, args);
    char *key = config_text(env, args[0]);
    int err = key ? hx_device_key_public(text, key) : HX_ENOMEM;
    if (key)
        explicit_bzero(key, strlen(key));
    free(key);
    return err < 0 ? value_int(env, err) : value_text(env, text);
}

static napi_value version(napi_env env, napi_callback_info info)
{
    (void)info;
    return value_text(env, hx_version());
}

static napi_value strerror_of(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    (void)addon_args(env, info, args);
    return value_text(env, hx_strerror(value_to_int(env, args[0])));
}

static const struct {
    const char *name;
    napi_callback function;
} functions[] = {{"bind", job_bind},
                 {"connect", job_connect},
                 {"join", job_join},
                 {"close", job_close},
                 {"cleanup", job_cleanup},
                 {"watch", watch_new},
                 {"watchStart", watch_start},
                 {"watchRef", watch_ref},
                 {"watchClose", watch_close},
                 {"read", stream_read},
                 {"write", stream_write},
                 {"end", stream_end},
                 {"prove", stream_prove},
                 {"abort", stream_abort},
                 {"about", stream_about},
                 {"accept", listener_accept},
                 {"external", listener_external},
                 {"listenerClose", listener_close},
                 {"groupNext", group_next},
                 {"groupComplete", group_complete},
                 {"groupState", group_state},
                 {"groupLeave", group_leave},
                 {"setOnEvent", set_on_event},
                 {"generateKey", generate_key},
                 {"generateDeviceKey", generate_device_key},
                 {"deviceKeyPublic", device_key_public},
                 {"version", version},
                 {"strerror", strerror_of}};

static struct addon *addon_new(napi_env env)
{
    struct addon *a = calloc(1, sizeof *a);
    if (!a || napi_get_uv_event_loop(env, &a->loop) != napi_ok ||
        uv_async_init(a->loop, &a->async, on_async) != 0) {
        free(a);
        return NULL;
    }
    a->env = env;
    a->async.data = a;
    a->uv_handles = 1;
    a->users = 1;
    a->waiting_end = &a->waiting;
    a->over_end = &a->over;
    a->events_end = &a->events;
    pthread_mutex_init(&a->mutex, NULL);
    uv_unref((uv_handle_t *)&a->async);
    napi_add_async_cleanup_hook(env, on_cleanup, a, &a->cleanup);
    napi_set_instance_data(env, a, NULL, NULL);
    addon_list_add(a);
    return a;
}

NAPI_MODULE_INIT()
{
    if (!addon_new(env)) {
        napi_throw_error(env, "HX_ESYS", "hx: the loop takes no handle");
        return NULL;
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        napi_value f = NULL;
        napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &f);
        value_set(env, exports, functions[i].name, f);
    }
    return exports;
}

/* Streams and listeners: none of these calls waits. */
#include "addon.h"

napi_value stream_read(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    size_t len;
    (void)addon_args(env, info, args);
    struct box *box = box_open(env, args[0], BOX_STREAM);
    void *data = box ? value_bytes(env, args[1], &len) : NULL;
    return data ? value_int(env, hx_read(box->it, data, len, 0)) : NULL;
}

napi_value stream_write(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    size_t len;
    (void)addon_args(env, info, args);
    struct box *box = box_open(env, args[0], BOX_STREAM);
    const char *data = box ? value_bytes(env, args[1], &len) : NULL;
    if (!data)
        return NULL;
    int64_t from = 0;
    napi_get_value_int64(env, args[2], &from);
    if (from < 0 || (size_t)from >= len)
        return value_int(env, HX_EINVAL);
    return value_int(env, hx_write(box->it, data + from, len - (size_t)from, 0));
}

napi_value stream_end(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_STREAM);
    return box ? value_int(env, hx_shutdown(box->it)) : NULL;
}

napi_value stream_prove(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_STREAM);
    return box ? value_int(env, hx_handshake(box->it, 0)) : NULL;
}

napi_value stream_abort(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_STREAM);
    if (box)
        hx_abort(box->it);
    return NULL;
}

napi_value stream_about(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_STREAM);
    char address[HX_ADDRESS_MAX];
    struct hx_path path = {.kind = ""};
    napi_value about = NULL;
    if (!box)
        return NULL;
    struct hx_stream *s = box->it;
    napi_create_object(env, &about);
    value_set(env, about, "name", value_text(env, hx_peer_name(s)));
    value_set(env, about, "label", value_text(env, hx_peer_label(s)));
    value_set(env, about, "key", value_text(env, hx_peer_key(s)));
    value_set(env, about, "address",
              value_text(env, hx_peer(s, address, sizeof address) < 0 ? "-" : address));
    value_set(env, about, "external",
              value_text(env, hx_external(s, address, sizeof address) < 0 ? "-" : address));
    value_set(env, about, "code", value_int(env, hx_stream_path(s, &path)));
    value_set(env, about, "pathKind", value_text(env, path.kind));
    value_set(env, about, "pathAddress", value_text(env, path.address));
    value_set(env, about, "roundTripUs", value_int(env, path.rtt_us));
    return about;
}

napi_value listener_accept(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_LISTENER);
    struct hx_stream *stream = NULL;
    if (!box)
        return NULL;
    int err = hx_accept(box->it, &stream, 0);
    return err < 0 ? value_int(env, err) : box_new(env, BOX_STREAM, stream);
}

napi_value listener_external(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_LISTENER);
    char address[HX_ADDRESS_MAX] = "-";
    if (!box)
        return NULL;
    (void)hx_listener_external(box->it, address, sizeof address);
    return value_text(env, address);
}

napi_value listener_close(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_LISTENER);
    if (box) {
        hx_listener_close(box->it);
        box->it = NULL;
    }
    return NULL;
}

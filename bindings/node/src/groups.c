/* Groups: none of these calls waits. */
#include "addon.h"

napi_value group_next(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_GROUP);
    struct hx_stream *stream = NULL;
    if (!box)
        return NULL;
    int err = hx_group_next(box->it, &stream, 0);
    return err < 0 ? value_int(env, err) : box_new(env, BOX_STREAM, stream);
}

napi_value group_complete(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_GROUP);
    return box ? value_int(env, hx_group_wait(box->it, 0)) : NULL;
}

napi_value group_state(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_GROUP);
    struct hx_group_state state = {.expect = 0};
    napi_value value = NULL;
    if (!box)
        return NULL;
    hx_group_state(box->it, &state);
    napi_create_object(env, &value);
    value_set(env, value, "expect", value_int(env, state.expect));
    value_set(env, value, "here", value_int(env, state.here));
    value_set(env, value, "connected", value_int(env, state.connected));
    return value;
}

napi_value group_leave(napi_env env, napi_callback_info info)
{
    struct box *box = only_box(env, info, BOX_GROUP);
    if (box) {
        hx_group_leave(box->it);
        box->it = NULL;
    }
    return NULL;
}

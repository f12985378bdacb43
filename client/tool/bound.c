#include "client/tool/bound.h"
#include "client/forward/say.h"
#include "client/tool/program.h"
#include "client/tool/ui.h"
#include "client/tool/xdg.h"

#define LINGER_MS 5000 /* both sides have read everything when a link's stream is closed */

int bound_open(struct hx_listener **out, const struct args *args, const char *name, const char *keys)
{
    const struct hx_config config = {
        .nameserver = args->nameserver,
        .local_port = args->local_port,
        .family = args->family,
        .transport = args->transport,
        .no_port_mapping = args->no_port_mapping,
        .no_host_candidates = args->no_host_candidates,
        .relay_after_ms = args->relay_after_ms,
        .stun = args_stun(args),
        .timeout_ms = args->timeout_s > 0 ? args->timeout_s * 1000 : -1,
        .linger_ms =
            args->bare ? -1 : LINGER_MS, /* a pager at the other end of a raw pipe may take its time */
        .keys = keys,
        .path_events = 1,
        .on_event = ui_bind_event,
        .state_dir = xdg_state_dir(),
        .user = (void *)args->nameserver};
    int err = hx_bind(out, &config, name);
    if (err == HX_OK)
        return STATUS_OK;
    if (interrupted()) {
        say_error("interrupted");
        return STATUS_FAILED;
    }
    ui_failure(err, name, &config);
    return err == HX_EINVAL ? STATUS_USAGE : STATUS_FAILED;
}

#include "client/tool/bound.h"
#include "client/tool/program.h"
#include "client/tool/reach.h"
#include "client/tool/ui.h"

#define LINGER_MS 5000 /* both sides have read everything when a link's stream is closed */

int bound_open(struct hx_listener **out, const struct args *args, const char *name, const char *keys)
{
    struct hx_config config = reach_config(args);
    config.timeout_ms = args->timeout_s > 0 ? args->timeout_s * 1000 : -1;
    /* a pager at the other end of a raw pipe may take its time */
    config.linger_ms = args->bare ? -1 : LINGER_MS;
    config.keys = keys;
    config.on_event = ui_bind_event;
    config.user = (void *)args->nameserver;
    int err = hx_bind(out, &config, name);
    return err == HX_OK ? STATUS_OK : reach_failed(err, name, &config);
}

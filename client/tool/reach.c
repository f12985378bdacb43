#include "client/tool/reach.h"
#include "client/forward/say.h"
#include "client/tool/program.h"
#include "client/tool/trace_file.h"
#include "client/tool/ui.h"
#include "client/tool/xdg.h"

struct hx_config reach_config(const struct args *args)
{
    return (struct hx_config){.nameserver = args->nameserver,
                              .local_port = args->local_port,
                              .family = args->family,
                              .transport = args->transport,
                              .no_port_mapping = args->no_port_mapping,
                              .no_host_candidates = args->no_host_candidates,
                              .relay_after_ms = args->relay_after_ms,
                              .stun = args_stun(args),
                              .path_events = 1,
                              .device_key = args->device_key,
                              .on_trace = trace_file_told(),
                              .state_dir = xdg_state_dir()};
}

int reach_failed(int error, const char *name, const struct hx_config *config)
{
    if (interrupted()) {
        say_error("interrupted");
        return STATUS_FAILED;
    }
    ui_failure(error, name, config);
    return error == HX_EINVAL ? STATUS_USAGE : STATUS_FAILED;
}

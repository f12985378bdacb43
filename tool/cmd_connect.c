/* hx connect NAME: reaches the peer that waits under NAME, then is a pipe to it. */
#include "tool/program.h"
#include "tool/pump.h"
#include "tool/ui.h"
#include <unistd.h>

int cmd_connect(const struct args *args)
{
    struct hx_config config = {.nameserver = args->nameserver,
                               .local_port = args->local_port,
                               .name = args->own_name,
                               .wait_s = args->wait_s,
                               .linger_ms = -1, /* a pager at the other end may take its time */
                               .on_event = ui_connect_event};
    struct hx_stream *stream;
    int err = hx_connect(&stream, &config, args->name, (args->timeout_s + args->wait_s) * 1000);
    if (interrupted()) {
        ui_error("interrupted");
        return STATUS_FAILED;
    }
    if (err == HX_EINVAL) {
        ui_error("'%s' or another argument cannot be used: names have 1 to 255 letters, digits and "
                 "!#$%%&'*+-.^_`|~@, a nameserver is HOST[:PORT]",
                 args->name);
        return STATUS_USAGE;
    }
    if (err < 0) {
        ui_failure(err, args->name, &config);
        return STATUS_FAILED;
    }
    struct pump_config pump = {
        .in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .interrupt_fd = interrupt_fd(), .other_fd = -1};
    return pump_run(stream, &pump) ? STATUS_OK : STATUS_FAILED;
}

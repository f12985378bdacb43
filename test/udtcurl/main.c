/* udtcurl: fetches URLs by HTTP/1.1 over UDT, with curl's options, output and exit codes. */
#include "base/buf.h"
#include "base/error.h"
#include "base/process.h"
#include "shim/udt/udt.h"
#include "test/udtcurl/args.h"
#include "test/udtcurl/codes.h"
#include "test/udtcurl/net.h"
#include "test/udtcurl/output.h"
#include "test/udtcurl/proof.h"
#include "test/udtcurl/replay.h"
#include "test/udtcurl/transfer.h"
#include "test/udtcurl/wait.h"
#include <stdio.h>
#include <string.h>

#define SHUTDOWN_MS 200 /* for the last datagrams to leave this machine */

static int show(const char *text, size_t len)
{
    struct output out;
    output_open(&out, NULL);
    return output_write(&out, text, len, -1);
}

static int write_out(const struct args *a, const struct report *r)
{
    struct buf text, warnings;
    int err = UC_OK;
    buf_init(&text, 0);
    buf_init(&warnings, 0);
    if (format_report(&text, &warnings, a->write_out, r) != HX_OK)
        err = UC_MEMORY;
    if (err == UC_OK && text.len > 0)
        err = show(buf_data(&text), text.len);
    if (warnings.len > 0)
        output_note("udtcurl: ", buf_data(&warnings), warnings.len);
    buf_free(&text);
    buf_free(&warnings);
    return err;
}

/* As in curl, each URL is tried and the last one's code is the program's. */
static int run(const struct args *a)
{
    struct identity device;
    struct net net = {.verbose = a->verbose};
    struct transfer_result result;
    int code = UC_OK;
    char why[512];
    if (a->device_key) {
        code = proof_read_key(&device, a->device_key, why, sizeof why);
        if (code != UC_OK) {
            fprintf(stderr, "udtcurl: (%d) %s\n", code, why);
            return code;
        }
        net.device = &device;
    }
    if (a->replay) {
        code = replay_run(a, net.device);
        udt_shutdown(SHUTDOWN_MS);
    }
    for (size_t i = 0; !a->replay && i < a->url_count && wait_signal() == 0; i++) {
        const char *output = i < a->output_count ? a->outputs[i] : NULL;
        code = transfer_run(&result, &net, a, a->urls[i], output);
        if (code != UC_OK && code < UC_SIGNAL && (!a->silent || a->show_error))
            fprintf(stderr, "udtcurl: (%d) %s\n", code, result.message);
        if (a->write_out && code < UC_SIGNAL) {
            int err = write_out(a, &result.report);
            code = code == UC_OK ? err : code;
        }
    }
    if (net.port) {
        net_close(&net);
        udt_shutdown(SHUTDOWN_MS);
    }
    if (net.device)
        identity_wipe(&device);
    return code;
}

int main(int argc, char **argv)
{
    struct args args;
    char why[256];
    int code;
    process_begin();
    wait_init();
    code = udtcurl_args_parse(&args, argc, argv, why, sizeof why);
    if (code != UC_OK)
        fprintf(stderr, "udtcurl: %s\nudtcurl: try 'udtcurl --help' for more information\n", why);
    else if (args.action == ARGS_HELP)
        code = show(args_help, strlen(args_help));
    else if (args.action == ARGS_VERSION)
        code = show("udtcurl " HX_VERSION "\n", strlen("udtcurl " HX_VERSION "\n"));
    else
        code = run(&args);
    args_free(&args);
    if (wait_signal() != 0)
        wait_die();
    return code;
}

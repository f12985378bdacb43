#include "tool/ui.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define TEXT_MAX       256

static bool notes;
/* What the nameserver said when it rejected us: written before hx_bind() or hx_connect() return, read after.
 */
static char explanation[TEXT_MAX];

void ui_init(bool verbose, bool quiet)
{
    notes = !quiet && (verbose || isatty(STDERR_FILENO));
}

static void say(const char *before, const char *format, va_list args)
{
    char line[LINE_MAX_BYTES];
    size_t len = (size_t)snprintf(line, sizeof line, "%s", before);
    int more = vsnprintf(line + len, sizeof line - len, format, args);
    if (more < 0)
        return;
    len += (size_t)more;
    if (len > sizeof line - 1)
        len = sizeof line - 1;
    line[len] = '\n';
    (void)!write(STDERR_FILENO, line, len + 1);
}

void ui_note(const char *format, ...)
{
    va_list args;
    if (!notes)
        return;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

void ui_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

void ui_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("hx: ", format, args);
    va_end(args);
}

/* The events that both commands show alike. */
static void common_event(const struct hx_event_info *info)
{
    switch (info->event) {
    case HX_EVENT_EXTERNAL:
        ui_note("external address %s", info->address);
        break;
    case HX_EVENT_PEER:
        ui_note("peer %s at %s", info->name[0] ? info->name : "-", info->address);
        break;
    case HX_EVENT_PUNCH_FAILED:
        ui_note("punch to %s failed after %" PRId64 " ms: %s", info->address, info->punch_ms,
                hx_strerror(info->error));
        break;
    case HX_EVENT_PEER_DROPPED:
        ui_note("peer %s at %s dropped: %s", info->name[0] ? info->name : "-", info->address,
                hx_strerror(info->error));
        break;
    case HX_EVENT_REJECTED:
        snprintf(explanation, sizeof explanation, "%s", info->text);
        break;
    case HX_EVENT_NAMESERVER_LOST:
        ui_note("nameserver lost (%s%s%s), binding %s again in %" PRId64 " ms", hx_strerror(info->error),
                info->text[0] ? ": " : "", info->text, info->name, info->retry_ms);
        break;
    default:
        break;
    }
}

void ui_bind_event(void *user, const struct hx_event_info *info)
{
    (void)user;
    if (info->event == HX_EVENT_BOUND)
        ui_note("bound %s as %s", info->name, info->address);
    else if (info->event == HX_EVENT_PUNCHED)
        ui_note("accepted %s punch_ms=%" PRId64, info->address, info->punch_ms);
    else
        common_event(info);
}

void ui_connect_event(void *user, const struct hx_event_info *info)
{
    (void)user;
    if (info->event == HX_EVENT_PUNCHED)
        ui_note("connected to %s at %s punch_ms=%" PRId64 " total_ms=%" PRId64, info->name, info->address,
                info->punch_ms, info->total_ms);
    else
        common_event(info);
}

static const char *advice(int error)
{
    switch (error) {
    case HX_ENOTFOUND:
        return "start `hx bind` for it on the other host, or let --wait SECONDS wait for it";
    case HX_ECONFLICT:
        return "choose another name, or end the program that holds it";
    case HX_ETIMEDOUT:
    case HX_EREFUSED:
    case HX_EPROTO:
        return "check --nameserver, that hx-nameserver runs there, and that UDP may leave this network";
    case HX_ERESOLVE:
        return "check the spelling of --nameserver HOST[:PORT] and this host's name service";
    case HX_EPUNCH:
        return "try again; if it stays so, one side's NAT is symmetric or drops UDP: change that NAT's "
               "settings, or use another network";
    case HX_EADDR:
        return "choose another --local-port, or leave the choice to the system";
    default:
        return "try again later";
    }
}

void ui_failure(int error, const char *name, const struct hx_config *config)
{
    if (error == HX_ENOTFOUND)
        ui_error("nobody holds the name '%s' at %s: %s", name, config->nameserver, advice(error));
    else if (error == HX_EINVAL)
        ui_error("'%s' or another argument cannot be used: names have 1 to 255 letters, digits and "
                 "!#$%%&'*+-.^_`|~@, a nameserver is HOST[:PORT]",
                 name);
    else if (error == HX_ECONFLICT)
        ui_error("the name '%s' is held by a living connection: %s", name, advice(error));
    else if (error == HX_EPUNCH)
        ui_error("the holder of '%s' was not reached, %s: %s", name, hx_strerror(error), advice(error));
    else if (error == HX_EADDR)
        ui_error("UDP port %d cannot be used: %s", config->local_port, advice(error));
    else if (error == HX_ESYS || error == HX_ENOMEM)
        ui_error("%s: %s", hx_strerror(error), advice(error));
    else if (explanation[0] != '\0') /* it says itself what to do */
        ui_error("nameserver %s: %s", config->nameserver, explanation);
    else
        ui_error("nameserver %s: %s: %s", config->nameserver, hx_strerror(error), advice(error));
}

void ui_pipe_failure(int error, int system)
{
    if (error == HX_ECANCELED)
        ui_error("interrupted before everything had arrived");
    else if (error == HX_ESYS)
        ui_error("standard input or standard output: %s", strerror(system));
    else
        ui_error("the peer went away before everything had arrived (%s): look there, then try again",
                 hx_strerror(error));
}

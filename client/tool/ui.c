#include "client/tool/ui.h"
#include "base/clock.h"
#include "client/forward/say.h"
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512

/* What the nameserver said when it rejected us: written before hx_bind() or hx_connect() return, read
 * after. */
static char explanation[TEXT_MAX];

static const char *advice(int error);

/* hx bind waits for ever: who started it shall know, once for each outage. Later tries are notes. */
static void tell_awaited(const struct hx_event_info *info, const char *nameserver, bool first)
{
    bool told = info->text[0] != '\0'; /* it says itself what to do */
    const char *why = told ? info->text : hx_strerror(info->error);
    if (first)
        say_error("waiting for the nameserver %s: %s%s%s", nameserver, why, told ? "" : ": ",
                  told ? "" : advice(info->error));
    else
        say_note("waiting for the nameserver: %s, trying again in %" PRId64 " ms", why, info->retry_ms);
}

/* The name comes back by itself, but where somebody has to allow it: who runs hx bind shall know that, once. */
static void tell_lost(const struct hx_event_info *info)
{
    static bool denied; /* one call at a time */
    bool told = denied;
    denied = info->error == HX_EDENIED;
    if (denied && !told)
        say_error("nameserver lost, which does not allow %s any more: %s", info->name, info->text);
    else
        say_note("nameserver lost (%s%s%s), binding %s again in %" PRId64 " ms", hx_strerror(info->error),
                 info->text[0] ? ": " : "", info->text, info->name, info->retry_ms);
}

static bool through_tcp(const struct hx_event_info *info)
{
    return strcmp(info->address, HX_ADDRESS_TCP) == 0;
}

#define PATH_TEXT(info) (info)->text[0] ? " path=" : "", (info)->text

/* The events that both commands show alike. */
static void common_event(const struct hx_event_info *info)
{
    switch (info->event) {
    case HX_EVENT_EXTERNAL:
        explanation[0] = '\0'; /* what stood in the nameserver's way did not stay there */
        if (through_tcp(info))
            say_note("the nameserver is reached through TCP");
        else
            say_note("external address %s", info->address);
        break;
    case HX_EVENT_PEER:
        say_note("peer %s %s%s%s%s", info->name[0] ? info->name : "-", UI_AT(info->address),
                 info->text[0] ? ": " : "", info->text);
        break;
    case HX_EVENT_PUNCH_FAILED:
        snprintf(explanation, sizeof explanation, "%s", info->text);
        say_note("punch to %s failed after %" PRId64 " ms: %s", info->address, info->punch_ms,
                 info->text[0] ? info->text : hx_strerror(info->error));
        break;
    case HX_EVENT_PEER_DROPPED:
        say_note("peer %s %s%s dropped: %s", info->name[0] ? info->name : "-", UI_AT(info->address),
                 hx_strerror(info->error));
        break;
    case HX_EVENT_REJECTED:
        snprintf(explanation, sizeof explanation, "%s", info->text);
        break;
    case HX_EVENT_NAMESERVER_LOST:
        tell_lost(info);
        break;
    case HX_EVENT_NAMESERVER_AWAITED:
        if (info->text[0] != '\0') /* for when there is no more time */
            snprintf(explanation, sizeof explanation, "%s", info->text);
        tell_awaited(info, NULL, false);
        break;
    case HX_EVENT_PATH:
        say_note("path to %s: %s, at %s", info->name[0] ? info->name : "-", info->text, info->address);
        break;
    case HX_EVENT_RELAY_LIMIT:
        say_note("the nameserver's relay, which carries the connection to %s: its limit %s is reached",
                 info->name[0] ? info->name : "a peer", info->text);
        break;
    default:
        break;
    }
}

void ui_bind_event(void *user, const struct hx_event_info *info)
{
    static bool awaited; /* one call at a time */
    const char *nameserver = user;
    if (info->event == HX_EVENT_NAMESERVER_AWAITED)
        tell_awaited(info, nameserver, !awaited);
    awaited = awaited || info->event == HX_EVENT_NAMESERVER_AWAITED;
    if (info->event == HX_EVENT_BOUND)
        say_note("bound %s %s%s", info->name, through_tcp(info) ? "through TCP" : "as ",
                 through_tcp(info) ? "" : info->address);
    else if (info->event == HX_EVENT_PUNCHED)
        say_note("accepted %s punch_ms=%" PRId64 "%s%s", info->address, info->punch_ms, PATH_TEXT(info));
    else if (info->event != HX_EVENT_NAMESERVER_AWAITED)
        common_event(info);
}

static atomic_llong path_ms; /* written in the library's threads */

int64_t ui_path_ms(void)
{
    return atomic_load(&path_ms);
}

void ui_connect_event(void *user, const struct hx_event_info *info)
{
    (void)user;
    if (info->event == HX_EVENT_PUNCHED || info->event == HX_EVENT_PATH)
        atomic_store(&path_ms, clock_now_ms());
    if (info->event == HX_EVENT_PUNCHED)
        say_note("connected to %s at %s punch_ms=%" PRId64 " total_ms=%" PRId64 "%s%s", info->name,
                 info->address, info->punch_ms, info->total_ms, PATH_TEXT(info));
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
    case HX_ECLOSED:
    case HX_EEOF:
    case HX_EPROTO:
        return "check --nameserver, that hx-nameserver runs there, and that UDP may leave this network";
    case HX_ERESOLVE:
        return "check the spelling of --nameserver and this host's name service";
    case HX_EPUNCH:
        return "try again; if it stays so, one side's NAT is symmetric or drops UDP: change that NAT's "
               "settings, or use another network";
    case HX_ESYS:
        return "this process may need more descriptors or threads (ulimit -n, ulimit -u)";
    case HX_EFAMILY:
        return "use -4 or -6 as the peer does, or give both hosts both";
    case HX_EPROXY:
        return "check https_proxy, or name the nameserver in no_proxy";
    case HX_ECERT:
        return "check --nameserver, and this host's clock and SSL_CERT_FILE";
    case HX_EDENIED:
        return "ask whoever runs it; `hx key --device` prints what its --auth FILE needs";
    case HX_EADDR:
        return "choose another --local-port, or leave the choice to the system";
    default:
        return "try again later";
    }
}

void ui_failure(int error, const char *name, const struct hx_config *config)
{
    if (error == HX_ENOTFOUND)
        say_error("nobody holds the name '%s' at %s: %s", name, config->nameserver, advice(error));
    else if (error == HX_EINVAL)
        say_error("'%s' or another argument cannot be used: names have 1 to 255 letters, digits and "
                  "!#$%%&'*+-.^_`|~@, a nameserver is HOST[:PORT] or http[s]://HOST[:PORT]",
                  name);
    else if (error == HX_ECONFLICT)
        say_error("the name '%s' is held by a living connection: %s", name, advice(error));
    else if (error == HX_EPUNCH && explanation[0] != '\0')
        say_error("the holder of '%s' was not reached: %s", name, explanation);
    else if (error == HX_EPUNCH)
        say_error("the holder of '%s' was not reached, %s: %s", name, hx_strerror(error), advice(error));
    else if (error == HX_EFAMILY)
        say_error("the holder of '%s' was not reached: %s", name,
                  explanation[0] != '\0' ? explanation : hx_strerror(error));
    else if (error == HX_EADDR)
        say_error("UDP port %d cannot be used: %s", config->local_port, advice(error));
    else if (error == HX_ESYS || error == HX_ENOMEM)
        say_error("%s: %s", hx_strerror(error), advice(error));
    else if (explanation[0] != '\0') /* it says itself what to do */
        say_error("nameserver %s: %s", config->nameserver, explanation);
    else
        say_error("nameserver %s: %s: %s", config->nameserver, hx_strerror(error), advice(error));
}

void ui_cannot_begin(int error)
{
    say_error("cannot begin: %s: %s", hx_strerror(error), advice(error));
}

void ui_proof_failure(int error, const char *name)
{
    if (error == HX_EAUTH)
        say_error("refused by the holder of '%s': it does not have this key; give both hosts the same one "
                  "(hx key), or choose it with --key-file",
                  name);
    else if (error == HX_EPROTO)
        say_error("the holder of '%s' does not prove a key: is it an `hx bind --insecure`?", name);
    else if (error == HX_ETIMEDOUT)
        say_error("the holder of '%s' was reached, but its proof of a key did not come within --timeout: try "
                  "again, with a longer one where packets are lost; if it stays so, look there",
                  name);
    else
        say_error(
            "the holder of '%s' ended without proving a key (%s): it may have too many peers; look there",
            name, hx_strerror(error));
}

void ui_pipe_failure(int error, int system)
{
    if (error == HX_ECANCELED)
        say_error("interrupted before everything had arrived");
    else if (error == HX_ESYS)
        say_error("standard input or standard output: %s", strerror(system));
    else
        say_error("the peer went away before everything had arrived (%s): look there, then try again",
                  hx_strerror(error));
}

bool ui_printed(void)
{
    int flushed = fflush(stdout);
    int why = errno;

    if (flushed == 0 && !ferror(stdout))
        return true;
    if (flushed == 0)
        say_error("cannot write to standard output");
    else if (why != EPIPE)
        say_error("cannot write to standard output: %s", strerror(why));
    return false;
}

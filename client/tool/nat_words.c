#include "client/tool/nat_words.h"
#include "client/tool/json.h"
#include <string.h>

static const char *const kinds[] = {[HX_NAT_UNKNOWN] = "unknown",
                                    [HX_NAT_ENDPOINT_INDEPENDENT] = "endpoint-independent",
                                    [HX_NAT_ADDRESS_DEPENDENT] = "address-dependent",
                                    [HX_NAT_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent"};
static const char *const ports[] = {[HX_NAT_PORTS_UNKNOWN] = "unknown",
                                    [HX_NAT_PORTS_PRESERVING] = "preserving",
                                    [HX_NAT_PORTS_SEQUENTIAL] = "sequential",
                                    [HX_NAT_PORTS_RANDOM] = "random"};
static const char *const facts[] = {[HX_NAT_NOT_KNOWN] = "unknown", [HX_NAT_YES] = "yes", [HX_NAT_NO] = "no"};
static const char *const verdicts[] = {[HX_NAT_UNCLEAR] = "unclear",
                                       [HX_NAT_HARD] = "hard",
                                       [HX_NAT_PREDICTABLE] = "predictable",
                                       [HX_NAT_EASY] = "easy",
                                       [HX_NAT_BLOCKED] = "blocked"};
static const struct {
    unsigned bit;
    const char *name;
} protocols[] = {{HX_NAT_PCP, "PCP"}, {HX_NAT_NAT_PMP, "NAT-PMP"}, {HX_NAT_UPNP_IGD, "UPnP-IGD"}};

#define PROTOCOLS (sizeof protocols / sizeof *protocols)

/* ---- the verdict ---- */

static bool known(bool asked, const struct hx_nat_report *r)
{
    return asked && r->error == HX_OK;
}

bool nat_words_known(const struct nat_result *n)
{
    return known(n->asked_ipv4, &n->ipv4) || known(n->asked_ipv6, &n->ipv6);
}

/* A server with one address takes a NAT that gives each address another port for one that gives all the
 * same. */
static bool not_certain(const struct hx_nat_report *r)
{
    return r->translated == HX_NAT_YES && r->second_address == HX_NAT_NO;
}

static const char *meaning(const struct hx_nat_report *r)
{
    switch (r->verdict) {
    case HX_NAT_EASY:
        return not_certain(r) ? "any peer can be reached directly, as far as one address of the server tells"
                              : "any peer can be reached directly";
    case HX_NAT_PREDICTABLE:
        return "every destination sees another port, but the next one can be foretold; most peers can be "
               "reached "
               "directly";
    case HX_NAT_HARD:
        return "every destination sees another port, at random; a peer is reached directly only if its own "
               "NAT is "
               "an easy one";
    default:
        return "UDP passes, but one answer from one address does not tell how ports are mapped; name another "
               "server with --stun";
    }
}

/* Nobody has answered: what the worse of both families says would hide what the other one tells. */
static int silence(const struct nat_result *n)
{
    static const int order[] = {HX_EPROTO, HX_EREFUSED, HX_ETIMEDOUT, HX_ERESOLVE, HX_EFAMILY};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if ((n->asked_ipv4 && n->ipv4.error == order[i]) || (n->asked_ipv6 && n->ipv6.error == order[i]))
            return order[i];
    }
    return HX_ETIMEDOUT;
}

static const char *of_silence(const struct nat_result *n)
{
    switch (n->asked_ipv4 && n->ipv4.tcp != HX_NAT_NOT_KNOWN ? n->ipv4.tcp : n->ipv6.tcp) {
    case HX_NAT_YES:
        return "UDP is blocked: nothing came back from %.150s, but TCP reaches it: hx works through it, with "
               "peers of this network, and with others if the nameserver relays";
    case HX_NAT_NO:
        return "UDP is blocked: nothing came back from %.150s, and UDP through TCP does not reach it either "
               "(or "
               "it is down): try another network";
    default:
        return "UDP is blocked: nothing came back from %.150s (or it is down): try another network";
    }
}

static void unknown_verdict(const struct nat_result *n, char text[NAT_WORDS_MAX])
{
    const char *format = NULL;
    switch (silence(n)) {
    case HX_EPROTO:
        format = "unclear: %.150s is reached over UDP, but answers no STUN: it is an older hx-nameserver; "
                 "name a STUN "
                 "server with --stun";
        break;
    case HX_EREFUSED:
        format = "unclear: nothing listens at %.150s (its host, or a firewall, says so by ICMP): is that the "
                 "right "
                 "port?";
        break;
    case HX_ERESOLVE:
        format =
            "unclear: the name of %.150s could not be looked up: check its spelling and this host's name "
            "service";
        break;
    case HX_EFAMILY:
        format = "unclear: this host has no way to %.150s: is it connected to a network?";
        break;
    default:
        format = of_silence(n);
        break;
    }
    snprintf(text, NAT_WORDS_MAX, format, n->nameserver);
}

void nat_words_verdict(const struct nat_result *n, char text[NAT_WORDS_MAX])
{
    bool four = known(n->asked_ipv4, &n->ipv4);
    bool six = known(n->asked_ipv6, &n->ipv6);
    if (!four && !six) {
        unknown_verdict(n, text);
    } else if (four && six && n->ipv4.verdict != n->ipv6.verdict) {
        snprintf(text, NAT_WORDS_MAX, "%s over IPv4: %s; %s over IPv6: %s", verdicts[n->ipv4.verdict],
                 meaning(&n->ipv4), verdicts[n->ipv6.verdict], meaning(&n->ipv6));
    } else {
        const struct hx_nat_report *r = four ? &n->ipv4 : &n->ipv6;
        snprintf(text, NAT_WORDS_MAX, "%s: %s", verdicts[r->verdict], meaning(r));
    }
}

/* The better of both families: what a peer with both is reached by. */
static enum hx_nat_verdict best(const struct nat_result *n)
{
    bool four = known(n->asked_ipv4, &n->ipv4);
    bool six = known(n->asked_ipv6, &n->ipv6);
    if (four && six)
        return n->ipv4.verdict > n->ipv6.verdict ? n->ipv4.verdict : n->ipv6.verdict;
    if (four || six)
        return four ? n->ipv4.verdict : n->ipv6.verdict;
    return silence(n) == HX_ETIMEDOUT ? HX_NAT_BLOCKED : HX_NAT_UNCLEAR;
}

void nat_words_lifetime(const struct nat_result *n, char text[NAT_WORDS_MAX])
{
    const struct hx_nat_lifetime *l = &n->lifetime;
    if (n->lifetime_error == HX_EPROTO)
        snprintf(text, NAT_WORDS_MAX,
                 "for a time that is not known: this NAT gives the same port again, and no server can send "
                 "to it unasked (RFC 5780, "
                 "RESPONSE-PORT)");
    else if (l->alive_s > 0 && l->dead_s > 0)
        snprintf(text, NAT_WORDS_MAX, "%d to %d s", l->alive_s, l->dead_s);
    else if (l->alive_s > 0)
        snprintf(text, NAT_WORDS_MAX, "%d s or more", l->alive_s);
    else if (l->dead_s > 0)
        snprintf(text, NAT_WORDS_MAX, "less than %d s", l->dead_s);
    else
        snprintf(text, NAT_WORDS_MAX, "for a time that is not known: %s",
                 n->lifetime_error == HX_ECANCELED ? "interrupted before the first mapping was old enough"
                                                   : hx_strerror(n->lifetime_error));
}

/* ---- for people ---- */

static void print_row(FILE *out, const char *name, const char *value, const char *remark)
{
    fprintf(out, "  %-14s %s%s%s%s\n", name, value, remark ? " (" : "", remark ? remark : "",
            remark ? ")" : "");
}

static const char *why_not(const struct hx_nat_report *r)
{
    switch (r->error) {
    case HX_EFAMILY:
        return "this host has no way there";
    case HX_ERESOLVE:
        return "no server has such an address";
    case HX_EREFUSED:
        return "nothing listens there, says ICMP";
    case HX_EPROTO:
        return "the nameserver answers no STUN";
    default:
        return "nothing came back";
    }
}

static void print_ports(FILE *out, const struct hx_nat_report *r)
{
    char remark[32];
    snprintf(remark, sizeof remark, "step %d", r->port_step);
    print_row(out, "ports:", ports[r->ports], r->ports == HX_NAT_PORTS_SEQUENTIAL ? remark : NULL);
}

static void print_portmap(FILE *out, const struct hx_nat_report *r)
{
    char names[64] = "";
    for (size_t i = 0; i < PROTOCOLS; i++) {
        size_t len = strlen(names);
        if (r->portmap_protocols & protocols[i].bit)
            snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", protocols[i].name);
    }
    print_row(out, "port mapping:",
              r->portmap == HX_NAT_YES  ? names
              : r->portmap == HX_NAT_NO ? "none"
                                        : "unknown",
              NULL);
}

static void print_family(FILE *out, const char *family, const struct hx_nat_report *r)
{
    char value[2 * HX_ADDRESS_MAX + 64];
    bool one = r->second_address == HX_NAT_NO;
    if (r->error < 0) {
        fprintf(out, "%s: %s\n", family, why_not(r));
        return;
    }
    fprintf(out, "%s\n", family);
    snprintf(value, sizeof value, "%s, here %s%s", r->external, r->local,
             r->translated == HX_NAT_NO ? ": no NAT" : "");
    print_row(out, "outside:", value, NULL);
    snprintf(value, sizeof value, "%.3f ms to %s", (double)r->rtt_us / 1000, r->server);
    print_row(out, "round trip:", value, r->nameserver < 0 ? "the nameserver itself does not answer" : NULL);
    print_row(out, "mapping:", kinds[r->mapping],
              r->translated == HX_NAT_NO ? "no NAT"
              : one && r->mapping == HX_NAT_ENDPOINT_INDEPENDENT
                  ? "or address-dependent: the server has one address"
                  : NULL);
    print_row(out, "filtering:", kinds[r->filtering],
              r->filtering != HX_NAT_UNKNOWN ? NULL
              : one                          ? "the server has one address"
                                             : "not all answers came");
    if (r->translated == HX_NAT_YES) {
        print_ports(out, r);
        print_row(out, "hairpin:", facts[r->hairpin], NULL);
    }
    if (r->mtu > 0) {
        snprintf(value, sizeof value, "%d bytes or more, up to the server", r->mtu);
        print_row(out, "MTU:", value, NULL);
    }
    if (r->portmap != HX_NAT_NOT_KNOWN)
        print_portmap(out, r);
}

void nat_words_print(FILE *out, const struct nat_result *n)
{
    char text[NAT_WORDS_MAX];
    if (n->asked_ipv4)
        print_family(out, "IPv4", &n->ipv4);
    if (n->asked_ipv6)
        print_family(out, "IPv6", &n->ipv6);
    if (n->measured) {
        nat_words_lifetime(n, text);
        fprintf(out, "a mapping lives %s\n", text);
    }
    nat_words_verdict(n, text);
    fprintf(out, "%s\n", text);
}

/* ---- JSON ---- */

static void json_fact(FILE *out, const char *key, enum hx_nat_fact fact)
{
    static const char *const words[] = {
        [HX_NAT_NOT_KNOWN] = "null", [HX_NAT_YES] = "true", [HX_NAT_NO] = "false"};
    fprintf(out, ",\"%s\":%s", key, words[fact]);
}

static void json_portmap(FILE *out, const struct hx_nat_report *r)
{
    const char *comma = "";
    fputs(",\"port_mapping\":", out);
    if (r->portmap == HX_NAT_NOT_KNOWN) {
        fputs("null", out);
        return;
    }
    fputc('[', out);
    for (size_t i = 0; i < PROTOCOLS; i++) {
        if (!(r->portmap_protocols & protocols[i].bit))
            continue;
        fprintf(out, "%s\"%s\"", comma, protocols[i].name);
        comma = ",";
    }
    fputc(']', out);
}

static const char *status_of(int error)
{
    switch (error) {
    case HX_OK:
        return "answered";
    case HX_EREFUSED:
        return "refused";
    case HX_EPROTO:
        return "no-stun";
    case HX_EFAMILY:
        return "no-way";
    case HX_ERESOLVE:
        return "no-address";
    default:
        return "silent";
    }
}

static void json_family(FILE *out, const char *family, bool asked, const struct hx_nat_report *r)
{
    fprintf(out, ",\"%s\":", family);
    if (!asked) {
        fputs("null", out);
        return;
    }
    fprintf(out, "{\"status\":\"%s\",\"nameserver\":\"%s\"", status_of(r->error), status_of(r->nameserver));
    if (r->tcp != HX_NAT_NOT_KNOWN)
        json_fact(out, "tcp", r->tcp);
    if (r->error == HX_OK) {
        fprintf(out, ",\"verdict\":\"%s\",\"external\":\"%s\",\"local\":\"%s\"", verdicts[r->verdict],
                r->external, r->local);
        json_fact(out, "nat", r->translated);
        fprintf(out, ",\"server\":\"%s\",\"rtt_ms\":%.3f,\"mapping\":\"%s\",\"filtering\":\"%s\"", r->server,
                (double)r->rtt_us / 1000, kinds[r->mapping], kinds[r->filtering]);
        json_fact(out, "second_address", r->second_address);
        fprintf(out, ",\"ports\":\"%s\",\"port_step\":%d", ports[r->ports], r->port_step);
        json_fact(out, "hairpin", r->hairpin);
        json_portmap(out, r);
        if (r->mtu > 0)
            fprintf(out, ",\"mtu\":%d", r->mtu);
        else
            fputs(",\"mtu\":null", out);
    }
    fputc('}', out);
}

static void json_lifetime(FILE *out, const struct nat_result *n)
{
    fputs(",\"lifetime\":", out);
    if (!n->measured) {
        fputs("null", out);
        return;
    }
    fprintf(out, "{\"alive_s\":%d,\"dead_s\":", n->lifetime.alive_s);
    if (n->lifetime.dead_s > 0)
        fprintf(out, "%d}", n->lifetime.dead_s);
    else
        fputs("null}", out);
}

void nat_words_json(FILE *out, const struct nat_result *n)
{
    char text[NAT_WORDS_MAX], string[JSON_TIMES * NAT_WORDS_MAX + 3];
    bool exact;
    nat_words_verdict(n, text);
    (void)json_string(string, text, &exact);
    fprintf(out, "{\"verdict\":\"%s\",\"text\":%s", verdicts[best(n)], string);
    json_family(out, "ipv4", n->asked_ipv4, &n->ipv4);
    json_family(out, "ipv6", n->asked_ipv6, &n->ipv6);
    json_lifetime(out, n);
    fputs("}\n", out);
}

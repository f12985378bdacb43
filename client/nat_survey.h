/* client/nat_survey.h: finds out how the NAT in front of this host behaves, for one address family, by asking
 * STUN servers (RFC 5780, 4). Everything is called and calls back with the engine's lock held.
 *
 *   first    the port in question asks every server once: external address, round trip; and, on the chance that it is
 *            its other one, the nameserver's next port
 *   second   it asks the other addresses and ports of one of them: mapping. Further ports ask the same: port
 *            allocation. `whole`: a port that has spoken to one address alone asks for answers from others
 *            (filtering), two ports send to each other's mappings (hairpin), and the port in question sends
 *            packets of several lengths, which nobody may cut
 *
 * What is not known when the time is over is told as not known. */
#ifndef HX_CLIENT_NAT_SURVEY_H
#define HX_CLIENT_NAT_SURVEY_H

#include "base/host_port.h"
#include "client/nat_rules.h"
#include "shim/udt/udt.h"

#define NAT_SERVERS_MAX 12 /* nameservers, and STUN servers that were named besides */

struct nat_facts {
    /* HX_OK: a server has answered; HX_ETIMEDOUT: none has; HX_EREFUSED: none, and ICMP says that none is
     * there; HX_EFAMILY: this host has no way to that family; HX_ERESOLVE: no server has an address of it */
    int error;
    bool nameserver_answered;        /* the first of the servers */
    struct endpoint server;          /* the one of which the rest is told */
    struct endpoint external, local; /* of the port in question: as the server saw it, and here */
    int64_t rtt_us;                  /* to the server, the shortest */
    struct nat_mapping mapping;
    enum nat_mapping_kind filtering;
    bool one_address;      /* the servers have one between them: see nat_rules_mapping() */
    enum nat_test hairpin; /* NAT_UNTESTED, too, where there is no NAT */
    int mtu; /* bytes of the longest packet that has reached the server; 0: none of those tried has */
};

struct nat_survey_request {
    const struct host_port *servers; /* copied */
    int server_count;                /* 1 to NAT_SERVERS_MAX */
    int family;                      /* AF_INET or AF_INET6 */
    struct udt_port *port;           /* the port in question */
    bool whole;
    int64_t deadline_ms;
    /* A server has answered for the first time; `local`: as in the facts. May be NULL. */
    void (*on_heard)(void *user, const struct endpoint *local);
    /* How the port in question is mapped is known, and the rest is still asked for. Once at most. May be
     * NULL: then it is not asked for sooner either. */
    void (*on_kind)(void *user, enum nat_mapping_kind kind);
    /* Once, unless nat_survey_cancel() comes before; the survey is gone when it is called. */
    void (*on_done)(void *user, const struct nat_facts *facts);
    void *user;
};

struct nat_survey;
/* HX_OK, or HX_ENOMEM and no callback. Never calls back before it returns. */
int nat_survey_begin(struct nat_survey **out, const struct nat_survey_request *request);
void nat_survey_cancel(struct nat_survey *s); /* NULL is fine */

#endif

/* client/nat_survey_parts.h: a survey from inside, for nat_survey.c (what follows from the answers) and
 * nat_questions.c (what is asked). */
#ifndef HX_CLIENT_NAT_SURVEY_PARTS_H
#define HX_CLIENT_NAT_SURVEY_PARTS_H

#include "client/nat_survey.h"
#include "client/resolve.h"
#include "client/stun.h"
#include "client/stun_port.h"

#define NAT_QUIET_MORE_MS 200 /* a packet may be late by so much */
#define NAT_MTUS          9   /* packets of so many lengths are tried */
#define NAT_QUESTIONS_MAX (NAT_SAMPLES_MAX + 10 + NAT_MTUS)
#define NAT_TRIES_MAX     3 /* addresses of one server, one after the other */

enum purpose { FIRST, MAPPING, ALLOCATION, OPEN_FILTER, OTHER_ADDRESS, OTHER_PORT, HAIRPIN, LONG_PACKET };
enum { FILTER_PORT, PORT_1, PORT_2, PORT_3, PORTS };

struct question {
    struct nat_survey *survey;
    struct stun_transaction *transaction; /* NULL: over */
    enum purpose purpose;
    struct server *server;
    struct nat_sample *sample; /* NULL: of no use for that */
    int which;                 /* of PORTS; PORTS: it does not matter. LONG_PACKET: its bytes */
};

struct server {
    struct nat_survey *survey;
    struct host_port name;
    struct resolve *resolve; /* NULL: not asked for, or answered */
    struct resolve_list list;
    size_t next;        /* of the list: tried if the one before does not answer */
    struct endpoint at; /* AF_UNSPEC: not found */
    uint32_t scope;
    bool asked, no_way, refused, answered;
    struct endpoint other;
    uint16_t other_port;
};

enum survey_state { SURVEY_FIRST, SURVEY_SECOND, SURVEY_DONE };

struct nat_survey {
    struct nat_survey_request request;
    enum survey_state state; /* changed by enter() alone */
    struct server servers[NAT_SERVERS_MAX];
    struct question questions[NAT_QUESTIONS_MAX];
    size_t question_count;
    struct nat_samples samples;
    struct stun_port *ports[PORTS]; /* NULL: not opened */
    struct endpoint mapped[PORTS];  /* what the nameserver sees of them */
    struct timer timer;             /* the end, or of the first round while another server may answer */
    struct server *main;            /* the one of which the rest is told */
    struct server *filter;          /* that FILTER_PORT has spoken to */
    bool filter_open;               /* and it has answered */
    struct question *guess; /* at the nameserver's next port, which may be its other one; NULL: none */
    bool kind_told;
    enum nat_test other_address, other_port, hairpin;
    struct endpoint external, local;
    int64_t rtt_us;
    int mtu;
};

/* All of these ask; nat_survey_answered() is called for each answer. What cannot be asked has none. */
void nat_ask_first(struct nat_survey *s, struct server *v); /* or sets v->no_way */
void nat_ask_second(struct nat_survey *s);
void nat_ask_filtering(struct nat_survey *s,
                       struct server *v); /* from FILTER_PORT, which must be open to it */
void nat_ask_hairpin(struct nat_survey *s);
void nat_ask_mtu(struct nat_survey *s);
void nat_survey_answered(void *question, const struct stun_answer *a);

int nat_survey_left_ms(const struct nat_survey *s);

#endif

#include "proto/attempt_report.h"
#include "base/error.h"
#include "base/hex.h"
#include "proto/field.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BEGIN "GET " ATTEMPT_REPORT_WHERE "?"
#define END   " HTTP/1.1\r\n\r\n"

static const char *const outcomes[ATTEMPT_OUTCOMES] = {
#define ATTEMPT_TEXT(name, text) text,
    ATTEMPT_OUTCOME_MAP(ATTEMPT_TEXT)
#undef ATTEMPT_TEXT
};
static const char *const reasons[ATTEMPT_REASONS] = {
    [ATTEMPT_NO_REASON] = "",          [ATTEMPT_SILENCE] = "silence", [ATTEMPT_HOPELESS] = "hopeless",
    [ATTEMPT_HANDSHAKE] = "handshake", [ATTEMPT_REFUSED] = "refused", [ATTEMPT_GIVEN_UP] = "given-up",
    [ATTEMPT_CROWDED] = "crowded"};

const char *attempt_outcome_text(enum attempt_outcome outcome)
{
    return outcomes[outcome];
}

enum attempt_outcome attempt_outcome_of(const char *text)
{
    const struct field_piece word = {text, strlen(text)};

    return (enum attempt_outcome)field_piece_among(&word, outcomes, ATTEMPT_OUTCOMES, ATTEMPT_OTHER);
}

const char *attempt_reason_text(enum attempt_reason reason)
{
    return reasons[reason];
}

/* ---- written ---- */

static size_t put_word(char *text, size_t len, const char *key, const char *value)
{
    if (!value || !value[0])
        return len;
    return len + (size_t)snprintf(text + len, ATTEMPT_REPORT_MAX - len, "&%s=%s", key, value);
}

static size_t put_number(char *text, size_t len, const char *key, int64_t value)
{
    if (value < 0)
        value = 0;
    if (value > ATTEMPT_NUMBER_MAX)
        value = ATTEMPT_NUMBER_MAX;
    return len + (size_t)snprintf(text + len, ATTEMPT_REPORT_MAX - len, "&%s=%" PRId64, key, value);
}

size_t attempt_report_write(const struct attempt_report *r, char text[ATTEMPT_REPORT_MAX])
{
    size_t len =
        (size_t)snprintf(text, ATTEMPT_REPORT_MAX, BEGIN "outcome=%s", attempt_outcome_text(r->outcome));

    len = put_word(text, len, "reason", attempt_reason_text(r->reason));
    len = put_word(text, len, "session", r->session);
    len = put_number(text, len, "ms", r->ms);
    len = put_number(text, len, "tries", r->tries);
    len = put_number(text, len, "probes", r->probes);
    len = put_word(text, len, "mapping", nat_mapping_kind_text(r->own.kind));
    len = put_word(text, len, "ports", nat_ports_text(r->own.ports));
    len = put_word(text, len, "peer_mapping", nat_mapping_kind_text(r->peer.kind));
    len = put_word(text, len, "peer_ports", nat_ports_text(r->peer.ports));
    return len + (size_t)snprintf(text + len, ATTEMPT_REPORT_MAX - len, END);
}

/* ---- read ---- */

static bool read_session(struct attempt_report *r, const struct field_piece *value)
{
    if (value->len != ATTEMPT_SESSION_MAX - 1)
        return false;
    for (size_t i = 0; i < value->len; i++) {
        if (value->at[i] == '\0' || !strchr(HEX_DIGITS, value->at[i]))
            return false;
    }
    memcpy(r->session, value->at, value->len);
    r->session[value->len] = '\0';
    return true;
}

/* Decimal digits alone. */
static bool read_number(int64_t *out, const struct field_piece *value)
{
    int64_t n = 0;

    for (size_t i = 0; i < value->len; i++) {
        if (value->at[i] < '0' || value->at[i] > '9')
            return false;
        n = 10 * n + (value->at[i] - '0');
        if (n > ATTEMPT_NUMBER_MAX)
            return false;
    }
    *out = n;
    return true;
}

enum parameter {
    OUTCOME,
    REASON,
    SESSION,
    MS,
    TRIES,
    PROBES,
    MAPPING,
    PORTS,
    PEER_MAPPING,
    PEER_PORTS,
    PARAMETERS
};
static const char *const keys[PARAMETERS] = {"outcome", "reason",  "session", "ms",           "tries",
                                             "probes",  "mapping", "ports",   "peer_mapping", "peer_ports"};

static bool take_value(struct attempt_report *r, enum parameter key, const struct field_piece *value)
{
    switch (key) {
    case OUTCOME:
        r->outcome =
            (enum attempt_outcome)field_piece_among(value, outcomes, ATTEMPT_OUTCOMES, ATTEMPT_OTHER);
        return true;
    case REASON:
        r->reason =
            (enum attempt_reason)field_piece_among(value, reasons, ATTEMPT_REASONS, ATTEMPT_NO_REASON);
        return true;
    case SESSION:
        return read_session(r, value);
    case MS:
        return read_number(&r->ms, value);
    case TRIES:
        return read_number(&r->tries, value);
    case PROBES:
        return read_number(&r->probes, value);
    case MAPPING:
        r->own.kind = nat_mapping_kind_of(value);
        return true;
    case PORTS:
        r->own.ports = nat_ports_of(value);
        return true;
    case PEER_MAPPING:
        r->peer.kind = nat_mapping_kind_of(value);
        return true;
    case PEER_PORTS:
        r->peer.ports = nat_ports_of(value);
        return true;
    case PARAMETERS:
    default:
        return true; /* of a later version */
    }
}

/* `seen`: a bit for each key that has come. */
static bool read_parameter(struct attempt_report *r, unsigned *seen, struct field_piece value)
{
    struct field_piece key = field_next(&value, '=');
    int i = field_piece_among(&key, keys, PARAMETERS, PARAMETERS);

    if (i == PARAMETERS)
        return true;
    if ((*seen & 1U << i) || value.len == 0)
        return false;
    *seen |= 1U << i;
    return take_value(r, (enum parameter)i, &value);
}

int attempt_report_parse(struct attempt_report *out, const char *text, size_t len)
{
    struct attempt_report r = {.outcome = ATTEMPT_OTHER};
    size_t begin = strlen(BEGIN), end = strlen(END);
    unsigned seen = 0;

    if (len < begin + end || len > ATTEMPT_REPORT_MAX || memcmp(text, BEGIN, begin) != 0 ||
        memcmp(text + len - end, END, end) != 0)
        return HX_EPROTO;
    struct field_piece rest = {text + begin, len - begin - end};
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.at[i] <= ' ' || rest.at[i] > '~' || rest.at[i] == '"') /* in no URI (RFC 3986, 2) */
            return HX_EPROTO;
    }
    while (rest.len > 0) {
        if (!read_parameter(&r, &seen, field_next(&rest, '&')))
            return HX_EPROTO;
    }
    if (!(seen & 1U << OUTCOME))
        return HX_EPROTO;
    *out = r;
    return HX_OK;
}

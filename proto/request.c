#include "proto/request.h"

#include "base/error.h"
#include "proto/field.h"
#include "proto/prefer.h"
#include "proto/target.h"
#include "proto/upgrade.h"
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* http-parser reads the version, the header fields and their framing. Method and target we read ourselves:
 * it knows a fixed set of methods, some of which change how the rest is read (CONNECT), where we answer 405
 * to each but two. It is fed pieces that end at line ends, so that our limits and its errors come in the
 * order of the bytes, however the network cut them. */
enum request_phase { PHASE_METHOD, PHASE_TARGET, PHASE_VERSION, PHASE_FIELDS };

#define FIELD_NAME_MAX 24 /* longer than each field name that means something to us */

struct request_parser {
    enum request_phase phase;
    bool ended;            /* done or refused; the next byte begins a new request */
    bool line_start;       /* no byte of the line has come */
    bool after_cr;         /* only LF may follow */
    bool empty_line;       /* the line that ends the head is being read */
    bool method_refused;   /* neither GET nor HEAD */
    bool value_cut;        /* the field's value did not fit into text */
    size_t used;           /* bytes that count for the phase's limit: of the request line, of the fields */
    size_t fields;         /* header fields begun */
    size_t field_name_len; /* may be above FIELD_NAME_MAX: the name does not fit */
    size_t text_len;
    int pending;             /* status of a refusal that waits for the head's end; 0 for none */
    const char *pending_why; /* its text */
    bool wait_known;         /* a Prefer: wait has come */
    bool host_known;         /* a Host has come */
    bool session_known;      /* a Bind-Session or Join-Session has come */
    bool upgrades;           /* Upgrade: connect-udp has */
    struct request request;  /* its names are these */
    struct request_names names;
    struct peer_fields *peer; /* NULL: nothing has come; most tell nothing, and parsers are many */
    struct request_refusal refusal;
    struct http_parser http;
    struct request_proof *proof; /* NULL: none is read */
    char field_name[FIELD_NAME_MAX];
    char text[REQUEST_LINE_MAX + 1]; /* the method, then the target, then the value of one header field */
};

static int on_field_name(struct http_parser *http, const char *data, size_t len)
{
    struct request_parser *p = http->data;

    if (memchr(data, ' ', len))
        return -1; /* "Name : value" (RFC 9112, 5.1); whether http-parser refuses it depends on its build */
    if (p->field_name_len + len <= FIELD_NAME_MAX)
        memcpy(p->field_name + p->field_name_len, data, len);
    p->field_name_len += len;
    return 0;
}

static int on_field_value(struct http_parser *http, const char *data, size_t len)
{
    struct request_parser *p = http->data;

    if (!field_value_valid(data, len))
        return -1;
    if (p->text_len + len > REQUEST_LINE_MAX) {
        p->value_cut = true;
        return 0;
    }
    memcpy(p->text + p->text_len, data, len);
    p->text_len += len;
    return 0;
}

static int on_head_complete(struct http_parser *http)
{
    struct request_parser *p = http->data;

    p->request.close = !http_should_keep_alive(http);
    p->request.unchunked = http->http_minor == 0;
    return 0;
}

static const struct http_parser_settings http_settings = {.on_header_field = on_field_name,
                                                          .on_header_value = on_field_value,
                                                          .on_headers_complete = on_head_complete};

static void begin_request(struct request_parser *p)
{
    free(p->peer);
    if (p->proof)
        request_proof_free(p->proof);
    memset(p, 0, offsetof(struct request_parser, http));
    p->request.host_id = p->names.host_id;
    p->request.name = p->names.name;
    http_parser_init(&p->http, HTTP_REQUEST);
    p->http.data = p;
}

int request_parser_create(struct request_parser **out)
{
    struct request_parser *p = calloc(1, sizeof *p);

    if (!p)
        return HX_ENOMEM;
    begin_request(p);
    *out = p;
    return HX_OK;
}

int request_parser_read_proofs(struct request_parser *p)
{
    p->proof = calloc(1, sizeof *p->proof);
    return p->proof ? HX_OK : HX_ENOMEM;
}

void request_parser_destroy(struct request_parser *p)
{
    if (!p)
        return;
    if (p->proof)
        request_proof_free(p->proof);
    free(p->proof);
    free(p->peer);
    free(p);
}

static enum request_result refuse(struct request_parser *p, int status, bool fatal, const char *text)
{
    p->refusal = (struct request_refusal){status, text, p->request.head, fatal};
    p->ended = true;
    return REQUEST_REFUSED;
}

static enum request_result refuse_line_too_long(struct request_parser *p)
{
    return refuse(p, 414, true, "the request line is longer than 2048 bytes: shorten it");
}

static enum request_result keep_line_byte(struct request_parser *p, char c)
{
    if (p->used == REQUEST_LINE_MAX)
        return refuse_line_too_long(p);
    p->used++;
    if (c != ' ')
        p->text[p->text_len++] = c;
    return REQUEST_MORE;
}

static void end_method(struct request_parser *p)
{
    p->request.head = p->text_len == 4 && memcmp(p->text, "HEAD", 4) == 0;
    p->method_refused = !p->request.head && !(p->text_len == 3 && memcmp(p->text, "GET", 3) == 0);
    p->text_len = 0;
    p->phase = PHASE_TARGET;
}

static enum request_result read_method(struct request_parser *p, char c)
{
    if (p->used == 0 && (c == '\r' || c == '\n'))
        return REQUEST_MORE; /* RFC 9112, 2.2 */
    bool is_tchar = host_id_valid(&c, 1) && c != '@';
    if (!is_tchar && (c != ' ' || p->used == 0))
        return refuse(p, 400, true,
                      "this is not HTTP: send GET /bind?host_id=NAME HTTP/1.1 and an empty line");
    enum request_result result = keep_line_byte(p, c);
    if (result == REQUEST_MORE && c == ' ')
        end_method(p);
    return result;
}

static void end_target(struct request_parser *p)
{
    static const char substitute[] = "GET / "; /* in the place of what we have read ourselves */

    p->text[p->text_len] = '\0';
    if (p->proof)
        request_proof_keep(p->proof, &p->proof->target, p->text, p->text_len);
    if (p->method_refused) {
        p->pending = 405;
        p->pending_why = "method not allowed: use GET or HEAD";
    } else {
        p->pending = target_read(p->text, &p->request, &p->names, &p->pending_why);
    }
    http_parser_execute(&p->http, &http_settings, substitute, strlen(substitute));
    p->line_start = true;
    p->phase = PHASE_VERSION;
}

static enum request_result read_target(struct request_parser *p, char c)
{
    if (c == '\r' || c == '\n')
        return refuse(p, 400, true, "the request line has no HTTP version: end it with HTTP/1.1");
    if (c < ' ' || c > '~' || (c == ' ' && p->text_len == 0))
        return refuse(p, 400, true, "a byte in the request target is no URL character: percent-encode it");
    enum request_result result = keep_line_byte(p, c);
    if (result == REQUEST_MORE && c == ' ')
        end_target(p);
    return result;
}

/* Gives http-parser bytes of one line. */
static enum request_result parse(struct request_parser *p, const char *data, size_t len)
{
    if (len == 0)
        return REQUEST_MORE; /* to http-parser this would be the end of the stream */
    http_parser_execute(&p->http, &http_settings, data, len);
    enum http_errno err = HTTP_PARSER_ERRNO(&p->http);
    if (err == HPE_OK)
        return REQUEST_MORE;
    if (p->phase == PHASE_FIELDS)
        return refuse(p, 400, true, "a header field is malformed: write each as Name: value on one line");
    if (err == HPE_INVALID_VERSION && p->http.http_major > 1)
        return refuse(p, 505, true, "HTTP version not supported: use HTTP/1.1");
    return refuse(p, 400, true, "the request line does not end with an HTTP version: end it with HTTP/1.1");
}

static enum request_result begin_line(struct request_parser *p, char c)
{
    p->line_start = false;
    if (c == ' ' || c == '\t')
        return refuse(p, 400, true,
                      p->phase == PHASE_FIELDS
                          ? "a header field is folded or begins with a blank: write it on one line"
                          : "two blanks before the HTTP version: put one");
    if (p->phase == PHASE_VERSION)
        return REQUEST_MORE;
    p->empty_line = c == '\r' || c == '\n';
    if (!p->empty_line && ++p->fields > REQUEST_FIELDS_MAX)
        return refuse(p, 431, true, "more than 64 header fields: send fewer");
    p->field_name_len = 0;
    p->text_len = 0;
    p->value_cut = false;
    return REQUEST_MORE;
}

static bool field_is(const struct request_parser *p, const char *name)
{
    return p->field_name_len == strlen(name) && strncasecmp(p->field_name, name, p->field_name_len) == 0;
}

/* uri-host [ ":" port ] (RFC 9112, 3.2): whatever else a reg-name may be, it has no blank and no delimiter of
 * a URL's other parts. Empty is fine. */
static bool is_host(const char *value, size_t len)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-._~!$&'()*+;=:[]%";

    for (size_t i = 0; i < len; i++)
        if (!memchr(allowed, value[i], sizeof allowed - 1))
            return false;
    return true;
}

static enum request_result end_host(struct request_parser *p)
{
    if (p->host_known)
        return refuse(p, 400, true, "there are two Host fields: send one");
    p->host_known = true;
    if (p->value_cut || !is_host(p->text, p->text_len))
        return refuse(p, 400, true,
                      "Host is no host name with a port: write it as NAME:PORT, or leave it out");
    if (p->proof)
        request_proof_keep(p->proof, &p->proof->host, p->text, p->text_len);
    return REQUEST_MORE;
}

/* Where nobody asks for a proof none is looked at. */
static bool takes_proof(const struct request_parser *p)
{
    return p->proof && p->request.target != REQUEST_ROOT && p->request.target != REQUEST_TUNNEL;
}

static enum request_result end_authorization(struct request_parser *p)
{
    int err = request_proof_take(p->proof, p->text, p->text_len, p->value_cut);

    if (err == HX_ECONFLICT)
        return refuse(p, 400, true, "there are two Authorization fields: send one");
    if (err < 0)
        return refuse(p, 400, true,
                      "Authorization is malformed: write it as HX key=\"ed25519:KEY\", sig=\"SIGNATURE\"");
    return REQUEST_MORE;
}

static bool is_session_field(const struct request_parser *p)
{
    return (p->request.target == REQUEST_BIND && field_is(p, "Bind-Session")) ||
           (p->request.target == REQUEST_JOIN && field_is(p, "Join-Session"));
}

static enum request_result end_session(struct request_parser *p)
{
    bool join = p->request.target == REQUEST_JOIN;

    if (p->session_known)
        return refuse(p, 400, true,
                      join ? "there are two Join-Session fields: send one"
                           : "there are two Bind-Session fields: send one");
    p->session_known = true;
    if (p->value_cut || session_id_parse(p->request.session, p->text, p->text_len) < 0)
        return refuse(p, 400, true,
                      join ? "Join-Session is not 32 hex digits: draw 128 random bits, or leave it out"
                           : "Bind-Session is not 32 hex digits: draw 128 random bits, or leave it out");
    p->request.has_session = true;
    return REQUEST_MORE;
}

/* What of these is malformed, or finds no memory, is ignored: no client may depend on them, since an older
 * server knows none of them. */
static void take_peer_field(struct request_parser *p)
{
    struct request *q = &p->request;

    if (q->target == REQUEST_ROOT || q->target == REQUEST_TUNNEL || p->value_cut)
        return;
    if (field_is(p, "Candidate") || field_is(p, "Mapping")) {
        if (p->peer || (p->peer = calloc(1, sizeof *p->peer)))
            peer_fields_read(p->peer, p->field_name, p->field_name_len, p->text, p->text_len);
    } else if (field_is(p, "Session") && !q->has_session && q->target == REQUEST_CONNECT) {
        q->has_session = session_id_parse(q->session, p->text, p->text_len) == HX_OK;
    } else if (field_is(p, "Relay") && q->target == REQUEST_CONNECT) {
        q->relayed |= p->text_len == strlen("only") && strncasecmp(p->text, "only", p->text_len) == 0;
    }
}

/* One of those that are offered (RFC 9110, 7.8). */
static void take_upgrade(struct request_parser *p)
{
    struct field_piece rest = {p->text, p->text_len};

    while (rest.len > 0) {
        struct field_piece offered = field_next(&rest, ',');
        p->upgrades |= field_piece_is(&offered, UPGRADE_TOKEN);
    }
}

static enum request_result end_field(struct request_parser *p)
{
    while (p->text_len > 0 && !p->value_cut &&
           (p->text[p->text_len - 1] == ' ' || p->text[p->text_len - 1] == '\t'))
        p->text_len--; /* blanks around a value are none of it (RFC 9110, 5.5); http-parser leaves those behind it */
    if (field_is(p, "Transfer-Encoding"))
        return refuse(p, 501, true, "transfer codings are not supported: send the request without a body");
    if (field_is(p, "Content-Length")) {
        if (p->text_len == 0)
            return refuse(p, 400, true, "Content-Length is empty: leave it out");
        if (p->http.content_length != 0)
            return refuse(p, 501, true, "request bodies are not supported: send the request without one");
    }
    if (field_is(p, "Host"))
        return end_host(p);
    if (field_is(p, "Authorization") && takes_proof(p))
        return end_authorization(p);
    if (field_is(p, "Upgrade") && !p->value_cut)
        take_upgrade(p);
    if (is_session_field(p))
        return end_session(p);
    if (field_is(p, "Prefer") && !p->wait_known && !p->value_cut) {
        int wait_s = prefer_wait(p->text, p->text_len, REQUEST_WAIT_MAX);
        p->wait_known = wait_s >= 0;
        if (p->wait_known && (p->request.target == REQUEST_CONNECT || p->request.target == REQUEST_JOIN))
            p->request.wait_s = (uint8_t)wait_s;
    }
    take_peer_field(p);
    return REQUEST_MORE;
}

static enum request_result end_line(struct request_parser *p)
{
    p->line_start = true;
    if (p->phase == PHASE_VERSION) {
        if (p->http.http_major != 1)
            return refuse(p, 505, true, "HTTP version not supported: use HTTP/1.1");
        p->phase = PHASE_FIELDS;
        p->used = 0;
        return REQUEST_MORE;
    }
    if (!p->empty_line)
        return end_field(p);
    if (p->pending == 0 && p->request.target == REQUEST_TUNNEL && (!p->upgrades || p->request.head)) {
        p->pending = 404;
        p->pending_why =
            "a tunnel takes GET with Upgrade: " UPGRADE_TOKEN " and Connection: Upgrade: a proxy before the "
            "nameserver must pass both on";
    }
    if (p->pending != 0)
        return refuse(p, p->pending, p->request.close, p->pending_why);
    p->ended = true;
    return REQUEST_DONE;
}

/* Version and header fields: takes what stands before a line end, or one byte of a line end. */
static enum request_result read_line(struct request_parser *p, const char *data, size_t len, size_t *taken)
{
    size_t limit = p->phase == PHASE_VERSION ? REQUEST_LINE_MAX : REQUEST_HEADERS_MAX;
    size_t n = 0;
    enum request_result result = REQUEST_MORE;

    *taken = 0;
    if (p->after_cr && data[0] != '\n')
        return refuse(p, 400, true, "CR without LF: end lines with CR LF");
    if (p->line_start)
        result = begin_line(p, data[0]);
    while (n < len && data[n] != '\r' && data[n] != '\n' && p->used + n < limit)
        n++;
    if (result != REQUEST_MORE || (result = parse(p, data, n)) != REQUEST_MORE)
        return result;
    p->used += n;
    *taken = n;
    if (n == len)
        return REQUEST_MORE;
    if (data[n] != '\r' && data[n] != '\n')
        return p->phase == PHASE_VERSION
                   ? refuse_line_too_long(p)
                   : refuse(p, 431, true, "the header fields are longer than 8192 bytes: send fewer");
    *taken = n + 1;
    p->after_cr = data[n] == '\r';
    result = parse(p, data + n, 1);
    return result == REQUEST_MORE && !p->after_cr ? end_line(p) : result;
}

enum request_result request_parser_feed(struct request_parser *p, const char *data, size_t len,
                                        size_t *consumed)
{
    enum request_result result = REQUEST_MORE;

    *consumed = 0;
    if (p->ended && p->refusal.fatal)
        return REQUEST_REFUSED;
    if (p->ended)
        begin_request(p);
    while (result == REQUEST_MORE && *consumed < len) {
        const char *at = data + *consumed;
        size_t taken = 1;
        if (p->phase == PHASE_METHOD)
            result = read_method(p, *at);
        else if (p->phase == PHASE_TARGET)
            result = read_target(p, *at);
        else
            result = read_line(p, at, len - *consumed, &taken);
        *consumed += taken;
    }
    return result;
}

const struct request *request_parser_request(const struct request_parser *p)
{
    return &p->request;
}

struct request *request_copy(const struct request *q)
{
    size_t host_id_size = strlen(q->host_id) + 1, name_size = strlen(q->name) + 1;
    struct request *copy = malloc(sizeof *copy + host_id_size + name_size);

    if (!copy)
        return NULL;
    char *names = (char *)(copy + 1);
    *copy = *q;
    copy->host_id = memcpy(names, q->host_id, host_id_size);
    copy->name = memcpy(names + host_id_size, q->name, name_size);
    return copy;
}

const struct request_refusal *request_parser_refusal(const struct request_parser *p)
{
    return &p->refusal;
}

const struct peer_fields *request_parser_peer(const struct request_parser *p)
{
    return p->peer && p->peer->candidates.count > 0 ? p->peer : NULL;
}

const struct request_proof *request_parser_proof(const struct request_parser *p)
{
    return p->proof && (p->proof->given || p->proof->starved) ? p->proof : NULL;
}

bool request_parser_started(const struct request_parser *p)
{
    return !p->ended && (p->used > 0 || p->phase != PHASE_METHOD);
}

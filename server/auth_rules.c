#include "server/auth_rules.h"
#include "base/error.h"
#include "base/keyed_table.h"
#include "proto/host_id.h"
#include "secure/identity.h"
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES      65536
#define SHOWN_MAX       16             /* characters of a word that is wrong */
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* that some editors put before UTF-8 */

/* A name or a pattern, with all of its lines. */
struct subject {
    UT_hash_handle hh;
    struct subject *next_pattern;
    uint8_t some, any; /* enum auth_action of the lines, and of those that ask for no proof */
    char text[];
};

struct line_id {
    const struct subject *subject;
    struct authorization_key key;
};

#define LINE_ID_BYTES (offsetof(struct line_id, key) + sizeof(struct authorization_key)) /* no padding */

struct line {
    UT_hash_handle hh;
    struct line_id id;
    uint8_t actions;
    uint8_t psk_hash[]; /* of a shared key */
};

struct auth_rules {
    struct subject *subjects;
    struct subject *patterns; /* those that are ones */
    size_t pattern_count;
    struct line *lines;
    size_t count;
    bool retired; /* nobody asks any more */
};

struct auth_parser {
    struct auth_rules *rules;
    int line; /* from 1, of the one that is being read */
    size_t len;
    bool failed;
    char error[AUTH_ERROR_MAX];
    char file[128];
    char text[AUTH_LINE_MAX + 1];
};

/* ---- what is kept ---- */

static struct subject *find_or_add(struct auth_rules *r, const char *text)
{
    size_t len = strlen(text);
    struct subject *s;

    HASH_FIND(hh, r->subjects, text, len, s);
    if (s || !(s = calloc(1, sizeof *s + len + 1)))
        return s;
    memcpy(s->text, text, len + 1);
    HASH_ADD(hh, r->subjects, text, len, s);
    if (!s->hh.tbl) {
        free(s);
        return NULL;
    }
    if (strchr(text, '*')) {
        s->next_pattern = r->patterns;
        r->patterns = s;
        r->pattern_count++;
    }
    return s;
}

/* A key that stands there twice for the same names may do both. */
static int add_key(struct auth_rules *r, const struct subject *s, uint8_t actions,
                   const struct authorization_key *key, const uint8_t *psk_hash)
{
    const struct line_id id = {s, *key};
    struct line *l;

    HASH_FIND(hh, r->lines, &id, LINE_ID_BYTES, l);
    if (l) {
        l->actions |= actions;
        return HX_OK;
    }
    l = calloc(1, sizeof *l + (psk_hash ? AUTH_HASH_BYTES : 0));
    if (!l)
        return HX_ENOMEM;
    l->id = id;
    l->actions = actions;
    if (psk_hash)
        memcpy(l->psk_hash, psk_hash, AUTH_HASH_BYTES);
    HASH_ADD(hh, r->lines, id, LINE_ID_BYTES, l);
    if (l->hh.tbl)
        return HX_OK;
    free(l);
    return HX_ENOMEM;
}

/* The tables first: what is left of them are lists. */
static void retire(struct auth_rules *r)
{
    struct line *lines = r->lines;
    struct subject *subjects = r->subjects;

    if (r->retired)
        return;
    HASH_CLEAR(hh, r->lines);
    HASH_CLEAR(hh, r->subjects);
    r->lines = lines;
    r->subjects = subjects;
    r->retired = true;
}

bool auth_rules_destroy_some(struct auth_rules *r, int count)
{
    struct line *l;
    struct subject *s;

    retire(r);
    for (; count > 0 && (l = r->lines) != NULL; count--) {
        r->lines = l->hh.next;
        if (l->id.key.kind == AUTHORIZATION_PSK)
            explicit_bzero(l->psk_hash, AUTH_HASH_BYTES);
        free(l);
    }
    for (; count > 0 && (s = r->subjects) != NULL; count--) {
        r->subjects = s->hh.next;
        free(s);
    }
    if (r->lines || r->subjects)
        return false;
    free(r);
    return true;
}

void auth_rules_destroy(struct auth_rules *r)
{
    while (r && !auth_rules_destroy_some(r, INT_MAX))
        ;
}

size_t auth_rules_count(const struct auth_rules *r)
{
    return r->count;
}

size_t auth_rules_patterns(const struct auth_rules *r)
{
    return r->pattern_count;
}

/* ---- what is asked ---- */

/* Back to the last '*' that was met: no other one need be tried (it is the shortest that fits). */
static bool pattern_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *from = name;

    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            from = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static void match_subject(const struct auth_rules *r, const struct subject *s, enum auth_action action,
                          const struct authorization_key *key, struct auth_match *m)
{
    struct line *l = NULL;

    m->some |= (s->some & action) != 0;
    m->any |= (s->any & action) != 0;
    if (!key || m->key || !(s->some & action))
        return;
    const struct line_id id = {s, *key};
    HASH_FIND(hh, r->lines, &id, LINE_ID_BYTES, l);
    if (!l || !(l->actions & action))
        return;
    m->key = true;
    m->psk_hash = key->kind == AUTHORIZATION_PSK ? l->psk_hash : NULL;
}

struct auth_match auth_rules_match(const struct auth_rules *r, enum auth_action action, const char *name,
                                   const struct authorization_key *key)
{
    struct auth_match m = {.some = false};
    struct subject *s;

    HASH_FIND(hh, r->subjects, name, strlen(name), s);
    if (s && !strchr(name, '*')) /* else it stands among the patterns, too */
        match_subject(r, s, action, key, &m);
    for (s = r->patterns; s; s = s->next_pattern)
        if (pattern_matches(s->text, name))
            match_subject(r, s, action, key, &m);
    return m;
}

/* ---- lines ---- */

/* Of a word only its beginning is told: it may be a shared key's hash, in a log that others read. */
static int complain(struct auth_parser *p, const char *what, const char *why)
{
    const char *close = what[0] ? strlen(what) > SHOWN_MAX ? "...' " : "' " : "";

    snprintf(p->error, sizeof p->error, "%s:%d: %s%.*s%s%s", p->file, p->line, what[0] ? "'" : "", SHOWN_MAX,
             what, close, why);
    return HX_EINVAL;
}

static int no_memory(struct auth_parser *p)
{
    snprintf(p->error, sizeof p->error, "%s:%d: out of memory", p->file, p->line);
    return HX_ENOMEM;
}

/* A CR within a line is what some take for its end, and what follows it for a rule; others print such bytes on
 * a terminal. */
static bool has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
            return true;
    return false;
}

/* Cuts a word off; "" at the end of the line. */
static char *take_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");

    *rest = word + strcspn(word, " \t");
    if (**rest)
        *(*rest)++ = '\0';
    return word;
}

static uint8_t read_actions(char *word)
{
    static const struct {
        const char *name;
        uint8_t action;
    } known[] = {{"bind", AUTH_BIND}, {"connect", AUTH_CONNECT}, {"join", AUTH_JOIN}};
    uint8_t actions = 0;

    for (char *next = word; next;) {
        const char *one = strsep(&next, ",");
        uint8_t found = 0;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (strcmp(one, known[i].name) == 0)
                found = known[i].action;
        if (!found)
            return 0;
        actions |= found;
    }
    return actions;
}

static int take_public_key(struct auth_parser *p, const struct subject *s, uint8_t actions, const char *text)
{
    struct authorization_key key;

    if (authorization_key_parse(&key, text, strlen(text)) < 0)
        return complain(p, text, "is no public key; ask for the line that 'hx key --device' prints");
    if (!identity_public_valid(key.bytes))
        return complain(p, text, "is a key that anybody can sign with; take another one");
    return add_key(p->rules, s, actions, &key, NULL) < 0 ? no_memory(p) : HX_OK;
}

static int take_psk(struct auth_parser *p, const struct subject *s, uint8_t actions, const char *text)
{
    struct authorization_key key = {.kind = AUTHORIZATION_PSK};
    const char *digits = text + strlen("psk:");
    uint8_t hash[AUTH_HASH_BYTES];

    if (strlen(digits) != BASE64URL_CHARS(sizeof hash) || base64url_decode(hash, sizeof hash, digits) < 0)
        return complain(p, text, "is no hash of a shared key; ask for what 'hx key --auth' prints");
    int err = identity_psk_id(hash, key.bytes);
    if (err == HX_OK)
        err = add_key(p->rules, s, actions, &key, hash);
    explicit_bzero(hash, sizeof hash);
    return err < 0 ? no_memory(p) : HX_OK;
}

static int take_line(struct auth_parser *p)
{
    char *rest = p->text;
    if (has_control(p->text, p->len))
        return complain(p, "", "the line has a control character; end lines with LF or CR LF");
    if (p->line == 1 && strncmp(rest, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        rest += strlen(BYTE_ORDER_MARK);
    char *name = take_word(&rest), *actions_word = take_word(&rest), *credential = take_word(&rest);

    if (!name[0] || name[0] == '#')
        return HX_OK;
    if (!host_id_valid(name, strlen(name)))
        return complain(p, name,
                        "is no name, nor a pattern of names; they have 1 to 255 letters, digits, "
                        "'-', '_', '.', and '*' for any");
    if (!actions_word[0] || !credential[0])
        return complain(p, "", "not of the form NAME-PATTERN ACTIONS CREDENTIAL");
    uint8_t actions = read_actions(actions_word);
    if (!actions)
        return complain(p, actions_word, "are no actions; give bind, connect or join, several with ','");
    if (p->rules->count == AUTH_LINES_MAX)
        return complain(p, "", "more than 1000000 lines; use patterns");
    struct subject *s = find_or_add(p->rules, name);
    if (!s)
        return no_memory(p);
    p->rules->count++;
    s->some |= actions;
    if (strcmp(credential, "any") == 0) {
        s->any |= actions;
        return HX_OK;
    }
    if (strncmp(credential, "ed25519:", strlen("ed25519:")) == 0)
        return take_public_key(p, s, actions, credential);
    if (strncmp(credential, "psk:", strlen("psk:")) == 0)
        return take_psk(p, s, actions, credential);
    return complain(p, credential, "is no credential; give ed25519:PUBLIC, psk:HASH or any");
}

/* ---- a text ---- */

int auth_parser_create(struct auth_parser **out, const char *file)
{
    struct auth_parser *p = calloc(1, sizeof *p);

    if (p)
        p->rules = calloc(1, sizeof *p->rules);
    if (!p || !p->rules) {
        free(p);
        return HX_ENOMEM;
    }
    p->line = 1;
    snprintf(p->file, sizeof p->file, "%s", file);
    *out = p;
    return HX_OK;
}

static int end_line(struct auth_parser *p)
{
    if (p->len > 0 && p->text[p->len - 1] == '\r')
        p->len--;
    p->text[p->len] = '\0';
    int err = take_line(p);
    p->len = 0;
    p->line++;
    p->failed |= err < 0;
    return err;
}

int auth_parser_feed(struct auth_parser *p, const char *data, size_t len)
{
    int err = p->failed ? HX_EINVAL : HX_OK;

    while (err == HX_OK && len > 0) {
        const char *newline = memchr(data, '\n', len);
        size_t n = newline ? (size_t)(newline - data) : len;

        if (p->len + n > AUTH_LINE_MAX) {
            p->failed = true;
            return complain(p, "", "line above 1024 bytes; shorten it");
        }
        memcpy(p->text + p->len, data, n);
        p->len += n;
        if (newline) {
            n++;
            err = end_line(p);
        }
        data += n;
        len -= n;
    }
    return err;
}

int auth_parser_finish(struct auth_parser *p, struct auth_rules **out)
{
    int err = p->failed ? HX_EINVAL : end_line(p);

    if (err < 0)
        return err;
    *out = p->rules;
    p->rules = NULL;
    p->failed = true;
    return HX_OK;
}

const char *auth_parser_error(const struct auth_parser *p)
{
    return p->error;
}

void auth_parser_destroy(struct auth_parser *p)
{
    if (!p)
        return;
    auth_rules_destroy(p->rules);
    explicit_bzero(p, sizeof *p);
    free(p);
}

static int feed_file(struct auth_parser *p, FILE *f)
{
    char bytes[READ_BYTES];
    size_t n;
    int err = HX_OK;

    while (err == HX_OK && (n = fread(bytes, 1, sizeof bytes, f)) > 0)
        err = auth_parser_feed(p, bytes, n);
    explicit_bzero(bytes, sizeof bytes);
    if (err == HX_OK && ferror(f)) {
        snprintf(p->error, sizeof p->error, "%s: cannot be read: %s", p->file, strerror(errno));
        return HX_EINVAL;
    }
    return err;
}

int auth_rules_read_file(struct auth_rules **out, const char *path, char error[AUTH_ERROR_MAX])
{
    struct auth_parser *p;
    FILE *f = fopen(path, "re");

    if (!f) {
        snprintf(error, AUTH_ERROR_MAX, "%.120s: cannot be opened: %s", path, strerror(errno));
        return HX_EINVAL;
    }
    int err = auth_parser_create(&p, path);
    if (err < 0) {
        fclose(f);
        snprintf(error, AUTH_ERROR_MAX, "%s", hx_error_text(err));
        return err;
    }
    err = feed_file(p, f);
    if (err == HX_OK)
        err = auth_parser_finish(p, out);
    snprintf(error, AUTH_ERROR_MAX, "%s", auth_parser_error(p));
    auth_parser_destroy(p);
    fclose(f);
    return err;
}

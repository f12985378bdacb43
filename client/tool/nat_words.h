/* client/tool/nat_words.h: what hx_nat() has found out, in words: for people, and as JSON (RFC 8259). */
#ifndef HX_CLIENT_TOOL_NAT_WORDS_H
#define HX_CLIENT_TOOL_NAT_WORDS_H

#include "client/hx.h"
#include <stdbool.h>
#include <stdio.h>

#define NAT_WORDS_MAX 400 /* bytes that hold the verdict's sentence with its NUL */

struct nat_result {
    const char *nameserver;          /* as given */
    bool asked_ipv4, asked_ipv6;     /* the command line may leave one out */
    struct hx_nat_report ipv4, ipv6; /* of those that were asked for */
    bool measured;                   /* there is a lifetime */
    struct hx_nat_lifetime lifetime;
    int lifetime_error; /* of hx_nat_lifetime() */
};

/* Did any server answer? */
bool nat_words_known(const struct nat_result *n);
/* One sentence: what it means for reaching peers. */
void nat_words_verdict(const struct nat_result *n, char text[NAT_WORDS_MAX]);
/* The lifetime in one sentence, or why it is not known. */
void nat_words_lifetime(const struct nat_result *n, char text[NAT_WORDS_MAX]);
/* Several lines. */
void nat_words_print(FILE *out, const struct nat_result *n);
/* One line, one object; its keys are in hx(1). */
void nat_words_json(FILE *out, const struct nat_result *n);

#endif

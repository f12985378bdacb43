/* test/unit/rules_of.h: rules from a text that has no mistakes. Needs cmocka. */
#ifndef HX_TEST_RULES_OF_H
#define HX_TEST_RULES_OF_H

#include "base/error.h"
#include "server/auth_rules.h"
#include <string.h>

static inline struct auth_rules *rules_of(const char *text)
{
    struct auth_parser *p;
    struct auth_rules *r = NULL;

    assert_int_equal(auth_parser_create(&p, "rules"), HX_OK);
    int err = auth_parser_feed(p, text, strlen(text));
    if (err == HX_OK)
        err = auth_parser_finish(p, &r);
    if (err < 0)
        fail_msg("%s", auth_parser_error(p));
    auth_parser_destroy(p);
    return r;
}

#endif

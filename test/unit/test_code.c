#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secure/code.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The secret is 00 01 02 .. 13. The check by Gaussian elimination over GF(32), HKDF written out after RFC
 * 5869, both in Python. */
#define KNOWN_CODE "0123-4567-89ab-cdef-ghjk-vqs3"
#define KNOWN_NAME "code-5dfa0bfc6712f1337ade7939"
#define KNOWN_KEY  "hx-knto-mvyv-yvuz-ltyp-mklp-rgiz-bt25-o5li-kggi"

#define CODES 20 /* of the tests that try every fault in some of them */

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

static bool is_code(const char *text)
{
    struct code c;
    int group;
    return code_parse(&c, text, &group) == HX_OK;
}

static void refuses(const char *text, int expected_group)
{
    struct code c;
    int group = -1;
    assert_int_equal(code_parse(&c, text, &group), HX_EINVAL);
    assert_int_equal(group, expected_group);
}

/* The n-th character that is none of the dashes. */
static size_t place(int n)
{
    return (size_t)n + (size_t)n / CODE_GROUP;
}

static void a_known_code_gives_a_known_name_and_key(void **state)
{
    struct code c;
    int group;
    (void)state;
    assert_int_equal(code_parse(&c, KNOWN_CODE, &group), HX_OK);
    assert_string_equal(c.name, KNOWN_NAME);
    assert_string_equal(c.key, KNOWN_KEY);
    assert_true(code_is_name(c.name));
    assert_false(code_is_name("code-server"));
    assert_false(code_is_name("code-0123456789abcdef0123456z"));
    assert_false(code_is_name("home"));
    code_wipe(&c);
    assert_int_equal(c.key[0], 0);
}

static void a_new_code_is_six_groups_of_four_and_another_one_each_time(void **state)
{
    char text[CODE_TEXT_MAX], other[CODE_TEXT_MAX];
    (void)state;
    assert_int_equal(code_generate(text), HX_OK);
    assert_int_equal(code_generate(other), HX_OK);
    assert_string_not_equal(text, other);
    assert_int_equal(strlen(text), CODE_GROUPS * (CODE_GROUP + 1) - 1);
    for (size_t i = 0; text[i]; i++)
        assert_true(i % (CODE_GROUP + 1) == CODE_GROUP ? text[i] == '-' : strchr(alphabet, text[i]) != NULL);
    assert_true(is_code(text));
}

static void case_dashes_blanks_and_look_alikes_do_not_matter(void **state)
{
    char text[CODE_TEXT_MAX], spoken[2 * CODE_TEXT_MAX] = "";
    struct code a, b;
    int group;
    (void)state;
    do
        assert_int_equal(code_generate(text), HX_OK);
    while (!strchr(text, '0') || !strchr(text, '1'));
    for (size_t i = 0, n = 0; text[i]; i++) {
        char c = text[i];
        if (c == '-')
            continue;
        spoken[n++] = c == '0' ? 'O' : c == '1' ? (i % 2 ? 'l' : 'I') : (char)toupper((unsigned char)c);
        spoken[n++] = ' ';
    }
    assert_int_equal(code_parse(&a, text, &group), HX_OK);
    assert_int_equal(code_parse(&b, spoken, &group), HX_OK);
    assert_string_equal(a.name, b.name);
    assert_string_equal(a.key, b.key);
}

static void each_single_wrong_character_is_told_and_its_group(void **state)
{
    char text[CODE_TEXT_MAX], wrong[CODE_TEXT_MAX];
    (void)state;
    for (int k = 0; k < CODES; k++) {
        assert_int_equal(code_generate(text), HX_OK);
        for (int n = 0; n < CODE_GROUPS * CODE_GROUP; n++) {
            for (const char *c = alphabet; *c; c++) {
                memcpy(wrong, text, sizeof wrong);
                wrong[place(n)] = *c;
                if (*c != text[place(n)])
                    refuses(wrong, n / CODE_GROUP + 1);
            }
        }
    }
}

static void each_swap_of_two_characters_is_told(void **state)
{
    char text[CODE_TEXT_MAX], wrong[CODE_TEXT_MAX];
    (void)state;
    for (int k = 0; k < CODES; k++) {
        assert_int_equal(code_generate(text), HX_OK);
        for (int n = 1; n < CODE_GROUPS * CODE_GROUP; n++) {
            for (int m = 0; m < n; m++) {
                memcpy(wrong, text, sizeof wrong);
                wrong[place(n)] = text[place(m)];
                wrong[place(m)] = text[place(n)];
                if (text[place(n)] != text[place(m)])
                    refuses(wrong, 0); /* two are wrong: neither is blamed */
            }
        }
    }
}

static void what_has_too_few_or_too_many_or_foreign_characters_is_no_code(void **state)
{
    char text[CODE_TEXT_MAX], wrong[2 * CODE_TEXT_MAX];
    (void)state;
    assert_int_equal(code_generate(text), HX_OK);
    snprintf(wrong, sizeof wrong, "%s%c", text, '0');
    refuses(wrong, 0);
    wrong[strlen(text) - 1] = '\0';
    refuses(wrong, 0);
    refuses("", 0);
    refuses("- -", 0);
    static const char foreign[] = "u_.\x1b\xff";
    for (size_t i = 0; foreign[i]; i++) {
        snprintf(wrong, sizeof wrong, "%s", text);
        wrong[place(9)] = foreign[i];
        refuses(wrong, 3);
    }
    /* keys are no codes */
    assert_false(is_code(KNOWN_KEY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_code_gives_a_known_name_and_key),
        cmocka_unit_test(a_new_code_is_six_groups_of_four_and_another_one_each_time),
        cmocka_unit_test(case_dashes_blanks_and_look_alikes_do_not_matter),
        cmocka_unit_test(each_single_wrong_character_is_told_and_its_group),
        cmocka_unit_test(each_swap_of_two_characters_is_told),
        cmocka_unit_test(what_has_too_few_or_too_many_or_foreign_characters_is_no_code),
    };
    return cmocka_run_group_tests_name("code", tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secure/key.h"
#include "secure/secret.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The secret is 00 01 02 .. 13. All three by base64, hashlib and hmac of Python, HKDF written out after RFC
 * 5869. */
#define KNOWN_KEY      "hx-aaaq-eaye-auda-ocaj-bifq-ydio-b4ib-ceqt-46xl"
#define KNOWN_PSK      "edc8bfc1fba27d37a57ad6ae7f5b5fa1d553e2f5a9211f3b18eb54302f156d7d"
#define KNOWN_IDENTITY "76e306f83a8e243c926d6c6577d962e8"

#define KEY_TEXT_LEN 47

static char key[KEY_TEXT_MAX];

static int set_up(void **state)
{
    (void)state;
    return key_generate(key);
}

static int parse(struct keyring *r, const char *text, int *line)
{
    size_t len = strlen(text);
    const void *bytes = text;
    char *copy = malloc(len ? len : 1); /* without a NUL: reading past the end is seen */
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    int err = keyring_parse(r, copy, len, line);
    free(copy);
    return err;
}

static void refuses(const char *text, int expected, int expected_line)
{
    struct keyring r;
    int line = -1;
    assert_int_equal(parse(&r, text, &line), expected);
    assert_int_equal(line, expected_line);
    assert_null(r.keys);
    assert_int_equal(r.count, 0);
}

static bool same(const char *a, const char *b)
{
    struct keyring ra, rb;
    int line;
    assert_int_equal(parse(&ra, a, &line), HX_OK);
    assert_int_equal(parse(&rb, b, &line), HX_OK);
    bool equal = memcmp(ra.keys[0].psk, rb.keys[0].psk, PSK_BYTES) == 0;
    assert_int_equal(equal, strcmp(ra.keys[0].identity, rb.keys[0].identity) == 0);
    keyring_free(&ra);
    keyring_free(&rb);
    return equal;
}

static void a_known_key_gives_known_values(void **state)
{
    char psk[2 * PSK_BYTES + 1];
    struct keyring r;
    int line;
    (void)state;
    assert_int_equal(parse(&r, KNOWN_KEY, &line), HX_OK);
    for (size_t i = 0; i < PSK_BYTES; i++)
        snprintf(psk + 2 * i, 3, "%02x", r.keys[0].psk[i]);
    assert_string_equal(psk, KNOWN_PSK);
    assert_string_equal(r.keys[0].identity, KNOWN_IDENTITY);
    assert_string_equal(r.keys[0].label, "");
    keyring_free(&r);
}

static void a_generated_key_is_nine_groups_of_four_and_parses(void **state)
{
    struct keyring r;
    int line;
    (void)state;
    assert_int_equal(strlen(key), KEY_TEXT_LEN);
    assert_memory_equal(key, "hx", 2);
    for (size_t i = 2; i < KEY_TEXT_LEN; i++) {
        if (i % 5 == 2)
            assert_int_equal(key[i], '-');
        else
            assert_true((key[i] >= 'a' && key[i] <= 'z') || (key[i] >= '2' && key[i] <= '7'));
    }
    assert_int_equal(parse(&r, key, &line), HX_OK);
    assert_int_equal(r.count, 1);
    keyring_free(&r);
}

static void two_generated_keys_differ(void **state)
{
    char other[KEY_TEXT_MAX];
    (void)state;
    assert_int_equal(key_generate(other), HX_OK);
    assert_false(same(key, other));
}

static void neither_case_nor_dashes_matter(void **state)
{
    char loud[KEY_TEXT_MAX], dense[KEY_TEXT_MAX], odd[2 * KEY_TEXT_MAX];
    size_t dense_len = 0, odd_len = 0;
    (void)state;
    for (size_t i = 0; i <= KEY_TEXT_LEN; i++) {
        loud[i] = (char)toupper((unsigned char)key[i]);
        if (key[i] != '-')
            dense[dense_len++] = key[i];
        odd[odd_len++] = key[i];
        if (i % 3 == 1)
            odd[odd_len++] = '-';
    }
    odd[odd_len] = '\0';
    assert_true(same(key, loud));
    assert_true(same(key, dense));
    assert_true(same(key, odd));
}

static void each_single_mistyped_character_is_noticed(void **state)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    char wrong[KEY_TEXT_MAX];
    (void)state;
    for (size_t i = 3; i < KEY_TEXT_LEN; i++) {
        const char *right = strchr(alphabet, KNOWN_KEY[i]);
        if (!right)
            continue;
        memcpy(wrong, KNOWN_KEY, sizeof KNOWN_KEY);
        wrong[i] = alphabet[(size_t)(right + 1 - alphabet) % 32];
        refuses(wrong, HX_EINVAL, 1);
    }
}

static void two_swapped_characters_are_noticed(void **state)
{
    char wrong[] = KNOWN_KEY;
    (void)state;
    char first = wrong[9];
    wrong[9] = wrong[10];
    wrong[10] = first;
    assert_true(wrong[9] != wrong[10]);
    refuses(wrong, HX_EINVAL, 1);
}

static void what_is_no_key_is_refused(void **state)
{
    char text[2 * KEY_TEXT_MAX];
    (void)state;
    refuses("password", HX_EINVAL, 1);
    refuses("hx", HX_EINVAL, 1);
    refuses("h", HX_EINVAL, 1);
    refuses("hx-", HX_EINVAL, 1);
    refuses("hx-aaaa-0189", HX_EINVAL, 1); /* no characters of base32 */
    refuses(&KNOWN_KEY[3], HX_EINVAL, 1);
    for (size_t len = 1; len < KEY_TEXT_LEN; len++) {
        snprintf(text, sizeof text, "%.*s", (int)len, KNOWN_KEY);
        refuses(text, HX_EINVAL, 1);
    }
    snprintf(text, sizeof text, "%sa", KNOWN_KEY);
    refuses(text, HX_EINVAL, 1);
    snprintf(text, sizeof text, "%s%s", KNOWN_KEY, &KNOWN_KEY[2]);
    refuses(text, HX_EINVAL, 1);
}

static void a_nul_is_no_part_of_a_key_or_label(void **state)
{
    char text[] = KNOWN_KEY " label";
    struct keyring r;
    int line;
    (void)state;
    assert_int_equal(keyring_parse(&r, text, sizeof text, &line), HX_EINVAL);
    text[20] = '\0';
    assert_int_equal(keyring_parse(&r, text, sizeof text - 1, &line), HX_EINVAL);
}

static void a_ring_has_comments_blanks_labels_and_any_line_end(void **state)
{
    char text[1024];
    struct keyring r;
    int line;
    (void)state;
    snprintf(text, sizeof text, "# keys\r\n\r\n \t\n%s anna@home\r\n  %s\t berta  \n#%s\n%s", KNOWN_KEY, key,
             key, KNOWN_KEY);
    assert_int_equal(parse(&r, text, &line), HX_OK);
    assert_int_equal(r.count, 3);
    assert_string_equal(r.keys[0].label, "anna@home");
    assert_string_equal(r.keys[1].label, "berta");
    assert_string_equal(r.keys[2].label, "");
    assert_string_equal(r.keys[2].identity, KNOWN_IDENTITY);
    keyring_free(&r);
}

static void the_line_of_a_mistake_is_told(void **state)
{
    char text[1024];
    (void)state;
    snprintf(text, sizeof text, "# keys\n\n%s anna\n\n%s berta\nhx-mistyped carl\n%s\n", KNOWN_KEY, key, key);
    refuses(text, HX_EINVAL, 6);
    snprintf(text, sizeof text, "\n%s two words\n", KNOWN_KEY);
    refuses(text, HX_EINVAL, 2);
    snprintf(text, sizeof text, "%s l\xc3\xa9on\n", KNOWN_KEY);
    refuses(text, HX_EINVAL, 1);
}

static void a_label_of_64_bytes_fits_and_one_of_65_does_not(void **state)
{
    char text[256];
    struct keyring r;
    int line;
    (void)state;
    snprintf(text, sizeof text, "%s %064d", KNOWN_KEY, 0);
    assert_int_equal(parse(&r, text, &line), HX_OK);
    assert_int_equal(strlen(r.keys[0].label), KEY_LABEL_MAX);
    keyring_free(&r);
    snprintf(text, sizeof text, "%s %065d", KNOWN_KEY, 0);
    refuses(text, HX_EINVAL, 1);
}

static void a_text_without_keys_is_told_apart(void **state)
{
    (void)state;
    refuses("", HX_ENOTFOUND, 0);
    refuses("\n\n", HX_ENOTFOUND, 0);
    refuses("# hx-none\n   \r\n", HX_ENOTFOUND, 0);
}

static char *many(size_t count)
{
    char *text = malloc(count * sizeof KNOWN_KEY + 1);
    assert_non_null(text);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * sizeof KNOWN_KEY, KNOWN_KEY "\n", sizeof KNOWN_KEY + 1);
    return text;
}

static void a_ring_holds_1024_keys_and_no_more(void **state)
{
    struct keyring r;
    int line;
    (void)state;
    char *text = many(KEYRING_MAX);
    assert_int_equal(parse(&r, text, &line), HX_OK);
    assert_int_equal(r.count, KEYRING_MAX);
    keyring_free(&r);
    free(text);
    text = many(KEYRING_MAX + 1);
    refuses(text, HX_ELIMIT, 0);
    free(text);
}

static void of_equal_keys_the_first_is_found_and_a_copy_finds_the_same(void **state)
{
    char text[512];
    struct keyring r, copy;
    int line;
    (void)state;
    snprintf(text, sizeof text, "%s anna\n%s berta\n%s carl\n", key, KNOWN_KEY, KNOWN_KEY);
    assert_int_equal(parse(&r, text, &line), HX_OK);
    assert_int_equal(keyring_copy(&copy, &r), HX_OK);
    keyring_free(&r);
    const struct key *found = keyring_find(&copy, (const uint8_t *)KNOWN_IDENTITY, PSK_ID_BYTES);
    assert_non_null(found);
    assert_string_equal(found->label, "berta");
    assert_null(keyring_find(&copy, (const uint8_t *)KNOWN_IDENTITY, PSK_ID_BYTES - 1));
    assert_null(keyring_find(&copy, (const uint8_t *)KNOWN_PSK, PSK_ID_BYTES));
    keyring_free(&copy);
    assert_null(copy.keys);
}

/* The flags of the mapping at `p`, as /proc/self/smaps shows them. */
static bool mapping_has_flag(const void *p, const char *flag)
{
    char line[512], wanted[8];
    bool here = false, found = false;
    FILE *f = fopen("/proc/self/smaps", "r");
    assert_non_null(f);
    snprintf(wanted, sizeof wanted, " %s", flag);
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = (uintptr_t)p >= from && (uintptr_t)p < to;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, wanted) != NULL;
    }
    fclose(f);
    return found;
}

static void a_ring_is_left_out_of_core_dumps(void **state)
{
    struct keyring r;
    int line;
    (void)state;
    assert_int_equal(parse(&r, KNOWN_KEY, &line), HX_OK);
    assert_true(mapping_has_flag(r.keys, "dd"));
    keyring_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_key_gives_known_values),
        cmocka_unit_test(a_generated_key_is_nine_groups_of_four_and_parses),
        cmocka_unit_test(two_generated_keys_differ),
        cmocka_unit_test(neither_case_nor_dashes_matter),
        cmocka_unit_test(each_single_mistyped_character_is_noticed),
        cmocka_unit_test(two_swapped_characters_are_noticed),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_nul_is_no_part_of_a_key_or_label),
        cmocka_unit_test(a_ring_has_comments_blanks_labels_and_any_line_end),
        cmocka_unit_test(the_line_of_a_mistake_is_told),
        cmocka_unit_test(a_label_of_64_bytes_fits_and_one_of_65_does_not),
        cmocka_unit_test(a_text_without_keys_is_told_apart),
        cmocka_unit_test(a_ring_holds_1024_keys_and_no_more),
        cmocka_unit_test(of_equal_keys_the_first_is_found_and_a_copy_finds_the_same),
        cmocka_unit_test(a_ring_is_left_out_of_core_dumps),
    };
    return cmocka_run_group_tests_name("key", tests, set_up, NULL);
}

/* Credentials, challenges and names of keys: what is taken is written as it is read, and bounded. */
#include "base/error.h"
#include "proto/authorization.h"
#include "test/fuzz/fuzz.h"

static void check_credentials(const char *text, size_t len)
{
    struct authorization a, back;
    char written[AUTHORIZATION_TEXT_MAX];

    if (authorization_parse(&a, text, len) != HX_OK)
        return;
    authorization_format(written, &a);
    FUZZ_CHECK(strlen(written) < sizeof written - 1);
    FUZZ_CHECK(authorization_parse(&back, written, strlen(written)) == HX_OK);
    FUZZ_CHECK(memcmp(&a, &back, sizeof a) == 0 && authorization_key_equal(&a.key, &back.key));
}

static void check_nonces(const char *text, size_t len)
{
    char nonce[AUTHORIZATION_NONCE_MAX + 1], message[AUTHORIZATION_MESSAGE_MAX];
    int (*const parsers[])(char[AUTHORIZATION_NONCE_MAX + 1], const char *, size_t) = {challenge_parse,
                                                                                       next_nonce_parse};

    for (size_t i = 0; i < 2; i++) {
        if (parsers[i](nonce, text, len) != HX_OK)
            continue;
        FUZZ_CHECK(strlen(nonce) > 0 && strlen(nonce) <= AUTHORIZATION_NONCE_MAX);
        FUZZ_CHECK(strspn(nonce, BASE64URL_DIGITS) == strlen(nonce));
        FUZZ_CHECK(authorization_message(message, nonce, "GET", "/", "") > 0);
    }
}

static void check_key(const char *text, size_t len)
{
    struct authorization_key key;
    char written[AUTHORIZATION_KEY_TEXT_MAX];

    if (authorization_key_parse(&key, text, len) != HX_OK)
        return;
    authorization_key_format(written, &key);
    FUZZ_CHECK(strlen(written) == len && memcmp(written, text, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);

    FUZZ_CHECK(text);
    memcpy(text, data, size);
    check_credentials(text, size);
    check_nonces(text, size);
    check_key(text, size);
    free(text);
    return 0;
}

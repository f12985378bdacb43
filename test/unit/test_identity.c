/* secure/identity: keys of one's own against RFC 8032's vectors, and shared ones. */
#include "base/hex.h"
#include "secure/identity.h"
#include "secure/key.h"
#include "test/unit/cuts.h"

static struct identity from_hex(const char *secret)
{
    struct identity i;
    char text[IDENTITY_TEXT_MAX];
    assert_int_equal(hex_read(i.secret, secret, sizeof i.secret), HX_OK);
    identity_write(text, &i);
    assert_int_equal(identity_parse(&i, text, strlen(text)), HX_OK);
    return i;
}

/* RFC 8032, 7.1, tests 1 to 3. */
static void keys_and_signatures_are_those_of_the_standard(void **state)
{
    static const struct {
        const char *secret, *public_key, *message, *signature;
    } rows[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
         "d25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "\x72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
         "387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "\xaf\x82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
         "4a7c15e9716ed28dc027beceea1ec40a"}};
    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct identity i = from_hex(rows[n].secret);
        uint8_t signature[IDENTITY_SIGNATURE_BYTES];
        char text[2 * IDENTITY_SIGNATURE_BYTES + 1];
        hex_write(text, i.public_key, sizeof i.public_key);
        assert_string_equal(text, rows[n].public_key);
        assert_int_equal(identity_sign(&i, rows[n].message, n, signature), HX_OK);
        hex_write(text, signature, sizeof signature);
        assert_string_equal(text, rows[n].signature);
        assert_int_equal(identity_verify(i.public_key, rows[n].message, n, signature), HX_OK);
    }
}

static void each_bit_of_a_signature_counts(void **state)
{
    struct identity i, other;
    uint8_t signature[IDENTITY_SIGNATURE_BYTES];
    char message[] = "message";
    (void)state;
    assert_int_equal(identity_generate(&i), HX_OK);
    assert_int_equal(identity_generate(&other), HX_OK);
    assert_int_equal(identity_sign(&i, message, 7, signature), HX_OK);
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(identity_verify(i.public_key, message, 7, signature), HX_EAUTH);
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(identity_verify(i.public_key, message, 7, signature), HX_OK);
    assert_int_equal(identity_verify(i.public_key, message, 6, signature), HX_EAUTH);
    assert_int_equal(identity_verify(other.public_key, message, 7, signature), HX_EAUTH);
    message[0] ^= 1;
    assert_int_equal(identity_verify(i.public_key, message, 7, signature), HX_EAUTH);
}

/* Points of small order, and what is no point: keys under which a signature might be made by anybody. */
static void no_signature_holds_for_a_key_that_anybody_may_use(void **state)
{
    static const char *const keys[] = {"0000000000000000000000000000000000000000000000000000000000000000",
                                       "0100000000000000000000000000000000000000000000000000000000000000",
                                       "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                       "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                                       "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                                       "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
                                       "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                                       "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
    struct identity i;
    uint8_t signature[IDENTITY_SIGNATURE_BYTES] = {1}, key[IDENTITY_PUBLIC_BYTES];
    (void)state;
    for (size_t n = 0; n < sizeof keys / sizeof *keys; n++) {
        assert_int_equal(hex_read(key, keys[n], sizeof key), HX_OK);
        assert_false(identity_public_valid(key));
        for (int m = 0; m < 64; m++)
            assert_int_equal(identity_verify(key, &m, sizeof m, signature), HX_EAUTH);
    }
    memset(key, 0xff, sizeof key); /* no point */
    assert_int_equal(identity_verify(key, "", 0, signature), HX_EAUTH);
    assert_int_equal(identity_generate(&i), HX_OK);
    assert_true(identity_public_valid(i.public_key));
}

static void a_secret_is_written_and_read_back(void **state)
{
    struct identity i, back;
    char text[IDENTITY_TEXT_MAX], around[IDENTITY_TEXT_MAX + 8];
    (void)state;
    assert_int_equal(identity_generate(&i), HX_OK);
    identity_write(text, &i);
    assert_int_equal(strlen(text), 58);
    snprintf(around, sizeof around, " \t%s\r\n", text);
    assert_int_equal(identity_parse(&back, around, strlen(around)), HX_OK);
    assert_memory_equal(&back, &i, sizeof i);
    identity_wipe(&back);
    for (size_t n = 0; n < sizeof back; n++)
        assert_int_equal(((uint8_t *)&back)[n], 0);
}

static void a_mistyped_secret_is_found_out(void **state)
{
    struct identity i;
    char text[IDENTITY_TEXT_MAX];
    (void)state;
    assert_int_equal(identity_generate(&i), HX_OK);
    identity_write(text, &i);
    for (size_t len = 0; len < strlen(text); len++)
        assert_int_equal(identity_parse(&i, text, len), HX_EINVAL);
    for (size_t n = 0; n < strlen(text); n++) {
        char was = text[n];
        text[n] = was == 'A' ? 'B' : 'A';
        assert_int_equal(identity_parse(&i, text, strlen(text)), HX_EINVAL);
        text[n] = was;
    }
    assert_int_equal(identity_parse(&i, text, strlen(text)), HX_OK);
    assert_int_equal(identity_parse(&i, "", 0), HX_EINVAL);
    assert_int_equal(identity_parse(&i, " \n", 2), HX_EINVAL);
}

/* hashlib and hmac of Python, HKDF written out after RFC 5869; the secret is 00 01 02 .. 13. */
static void a_shared_key_is_known_by_its_hash(void **state)
{
    const char *text = "hx-aaaq-eaye-auda-ocaj-bifq-ydio-b4ib-ceqt-46xl";
    struct keyring r;
    uint8_t id[IDENTITY_ID_BYTES], code[IDENTITY_CODE_BYTES];
    char hex[2 * IDENTITY_CODE_BYTES + 1];
    int line;
    (void)state;
    assert_int_equal(keyring_parse(&r, text, strlen(text), &line), HX_OK);
    const uint8_t *hash = r.keys[0].auth;
    hex_write(hex, hash, IDENTITY_HASH_BYTES);
    assert_string_equal(hex, "abe932123ebe994db0df15d006474f2a815953e3088024429c677f0a742da45e");
    assert_int_equal(identity_psk_id(hash, id), HX_OK);
    hex_write(hex, id, sizeof id);
    assert_string_equal(hex, "52b03f04fe0cd86f24c95178cd142a1a");
    assert_int_equal(identity_psk_sign(hash, "message", 7, code), HX_OK);
    hex_write(hex, code, sizeof code);
    assert_string_equal(hex, "22aac07215c4acef16b87d4e822f53beb0969b0a95da0bf17b3ab7818caa0e44");
    assert_int_equal(identity_psk_verify(hash, "message", 7, code), HX_OK);
    assert_int_equal(identity_psk_verify(hash, "messagE", 7, code), HX_EAUTH);
    for (size_t bit = 0; bit < 8 * sizeof code; bit++) {
        code[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(identity_psk_verify(hash, "message", 7, code), HX_EAUTH);
        code[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    keyring_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_signatures_are_those_of_the_standard),
        cmocka_unit_test(each_bit_of_a_signature_counts),
        cmocka_unit_test(no_signature_holds_for_a_key_that_anybody_may_use),
        cmocka_unit_test(a_secret_is_written_and_read_back),
        cmocka_unit_test(a_mistyped_secret_is_found_out),
        cmocka_unit_test(a_shared_key_is_known_by_its_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

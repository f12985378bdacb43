/* Any text as a keyring: it is refused with a line of it, or gives keys that are found again. */
#include "secure/key.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keyring r;
    int line, lines = 1;
    int err = keyring_parse(&r, (const char *)data, size, &line);
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    if (err < 0) {
        FUZZ_CHECK(err == HX_EINVAL || err == HX_ELIMIT || err == HX_ENOTFOUND);
        FUZZ_CHECK(err == HX_EINVAL ? line >= 1 && line <= lines : line == 0);
        FUZZ_CHECK(!r.keys && r.count == 0);
        return 0;
    }
    FUZZ_CHECK(r.count >= 1 && r.count <= KEYRING_MAX);
    for (size_t i = 0; i < r.count; i++) {
        const struct key *k = &r.keys[i];
        FUZZ_CHECK(strlen(k->identity) == PSK_ID_BYTES && strlen(k->label) <= KEY_LABEL_MAX);
        const struct key *found = keyring_find(&r, (const uint8_t *)k->identity, PSK_ID_BYTES);
        FUZZ_CHECK(found && found <= k && memcmp(found->psk, k->psk, PSK_BYTES) == 0);
    }
    keyring_free(&r);
    return 0;
}

/* Paths as requests write them, and as people do: whatever is accepted has no component that leads out, and
 * is the same once it was written and read again. */
#include "client/files/path.h"
#include "test/fuzz/fuzz.h"

static void check_stays_beneath(const char *path)
{
    int depth = 0;
    FUZZ_CHECK(path[0] != '/' && strlen(path) < PATH_TEXT_MAX);
    for (const char *at = path; *at; depth++) {
        size_t len = strcspn(at, "/");
        FUZZ_CHECK(len > 0 && len <= PATH_NAME_MAX);
        FUZZ_CHECK(!(len == 1 && at[0] == '.') && !(len == 2 && at[0] == '.' && at[1] == '.'));
        at += len;
        FUZZ_CHECK(*at == '\0' || at[1] != '\0');
        at += *at == '/';
    }
    FUZZ_CHECK(depth <= PATH_DEPTH_MAX);
}

static void check_again(const char *path)
{
    static char encoded[PATH_ENCODED_MAX + 1];
    static char decoded[PATH_TEXT_MAX];
    char part[PATH_NAME_MAX + 1];
    int len = path_encode(encoded, path);
    check_stays_beneath(path);
    FUZZ_CHECK(len == HX_ETOOBIG || (size_t)len == strlen(encoded));
    if (len >= 0) {
        FUZZ_CHECK(path_decode(decoded, encoded, (size_t)len) == HX_OK);
        FUZZ_CHECK(strcmp(decoded, path) == 0);
    }
    const char *leaf = path_split(decoded, path);
    check_stays_beneath(decoded);
    FUZZ_CHECK(path_part_name(part, leaf, (int64_t)strlen(path), len) == HX_OK);
    FUZZ_CHECK(path_is_part(part) && path_check(part) == HX_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char out[PATH_TEXT_MAX];
    bool slash;
    char *text = malloc(size + 1);
    FUZZ_CHECK(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (path_decode(out, text, size) == HX_OK)
        check_again(out);
    if (path_clean(out, text, &slash) == HX_OK)
        check_again(out);
    free(text);
    return 0;
}

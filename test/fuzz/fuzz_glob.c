/* A pattern, a line feed, a name: whatever they are, matching them ends in time; and where there are no
 * sets, and no bytes but those of ASCII, it is what fnmatch(3) says. */
#include "client/files/glob.h"
#include "test/fuzz/fuzz.h"
#include <fnmatch.h>

#define STARS_MAX 4 /* of what fnmatch(3) is asked: it takes for ever for many */

static bool is_plain(const char *text)
{
    size_t stars = 0;
    size_t len = strlen(text);
    for (const char *at = text; *at; at++) {
        stars += *at == '*';
        if (*at == '[' || *at == '/' || (unsigned char)*at >= 0x80)
            return false;
    }
    return stars <= STARS_MAX && !(len > 0 && text[len - 1] == '\\');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char pattern[PATH_NAME_MAX + 1];
    char name[PATH_NAME_MAX + 1];
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - data) : 0;
    size_t rest = end ? size - len - 1 : 0;
    size_t steps = 0;
    if (!end || len > PATH_NAME_MAX || rest > PATH_NAME_MAX || memchr(data, '\0', size))
        return 0;
    memcpy(pattern, data, len);
    memcpy(name, end + 1, rest);
    pattern[len] = name[rest] = '\0';
    bool matches = glob_match(pattern, len, name, &steps);
    FUZZ_CHECK(steps <= (rest + 1) * (rest + len + 2));
    if (rest > 0 && is_plain(pattern) && is_plain(name))
        FUZZ_CHECK(matches == (fnmatch(pattern, name, FNM_PATHNAME | FNM_PERIOD) == 0));
    return 0;
}

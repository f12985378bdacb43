/* Any text as a code: it is refused, maybe with a group of it, or gives the same name and key without its case and
 * its blanks. */
#include "secure/code.h"
#include "test/fuzz/fuzz.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct code code, again;
    int group;
    char plain[CODE_TEXT_MAX] = "";
    size_t len = 0;
    char *text = strndup((const char *)data, size);
    FUZZ_CHECK(text);
    int err = code_parse(&code, text, &group);
    if (err < 0) {
        FUZZ_CHECK(err == HX_EINVAL && group >= 0 && group <= CODE_GROUPS);
        free(text);
        return 0;
    }
    for (const char *c = text; *c; c++) {
        if (*c != '-' && *c != ' ')
            plain[len++] = (char)toupper((unsigned char)*c);
    }
    FUZZ_CHECK(len == CODE_GROUPS * CODE_GROUP);
    FUZZ_CHECK(code_parse(&again, plain, &group) == HX_OK && strcmp(code.name, again.name) == 0 &&
               strcmp(code.key, again.key) == 0);
    free(text);
    return 0;
}

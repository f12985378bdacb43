/* test/unit/together: many test programs in one; each goes by the name that it is called by. */
#include <stdio.h>
#include <string.h>

#ifndef TESTS /* TEST(name) for each of them; the Makefile knows */
#define TESTS
#endif

#define TEST(name) int name##_main(void);
TESTS
#undef TEST

static const struct {
    const char *name;
    int (*main)(void);
} tests[] = {
#define TEST(name) {#name, name##_main},
    TESTS
#undef TEST
    {NULL, NULL}};

int main(int argc, char **argv)
{
    (void)argc;
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    for (int i = 0; tests[i].name; i++) {
        if (strcmp(tests[i].name, name) == 0)
            return tests[i].main();
    }
    fprintf(stderr, "%s: no such test\n", name);
    return 2;
}

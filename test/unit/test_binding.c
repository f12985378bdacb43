/* client/binding: what happens before it has begun. */
#include "client/binding.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A group that asks how its NAT behaves has a binding that has not begun, and is a member of the engine. */
static void what_comes_before_it_has_begun_changes_nothing(void **state)
{
    (void)state;
    struct binding b;
    memset(&b, 0, sizeof b);
    binding_network_changed(&b);
    binding_check(&b, true);
    binding_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_before_it_has_begun_changes_nothing),
    };
    return cmocka_run_group_tests_name("binding", tests, NULL, NULL);
}

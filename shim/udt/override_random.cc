/* rand() and srand(): UDT draws initial sequence numbers and its first socket id with them, from a seed
 * that is the time in microseconds, which can be guessed; and it takes the program's own sequence of
 * rand() away from it. */
#include "shim/udt/overrides.h"
#include <cstdlib>

const bool override_random = true;

extern "C" {
int __wrap_rand();
void __wrap_srand(unsigned seed);

int __wrap_rand()
{
    return static_cast<int>(arc4random() & RAND_MAX);
}

void __wrap_srand(unsigned seed)
{
    (void)seed;
}
}

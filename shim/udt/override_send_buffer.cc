/* CSndBuffer begins with room for 32 packets of 1356 bytes in each connection, and grows by itself. Most of a
 * listener's connections never have two packets to send at a time. */
#include "shim/udt/idle_suspension.h"
#include "shim/udt/overrides.h"
#include <udt/udt.h>
/* buffer.h needs the above */
#include <udt/buffer.h>

namespace
{
constexpr int FIRST_BLOCKS = 2;
}

const bool override_send_buffer = true;

extern "C" {
void __real__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss);
void __wrap__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss);

void __wrap__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss)
{
    __real__ZN10CSndBufferC1Eii(b, suspension_thread_listens() ? FIRST_BLOCKS : size, mss);
}
}

/* CMD5::compute(), whose only user is the cookie of UDT's listener: MD5 of the peer's address, which anybody
 * can compute (UDT4.md, S23), for each handshake anew. Here it is the same for all, so that a handshake whose
 * own cookie has been checked (listener_handshake.c) is given to UDT without asking it for another. */
#include "shim/udt/overrides.h"
#include <cstring>
#include <udt/udt.h>
/* common.h needs the above */
#include <udt/common.h>

extern "C" {
#include "shim/udt/udt_cookie.h"

const uint32_t udt_cookie = 0; /* the first word of what compute() gives */
}

const bool override_cookie = true;

void CMD5::compute(const char *input, unsigned char result[16])
{
    (void)input;
    memset(result, 0, 16);
}

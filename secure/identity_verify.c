/* Signatures as libsodium verifies them: in less than half of the time that OpenSSL takes, and a nameserver
 * does nothing else as costly. The rest of the project, and of this room, needs no libsodium. */
#include "secure/identity.h"
#include <pthread.h>
#include <sodium.h>
#include <string.h>

_Static_assert(IDENTITY_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES &&
                   IDENTITY_SIGNATURE_BYTES == crypto_sign_BYTES,
               "both have the sizes of the standard");

/* All encodings of the eight points whose order divides the cofactor, without the sign of x. */
bool identity_public_valid(const uint8_t public_key[IDENTITY_PUBLIC_BYTES])
{
    static const uint8_t small_order[][IDENTITY_PUBLIC_BYTES] = {
        {0},
        {1},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
         0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
         0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}};
    uint8_t y[IDENTITY_PUBLIC_BYTES];

    memcpy(y, public_key, sizeof y);
    y[31] &= 0x7f;
    for (size_t i = 0; i < sizeof small_order / sizeof *small_order; i++)
        if (memcmp(y, small_order[i], sizeof y) == 0)
            return false;
    bool near_p = y[31] == 0x7f && y[0] >= 0xec && y[0] <= 0xee; /* p-1, p and p+1, which are -1, 0 and 1 */
    for (size_t i = 1; near_p && i < 31; i++)
        near_p = y[i] == 0xff;
    return !near_p;
}

static bool ready;

static void begin(void)
{
    ready = sodium_init() >= 0;
}

int identity_verify(const uint8_t public_key[IDENTITY_PUBLIC_BYTES], const void *data, size_t len,
                    const uint8_t signature[IDENTITY_SIGNATURE_BYTES])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, begin);
    if (!ready)
        return HX_ENOMEM;
    if (!identity_public_valid(public_key))
        return HX_EAUTH;
    return crypto_sign_verify_detached(signature, data, len, public_key) == 0 ? HX_OK : HX_EAUTH;
}

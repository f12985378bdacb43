/* shim/udt/udt_cookie.h: the cookie that UDT's listener wants to see, whoever asks (override_cookie.cc). */
#ifndef HX_SHIM_UDT_UDT_COOKIE_H
#define HX_SHIM_UDT_UDT_COOKIE_H

#include <stdint.h>

extern const uint32_t udt_cookie;

#endif

/* shim/udt/udt_cookie.h: the cookie that UDT's listener wants to see, since MD5 is not what it was
 * (udt_cookie.c). */
#ifndef HX_SHIM_UDT_UDT_COOKIE_H
#define HX_SHIM_UDT_UDT_COOKIE_H

#include <stdint.h>

extern const uint32_t udt_cookie;

#endif

/* client/api.h: hx.h for the library's own files. base/error.h goes first: both list the error codes, and
 * hx.h leaves them out when they are there. */
#ifndef HX_CLIENT_API_H
#define HX_CLIENT_API_H

#include "base/error.h"

#include "client/hx.h"

#endif

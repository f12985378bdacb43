/* shim/udt/tuned.h: makes the linker take shim/udt/tuned.cc, and tells it which port is a server's. C++. */
#ifndef HX_SHIM_UDT_TUNED_H
#define HX_SHIM_UDT_TUNED_H

void udt_expect_many(bool expected); /* connections on the port that is opened next */

#endif

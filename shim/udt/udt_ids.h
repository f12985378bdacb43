/* shim/udt/udt_ids.h: UDT's socket ids, which never run out (override_socket_ids.cc). */
#ifndef HX_SHIM_UDT_UDT_IDS_H
#define HX_SHIM_UDT_UDT_IDS_H

#include <stdint.h>

#ifdef __cplusplus
#include <udt/udt.h>

/* UDT::socket() of a stream. */
UDTSOCKET udt_ids_socket();
/* The id that was given last. Each one before it was larger, until they begin anew at the top. */
UDTSOCKET udt_ids_last();

extern "C" {
#endif
/* The next id is the first free one below this, as if as many sockets had been there. For tests:
 * it takes hours. */
void udt_ids_continue_at(int32_t id);
#ifdef __cplusplus
}
#endif

#endif

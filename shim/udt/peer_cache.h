/* shim/udt/peer_cache.h: makes the linker take shim/peer_cache.cc before it looks into libudt.a. */
#ifndef HX_SHIM_UDT_PEER_CACHE_H
#define HX_SHIM_UDT_PEER_CACHE_H

extern const int hx_peer_cache_linked; /* 1; udt.cc refers to it */

#endif

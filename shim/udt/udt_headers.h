/* shim/udt/udt_headers.h: UDT's headers and what they and shim/udt take of C++. Reading them is most of
 * what compiling a file of shim/udt costs: some builds (Makefile: PRECOMPILED) read them once, here, and
 * no file includes this. */
#ifndef HX_SHIM_UDT_UDT_HEADERS_H
#define HX_SHIM_UDT_UDT_HEADERS_H

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <mutex>
#include <new>
#include <udt/api.h>
#include <udt/buffer.h>
#include <udt/cache.h>
#include <udt/ccc.h>
#include <udt/common.h>
#include <udt/core.h>
#include <udt/queue.h>
#include <udt/udt.h>
#include <udt/window.h>
#include <unordered_map>
#include <vector>

#endif

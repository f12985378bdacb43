/* client/tool/trace_file.h: --trace: the file that what goes between us and nameservers is written to, a
 * transcript that udtcurl --replay plays again. For nobody else to read. */
#ifndef HX_CLIENT_TOOL_TRACE_FILE_H
#define HX_CLIENT_TOOL_TRACE_FILE_H

#include "client/tool/args.h"
#include <stdbool.h>

/* False: it cannot be written, which was told. Without --trace nothing is done. */
bool trace_file_open(const struct args *args);
/* For hx_config.on_trace; NULL: there is no file. */
void (*trace_file_told(void))(void *user, const char *text, const char *secrets);

#endif

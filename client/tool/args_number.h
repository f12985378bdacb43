/* client/tool/args_number.h: inside of client/tool/args.h: numbers and times of a command line. False: it is
 * none, or out of its bounds. */
#ifndef HX_CLIENT_TOOL_ARGS_NUMBER_H
#define HX_CLIENT_TOOL_ARGS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

bool args_number(const char *text, long least, long most, int *out);
/* The one grammar of all times: "5", "0.2", ".2", "1.", without a locale's comma, and behind it one of "ms",
 * "s", "m", "h", "d", or nothing: then it counts `unit_ms`. Rounded up to milliseconds. */
bool args_time(const char *text, int64_t unit_ms, int64_t least_ms, int64_t most_ms, int64_t *out_ms);
/* The same where seconds count, to which it is rounded up. */
bool args_seconds(const char *text, int64_t least_s, int64_t most_s, int64_t *out_s);
/* Bytes a second, as rsync(1) writes them: "500" is 500 KiB, "500K", "1.5M", "1G" and "1T" (or "1MiB") go by
 * 1024, "500KB", "1MB" by 1000, "800B" are bytes; either case. 0: no bound. */
bool args_rate(const char *text, int64_t *out);

#endif

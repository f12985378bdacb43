/* client/tool/args_number.h: inside of client/tool/args.h: numbers and times of a command line. False: it is
 * none, or out of its bounds. */
#ifndef HX_CLIENT_TOOL_ARGS_NUMBER_H
#define HX_CLIENT_TOOL_ARGS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

bool args_number(const char *text, long least, long most, int *out);
/* "1", "0.2", "1.005": seconds with up to three decimals, without a locale's; ARGS_INTERVAL_MIN to _MAX. */
bool args_interval(const char *text, int *out_ms);
/* "90", "90s", "30m", "1h", "2d": up to ARGS_EXPIRE_MAX. */
bool args_duration(const char *text, int64_t *out_s);
/* Bytes a second, as rsync(1) writes them: "500" is 500 KiB, "500K", "1.5M", "1G" and "1T" (or "1MiB") go by
 * 1024, "500KB", "1MB" by 1000, "800B" are bytes; either case. 0: no bound. */
bool args_rate(const char *text, int64_t *out);

#endif

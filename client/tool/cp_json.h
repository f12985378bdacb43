/* client/tool/cp_json.h: what hx cp --json writes: an object a line, on standard output. As hx-cp(1)
 * documents it. */
#ifndef HX_CLIENT_TOOL_CP_JSON_H
#define HX_CLIENT_TOOL_CP_JSON_H

#include "client/tool/copying.h"

#define CP_JSON_EVERY_MS 1000 /* a line about the progress */

/* `event`: "begin" and the like; size below 0, reason NULL: not told. */
void cp_json_file(const char *event, const char *path, int64_t size, const char *reason);
/* As copying.look(): how far it is, once a second. *last_ms: 0 at the beginning. */
void cp_json_now_and_then(const struct copying *c, const struct files_state *s, int64_t *last_ms);
/* The last line, of a copy that copying_conclude() has concluded. False: not all could be written. */
bool cp_json_summary(const struct copying *c, bool good, size_t links);

#endif

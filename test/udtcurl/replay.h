/* test/udtcurl/replay.h: --replay: plays the requests of a transcript again, each connection of it as one
 * of its own, and compares the answers. */
#ifndef HX_UDTCURL_REPLAY_H
#define HX_UDTCURL_REPLAY_H

struct args;
struct identity;

/* To the server of args->urls[0]. UC_OK: all is answered as it was, but for what is another one each time
 * (replay_kinds.h); UC_DIFFERS: standard output says where it is not; else what went wrong was told.
 * `device`: answers who asks for a proof; NULL: what the transcript has is sent as it is. */
int replay_run(const struct args *args, const struct identity *device);

#endif

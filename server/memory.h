/* server/memory.h: where the program's memory comes from, chosen by measurement (memory.c). */
#ifndef HX_SERVER_MEMORY_H
#define HX_SERVER_MEMORY_H

#include <stdint.h>

/* Gives what is free back to the system. For quiet hours: it takes a millisecond or more. */
void memory_give_back(void);
/* What the program has allocated; -1: unknown. Some microseconds. */
int64_t memory_allocated_bytes(void);

#endif

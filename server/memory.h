/* server/memory.h: where the program's memory comes from, chosen by measurement (memory.c). */
#ifndef HX_SERVER_MEMORY_H
#define HX_SERVER_MEMORY_H

/* Gives what is free back to the system. For quiet hours: it takes a millisecond or more. */
void memory_give_back(void);

#endif

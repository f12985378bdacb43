/* base/container_of.h: from a member to the struct that it lies in. */
#ifndef HX_BASE_CONTAINER_OF_H
#define HX_BASE_CONTAINER_OF_H

#include <stddef.h>

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif

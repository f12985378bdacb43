/* secure/code.h: what is passed on, aloud if need be, for one transfer: a code, from which follow the name
 * that is bound for it and the key that both sides prove.
 *
 * A code is 100 random bits. Written: six groups of four characters of Crockford's base32, which leaves out
 * what looks alike. The last group is a check by Reed and Solomon: whatever three characters are wrong, or
 * two of them have changed places, is found out with certainty. Name and key are derived with HKDF (RFC
 * 5869): who knows the name, as the nameserver does, learns nothing about the key. */
#ifndef HX_SECURE_CODE_H
#define HX_SECURE_CODE_H

#include "base/error.h"
#include "secure/key.h"
#include <stdbool.h>

#define CODE_GROUPS   6
#define CODE_GROUP    4  /* characters of one */
#define CODE_TEXT_MAX 32 /* bytes that hold a written code with its NUL */
#define CODE_NAME_MAX 32 /* bytes of the name with its NUL */

struct code { /* secret, but for the name: code_wipe() */
    char name[CODE_NAME_MAX];
    char key[KEY_TEXT_MAX]; /* as secure/key.h writes it */
};

/* Writes a new code. HX_ESYS: no randomness. */
int code_generate(char text[CODE_TEXT_MAX]);
/* Case and the places of '-' and of blanks do not matter; 'o' is taken for 0, 'i' and 'l' for 1. HX_EINVAL:
 * no code, or mistyped; *group (from 1) is the one that has the wrong character, 0: it is not known which.
 * HX_ENOMEM. */
int code_parse(struct code *out, const char *text, int *group);
void code_wipe(struct code *c);
#define CODE_NAME_PREFIX "code-"
/* Whether a name is of the form of a code's. */
bool code_is_name(const char *name);

#endif

#include "proto/transcript_secrets.h"
#include <string.h>

enum secrets_place {
    PLACE_NAME,       /* of a field, from the beginning of the line */
    PLACE_OPEN,       /* in what has no secrets, to the end of the line */
    PLACE_ID,         /* Session's first word, and the blanks before it */
    PLACE_SECRET,     /* all that is left of the line */
    PLACE_SCHEME,     /* Authorization's first word */
    PLACE_PARAMETER,  /* the name of one of its parameters (RFC 9110, 11.4) */
    PLACE_SIGNATURE,  /* the value of `sig` */
    PLACE_OTHER_VALUE /* of another one */
};

static void enter(struct secrets_seen *s, enum secrets_place place)
{
    *s = (struct secrets_seen){.place = place};
}

/* A word that is too long is none of ours. */
static void spell(struct secrets_seen *s, char byte)
{
    if (s->word_len < sizeof s->word)
        s->word[s->word_len++] = byte >= 'A' && byte <= 'Z' ? (char)(byte + 'a' - 'A') : byte;
}

static bool spelt(const struct secrets_seen *s, const char *word)
{
    return s->word_len == strlen(word) && memcmp(s->word, word, s->word_len) == 0;
}

static enum secrets_place place_of_field(const struct secrets_seen *s)
{
    if (spelt(s, "session"))
        return PLACE_ID;
    if (spelt(s, "bind-session") || spelt(s, "join-session"))
        return PLACE_SECRET;
    return spelt(s, "authorization") || spelt(s, "proxy-authorization") ? PLACE_SCHEME : PLACE_OPEN;
}

/* In a parameter's value, which a ',' ends that is in no quoted-string. */
static bool take_value(struct secrets_seen *s, char byte)
{
    bool was_escaped = s->escaped;
    s->escaped = false;
    if (was_escaped)
        return true;
    if (byte == '"') {
        s->quoted = !s->quoted;
        return false;
    }
    if (s->quoted) {
        s->escaped = byte == '\\';
        return true;
    }
    if (byte == ',')
        enter(s, PLACE_PARAMETER);
    return byte != ',' && byte != ' ' && byte != '\t';
}

bool secrets_take(struct secrets_seen *s, char byte)
{
    bool blank = byte == ' ' || byte == '\t';
    if (byte == '\n' || byte == '\r') {
        if (byte == '\n')
            enter(s, PLACE_NAME);
        return false;
    }
    switch ((enum secrets_place)s->place) {
    case PLACE_NAME:
        if (byte == ':')
            enter(s, place_of_field(s));
        else
            spell(s, byte);
        return false;
    case PLACE_ID:
        if (blank && s->word_len > 0)
            enter(s, PLACE_SECRET);
        else if (!blank)
            spell(s, byte);
        return false;
    case PLACE_SECRET:
        return !blank;
    case PLACE_SCHEME:
        if (blank && s->word_len > 0)
            enter(s, spelt(s, "hx") ? PLACE_PARAMETER : PLACE_SECRET);
        else if (!blank)
            spell(s, byte);
        return false;
    case PLACE_PARAMETER:
        if (byte == '=')
            enter(s, spelt(s, "sig") ? PLACE_SIGNATURE : PLACE_OTHER_VALUE);
        else if (byte == ',')
            enter(s, PLACE_PARAMETER);
        else if (!blank)
            spell(s, byte);
        return false;
    case PLACE_SIGNATURE:
        return take_value(s, byte);
    case PLACE_OTHER_VALUE:
        take_value(s, byte);
        return false;
    case PLACE_OPEN:
        break;
    }
    return false;
}

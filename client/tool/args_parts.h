/* client/tool/args_parts.h: inside of client/tool/args.h. args.c: the parser; args_take.c: what each option
 * is taken for; args_cp.c, args_ls.c, args_meet.c, args_code.c: what is of hx cp, of hx ls, of hx meet, of
 * hx send and hx recv alone; args_config.c: options of the file. */
#ifndef HX_CLIENT_TOOL_ARGS_PARTS_H
#define HX_CLIENT_TOOL_ARGS_PARTS_H

#include "client/tool/args.h"
#include "client/tool/options.h"

#define ARGS_CHARACTERS "letters, digits and !#$%&'*+-.^_`|~@" /* proto/host_id */

/* One command line being read. ARGS_BIND stands for "go on". */
struct reading {
    struct args *args;
    char *error;
    bool given[OPTIONS_END]; /* by its id: the command line has it, or a section that was read before */
};

enum args_result args_usage(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An option, with its value in optarg. */
enum args_result args_take(struct reading *r, int option);
/* One of hx cp alone; *taken: it is that. */
enum args_result args_cp_option(struct reading *r, int option, bool *taken);
enum args_result args_cp_operands(struct reading *r, char **words, int count);
/* One of hx ls alone; *taken: it is that. */
enum args_result args_ls_option(struct reading *r, int option, bool *taken);
enum args_result args_ls_operand(struct reading *r, const char *word);
/* One of hx meet alone; *taken: it is that. */
enum args_result args_meet_option(struct reading *r, int option, bool *taken);
/* What it cannot do without, wherever it comes from. */
enum args_result args_meet_check(struct reading *r);
/* --count or --expire of hx send. */
enum args_result args_code_option(struct reading *r, int option);
enum args_result args_code_operands(struct reading *r, char **words, int count);
/* A nameserver, or several, that does not come by an option. */
enum args_result args_check_nameserver(struct reading *r, const char *text);
/* Options that contradict each other: better refused than one of them ignored. */
enum args_result args_check_combination(struct reading *r);
/* Nothing is given yet. */
void args_defaults(struct args *out, enum args_result command, const char *nameserver);

/* The command line has this one; what it beats is not taken from the file. */
void args_given(struct reading *r, int option);
/* What the file at `path` says for the command and the NAME that were read; it need not be there. */
enum args_result args_config(struct reading *r, const char *path);

#endif

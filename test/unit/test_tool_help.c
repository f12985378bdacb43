#include "client/tool/options.h"
#include "test/unit/args_parse.h"

#define HELP_MAX 8192

static void help_of(int command, char text[HELP_MAX])
{
    FILE *out = fmemopen(text, HELP_MAX, "w");
    assert_true(options_help(out, (enum args_result)command));
    fclose(out);
}

static void help_and_version_are_found_everywhere(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "--help"), ARGS_HELP);
    assert_int_equal(PARSE(NULL, "bind", "--help"), ARGS_HELP);
    assert_int_equal(PARSE(NULL, "connect", "a", "-h"), ARGS_HELP);
    assert_int_equal(PARSE(NULL, "--version"), ARGS_VERSION);
    assert_int_equal(PARSE(NULL, "bind", "-V"), ARGS_VERSION);
}

static void what_is_mistyped_is_answered_with_what_is_near(void **state)
{
    static const struct {
        const char *command, *word, *near; /* NULL: nothing is */
    } rows[] = {{"ls", "--jsn", "did you mean --json?"},
                {"ls", "--josn", "did you mean --json?"},
                {"bind", "--allow-listn=80", "did you mean --allow-listen?"},
                {"connect", "--nameservr", "did you mean --nameserver?"},
                {"cp", "--dryrun", "did you mean --dry-run?"},
                {"bind", "--ke", "did you mean --key"},
                {"pnig", "a", "did you mean hx ping?"},
                {"conect", "a", "did you mean hx connect?"},
                {"lss", "a", "did you mean hx ls?"},
                {"ping", "--x", NULL},
                {"ping", "--nothing-like-it-and-longer-than-any-of-them", NULL},
                {"ping", "-z", NULL},
                {"xyzzy", "a", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(PARSE("ns", rows[i].command, rows[i].word), ARGS_USAGE);
        const char *near = strstr(error, "did you mean");
        if (rows[i].near ? !strstr(error, rows[i].near) : near != NULL)
            fail_msg("%s %s: %s", rows[i].command, rows[i].word, error);
    }
    assert_int_equal(PARSE("ns", "ls", "a", "-zl"), ARGS_USAGE);
    assert_string_equal(error, "unknown option '-z'");
    assert_int_equal(PARSE("ns", "ls", "a", "--json=yes"), ARGS_USAGE);
    assert_non_null(strstr(error, "'--json=yes': that option takes no value"));
}

static void help_of_a_command_can_be_asked_for_both_ways(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "help"), ARGS_HELP);
    assert_int_equal(args.command, ARGS_COMMANDS);
    assert_int_equal(PARSE(NULL, "help", "cp"), ARGS_HELP);
    assert_int_equal(args.command, ARGS_CP);
    assert_int_equal(PARSE(NULL, "--help", "ls"), ARGS_HELP);
    assert_int_equal(args.command, ARGS_LS);
    assert_int_equal(PARSE(NULL, "help", "lss"), ARGS_USAGE);
    assert_int_equal(PARSE(NULL, "ls", "--help"), ARGS_HELP);
}

static void every_help_has_a_usage_and_an_example(void **state)
{
    (void)state;
    for (int command = 0; command < ARGS_COMMANDS; command++) {
        char text[HELP_MAX] = "", usage[64], example[64];
        help_of(command, text);
        snprintf(usage, sizeof usage, "Usage: hx %s ", options_commands[command].name);
        snprintf(example, sizeof example, "\nExample: hx %s", options_commands[command].name);
        assert_int_equal(strncmp(text, usage, strlen(usage)), 0);
        assert_non_null(strstr(text, example));
    }
}

static bool understood(const char *word, int command)
{
    for (int i = 0; i < options_count; i++) {
        const struct options_entry *o = &options_table[i];
        bool same = word[1] == '-' ? o->name && strcmp(o->name, word + 2) == 0 : o->id == word[1];
        if (same && o->commands & 1U << command)
            return true;
    }
    return false;
}

/* Two options with one letter are shown alike where one of them has no long form. */
static bool is_shown(const char *spelled, int command)
{
    bool shown = false;
    for (int i = 0; i < options_count; i++) {
        char other[64];
        options_spell(other, sizeof other, &options_table[i]);
        shown |= strncmp(other, spelled, strlen(spelled)) == 0 && options_table[i].commands & 1U << command;
    }
    return shown;
}

/* Every option with every command: taken where the table says so, else refused with the name of one that
 * has it. */
static void each_option_belongs_to_the_commands_that_the_table_says(void **state)
{
    (void)state;
    for (int i = 0; i < options_count; i++) {
        const struct options_entry *o = &options_table[i];
        char word[64];
        if (o->name)
            snprintf(word, sizeof word, "--%s", o->name);
        else
            snprintf(word, sizeof word, "-%c", o->id);
        for (int command = 0; command < ARGS_COMMANDS; command++) {
            const char *name = options_commands[command].name;
            (void)PARSE("ns", name, word, "1"); /* a value, or an operand */
            assert_int_equal(strstr(error, "is no option of") == NULL, understood(word, command));
        }
    }
}

static void help_knows_whose_it_is_and_has_every_option(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "--help"), ARGS_HELP);
    assert_int_equal(args.command, ARGS_COMMANDS);
    assert_int_equal(PARSE(NULL, "cp", "--help"), ARGS_HELP);
    assert_int_equal(args.command, ARGS_CP);
    for (int command = 0; command < ARGS_COMMANDS; command++) {
        char text[HELP_MAX] = "";
        help_of(command, text);
        for (int i = 0; i < options_count; i++) {
            char spelled[64] = "  ";
            options_spell(spelled + 2, sizeof spelled - 2, &options_table[i]);
            bool shown = strstr(text, spelled) != NULL;
            assert_int_equal(shown, is_shown(spelled + 2, command));
        }
    }
}

static void no_line_of_the_help_is_wider_than_a_terminal(void **state)
{
    (void)state;
    for (int command = 0; command <= ARGS_COMMANDS; command++) {
        char text[HELP_MAX] = "";
        help_of(command, text);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            assert_true(strlen(line) <= 92);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_and_version_are_found_everywhere),
        cmocka_unit_test(what_is_mistyped_is_answered_with_what_is_near),
        cmocka_unit_test(help_of_a_command_can_be_asked_for_both_ways),
        cmocka_unit_test(every_help_has_a_usage_and_an_example),
        cmocka_unit_test(each_option_belongs_to_the_commands_that_the_table_says),
        cmocka_unit_test(help_knows_whose_it_is_and_has_every_option),
        cmocka_unit_test(no_line_of_the_help_is_wider_than_a_terminal),
    };
    return cmocka_run_group_tests_name("tool help", tests, NULL, NULL);
}

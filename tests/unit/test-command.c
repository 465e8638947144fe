/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands in executor slots: what is refused before it is sent, or when it is said. */
#include <string.h>

#include "machine/command.h"
#include "tests/unit/test.h"

static struct kt_commands all;

/* No link: nothing may be sent. */
static void setup(void)
{
	const struct kt_msg_hello hello = { .slots = KT_SLOTS_MAX + 1 };

	kt_commands_begin(&all, &hello);
}

AROUND_EACH(setup, NULL);

static void refused(const char *const *argv, const char *const *env)
{
	static const struct kt_command_handlers handlers;
	const struct kt_command_spec spec = { .argv = argv, .env = env };
	struct kt_command cmd;

	assert_int_equal(kt_command_start(&cmd, &all, &spec, &handlers, NULL), KT_COMMAND_E_SPEC);
	assert_false(cmd.running);
	assert_null(all.list[0]);
}

TEST(test_arguments_are_bounded)
{
	static const char *many[KT_EXEC_ARGS_MAX + 2], *const few[] = { "x", NULL };
	static char longest[KT_EXEC_BYTES_MAX + 1];
	const char *const large[] = { longest, NULL };

	for (unsigned int i = 0; i <= KT_EXEC_ARGS_MAX; i++)
		many[i] = "x";
	memset(longest, 'x', sizeof(longest) - 1);
	refused(many, NULL);
	refused(few, many);
	refused(large, NULL);
	refused(few, large);
}

TEST(test_slots_are_bounded)
{
	struct kt_msg m = { .type = KT_MSG_EXEC_END, .exec_end.slot = KT_SLOTS_MAX };

	assert_int_equal(all.slots, KT_SLOTS_MAX);
	assert_true(kt_commands_take(&all, &m));
	m.exec_end.slot = UINT32_MAX;
	assert_true(kt_commands_take(&all, &m));
	m = (struct kt_msg){ .type = KT_MSG_EXEC_OUTPUT, .exec_output.slot = KT_SLOTS_MAX };
	assert_true(kt_commands_take(&all, &m));
	m = (struct kt_msg){ .type = KT_MSG_INPUT_TAKEN, .input_taken.slot = KT_SLOTS_MAX };
	assert_true(kt_commands_take(&all, &m));
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands in executor slots; see command.h. The host knows a slot as busy from EXEC to EXEC_END.
 * A clone may have slots that are busy from the start, with commands of the saved machine
 * that no owner is told of.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "machine/command.h"

void kt_commands_begin(struct kt_commands *all, const struct kt_msg_hello *hello)
{
	kt_commands_forget(all);
	all->slots = KT_MIN(hello->slots, (uint32_t)KT_SLOTS_MAX);
	all->busy = hello->busy_slots;
}

void kt_commands_forget(struct kt_commands *all)
{
	memset(all->list, 0, sizeof(all->list));
}

/* ---- sending ---- */

static int append_strings(struct kt_buf *out, const char *const *list)
{
	for (unsigned int n = 0; list && list[n]; n++) {
		size_t len = strlen(list[n]) + 1;

		if (n == KT_EXEC_ARGS_MAX || !kt_buf_has_room(out, len))
			return KT_COMMAND_E_SPEC;
		KT_TRY(kt_buf_append(out, list[n], len));
	}
	return 0;
}

static struct kt_bytes text_bytes(const char *text)
{
	return (struct kt_bytes){ (const uint8_t *)text, text ? (uint32_t)strlen(text) : 0 };
}

static int send_exec(struct kt_command *cmd, const struct kt_command_spec *spec)
{
	_cleanup_(kt_buf_deinit) struct kt_buf argv = KT_BUF_INIT(KT_EXEC_BYTES_MAX);
	_cleanup_(kt_buf_deinit) struct kt_buf env = KT_BUF_INIT(KT_EXEC_BYTES_MAX);
	struct kt_msg msg = { .type = KT_MSG_EXEC };

	KT_TRY(append_strings(&argv, spec->argv));
	KT_TRY(append_strings(&env, spec->env));
	msg.exec.slot = cmd->slot;
	msg.exec.terminal = spec->terminal;
	msg.exec.timeout_ns = spec->timeout_ns;
	msg.exec.argv = (struct kt_bytes){ argv.data, (uint32_t)argv.len };
	msg.exec.env = (struct kt_bytes){ env.data, (uint32_t)env.len };
	msg.exec.program = text_bytes(spec->program);
	msg.exec.cwd = text_bytes(spec->cwd);
	cmd->start_ns = kt_now_ns();
	cmd->all->link->send(cmd->all->arg, &msg);
	return 0;
}

int kt_command_start(struct kt_command *cmd, struct kt_commands *all,
		     const struct kt_command_spec *spec, const struct kt_command_handlers *handlers,
		     void *arg)
{
	uint32_t slot = 0;
	int r;

	while (slot < all->slots && (all->list[slot] || all->busy >> slot & 1))
		slot++;
	if (slot == all->slots)
		return KT_COMMAND_E_SLOTS;
	*cmd = (struct kt_command){
		.running = true, .slot = slot, .all = all, .handlers = handlers, .arg = arg
	};
	all->list[slot] = cmd;
	r = send_exec(cmd, spec);
	if (r) {
		all->list[slot] = NULL;
		cmd->running = false;
	}
	return kt_forward(r);
}

size_t kt_command_room(const struct kt_command *cmd)
{
	uint64_t room = KT_INPUT_CREDIT_MAX - (cmd->in_sent - cmd->in_taken);

	return kt_command_input_closed(cmd) ? 0 :
					      (size_t)KT_MIN(room, (uint64_t)KT_INPUT_BYTES_MAX);
}

bool kt_command_input_closed(const struct kt_command *cmd)
{
	return !cmd->running || cmd->in_eof || cmd->in_closed;
}

void kt_command_input(struct kt_command *cmd, const void *data, size_t len, bool eof)
{
	struct kt_msg msg = { .type = KT_MSG_INPUT };

	if (kt_command_input_closed(cmd))
		return;
	msg.input.slot = cmd->slot;
	msg.input.eof = eof;
	msg.input.data = (struct kt_bytes){ data, (uint32_t)len };
	cmd->in_sent += len;
	cmd->in_eof = eof;
	cmd->all->link->send(cmd->all->arg, &msg);
}

/* Credit is returned in large portions: each message wakes the guest up. */
void kt_command_taken(struct kt_command *cmd, size_t len)
{
	struct kt_msg msg = { .type = KT_MSG_OUTPUT_TAKEN };

	cmd->out_taken += len;
	if (!cmd->running || cmd->out_taken - cmd->out_said < KT_OUTPUT_CREDIT_MAX / 4)
		return;
	cmd->out_said = cmd->out_taken;
	msg.output_taken.slot = cmd->slot;
	msg.output_taken.bytes = cmd->out_taken;
	cmd->all->link->send(cmd->all->arg, &msg);
}

void kt_command_signal(struct kt_command *cmd, int sig)
{
	struct kt_msg msg = { .type = KT_MSG_SIGNAL };

	msg.signal.slot = cmd->slot;
	msg.signal.signal = (uint32_t)sig;
	if (cmd->running)
		cmd->all->link->send(cmd->all->arg, &msg);
}

/* ---- receiving ---- */

static void breach(struct kt_commands *all, const char *cause)
{
	all->link->breach(all->arg, cause);
}

static void on_output(struct kt_command *cmd, const struct kt_msg_exec_output *output)
{
	cmd->out_got += output->data.len;
	if (output->stream < 1 || output->stream > 2)
		breach(cmd->all, "output of a stream that there is not");
	else if (cmd->out_got - cmd->out_said > KT_OUTPUT_CREDIT_MAX)
		breach(cmd->all, "more output than it has credit for");
	else
		cmd->handlers->on_output(cmd->arg, output->stream, output->data.data,
					 output->data.len);
}

static void on_input_taken(struct kt_command *cmd, const struct kt_msg_input_taken *taken)
{
	if (taken->bytes < cmd->in_taken || taken->bytes > cmd->in_sent) {
		breach(cmd->all, "input taken that was not sent");
		return;
	}
	cmd->in_taken = taken->bytes;
	cmd->in_closed = taken->closed;
	if (cmd->handlers->on_room)
		cmd->handlers->on_room(cmd->arg);
}

static void on_end(struct kt_command *cmd, const struct kt_msg_exec_end *end)
{
	cmd->end_ns = kt_now_ns();
	cmd->running = false;
	cmd->status = (int)end->status;
	cmd->timed_out = end->timed_out;
	cmd->error = (int)end->error;
	cmd->run_ns = end->run_ns;
	memcpy(cmd->text, end->text, sizeof(cmd->text));
	cmd->all->list[cmd->slot] = NULL;
	cmd->handlers->on_end(cmd->arg);
}

static struct kt_command *find(struct kt_commands *all, uint32_t slot)
{
	return slot < KT_SLOTS_MAX ? all->list[slot] : NULL;
}

bool kt_commands_take(struct kt_commands *all, const struct kt_msg *msg)
{
	struct kt_command *cmd;

	/* A slot without a command here: the command was started before the machine was saved. */
	switch (msg->type) {
	case KT_MSG_EXEC_OUTPUT:
		cmd = find(all, msg->exec_output.slot);
		if (cmd)
			on_output(cmd, &msg->exec_output);
		return true;
	case KT_MSG_INPUT_TAKEN:
		cmd = find(all, msg->input_taken.slot);
		if (cmd)
			on_input_taken(cmd, &msg->input_taken);
		return true;
	case KT_MSG_EXEC_END:
		cmd = find(all, msg->exec_end.slot);
		if (cmd)
			on_end(cmd, &msg->exec_end);
		else if (msg->exec_end.slot < KT_SLOTS_MAX)
			all->busy &= ~(1u << msg->exec_end.slot);
		return true;
	default:
		return false;
	}
}

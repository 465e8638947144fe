/* SPDX-License-Identifier: GPL-2.0-only */
/* The QMP client; see qmp.h. */
#include <string.h>

#include "vmm/qemu/qmp.h"

int kt_qmp_init(struct kt_qmp *qmp, const struct kt_qmp_handlers *handlers, void *arg)
{
	uint64_t id;

	*qmp = (struct kt_qmp){ .in = KT_BUF_INIT(KT_QMP_LINE_MAX),
				.out = KT_BUF_INIT(KT_QMP_LINE_MAX),
				.handlers = handlers,
				.arg = arg };
	return kt_forward(kt_qmp_execute(qmp, "qmp_capabilities", NULL, &id));
}

void kt_qmp_deinit(struct kt_qmp *qmp)
{
	kt_buf_deinit(&qmp->in);
	kt_buf_deinit(&qmp->out);
}

int kt_qmp_execute(struct kt_qmp *qmp, const char *command, const char *arguments, uint64_t *ret_id)
{
	if (qmp->next_id - qmp->next_reply >= KT_QMP_PENDING_MAX)
		return kt_raise(-ENOBUFS);
	KT_TRY(kt_buf_printf(&qmp->out, "{\"execute\":\"%s\",\"arguments\":%s,\"id\":%llu}\n",
			     command, arguments ?: "{}", (unsigned long long)qmp->next_id));
	*ret_id = qmp->next_id++;
	return 0;
}

static int malformed(struct kt_diag *diag, const char *what)
{
	kt_diag_cause(diag, "QEMU's monitor sent %s", what);
	return KT_QMP_E_FORM;
}

/* The first message: {"QMP": {"version": {"qemu": {"major": 10, ...}, ...}, ...}}. */
static int take_greeting(struct kt_qmp *qmp, const json_t *msg, struct kt_diag *diag)
{
	const json_t *version = json_object_get(json_object_get(msg, "QMP"), "version");
	const json_t *major = json_object_get(json_object_get(version, "qemu"), "major");

	if (!json_is_integer(major) || json_integer_value(major) < 1 ||
	    json_integer_value(major) > KT_QMP_VERSION_MAX)
		return malformed(diag, "something else than a greeting");
	qmp->greeted = true;
	qmp->version = (unsigned int)json_integer_value(major);
	return 0;
}

static int take_event(struct kt_qmp *qmp, const json_t *msg, struct kt_diag *diag)
{
	const char *event = json_string_value(json_object_get(msg, "event"));
	const json_t *data = json_object_get(msg, "data");

	if (!event || (data && !json_is_object(data)))
		return malformed(diag, "a malformed event");
	qmp->handlers->on_event(qmp->arg, event, data);
	return 0;
}

static int take_reply(struct kt_qmp *qmp, const json_t *msg, struct kt_diag *diag)
{
	const json_t *id = json_object_get(msg, "id");
	const json_t *value = json_object_get(msg, "return");
	const json_t *error = json_object_get(msg, "error");
	const char *text = json_string_value(json_object_get(error, "desc"));

	/* Answers come in the order of the commands. */
	if (qmp->next_reply == qmp->next_id || !json_is_integer(id) ||
	    json_integer_value(id) != (json_int_t)qmp->next_reply)
		return malformed(diag, "an answer to no question");
	if (!value == !error || (error && !text))
		return malformed(diag, "a malformed answer");
	qmp->next_reply++;
	qmp->handlers->on_reply(qmp->arg, qmp->next_reply - 1, value, text);
	return 0;
}

static int take_line(struct kt_qmp *qmp, const void *line, size_t len, struct kt_diag *diag)
{
	json_auto_t *msg = NULL;

	msg = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(msg))
		return malformed(diag, "a line that is no JSON object");
	if (!qmp->greeted)
		return take_greeting(qmp, msg, diag);
	if (json_object_get(msg, "event"))
		return take_event(qmp, msg, diag);
	return take_reply(qmp, msg, diag);
}

int kt_qmp_feed(struct kt_qmp *qmp, const void *data, size_t len, struct kt_diag *diag)
{
	const uint8_t *end;
	size_t searched = qmp->in.len, line;

	if (len > KT_QMP_LINE_MAX - qmp->in.len)
		return malformed(diag, "a line without end");
	KT_TRY(kt_buf_append(&qmp->in, data, len));
	while (qmp->in.len > searched &&
	       (end = memchr(qmp->in.data + searched, '\n', qmp->in.len - searched))) {
		line = (size_t)(end - qmp->in.data);
		KT_TRY(take_line(qmp, qmp->in.data, line, diag));
		kt_buf_consume(&qmp->in, line + 1);
		searched = 0;
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* The client of QEMU's monitor, against good and bad peers. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"
#include "vmm/qemu/qmp.h"

#define GREETING                                                                            \
	"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 0, \"major\": 10}}, " \
	"\"capabilities\": [\"oob\"]}}\r\n"
#define READY GREETING "{\"return\": {}, \"id\": 0}\r\n"

static struct kt_qmp qmp;
static char heard[4096]; /* what the handlers were called with, in words */

static void hear(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void hear(const char *fmt, ...)
{
	size_t len = strlen(heard);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(heard + len, sizeof(heard) - len, fmt, ap);
	va_end(ap);
}

static void on_event(void *arg, const char *event, const json_t *data)
{
	hear("event %s %s;", event, json_string_value(json_object_get(data, "reason")) ?: "-");
}

static void on_reply(void *arg, uint64_t id, const json_t *value, const char *error)
{
	hear("reply %llu %s;", (unsigned long long)id, value ? "ok" : error);
}

static const struct kt_qmp_handlers handlers = { .on_event = on_event, .on_reply = on_reply };

static void make(void)
{
	heard[0] = '\0';
	assert_int_equal(kt_qmp_init(&qmp, &handlers, NULL), 0);
}

static void unmake(void)
{
	kt_qmp_deinit(&qmp);
}

AROUND_EACH(make, unmake);

static int feed(const char *text)
{
	return kt_qmp_feed(&qmp, text, strlen(text), NULL);
}

TEST(test_commands_are_lines)
{
	uint64_t id;

	assert_int_equal(kt_qmp_execute(&qmp, "cont", "{\"a\":1}", &id), 0);
	assert_int_equal(id, 1);
	assert_string_equal(kt_buf_str(&qmp.out),
			    "{\"execute\":\"qmp_capabilities\",\"arguments\":{},\"id\":0}\n"
			    "{\"execute\":\"cont\",\"arguments\":{\"a\":1},\"id\":1}\n");
}

TEST(test_conversation)
{
	uint64_t id;

	assert_int_equal(feed(READY), 0);
	assert_int_equal(kt_qmp_execute(&qmp, "stop", NULL, &id), 0);
	assert_int_equal(kt_qmp_execute(&qmp, "cont", NULL, &id), 0);
	assert_int_equal(
		feed("{\"timestamp\": {}, \"event\": \"STOP\"}\n"
		     "{\"return\": {}, \"id\": 1}\n"
		     "{\"id\": 2, \"error\": {\"class\": \"E\", \"desc\": \"no way\"}}\n"
		     "{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-reset\"}}\n"),
		0);
	assert_string_equal(heard, "reply 0 ok;event STOP -;reply 1 ok;reply 2 no way;"
				   "event SHUTDOWN guest-reset;");
}

/* It does not matter how the bytes are cut. */
TEST(test_any_cut)
{
	static const char text[] = READY "{\"event\": \"STOP\"}\n";

	for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
		unmake();
		make();
		assert_int_equal(kt_qmp_feed(&qmp, text, cut, NULL), 0);
		assert_int_equal(kt_qmp_feed(&qmp, text + cut, sizeof(text) - 1 - cut, NULL), 0);
		assert_string_equal(heard, "reply 0 ok;event STOP -;");
	}
}

TEST(test_bad_peers)
{
	static const struct {
		const char *text, *cause;
	} cases[] = {
		{ "\n", "no JSON object" },
		{ "hello\n", "no JSON object" },
		{ "[]\n", "no JSON object" },
		{ "{\"QMP\": {}} x\n", "no JSON object" },
		{ "{\"QMP\": {}, \"QMP\": {}}\n", "no JSON object" },
		{ "{\"return\": {}, \"id\": 0}\n", "something else than a greeting" },
		{ "{\"QMP\": 1}\n", "something else than a greeting" },
		{ "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 0}}}}\n",
		  "something else than a greeting" },
		{ "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 4294967306}}}}\n",
		  "something else than a greeting" },
		{ READY "{\"event\": 1}\n", "malformed event" },
		{ READY "{\"event\": \"STOP\", \"data\": []}\n", "malformed event" },
		{ READY "{\"return\": {}, \"id\": 1}\n", "answer to no question" },
		{ GREETING "{\"return\": {}, \"id\": 1}\n", "answer to no question" },
		{ GREETING "{\"return\": {}, \"id\": \"0\"}\n", "answer to no question" },
		{ GREETING "{\"return\": {}}\n", "answer to no question" },
		{ GREETING "{\"id\": 0}\n", "malformed answer" },
		{ GREETING "{\"id\": 0, \"error\": {}}\n", "malformed answer" },
		{ GREETING "{\"id\": 0, \"error\": {\"desc\": 1}}\n", "malformed answer" },
		{ GREETING "{\"id\": 0, \"return\": 1, \"error\": {\"desc\": \"x\"}}\n",
		  "malformed answer" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		unmake();
		make();
		assert_int_equal(kt_qmp_feed(&qmp, cases[i].text, strlen(cases[i].text), &diag),
				 KT_QMP_E_FORM);
		if (!strstr(diag.cause, cases[i].cause))
			fail_msg("case %zu: '%s'", i, diag.cause);
	}
}

TEST(test_lines_are_bounded)
{
	static const char chunk[64 << 10] = { [0] = '{', [1 ...(64 << 10) - 1] = ' ' };
	struct kt_diag diag = KT_DIAG_INIT;

	for (unsigned int i = 0; i < KT_QMP_LINE_MAX / sizeof(chunk); i++)
		assert_int_equal(kt_qmp_feed(&qmp, chunk, sizeof(chunk), NULL), 0);
	assert_int_equal(kt_qmp_feed(&qmp, chunk, 1, &diag), KT_QMP_E_FORM);
	assert_contains(diag.cause, "a line without end");
}

TEST(test_nesting_is_bounded)
{
	char deep[20001];

	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\n';
	assert_int_equal(qmp.version, 0);
	assert_int_equal(feed(GREETING), 0);
	assert_int_equal(qmp.version, 10);
	assert_int_equal(kt_qmp_feed(&qmp, deep, sizeof(deep), NULL), KT_QMP_E_FORM);
}

TEST(test_pending_commands_are_bounded)
{
	uint64_t id;

	for (unsigned int i = 1; i < KT_QMP_PENDING_MAX; i++)
		assert_int_equal(kt_qmp_execute(&qmp, "cont", NULL, &id), 0);
	assert_int_equal(kt_qmp_execute(&qmp, "cont", NULL, &id), -ENOBUFS);
	assert_int_equal(feed(READY), 0);
	assert_int_equal(kt_qmp_execute(&qmp, "cont", NULL, &id), 0);
}

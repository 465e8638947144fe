/* SPDX-License-Identifier: GPL-2.0-only */
/* What a rewind makes of a saved state: where time is in it, and the file around it. */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "vmm/qemu/qcow2.h"
#include "vmm/qemu/ticks.h"

#define TIMER                                                                        \
	"{\"name\":\"timer\",\"instance_id\":0,\"version\":2,\"fields\":[{\"name\":" \
	"\"cpu_ticks_offset\",\"size\":8},{\"name\":\"cpu_clock_offset\",\"size\":8}]}"
#define CPU(instance)                                                                       \
	"{\"name\":\"cpu\",\"instance_id\":" #instance ",\"version\":12,\"fields\":["       \
	"{\"name\":\"env.regs\",\"array_len\":2,\"size\":8},{\"name\":\"env.eip\",\"size\"" \
	":4},{\"name\":\"env.tsc_offset\",\"size\":8}]}"
#define DEVICES "{\"page_size\":4096,\"devices\":[" TIMER "," CPU(0) "," CPU(1) "]}"

/* Text literals, as the sections are full of zeros. */
#define ADD(buf, text) assert_int_equal(kt_buf_append(buf, text, sizeof(text) - 1), 0)

static void add_cpu(struct kt_buf *buf, char instance)
{
	ADD(buf, "\x04\0\0\0\x09\x03"
		 "cpu\0\0\0");
	assert_int_equal(kt_buf_append(buf, &instance, 1), 0);
	ADD(buf, "\0\0\0\x0c"
		 "rax.....rbx.....eip.");
	ADD(buf, "\0\0\0\0\0\0\x02");
	assert_int_equal(kt_buf_append(buf, &instance, 1), 0);
}

static struct kt_buf make_stream(const char *description)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	uint8_t len[4] = { 0, 0, (uint8_t)(strlen(description) >> 8),
			   (uint8_t)strlen(description) };

	ADD(&buf, "QEVM\0\0\0\x03"
		  "\x04\0\0\0\0\x05"
		  "timer\0\0\0\0\0\0\0\x02");
	ADD(&buf, "\0\0\0\0\0\0\x01\x02"
		  "ns......");
	add_cpu(&buf, 0);
	add_cpu(&buf, 1);
	ADD(&buf, "\0\x06");
	assert_int_equal(kt_buf_append(&buf, len, sizeof(len)), 0);
	assert_int_equal(kt_buf_append(&buf, description, strlen(description)), 0);
	return buf;
}

TEST(test_time_is_found)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = make_stream(DEVICES);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_ticks ticks;

	assert_int_equal(kt_ticks_find(&ticks, buf.data, buf.len, 2, &diag), 0);
	assert_int_equal(ticks.machine.value, 0x102);
	assert_int_equal(ticks.vcpu_count, 2);
	assert_int_equal(ticks.vcpus[0].value, 0x200);
	assert_int_equal(ticks.vcpus[1].value, 0x201);
	assert_int_equal(buf.data[ticks.machine.at + 6], 1);
	assert_int_equal(buf.data[ticks.vcpus[1].at + 6], 2);
	/* Of other numbers of vCPUs. */
	assert_int_equal(kt_ticks_find(&ticks, buf.data, buf.len, 1, &diag), KT_TICKS_E_FORM);
	assert_int_equal(kt_ticks_find(&ticks, buf.data, buf.len, 3, &diag), KT_TICKS_E_FORM);
	assert_int_equal(kt_ticks_find(&ticks, buf.data, buf.len, KT_CPUS_MAX + 1, &diag),
			 KT_TICKS_E_FORM);
}

static void expect_none(const char *description)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = make_stream(description);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_ticks ticks;

	assert_int_equal(kt_ticks_find(&ticks, buf.data, buf.len, 2, &diag), KT_TICKS_E_FORM);
	assert_true(diag.cause[0]);
}

TEST(test_descriptions_that_cannot_be)
{
	expect_none("");
	expect_none("{");
	expect_none("[]");
	expect_none("{\"devices\":[" TIMER "," CPU(0) "]}");
	expect_none("{\"devices\":[" CPU(0) "," CPU(1) "]}");
	/* Not in the order of the stream. */
	expect_none("{\"devices\":[" CPU(0) "," CPU(1) "," TIMER "]}");
	expect_none("{\"devices\":[" TIMER "," TIMER "," CPU(0) "," CPU(1) "]}");
	expect_none("{\"devices\":[" TIMER "," CPU(0) "," CPU(-1) "]}");
	expect_none("{\"devices\":[" TIMER "," CPU(0) "," CPU(7) "]}");
	/* Behind the end. */
	expect_none("{\"devices\":[" TIMER
		    "," CPU(0) ",{\"name\":\"cpu\",\"instance_id\":1,"
			       "\"version\":12,\"fields\":[{\"name\":\"x\",\"size\":2147483647},"
			       "{\"name\":\"env.tsc_offset\",\"size\":8}]}]}");
	expect_none("{\"devices\":[" TIMER "," CPU(
		0) ",{\"name\":\"cpu\",\"instance_id\":1,"
		   "\"version\":12,\"fields\":[{\"name\":\"env.tsc_offset\",\"size\":4}]}]}");
}

/* A section's beginning that is there twice: which one is it? */
TEST(test_ambiguous_section)
{
	static const char copy[] = "\x03"
				   "cpu\0\0\0\0\0\0\0\x0c";
	_cleanup_(kt_buf_deinit) struct kt_buf buf = make_stream(DEVICES);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_ticks ticks;
	uint8_t *eip = memmem(buf.data, buf.len, "rax.....rbx....", 15);

	memcpy(eip, copy, sizeof(copy) - 1);
	assert_int_equal(kt_ticks_find(&ticks, buf.data, buf.len, 2, &diag), KT_TICKS_E_FORM);
}

TEST(test_cut_short)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = make_stream(DEVICES);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_ticks ticks;

	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(kt_ticks_find(&ticks, buf.data, len, 2, &diag), KT_TICKS_E_FORM);
}

/* QEMU itself is the judge of the form (tests/vm); here, where the bytes are. */
TEST(test_file_has_the_bytes)
{
	static uint8_t data[300000], back[sizeof(data)];
	int fd;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 256);
	assert_int_equal(kt_qcow2_make(&fd, data, sizeof(data)), 0);
	assert_int_equal(pread(fd, back, sizeof(back), KT_QCOW2_AT), sizeof(back));
	assert_memory_equal(data, back, sizeof(data));
	close(fd);
	assert_int_equal(kt_qcow2_make(&fd, data, KT_QCOW2_BYTES + 1), -EFBIG);
}

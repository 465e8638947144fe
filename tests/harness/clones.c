/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios that look at the machine they find themselves in: booted, or a clone. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <ktest.h>

KT_SCENARIO(cold_by_itself, "starts in a machine that is booted for it", .start = KT_START_COLD);

#define CMDLINE "isolcpus=1 skew_tick=1"

/* The first line of a file; "" if there is none. */
static void read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(line, (int)size, f))
		line[0] = 0;
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = 0;
}

KT_GUEST_SCENARIO(command_line_is_appended, "finds what it adds to the kernel's command line",
	.cmdline = CMDLINE)
{
	char line[4096];
	size_t len;

	read_line("/proc/cmdline", line, sizeof(line));
	len = strlen(line);
	KT_G_EXPECT_MSG(kg, len > strlen(CMDLINE) &&
			!strcmp(line + len - strlen(CMDLINE) - 1, " " CMDLINE), "it is %s", line);
	read_line("/sys/devices/system/cpu/isolated", line, sizeof(line));
	KT_G_EXPECT_MSG(kg, !strcmp(line, "1"), "CPUs '%s' are isolated", line);
}

KT_GUEST_SCENARIO(module_is_there, "finds its kernel module loaded",
	.modules = KT_MODULES("irqbypass"))
{
	FILE *f = fopen("/proc/modules", "re");
	char line[256];
	bool found = false;

	while (f && fgets(line, sizeof(line), f))
		found = found || !strncmp(line, "irqbypass ", strlen("irqbypass "));
	if (f)
		fclose(f);
	KT_G_EXPECT(kg, found);
}

static void print_file(struct kt_guest *kg, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];

	KT_G_ASSERT_MSG(kg, f && fgets(line, sizeof(line), f), "cannot read %s", path);
	fputs(line, stdout);
	fclose(f);
}

KT_GUEST_SCENARIO(says_who_it_is, "prints its machine id and its host name")
{
	char name[65] = "";

	print_file(kg, "/etc/machine-id");
	KT_G_EXPECT(kg, !gethostname(name, sizeof(name) - 1));
	printf("%s\n", name);
	print_file(kg, "/proc/sys/kernel/random/boot_id");
}

KT_GUEST_SCENARIO(says_random_numbers, "prints what the kernel calls random")
{
	uint8_t bytes[16];

	KT_G_ASSERT_MSG(kg, getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes), "no random numbers");
	for (size_t i = 0; i < sizeof(bytes); i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

KT_HOST_CHECK(was_attached)
{
	KT_EXPECT(ck, kt_check_saved_ns(ck) > 0);
	KT_EXPECT(ck, kt_check_survived(ck, 1));
}

KT_SCENARIO(starts_like_the_other, "begins as scheduler_survives_being_saved does",
	.topo   = KT_TOPO("1n1l2c1t"),
	.memory = KT_MIB(512),
	.start  = KT_START_ATTACHED,
	.sched  = KT_SCHED("primary", .binary = "scx_ktest",
			   .args = KT_ARGS("--watchdog-ms", "2000")),
	.steps  = KT_STEPS(KT_STEP("hold", .hold = KT_MS(100))),
	.check  = KT_CHECK(was_attached));

KT_GUEST_WARM_UP(leave_a_file)
{
	FILE *f = fopen("/tmp/warm", "we");

	KT_G_ASSERT_MSG(kg, f, "cannot make a file");
	fprintf(f, "%llu\n", (unsigned long long)kt_guest_seed(kg));
	fclose(f);
}

KT_GUEST_SCENARIO(finds_what_was_warmed_up, "its warm-up has left a file, with the seed of that run",
	.topo  = KT_TOPO("1n1l2c1t"),
	.sched = KT_SCHED("primary", .binary = "scx_ktest"),
	KT_WARM_UP(leave_a_file))
{
	print_file(kg, "/tmp/warm");
	printf("%llu\n", (unsigned long long)kt_guest_seed(kg));
}

KT_GUEST_WARM_UP(fail_to_warm_up)
{
	KT_G_EXPECT(kg, 1 == 2);
}

KT_SCENARIO(warm_up_fails, "its warm-up finds something", KT_WARM_UP(fail_to_warm_up));

KT_SCENARIO(small_and_attached, "begins with its scheduler attached, in little memory",
	.topo   = KT_TOPO("1n1l2c1t"),
	.memory = KT_MIB(192),
	.start  = KT_START_ATTACHED,
	.sched  = KT_SCHED("primary", .binary = "scx_ktest"),
	.steps  = KT_STEPS(KT_STEP("hold", .hold = KT_MS(100))),
	.check  = KT_CHECK(was_attached));

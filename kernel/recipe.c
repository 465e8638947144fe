/* SPDX-License-Identifier: GPL-2.0-only */
/* The inputs of a kernel build and their key; see recipe.h. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/config.h"
#include "kernel/recipe.h"
#include "base/child.h"

/* Part of the key; raise it when the same inputs give another kernel. */
#define RECIPE_VERSION "2"

#define KCONFIG_MAX (1u << 20)
#define VERSION_MAX (64u << 10)

const char *kt_build_default_kconfig(void)
{
	return access(KT_KCONFIG_SOURCE, R_OK) ? KT_KCONFIG_INSTALLED : KT_KCONFIG_SOURCE;
}

static void ignore_lost(unsigned int line, const char *wanted, const char *is, void *data)
{
}

static int read_fragment(struct kt_recipe *recipe, const char *kconfig, struct kt_diag *diag)
{
	unsigned int lost, line = 0;
	int r;

	recipe->kconfig = kconfig ? kconfig : kt_build_default_kconfig();
	kt_diag_doing(diag, "read configuration fragment %s", recipe->kconfig);
	r = kt_read_file(recipe->kconfig, &recipe->fragment);
	if (r)
		return kt_fail(diag, KT_BUILD_E_KCONFIG, "%s", strerror(-r));
	r = kt_config_compare(kt_buf_str(&recipe->fragment), "", ignore_lost, NULL, &lost, &line);
	if (r > 0)
		return kt_fail(diag, KT_BUILD_E_KCONFIG,
			       "line %u is neither CONFIG_X=... nor a comment", line);
	if (r)
		return kt_forward(r);
	kt_diag_reset(diag);
	kt_hash_bytes(recipe->fragment.data, recipe->fragment.len, recipe->kconfig_hash);
	return 0;
}

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	char candidate[KT_PATH_MAX];

	for (const char *p = path ? path : "/usr/bin:/bin", *end; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ':');
		if (!kt_path_format(candidate, "%.*s/%s", (int)(end - p), p, program) &&
		    !access(candidate, X_OK))
			return true;
	}
	return false;
}

static int check_tools(struct kt_diag *diag)
{
	static const struct {
		const char *program, *package;
	} tools[] = {
		{ "make", "make" },	   { "gcc", "gcc" },	   { "ld", "binutils" },
		{ "objcopy", "binutils" }, { "bc", "bc" },	   { "flex", "flex" },
		{ "bison", "bison" },	   { "pahole", "pahole" }, { "tar", "tar" },
		{ "xz", "xz-utils" },
	};
	_cleanup_(kt_buf_deinit) struct kt_buf programs = KT_BUF_INIT(0);
	_cleanup_(kt_buf_deinit) struct kt_buf packages = KT_BUF_INIT(0);
	int r = 0;

	for (size_t i = 0; i < KT_ARRAY_SIZE(tools) && !r; i++) {
		if (in_path(tools[i].program))
			continue;
		r = kt_buf_printf(&programs, " %s", tools[i].program);
		if (!r)
			r = kt_buf_printf(&packages, " %s", tools[i].package);
	}
	if (r)
		return kt_forward(r);
	if (!programs.len)
		return 0;
	kt_diag_doing(diag, "build a kernel");
	kt_diag_remedy(diag, "apt-get install%s libelf-dev", kt_buf_str(&packages));
	return kt_fail(diag, KT_BUILD_E_TOOLS, "programs are missing:%s", kt_buf_str(&programs));
}

/* *out: the first line of "<program> --version". */
static int ask_version(const char *program, struct kt_buf *out, struct kt_diag *diag)
{
	const char *const argv[] = { program, "--version", NULL };
	struct kt_child child = KT_CHILD_INIT;
	int r;

	child.argv = argv;
	child.output = out;
	kt_diag_doing(diag, "ask %s for its version", program);
	r = kt_child_run(&child, diag);
	if (r)
		return r > 0 ? KT_BUILD_E_TOOLS : kt_forward(r);
	kt_diag_reset(diag);
	out->len = strcspn(kt_buf_str(out), "\n");
	return 0;
}

/* pahole counts as a compiler, because it generates the BTF. */
static int identify_compiler(struct kt_recipe *recipe, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf gcc = KT_BUF_INIT(VERSION_MAX);
	_cleanup_(kt_buf_deinit) struct kt_buf pahole = KT_BUF_INIT(VERSION_MAX);

	KT_TRY(ask_version("gcc", &gcc, diag));
	KT_TRY(ask_version("pahole", &pahole, diag));
	snprintf(recipe->compiler, sizeof(recipe->compiler), "%.800s, pahole %.100s",
		 kt_buf_str(&gcc), kt_buf_str(&pahole));
	return 0;
}

static int make_key(struct kt_recipe *recipe)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);
	char hash[KT_HASH_TEXT];

	KT_TRY(kt_buf_printf(&text, RECIPE_VERSION "\n%s\n%s\n%s\n", recipe->source.hash,
			     recipe->kconfig_hash, recipe->compiler));
	kt_hash_bytes(text.data, text.len, hash);
	memcpy(recipe->key, hash, sizeof(recipe->key) - 1);
	return 0;
}

int kt_recipe_init(struct kt_recipe *recipe, const char *source, const char *kconfig,
		   struct kt_diag *diag)
{
	int r;

	*recipe = (struct kt_recipe){ .fragment = KT_BUF_INIT(KCONFIG_MAX) };
	r = kt_kernel_source_identify(&recipe->source, source, diag);
	if (r)
		return r > 0 ? KT_BUILD_E_SOURCE : kt_forward(r);
	kt_diag_reset(diag);
	KT_TRY(read_fragment(recipe, kconfig, diag));
	KT_TRY(check_tools(diag));
	KT_TRY(identify_compiler(recipe, diag));
	return kt_forward(make_key(recipe));
}

void kt_recipe_deinit(struct kt_recipe *recipe)
{
	kt_buf_deinit(&recipe->fragment);
}

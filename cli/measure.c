/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs that measure have in common; see measure.h. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/measure.h"
#include "proto/result.h"
#include "measure/show.h"

/* Digits alone: no sign, no blank, nothing behind. */
static bool parse_digits(const char *text, uint64_t *ret)
{
	char *end;

	if (!text[0] || text[strspn(text, "0123456789")])
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return !errno;
}

uint64_t cli_parse_count(const char *text, uint64_t max)
{
	uint64_t n;

	return parse_digits(text, &n) && n <= max ? n : 0;
}

bool cli_parse_seed(const char *text, uint64_t *ret_seed)
{
	return parse_digits(text, ret_seed) && *ret_seed <= INT64_MAX;
}

bool cli_is_cancelled(int cancel_fd)
{
	struct pollfd p = { .fd = cancel_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

int cli_choose_accel(const char *verb, enum kt_accel *ret_accel, enum kt_accel wanted,
		     struct kt_diag *diag)
{
	struct kt_diag why = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];
	int r = kt_accel_choose(ret_accel, wanted, false, &why);

	if (r) {
		*diag = why;
		kt_diag_remedy(diag, "use --accel tcg");
		return r;
	}
	why.remedy[0] = '\0';
	if (kt_diag_is_set(&why))
		fprintf(stderr, "ktest %s: --accel tcg, not kvm: %s\n", verb,
			kt_diag_format(&why, text, sizeof(text)));
	return 0;
}

void cli_note_machine(struct kt_measured *m, enum kt_accel accel, const char *topology,
		      const struct kt_kernel *kernel)
{
	snprintf(m->accel, sizeof(m->accel), "%s", kt_accel_name(accel));
	snprintf(m->topology, sizeof(m->topology), "%s", topology);
	if (!kernel)
		return;
	/* A path too long for it is cut: it is the build id that tells. */
	kt_measured_text(m->kernel.path, sizeof(m->kernel.path), kernel->path);
	kt_measured_text(m->kernel.release, sizeof(m->kernel.release), kernel->release);
	kt_measured_text(m->kernel.build_id, sizeof(m->kernel.build_id), kernel->build_id);
}

/* ---- reports ---- */

int cli_show(const struct kt_measured *measured)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);
	const char *columns = getenv("COLUMNS");
	bool terminal = isatty(STDOUT_FILENO);
	struct kt_show_style style = { .columns = 80 };
	int r;

	setlocale(LC_CTYPE, "");
	if (columns && cli_parse_count(columns, 10000))
		style.columns = (unsigned int)cli_parse_count(columns, 10000);
	style.utf8 = terminal && !strcmp(nl_langinfo(CODESET), "UTF-8");
	style.colour = terminal && !getenv("NO_COLOR");
	r = kt_show(&text, measured, &style);
	if (!r)
		r = fwrite(text.data, 1, text.len, stdout) == text.len && !fflush(stdout) ? 0 :
											    -EIO;
	if (!r)
		return 0;
	fprintf(stderr, "ktest: show the figures: %s\n", strerror(-r));
	return KT_EXIT_COULD_NOT_RUN;
}

int cli_report(const struct kt_measured *measured, const char *artifact)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = artifact ? kt_measured_write(artifact, measured, &diag) : 0;

	if (r)
		cli_print_diag(&diag);
	if (cli_show(measured) || r)
		return KT_EXIT_COULD_NOT_RUN;
	if (artifact)
		printf("artefact: %s\n", artifact);
	return 0;
}

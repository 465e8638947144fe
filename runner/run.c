/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run from a cell to the verdict; see run.h. This file chooses the machine (a clone of the
 * fleet, a clone of a bake, or a cold boot), calls kt_drive(), has the result judged, and
 * writes the artefacts. Failures before the machine runs are results, too. The conversation
 * with the guest is left to drive.h, the verdict to judge/, files to report/.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "report/artifacts.h"
#include "machine/baking.h"
#include "judge/host-check.h"
#include "machine/config.h"
#include "runner/drive.h"
#include "machine/stage/initramfs.h"
#include "judge/worker-limits.h"
#include "report/snapshot.h"
#include "report/report.h"
#include "runner/run.h"
#include "machine/stage/stage.h"
#include "judge/verdict.h"

static void setup_error(struct kt_run_result *res, int r, const struct kt_diag *diag)
{
	res->outcome = r < 0 ? KT_OUTCOME_HOST_ERROR : KT_OUTCOME_SETUP_ERROR;
	res->diag = *diag;
	if (!kt_diag_is_set(diag))
		kt_diag_cause(&res->diag, "%s", r < 0 ? strerror(-r) : "cannot be set up");
}

static struct kt_stage_request stage_of(const struct kt_run_request *req)
{
	return (struct kt_stage_request){ .cell = req->cell, .files = req->files };
}

static void append_word(struct kt_buf *out, const char *word)
{
	if (!kt_buf_printf(out, out->len ? " " : ""))
		(void)!kt_buf_append_word(out, word);
}

static void append_files(struct kt_buf *out, const struct kt_stage_files *files)
{
	char text[2 * KT_PATH_MAX];

	for (unsigned int i = 0; files && i < files->count; i++) {
		snprintf(text, sizeof(text), "%s:%s", files->list[i].host, files->list[i].guest);
		append_word(out, "--file");
		append_word(out, text);
	}
}

static void append_limits(struct kt_buf *out, const struct kt_limits *limits)
{
	char text[KT_LIMIT_TEXT_MAX];

	for (enum kt_limit i = 0; i < KT_LIMIT_COUNT_; i++)
		if (kt_limit_format(limits, i, text)) {
			append_word(out, "--limit");
			append_word(out, text);
		}
}

static void make_rerun(struct kt_run_result *res, const struct kt_run_request *req)
{
	const struct kt_cell *cell = req->cell;
	const struct kt_cell_wishes *w = &cell->wishes;
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(sizeof(res->rerun) - 1);
	char text[KT_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	append_word(&out, n > 0 ? text : "ktest");
	append_word(&out, "run");
	append_word(&out, cell->scenario->name);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)cell->machine.seed);
	append_word(&out, "--seed");
	append_word(&out, text);
	append_word(&out, "--accel");
	append_word(&out, kt_accel_name(cell->machine.accel));
	append_word(&out, "--time");
	append_word(&out, kt_time_name(cell->machine.time));
	append_word(&out, "--kernel");
	append_word(&out, cell->machine.kernel);
	if (w->topology) {
		append_word(&out, "--topology");
		append_word(&out, w->topology);
	}
	if (w->cold)
		append_word(&out, "--cold");
	if (req->keep_identity)
		append_word(&out, "--keep-identity");
	if (w->perf)
		append_word(&out, "--perf");
	if (w->timeout_ns) {
		append_word(&out, "--timeout");
		append_word(&out, kt_duration_format(w->timeout_ns, text));
	}
	if (w->attach_timeout_ns) {
		append_word(&out, "--attach-timeout");
		append_word(&out, kt_duration_format(w->attach_timeout_ns, text));
	}
	if (w->scheduler) {
		snprintf(text, sizeof(text), "%s%s%s", w->scheduler, w->scheduler_name ? ":" : "",
			 w->scheduler_name ? w->scheduler_name : "");
		append_word(&out, "--scheduler");
		append_word(&out, text);
	}
	for (const char *const *a = w->scheduler_args; a && *a; a++) {
		append_word(&out, "--scheduler-arg");
		append_word(&out, *a);
	}
	append_limits(&out, &w->limits);
	append_files(&out, req->files);
	snprintf(res->rerun, sizeof(res->rerun), "%s", kt_buf_str(&out));
}

static void write_snapshots(struct kt_artifacts *art, const struct kt_run_record *rec)
{
	size_t n;
	const struct kt_snapshot *list = kt_snapshots_list(rec->snapshots, &n);
	json_t *json;
	char name[64];

	for (size_t i = 0; i < n && !kt_artifacts_failed(art); i++) {
		snprintf(name, sizeof(name), "snapshots/%03zu.json", i);
		if (!kt_snapshot_json(&json, &list[i]))
			kt_artifacts_write_json(art, name, json);
	}
}

static int run_checks(struct kt_run_result *res, const struct kt_run_request *req)
{
	const struct kt_scenario *s = req->cell->scenario;
	int r = 0;

	/* What a scenario says of itself comes first. */
	if (s->check && res->outcome == KT_OUTCOME_COMPLETED)
		r = kt_check_run(&res->record, "the host check", s->check, req->cancel_fd);
	if (!r && res->outcome == KT_OUTCOME_COMPLETED)
		r = kt_limits_judge(&res->record, req->cell);
	if (!r && s->check_always && res->outcome != KT_OUTCOME_CANCELLED)
		r = kt_check_run(&res->record, "the host check for any outcome", s->check_always,
				 req->cancel_fd);
	if (r != KT_CHECK_RUN_E_CANCELLED)
		return kt_forward(r);
	res->outcome = KT_OUTCOME_CANCELLED;
	kt_diag_reset(&res->diag);
	kt_diag_doing(&res->diag, "check the results");
	kt_diag_cause(&res->diag, "it was cancelled by the user");
	return 0;
}

/* Copies an archive to the artefacts. */
static void keep_archive(struct kt_artifacts *art, const char *name, int fd)
{
	uint8_t bytes[65536];
	ssize_t n;

	for (off_t at = 0; (n = pread(fd, bytes, sizeof(bytes), at)) > 0; at += n)
		kt_artifacts_append(art, name, bytes, (size_t)n);
}

/* ---- the machine to run it in ---- */

struct boot_console {
	const struct kt_run_request *req;
	struct kt_buf text;
};

static void on_boot_console(void *arg, const void *data, size_t len)
{
	struct boot_console *c = arg;

	if (c->req->on_console)
		c->req->on_console(c->req->arg, data, len);
	/* Without the rest, if it is too much. */
	(void)kt_fold(kt_buf_append(&c->text, data, len));
}

static void on_bake_progress(void *arg, const char *text)
{
	struct boot_console *c = arg;

	if (c->req->on_progress)
		c->req->on_progress(c->req->arg, text);
}

/* The machine a run starts from. */
struct origin {
	struct kt_session *blank;    /* blank for the bake; NULL: none */
	struct kt_baked baked;	     /* baked.bake: set without a lease */
	struct kt_fleet_lease lease; /* lease.session: set with a lease */
};

static int get_origin(struct origin *origin, const struct kt_run_request *req,
		      const struct kt_baking_request *baking, struct kt_diag *diag)
{
	return req->fleet ? kt_forward(kt_fleet_acquire(req->fleet, baking, &origin->lease,
							&origin->baked, diag)) :
			    kt_forward(kt_baking_get(&origin->baked, baking, diag));
}

static void note_origin(struct kt_run_result *res, const struct origin *origin)
{
	const struct kt_bake *bake =
		origin->lease.session ? origin->lease.session->bake : origin->baked.bake;

	res->start.baked_now = origin->baked.made;
	snprintf(res->start.why, sizeof(res->start.why), "%s", origin->baked.why);
	snprintf(res->start.bake, sizeof(res->start.bake), "%s", bake ? bake->dir : "");
}

/*
 * Returns 0, a kt_baking_condition, a kt_fleet_condition or a negative errno. The console of a
 * machine that did not become ready is kept.
 */
static int find_origin(struct origin *origin, struct kt_run_result *res,
		       const struct kt_run_request *req, const struct kt_vm_config *config,
		       bool primed, struct kt_artifacts *art, struct kt_diag *diag)
{
	struct boot_console console = { .req = req, .text = KT_BUF_INIT(KT_CONSOLE_MAX) };
	const struct kt_baking_request baking = { .config = *config,
						  .stage = stage_of(req),
						  .primed = primed,
						  .waiting = &origin->blank,
						  .cancel_fd = req->cancel_fd,
						  .on_console = on_boot_console,
						  .on_progress = on_bake_progress,
						  .arg = &console };
	uint64_t start_ns = kt_now_ns();
	int r = get_origin(origin, req, &baking, diag);

	res->start.bake_ns = kt_now_ns() - start_ns;
	note_origin(res, origin);
	if (r == KT_BAKING_E_GUEST && console.text.len)
		kt_artifacts_append_guest(art, KT_ARTIFACTS_CONSOLE, console.text.data,
					  console.text.len);
	kt_buf_deinit(&console.text);
	return r;
}

/* Builds an archive. Any result but 0: failed, the outcome is set. */
static int stage_part(struct kt_run_result *res, const struct kt_run_request *req,
		      unsigned int parts, int *ret_fd, struct kt_artifacts *art)
{
	struct kt_stage_request stage = stage_of(req);
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	stage.parts = parts;
	if (parts == KT_INITRAMFS_STAGED && !kt_stage_has_any(&stage))
		return 0;
	r = kt_stage_build(ret_fd, &stage, &diag);
	if (r)
		setup_error(res, r, &diag);
	else if (req->keep)
		keep_archive(art, parts == KT_INITRAMFS_STAGED ? "staged.cpio" : "initramfs.cpio",
			     *ret_fd);
	return r;
}

static int run_cold(struct kt_run_result *res, const struct kt_run_request *req,
		    const struct kt_vm_config *config, struct kt_artifacts *art)
{
	_cleanup_(kt_closep) int initrd_fd = -1;
	struct kt_drive_start start = { .config = *config, .staged_fd = -1 };

	if (stage_part(res, req, 0, &initrd_fd, art))
		return 0;
	start.config.initrd_fd = initrd_fd;
	return kt_forward(kt_drive(res, req, &start, art));
}

static int run_clone(struct kt_run_result *res, const struct kt_run_request *req,
		     const struct kt_vm_config *config, struct origin *origin,
		     struct kt_artifacts *art)
{
	_cleanup_(kt_closep) int staged_fd = -1;
	struct kt_drive_start start = { .config = *config,
					.bake = origin->baked.bake,
					.session = origin->lease.session };
	const struct kt_bake *bake = start.session ? start.session->bake : start.bake;

	/* A primed machine has everything staged. */
	if (!bake->prologue_bytes && stage_part(res, req, KT_INITRAMFS_STAGED, &staged_fd, art))
		return 0;
	start.blank = kt_steal_ptr(origin->blank);
	start.staged_fd = staged_fd;
	return kt_forward(kt_drive(res, req, &start, art));
}

static int run_from(struct kt_run_result *res, const struct kt_run_request *req,
		    const struct kt_vm_config *config, struct origin *origin,
		    struct kt_artifacts *art)
{
	struct kt_diag diag = KT_DIAG_INIT;
	bool primed = kt_cell_is_primed(req->cell);
	int r = find_origin(origin, res, req, config, primed, art, &diag);

	/* A scheduler or warm-up that fails before the save fails again in the run, on record. */
	if (r == KT_BAKING_E_NOT_PRIMED) {
		kt_diag_reset(&diag);
		r = find_origin(origin, res, req, config, false, art, &diag);
	}
	switch (r) {
	case 0:
		return kt_forward(run_clone(res, req, config, origin, art));
	case KT_BAKING_E_UNABLE:
		kt_diag_format(&diag, res->start.why, sizeof(res->start.why));
		return kt_forward(run_cold(res, req, config, art));
	case KT_BAKING_E_GUEST:
	case KT_BAKING_E_CANCELLED:
	case KT_FLEET_E_POOL:
		res->outcome =
			r == KT_BAKING_E_CANCELLED ? KT_OUTCOME_CANCELLED : origin->baked.outcome;
		res->diag = diag;
		return 0;
	default:
		return kt_forward(r);
	}
}

static int run_from_bake(struct kt_run_result *res, const struct kt_run_request *req,
			 const struct kt_vm_config *config, struct kt_session **begun,
			 struct kt_artifacts *art)
{
	struct origin origin = { .blank = kt_steal_ptr(*begun) };
	int r;

	/* A fleet has ready machines; a blank would save no time. */
	if (!req->fleet && !origin.blank)
		origin.blank = kt_session_new_blank(config);
	r = run_from(res, req, config, &origin, art);

	if (origin.lease.session)
		kt_fleet_release(req->fleet, &origin.lease);
	kt_session_free(origin.blank);
	kt_baked_deinit(&origin.baked);
	return kt_forward(r);
}

static int run_staged(struct kt_run_result *res, const struct kt_run_request *req,
		      struct kt_session **begun, struct kt_artifacts *art)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;
	int r;

	if (req->on_progress)
		req->on_progress(req->arg, "staging");
	r = kt_kernel_require(req->kernel, &diag);
	if (!r)
		r = kt_machine_config(&config, &req->cell->machine, -1, &diag);
	if (r) {
		setup_error(res, r, &diag);
		return 0;
	}
	if (req->cell->start != KT_START_COLD)
		return kt_forward(run_from_bake(res, req, &config, begun, art));
	if (req->fleet)
		kt_fleet_skip(req->fleet);
	return kt_forward(run_cold(res, req, &config, art));
}

static void write_artifacts(struct kt_run_result *res, const struct kt_run_request *req,
			    struct kt_artifacts *art)
{
	_cleanup_(kt_buf_deinit) struct kt_buf script = KT_BUF_INIT(0);

	write_snapshots(art, &res->record);
	if (!kt_buf_printf(&script, "#!/bin/sh\n# Repeats this run.\nexec %s \"$@\"\n", res->rerun))
		kt_artifacts_write(art, "rerun.sh", script.data, script.len, 0755);
	/* A failed write makes the run inconclusive; result.json, written last, says so. */
	if (kt_artifacts_failed(art) && res->outcome == KT_OUTCOME_COMPLETED) {
		res->outcome = KT_OUTCOME_HOST_ERROR;
		res->diag = art->error;
	}
	kt_verdict_decide(res);
	kt_artifacts_write_json(art, "result.json", kt_result_json(res));
	if (kt_artifacts_failed(art) && res->outcome == KT_OUTCOME_COMPLETED) {
		res->outcome = KT_OUTCOME_HOST_ERROR;
		res->diag = art->error;
		kt_verdict_decide(res);
	}
}

/* Skips the run, whose machine would not have what the scenario requires. */
static void skip(struct kt_run_result *res, const char *why)
{
	res->outcome = KT_OUTCOME_COMPLETED;
	res->verdict = KT_VERDICT_SKIP;
	snprintf(res->cause, sizeof(res->cause), "%s", why);
}

struct kt_session *kt_run_begin(const struct kt_cell *cell)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;

	if (cell->start == KT_START_COLD ||
	    kt_fold(kt_machine_config(&config, &cell->machine, -1, &diag)))
		return NULL;
	return kt_session_new_blank(&config);
}

int kt_run(struct kt_run_result *ret_result, const struct kt_run_request *req)
{
	_cleanup_(kt_freep) struct kt_artifacts *art = calloc(1, sizeof(*art));
	_cleanup_(kt_session_freep) struct kt_session *begun = req->begun;
	struct kt_run_result *res = ret_result;
	uint64_t start_ns = kt_now_ns();
	int r;

	*res = (struct kt_run_result){ .cell = req->cell, .outcome = KT_OUTCOME_UNKNOWN };
	if (!art)
		return kt_raise(-ENOMEM);
	KT_TRY(kt_run_record_init(&res->record));
	make_rerun(res, req);
	if (req->cell->skip) {
		skip(res, req->cell->skip);
		if (req->fleet)
			kt_fleet_skip(req->fleet);
		return 0;
	}
	r = kt_artifacts_open(art, req->artifacts, req->cell->scenario->name, &res->diag);
	if (r) {
		res->outcome = KT_OUTCOME_HOST_ERROR;
		kt_verdict_decide(res);
		return 0;
	}
	snprintf(res->artifacts, sizeof(res->artifacts), "%s", art->dir);
	r = run_staged(res, req, &begun, art);
	if (!r)
		r = run_checks(res, req);
	res->wall_ns = kt_now_ns() - start_ns;
	if (!r)
		write_artifacts(res, req, art);
	kt_artifacts_close(art);
	return kt_forward(r);
}

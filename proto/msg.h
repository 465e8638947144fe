/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every message of the control channel and every field in it. A message is the
 * payload of one frame (frame.h). On the wire the fields follow each other in
 * the order given here, little-endian and unpadded:
 *
 *   uintN_t          N/8 bytes
 *   char[]           u16 length, then the bytes without the terminating 0
 *   struct kt_bytes  u32 length, then the bytes
 *
 * Times are nanoseconds of the guest's CLOCK_MONOTONIC. A generation is the
 * attach sequence number: 1 for the first successful attach, 0 while the
 * kernel's own scheduler runs. Trailing bytes, a string that does not fit and a
 * string with a 0 in it are decoding errors.
 *
 * The life of the channel: HELLO up, JOB down, then events, logs and snapshots
 * up, RESULT up. A FREEZE up is answered by THAWED down, when the machine runs
 * again. FATAL or FAILED up in place of RESULT end it early; STOP down asks for
 * teardown. After RESULT, FAILED or FATAL the guest waits up to a
 * second for a STOP, which says that the host has all it needs, and powers off.
 *
 * A machine that was restored has a host that knows nothing of what was said
 * before the save. CLONE down begins the channel anew: it is number 0 of the
 * host's frames, and HELLO, number 0 of the guest's, answers it.
 *
 * After HELLO, STAGE down brings files, and ATTACH down a scheduler that no job
 * asks for. EXEC down runs a command in an executor slot, which ends with
 * EXEC_END up; the slots are independent of each other. Bulk data is sent on
 * credit: STAGED and INPUT_TAKEN up, OUTPUT_TAKEN down say how much was taken.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "proto/snapshot.h"
#include "proto/topology.h"

/* Name of the control port, in /sys/class/virtio-ports/<port>/name of the guest. */
#define KT_PORT_CONTROL "org.ktest.control"

enum kt_msg_type {
	/* host to guest */
	KT_MSG_JOB = 1,
	KT_MSG_STOP = 2,
	KT_MSG_THAWED = 3,
	KT_MSG_CLONE = 4,
	KT_MSG_STAGE = 5,
	KT_MSG_SLOTS = 6,
	KT_MSG_ATTACH = 7,
	KT_MSG_EXEC = 8,
	KT_MSG_INPUT = 9,
	KT_MSG_OUTPUT_TAKEN = 10,
	KT_MSG_SIGNAL = 11,
	KT_MSG_WINSIZE = 12,
	/* guest to host */
	KT_MSG_HELLO = 64,
	KT_MSG_TOPOLOGY,
	KT_MSG_PHASE,
	KT_MSG_HEARTBEAT,
	KT_MSG_STEP,
	KT_MSG_OP,
	KT_MSG_SCHED,
	KT_MSG_LOG,
	KT_MSG_BTF,
	KT_MSG_SNAPSHOT,
	KT_MSG_MAP,
	KT_MSG_SNAPSHOT_END,
	KT_MSG_FINDING,
	KT_MSG_RESULT,
	KT_MSG_FAILED,
	KT_MSG_FATAL,
	KT_MSG_OUTPUT,
	KT_MSG_FREEZE,
	KT_MSG_STAGED,
	KT_MSG_EXEC_OUTPUT,
	KT_MSG_EXEC_END,
	KT_MSG_INPUT_TAKEN,
	KT_MSG_WORKER,
	KT_MSG_PROGRAM,
	KT_MSG_PROGRAM_OUTPUT,
	KT_MSG_PROGRAM_END,
};

struct kt_bytes {
	const uint8_t *data; /* borrowed from the frame (decoded) or the caller (encoded) */
	uint32_t len;
};

/* JOB: what to run. */
struct kt_msg_job {
	char scenario[KT_NAME_MAX];
	char topology[KT_TOPOLOGY_TEXT_MAX];
	char scheduler[KT_NAME_MAX]; /* name of the one that the user gives; "": none */
	uint64_t memory_bytes;	     /* of the machine */
	uint64_t seed;		     /* of everything random in the run */
	uint32_t cold;		     /* 1: the machine was booted for this run */
	uint64_t table_hash;	     /* of the host's scenario table; must equal the guest's */
	uint64_t cell_hash;	     /* of the host's cell (scenario/cell.h); likewise */
	/*
	 * 1: only stage it and attach its boot scheduler, up to PHASE body, and wait for
	 * a job that begins there: the machine is then saved.
	 */
	uint32_t prime;
};

/* STOP: tear down and report; the user cancelled. */
struct kt_msg_stop {
	uint32_t reason; /* signal number that cancelled the run */
};

/* THAWED: answers a FREEZE. */
struct kt_msg_thawed {
	uint32_t number;	/* of the FREEZE */
	uint64_t stood_ns;	/* time of the host in which the machine stood still */
	char text[KT_TEXT_MAX]; /* why it did not; "" if it did */
};

#define KT_CLONE_IDENTITY_BYTES	   16u
#define KT_CLONE_ENTROPY_BYTES_MAX 64u

/* CLONE: the machine was restored; what sets it apart from others of the same image. */
struct kt_msg_clone {
	struct kt_bytes identity; /* KT_CLONE_IDENTITY_BYTES: machine id and host name */
	struct kt_bytes entropy;  /* for the kernel's random numbers */
	uint32_t keep_identity;	  /* 1: machine id and host name stay as they were saved */
};

#define KT_STAGE_BYTES_MAX  (256u << 10) /* in one STAGE */
#define KT_STAGE_CREDIT_MAX (1u << 20)	 /* sent and not yet taken */

/* STAGE: a piece of a cpio archive (newc) that is to be unpacked into /. */
struct kt_msg_stage {
	uint32_t last; /* 1: the archive ends with it */
	struct kt_bytes data;
};

/* SLOTS: how many executor slots there are to be; answered by HELLO. */
struct kt_msg_slots {
	uint32_t count; /* 1 to KT_SLOTS_MAX */
};

/*
 * ATTACH: start a staged scheduler and attach it. SCHED and LOG tell of it as in
 * a job; an OP with step KT_STEP_BOOT is the answer.
 */
struct kt_msg_attach {
	char name[KT_NAME_MAX]; /* declared name; folder in the guest */
};

/* EXEC: run a command in an idle slot. */
struct kt_msg_exec {
	uint32_t slot;
	uint32_t terminal;    /* 1: its streams are the terminal; see WINSIZE */
	uint64_t timeout_ns;  /* of the guest's time; 0: none */
	struct kt_bytes argv; /* strings, each with its 0; at least one */
	struct kt_bytes env;  /* likewise, "NAME=VALUE"; beside the slot's own */
	/* Without a 0. */
	struct kt_bytes program; /* path; empty: argv[0], looked up in PATH */
	struct kt_bytes cwd;	 /* empty: "/" */
};

#define KT_INPUT_BYTES_MAX   (64u << 10)  /* in one INPUT */
#define KT_INPUT_CREDIT_MAX  (128u << 10) /* sent to a slot and not yet taken */
#define KT_OUTPUT_CREDIT_MAX (512u << 10) /* sent of a command and not yet taken */

/* INPUT: bytes for the standard input of a slot's command; dropped if there is none. */
struct kt_msg_input {
	uint32_t slot;
	uint32_t eof; /* 1: nothing follows */
	struct kt_bytes data;
};

/* OUTPUT_TAKEN: how far the output of a slot's command was taken. */
struct kt_msg_output_taken {
	uint32_t slot;
	uint64_t bytes; /* of both streams, since its EXEC */
};

/* SIGNAL: for all processes of a slot's command. */
struct kt_msg_signal {
	uint32_t slot;
	uint32_t signal; /* number in Linux on x86 */
};

/* WINSIZE: the size of the terminal. */
struct kt_msg_winsize {
	uint16_t rows;
	uint16_t columns;
};

/* HELLO: init is ready for a job. */
struct kt_msg_hello {
	uint64_t table_hash;
	char kernel_release[KT_NAME_MAX]; /* uname -r */
	uint32_t cpus;			  /* online */
	uint64_t memory_bytes;		  /* MemTotal */
	uint64_t init_start_ns;		  /* when PID 1 was started */
	uint64_t ready_ns;		  /* when this message was made */
	uint32_t slots;			  /* executor slots */
	uint32_t busy_slots;		  /* a bit for each: a command runs in it */
};

/* TOPOLOGY: the machine as Linux in the guest sees it. */
struct kt_msg_topology {
	struct kt_bytes cpus;	   /* array of struct kt_cpu_place */
	struct kt_bytes nodes;	   /* array of struct kt_node_view */
	struct kt_bytes distances; /* a byte for each pair of these nodes, row by row */
};

/* Ids are dense, from 0, in order of the lowest CPU that belongs to them. */
struct kt_cpu_place {
	uint16_t cpu;
	uint16_t node;
	uint16_t llc;
	uint16_t core; /* physical core; threads of one core share it */
};

struct kt_node_view {
	uint16_t node;
	uint64_t memory_bytes; /* MemTotal */
};

/* On the wire: the fields in order, little-endian and unpadded. */
#define KT_CPU_PLACE_BYTES 8u
#define KT_NODE_VIEW_BYTES 10u

struct kt_cursor;
/* For a cursor with as many bytes left; else zeros, and the cursor has failed. */
struct kt_cpu_place kt_cpu_place_read(struct kt_cursor *c);
struct kt_node_view kt_node_view_read(struct kt_cursor *c);
/* Into as many bytes at `to`. */
void kt_cpu_place_write(uint8_t *to, const struct kt_cpu_place *place);
void kt_node_view_write(uint8_t *to, const struct kt_node_view *view);

/* PHASE: a phase began. */
struct kt_msg_phase {
	uint32_t phase; /* enum kt_phase */
	uint64_t time_ns;
};

enum kt_phase {
	KT_PHASE_BOOT,	   /* before HELLO; never sent */
	KT_PHASE_STAGE,	   /* job received, schedulers are checked */
	KT_PHASE_BODY,	   /* steps or scenario body */
	KT_PHASE_TEARDOWN, /* scheduler is ended, result is made */
	KT_PHASE_COUNT_,
};

/* HEARTBEAT: at least once a second while a job runs, from PID 1 (SCHED_FIFO). */
struct kt_msg_heartbeat {
	uint64_t time_ns;
};

/* STEP: a step began or ended. */
struct kt_msg_step {
	uint32_t step;	    /* index */
	uint32_t ended;	    /* 0: began, 1: ended */
	uint32_t truncated; /* 1: the hold ended early, because the scheduler died */
	uint64_t time_ns;
};

#define KT_STEP_BOOT UINT32_MAX /* before the first step */

/* OP: an op ended. */
struct kt_msg_op {
	uint32_t step;	     /* or KT_STEP_BOOT: the attach of the boot scheduler */
	uint32_t op;	     /* index within the step */
	uint32_t kind;	     /* enum kt_op_kind (ops/op.h) */
	uint32_t error;	     /* enum kt_op_error */
	uint32_t generation; /* live after the op */
	uint64_t start_ns;
	uint64_t duration_ns;
	/* Parts of it, of a scheduler that ends and of one that starts; 0: there was none. */
	uint64_t disable_ns;	/* asked to end, until the kernel runs it no more */
	uint64_t exit_ns;	/* from then until its process was reaped */
	uint64_t spawn_ns;	/* fork(2) until execve(2) has succeeded */
	uint64_t attach_ns;	/* from then until the kernel runs it */
	char text[KT_TEXT_MAX]; /* the error in words, with log tail; "" if ok */
};

/* SCHED: something happened to a scheduler process. */
struct kt_msg_sched {
	uint32_t event;	     /* enum kt_sched_event */
	uint32_t spawn;	     /* spawn sequence number, from 1 */
	uint32_t generation; /* 0 until attached */
	uint32_t pid;
	uint32_t status; /* EXITED: wait status */
	uint64_t time_ns;
	char name[KT_NAME_MAX]; /* declared name */
	char ops[KT_NAME_MAX];	/* ATTACHED: name in root/ops */
};

enum kt_sched_event {
	KT_SCHED_SPAWNED,
	KT_SCHED_ATTACHED,
	KT_SCHED_EXITED,   /* intended: ktest ended it */
	KT_SCHED_DIED,	   /* not intended */
	KT_SCHED_DETACHED, /* the kernel is back under its own scheduler */
	KT_SCHED_EVENT_COUNT_,
};

/* LOG: output of a scheduler process. */
struct kt_msg_log {
	uint32_t spawn;
	uint32_t stream; /* 1 stdout, 2 stderr */
	struct kt_bytes data;
};

/* BTF: type information that maps of following snapshots refer to; once per id. */
struct kt_msg_btf {
	uint32_t btf_id;
	struct kt_bytes data; /* raw BTF, at most KT_BTF_BYTES_MAX */
};

/* SNAPSHOT: one begins; its MAPs follow, then SNAPSHOT_END. */
struct kt_msg_snapshot {
	uint32_t snapshot;   /* sequence number, from 0 */
	uint32_t cause;	     /* enum kt_snapshot_cause */
	uint32_t generation; /* live while all of it was read */
	uint32_t step;
	uint64_t time_ns;
};

/* MAP: one BPF map of the attached scheduler; proto/snapshot.h has the layout of data. */
struct kt_msg_map {
	uint32_t snapshot;
	uint32_t map_id;
	uint32_t type; /* enum bpf_map_type */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t btf_id; /* 0: no type information */
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
	uint32_t values_per_key; /* 1, or possible CPUs */
	uint32_t entries;	 /* in data */
	uint32_t state;		 /* enum kt_map_state */
	char name[KT_NAME_MAX];	 /* as the kernel gives it, at most 15 bytes */
	struct kt_bytes data;	 /* at most KT_MAP_BYTES_MAX */
};

/* SNAPSHOT_END: the snapshot is whole. */
struct kt_msg_snapshot_end {
	uint32_t snapshot;
	uint32_t maps;	/* MAP messages sent */
	uint32_t valid; /* 0: the generation changed while it was read */
};

/* FINDING: an expectation in a guest body failed, or the body ended badly. */
struct kt_msg_finding {
	char file[KT_NAME_MAX];
	uint32_t line;
	char text[KT_TEXT_MAX];
	uint32_t kind; /* enum kt_finding_kind */
};

enum kt_finding_kind {
	KT_FINDING_WRONG,   /* it is not as it must be */
	KT_FINDING_LATE,    /* something took too long, which a busy host may be to blame for */
	KT_FINDING_UNCLEAR, /* it cannot be told: there is nothing to judge by */
	KT_FINDING_KIND_COUNT_,
};

/* OUTPUT: what a guest body, or what it started, wrote to stdout and stderr. */
struct kt_msg_output {
	struct kt_bytes data;
};

/* FREEZE: the whole machine is to stand still for a while. */
struct kt_msg_freeze {
	uint32_t number;   /* counts the requests from 1; one at a time */
	uint64_t pause_ns; /* of the host's time; KT_FREEZE_NS_MIN to KT_FREEZE_NS_MAX */
};

/* STAGED: how far the archives were unpacked. */
struct kt_msg_staged {
	uint64_t bytes; /* of all STAGE since the channel began */
};

/* WORKER: a worker has ended, and what was seen of it. */
struct kt_msg_worker {
	char name[KT_NAME_MAX]; /* declared; of all that were started with it */
	uint32_t index;		/* among them, from 0 */
	uint32_t pid;
	uint32_t status;	 /* wait status */
	uint64_t iterations;	 /* pieces of work */
	uint64_t cpu_ns;	 /* time on a CPU, of schedstat */
	uint64_t delay_ns;	 /* time it waited for one while it could have run */
	uint64_t runs;		 /* times it got one */
	uint64_t longest_gap_ns; /* in which it wanted to run and was not seen */
	uint64_t gap_end_ns;	 /* when that was over */
	uint32_t gap_cpu;	 /* where it was seen again, or last */
	uint32_t uneven;	 /* 1: what it gets is not to be compared with others */
	uint64_t migrations;	 /* between CPUs, as far as they were seen */
	uint64_t start_ns;	 /* when it was let go; 0: it has not run */
	uint64_t end_ns;	 /* when it came to its end; 0: it was killed */
	struct kt_bytes seen;	 /* how often on each CPU, from CPU 0 on: 32 bits, little-endian */
	struct kt_bytes wakes;	 /* a histogram (base/histogram.h) of how late it was woken, ns */
};

/* PROGRAM: a program of the scenario was started. */
struct kt_msg_program {
	uint32_t start; /* counts the starts of all programs from 1 */
	uint32_t pid;
	uint64_t time_ns;
	char name[KT_NAME_MAX]; /* declared */
};

/* PROGRAM_OUTPUT: what it wrote to stdout and stderr, in order. */
struct kt_msg_program_output {
	uint32_t start;
	struct kt_bytes data; /* of all starts of a name at most KT_PROGRAM_OUTPUT_MAX bytes */
};

/* PROGRAM_END: it ended, with all it started; all its output that is kept was sent. */
struct kt_msg_program_end {
	uint32_t start;
	uint32_t status; /* wait status */
	uint32_t asked;	 /* 1: ktest had it end, because it was to or had no time left */
	uint64_t time_ns;
	uint64_t dropped; /* bytes of its output beyond what is kept */
};

/* EXEC_OUTPUT: what a slot's command wrote. */
struct kt_msg_exec_output {
	uint32_t slot;
	uint32_t stream; /* 1 stdout, 2 stderr */
	struct kt_bytes data;
};

/* EXEC_END: a slot's command ended, with all it started; all its output was sent. */
struct kt_msg_exec_end {
	uint32_t slot;
	uint32_t status;    /* wait status */
	uint32_t timed_out; /* 1: killed, because its time was over */
	uint32_t error;	    /* errno: it could not be started, see text; else 0 */
	uint64_t run_ns;    /* guest time from its start to its end */
	char text[KT_TEXT_MAX];
};

/* INPUT_TAKEN: how far the input of a slot's command was taken. */
struct kt_msg_input_taken {
	uint32_t slot;
	uint32_t closed; /* 1: nobody reads any more; the rest is dropped */
	uint64_t bytes;	 /* since its EXEC */
};

/* RESULT: the job ended. */
struct kt_msg_result {
	uint32_t steps_run;
	uint32_t ops_failed;
	uint32_t findings;
	uint32_t snapshots_due;	  /* periodic ones that came due */
	uint32_t snapshots_taken; /* periodic ones sent */
	uint32_t stopped;	  /* 1: ended by STOP */
	uint64_t hold_ns;	  /* time spent in holds */
	uint64_t time_ns;
};

/* FAILED: init could not prepare or run the job. */
struct kt_msg_failed {
	char doing[192];
	char cause[768];
};

/* FATAL: init took a fatal signal; written from the signal handler. */
struct kt_msg_fatal {
	uint32_t signal;
	uint32_t code;	  /* si_code */
	uint64_t address; /* si_addr */
	uint64_t ip;
};

struct kt_msg {
	uint16_t type; /* enum kt_msg_type */
	union {
		struct kt_msg_job job;
		struct kt_msg_stop stop;
		struct kt_msg_thawed thawed;
		struct kt_msg_hello hello;
		struct kt_msg_topology topology;
		struct kt_msg_phase phase;
		struct kt_msg_heartbeat heartbeat;
		struct kt_msg_step step;
		struct kt_msg_op op;
		struct kt_msg_sched sched;
		struct kt_msg_log log;
		struct kt_msg_btf btf;
		struct kt_msg_snapshot snapshot;
		struct kt_msg_map map;
		struct kt_msg_snapshot_end snapshot_end;
		struct kt_msg_finding finding;
		struct kt_msg_result result;
		struct kt_msg_failed failed;
		struct kt_msg_fatal fatal;
		struct kt_msg_output output;
		struct kt_msg_freeze freeze;
		struct kt_msg_clone clone;
		struct kt_msg_stage stage;
		struct kt_msg_slots slots;
		struct kt_msg_attach attach;
		struct kt_msg_exec exec;
		struct kt_msg_input input;
		struct kt_msg_output_taken output_taken;
		struct kt_msg_signal signal;
		struct kt_msg_winsize winsize;
		struct kt_msg_staged staged;
		struct kt_msg_worker worker;
		struct kt_msg_program program;
		struct kt_msg_program_output program_output;
		struct kt_msg_program_end program_end;
		struct kt_msg_exec_output exec_output;
		struct kt_msg_exec_end exec_end;
		struct kt_msg_input_taken input_taken;
	};
};

enum kt_msg_condition {
	KT_MSG_E_TYPE = KT_CONDITION(MSG), /* no such message type */
	KT_MSG_E_FORM,			   /* truncated, too long, or a field out of its bounds */
};

/* "hello", "map", ...; NULL for no such type; static. */
const char *kt_msg_name(unsigned int type);

/* Appends the payload of msg to out. */
int kt_msg_encode(struct kt_buf *out, const struct kt_msg *msg) _kt_must_check_;

/* Decodes a payload; bytes fields borrow from it. 0 or a kt_msg_condition. */
int kt_msg_decode(struct kt_msg *ret_msg, uint16_t type, const void *payload,
		  size_t len) _kt_must_check_;

/* Encodes msg as one frame with number *seq, which is incremented. */
int kt_msg_frame(struct kt_buf *out, uint32_t *seq, const struct kt_msg *msg) _kt_must_check_;

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Topology: counts, places, notation and bounds; see topology.h. The parser refuses only
 * values that struct kt_topology cannot hold. kt_topology_check() has all other bounds,
 * because a scenario may declare a topology without notation.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"
#include "proto/topology.h"

/* ---- counts and places ---- */

unsigned int kt_topology_llc_cores(const struct kt_topology *t, unsigned int llc)
{
	return t->cores_per_llc ? t->cores_per_llc : t->cores[llc];
}

static unsigned int cores_of(const struct kt_topology *t, unsigned int first, unsigned int llcs)
{
	unsigned int n = 0;

	for (unsigned int i = first; i < first + llcs; i++)
		n += kt_topology_llc_cores(t, i);
	return n;
}

unsigned int kt_topology_cpus(const struct kt_topology *t)
{
	return cores_of(t, 0, t->llcs) * t->threads_per_core;
}

unsigned int kt_topology_cores_max(const struct kt_topology *t)
{
	unsigned int max = 0;

	for (unsigned int i = 0; i < t->llcs; i++)
		if (kt_topology_llc_cores(t, i) > max)
			max = kt_topology_llc_cores(t, i);
	return max;
}

unsigned int kt_topology_node_cpus(const struct kt_topology *t, unsigned int node)
{
	unsigned int llcs = kt_topology_llcs_per_node(t);

	return node < t->nodes ? cores_of(t, node * llcs, llcs) * t->threads_per_core : 0;
}

struct kt_topology_place kt_topology_place(const struct kt_topology *t, unsigned int cpu)
{
	unsigned int core = cpu / t->threads_per_core, in_llc = core, llc = 0;

	for (; in_llc >= kt_topology_llc_cores(t, llc); llc++)
		in_llc -= kt_topology_llc_cores(t, llc);
	return (struct kt_topology_place){
		.node = (uint16_t)(llc / kt_topology_llcs_per_node(t)),
		.llc = (uint16_t)llc,
		.llc_in_node = (uint16_t)(llc % kt_topology_llcs_per_node(t)),
		.core = (uint16_t)core,
		.core_in_llc = (uint16_t)in_llc,
		.thread = (uint16_t)(cpu % t->threads_per_core),
	};
}

/* ---- distances ---- */

static unsigned int pairs_of(const struct kt_topology *t)
{
	unsigned int nodes = kt_topology_nodes_all(t);

	return nodes * (nodes - 1) / 2;
}

bool kt_topology_has_distances(const struct kt_topology *t)
{
	for (unsigned int i = 0; i < KT_TOPOLOGY_DISTANCES_MAX; i++)
		if (t->distances[i])
			return true;
	return false;
}

unsigned int kt_topology_distance(const struct kt_topology *t, unsigned int from, unsigned int to)
{
	unsigned int nodes = kt_topology_nodes_all(t);
	unsigned int low = from < to ? from : to, high = from < to ? to : from;
	unsigned int pair = low * nodes - low * (low + 1) / 2 + (high - low - 1);

	if (from == to)
		return KT_DISTANCE_LOCAL;
	/* A machine with more than KT_DISTANCE_NODES_MAX nodes declares no distances. */
	if (nodes > KT_DISTANCE_NODES_MAX || !t->distances[pair])
		return KT_DISTANCE_DEFAULT;
	return t->distances[pair];
}

/* ---- to text ---- */

/* Appends to buf; drops text beyond KT_TOPOLOGY_TEXT_MAX. */
__attribute__((format(printf, 3, 4))) static void put(char *buf, size_t *len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf + *len, KT_TOPOLOGY_TEXT_MAX - *len, fmt, ap);
	va_end(ap);
	*len += (size_t)n;
	if (*len > KT_TOPOLOGY_TEXT_MAX - 1)
		*len = KT_TOPOLOGY_TEXT_MAX - 1;
}

static void put_cores(char *buf, size_t *len, const struct kt_topology *t)
{
	if (t->cores_per_llc)
		put(buf, len, "%u", t->cores_per_llc);
	/* A refused topology is formatted too, for the diagnostic. */
	for (unsigned int i = 0; !t->cores_per_llc && i < t->llcs && i < KT_CPUS_MAX; i++)
		put(buf, len, i ? ",%u" : "%u", t->cores[i]);
	put(buf, len, "c");
}

static void put_distances(char *buf, size_t *len, const struct kt_topology *t)
{
	for (unsigned int i = 0; i < pairs_of(t) && i < KT_TOPOLOGY_DISTANCES_MAX; i++)
		put(buf, len, "%c%u", i ? ',' : ':',
		    t->distances[i] ? t->distances[i] : KT_DISTANCE_DEFAULT);
}

char *kt_topology_format(const struct kt_topology *topo, char *buf)
{
	size_t len = 0;

	put(buf, &len, "%un%ul", topo->nodes, topo->llcs);
	put_cores(buf, &len, topo);
	put(buf, &len, "%ut", topo->threads_per_core);
	if (topo->memory_nodes)
		put(buf, &len, "%um", topo->memory_nodes);
	if (kt_topology_has_distances(topo))
		put_distances(buf, &len, topo);
	return buf;
}

/* ---- bounds ---- */

__attribute__((format(printf, 3, 4))) static int
out_of_bounds(const struct kt_topology *t, struct kt_diag *diag, const char *fmt, ...)
{
	char text[KT_TOPOLOGY_TEXT_MAX], why[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	kt_diag_cause(diag, "%s in topology %s", why, kt_topology_format(t, text));
	return KT_TOPOLOGY_E_FORM;
}

static int check_cores(const struct kt_topology *t, struct kt_diag *diag)
{
	unsigned long cpus = 0;

	for (unsigned int i = 0; i < t->llcs; i++) {
		if (!kt_topology_llc_cores(t, i))
			return out_of_bounds(t, diag, "LLC %u has no cores", i);
		cpus += (unsigned long)kt_topology_llc_cores(t, i) * t->threads_per_core;
	}
	if (cpus > KT_CPUS_MAX)
		return out_of_bounds(t, diag, "%lu CPUs are too many (the most is %d)", cpus,
				     KT_CPUS_MAX);
	if (kt_topology_node_cpus(t, 0) == 1 && cpus > t->nodes)
		return out_of_bounds(t, diag,
				     "only one CPU on node 0, and more on others, which "
				     "Linux cannot take in,");
	return 0;
}

static int check_distances(const struct kt_topology *t, struct kt_diag *diag)
{
	unsigned int nodes = kt_topology_nodes_all(t);

	if (nodes > KT_DISTANCE_NODES_MAX)
		return out_of_bounds(t, diag, "distances of %u nodes are too many (the most is %d)",
				     nodes, KT_DISTANCE_NODES_MAX);
	for (unsigned int i = 0; i < KT_TOPOLOGY_DISTANCES_MAX; i++) {
		if (!t->distances[i])
			continue;
		if (i >= pairs_of(t))
			return out_of_bounds(t, diag, "more distances than pairs of nodes");
		if (t->distances[i] < KT_DISTANCE_MIN || t->distances[i] > KT_DISTANCE_MAX)
			return out_of_bounds(t, diag, "a distance of %u (it can be %u to %u)",
					     t->distances[i], KT_DISTANCE_MIN, KT_DISTANCE_MAX);
	}
	return 0;
}

int kt_topology_check(const struct kt_topology *t, struct kt_diag *diag)
{
	if (!t->nodes || !t->llcs || !t->threads_per_core)
		return out_of_bounds(t, diag, "a count of 0");
	if (kt_topology_nodes_all(t) > KT_NODES_MAX)
		return out_of_bounds(t, diag, "%u nodes are too many (the most is %d)",
				     kt_topology_nodes_all(t), KT_NODES_MAX);
	if (t->llcs > KT_CPUS_MAX)
		return out_of_bounds(t, diag, "%u LLCs are too many (the most is %d)", t->llcs,
				     KT_CPUS_MAX);
	if (t->llcs % t->nodes)
		return out_of_bounds(t, diag, "%u LLCs cannot be spread evenly over %u nodes",
				     t->llcs, t->nodes);
	if (check_cores(t, diag))
		return KT_TOPOLOGY_E_FORM;
	return kt_topology_has_distances(t) ? check_distances(t, diag) : 0;
}

/* ---- from text ---- */

struct reader {
	const char *text; /* the whole notation */
	const char *p;	  /* the unread part of text */
	struct kt_diag *diag;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct reader *r, const char *fmt,
							...)
{
	char why[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	kt_diag_remedy(r->diag,
		       "write it like 1n2l2c1t (nodes, LLCs, cores per LLC, threads per core); "
		       "like 1n2l4,2c1t where LLCs differ; with 1m behind it for a node of memory "
		       "only, then :20,30,17 for the distances of 3 nodes");
	return kt_fail(r->diag, KT_TOPOLOGY_E_FORM, "topology '%s': %s", r->text, why);
}

static const char *rest(const struct reader *r)
{
	return *r->p ? r->p : "(end)";
}

static int read_number(struct reader *r, const char *what, unsigned int min, unsigned int max,
		       unsigned int *ret_number)
{
	const char *p = r->p;
	uint64_t v;

	if (!kt_take_number(&p, &v) || v < min || v > max)
		return refuse(r, "the %s (%u to %u) is wanted at '%.16s'", what, min, max, rest(r));
	r->p = p;
	*ret_number = (unsigned int)v;
	return 0;
}

static int read_unit(struct reader *r, const char *what, char unit)
{
	if (*r->p != unit)
		return refuse(r, "'%c' is wanted behind the %s, at '%.16s'", unit, what, rest(r));
	r->p++;
	return 0;
}

static int read_count(struct reader *r, const char *what, char unit, unsigned int max,
		      uint16_t *ret_count)
{
	unsigned int v;

	if (read_number(r, what, 1, max, &v) || read_unit(r, what, unit))
		return KT_TOPOLOGY_E_FORM;
	*ret_count = (uint16_t)v;
	return 0;
}

/* Reads numbers separated by commas, at most max. */
static int read_list(struct reader *r, const char *what, unsigned int min, unsigned int max,
		     uint16_t *list, unsigned int list_max, unsigned int *ret_count)
{
	unsigned int n = 0, v;

	do {
		r->p += n ? 1 : 0;
		if (n == list_max)
			return refuse(r, "more than %u times the %s", list_max, what);
		if (read_number(r, what, min, max, &v))
			return KT_TOPOLOGY_E_FORM;
		list[n++] = (uint16_t)v;
	} while (*r->p == ',');
	*ret_count = n;
	return 0;
}

static bool are_equal(const uint16_t *list, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++)
		if (list[i] != list[0])
			return false;
	return true;
}

static int read_cores(struct reader *r, struct kt_topology *t)
{
	static const char what[] = "number of cores per LLC";
	uint16_t list[KT_CPUS_MAX];
	unsigned int n = 0;

	if (read_list(r, what, 1, KT_CPUS_MAX, list, t->llcs, &n) || read_unit(r, what, 'c'))
		return KT_TOPOLOGY_E_FORM;
	if (n != 1 && n != t->llcs)
		return refuse(r,
			      "%u numbers of cores are given for %u LLCs; give one number for "
			      "all LLCs, or one per LLC",
			      n, t->llcs);
	if (are_equal(list, n)) {
		t->cores_per_llc = list[0];
		return 0;
	}
	/* 256 cores in one of several LLCs exceed KT_CPUS_MAX, and uint8_t. */
	for (unsigned int i = 0; i < n; i++) {
		if (list[i] > UINT8_MAX)
			return refuse(r, "%u CPUs are too many", list[i] + n - 1);
		t->cores[i] = (uint8_t)list[i];
	}
	return 0;
}

static int read_distances(struct reader *r, struct kt_topology *t)
{
	uint16_t list[KT_TOPOLOGY_DISTANCES_MAX];
	unsigned int n = 0;

	r->p++;
	if (read_list(r, "distance between two nodes", KT_DISTANCE_MIN, KT_DISTANCE_MAX, list,
		      KT_TOPOLOGY_DISTANCES_MAX, &n))
		return KT_TOPOLOGY_E_FORM;
	if (n != pairs_of(t))
		return refuse(r, "distances: %u are given, and %u nodes make %u pairs", n,
			      kt_topology_nodes_all(t), pairs_of(t));
	for (unsigned int i = 0; i < n; i++)
		t->distances[i] = list[i] == KT_DISTANCE_DEFAULT ? 0 : (uint8_t)list[i];
	return 0;
}

static int read_topology(struct reader *r, struct kt_topology *t)
{
	if (read_count(r, "number of nodes", 'n', KT_NODES_MAX, &t->nodes) ||
	    read_count(r, "number of LLCs", 'l', KT_CPUS_MAX, &t->llcs) || read_cores(r, t) ||
	    read_count(r, "number of threads per core", 't', KT_CPUS_MAX, &t->threads_per_core))
		return KT_TOPOLOGY_E_FORM;
	if (*r->p && *r->p != ':' &&
	    read_count(r, "number of nodes of memory only", 'm', KT_NODES_MAX, &t->memory_nodes))
		return KT_TOPOLOGY_E_FORM;
	if (*r->p == ':' && read_distances(r, t))
		return KT_TOPOLOGY_E_FORM;
	return *r->p ? refuse(r, "nothing is wanted at '%.16s'", r->p) : 0;
}

int kt_topology_parse(struct kt_topology *ret_topo, const char *text, struct kt_diag *diag)
{
	struct reader r = { .text = text, .p = text, .diag = diag };
	struct kt_topology t = { 0 };

	if (read_topology(&r, &t) || kt_topology_check(&t, diag))
		return KT_TOPOLOGY_E_FORM;
	*ret_topo = t;
	return 0;
}

#include "net/mld/mld.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/writer.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/mld/internal.h"

#define REPORT_V1 131u
#define DONE_V1 132u
#define REPORT_V2 143u
#define MESSAGE_V1_LEN 24u
#define HOP_LIMIT 1u
// RFC 3810 9.12: robustness times the query interval of 125 s, and a response of 10 s.
#define V1_PRESENT_S (SO_MLD_ROBUSTNESS * 125u + 10u)

static uint64_t draw(so_mld *m, uint64_t below) {
  m->draws++;
  return below == 0 ? 0 : so_siphash24(m->key, so_bytes_of(&m->draws, sizeof m->draws)) % below;
}

static bool is_v1(const so_mld *m, uint64_t now_ns) { return now_ns < m->v1_until_ns; }

void so_mld_init(so_mld *m, const uint8_t key[16]) {
  memset(m, 0, sizeof *m);
  memcpy(m->key, key, sizeof m->key);
  m->general_ns = SO_NEVER;
}

// ff02::1 or ff01::1.
static bool is_all_nodes(const so_ip *group) {
  static const uint8_t rest[14] = {[13] = 1};
  return group->bytes[0] == 0xff && (group->bytes[1] == 1 || group->bytes[1] == 2) &&
         memcmp(group->bytes + 2, rest, sizeof rest) == 0;
}

// RFC 3810 6: all nodes, and scopes of no network, are never reported.
static bool is_reported(const so_ip *group) {
  return !is_all_nodes(group) && (group->bytes[1] & 0x0fu) > 1;
}

static so_mld_group *find(so_mld *m, const so_ip *group) {
  for (unsigned i = 0; i < SO_MLD_GROUPS_MAX; i++) {
    if (so_ip_equal(&m->groups[i].address, group)) {
      return &m->groups[i];
    }
  }
  return NULL;
}

bool so_mld_is_member(const so_mld *m, const so_ip *group) {
  const so_mld_group *g = find((so_mld *)m, group);
  return is_all_nodes(group) || (g != NULL && g->refs != 0);
}

// --- reports ---------------------------------------------------------------------------------

static so_ip group_of(uint8_t last) {
  const uint8_t bytes[16] = {0xff, 0x02, [15] = last};
  return so_ip6(bytes);
}

static void write_v2_head(so_writer *w, uint16_t count) {
  so_write_u8(w, REPORT_V2);
  so_write_zeros(w, 5);
  so_write_u16be(w, count);
}

static void send(so_mld *m, const so_writer *w, const so_ip *dst, const so_mld_sink *sink) {
  SO_ASSERT(!w->failed);
  m->stats.reports_sent++;
  sink->message(sink->ctx, dst, so_writer_bytes(w));
}

static void send_v2(so_mld *m, so_mld_record kind, const so_ip *group, const so_mld_sink *sink) {
  static const uint8_t v2_routers = 0x16;
  uint8_t bytes[8 + 20];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  const so_ip dst = group_of(v2_routers);
  write_v2_head(&w, 1);
  so_mld_record_write(&w, kind, group);
  send(m, &w, &dst, sink);
}

static void send_v1(so_mld *m, uint8_t type, const so_ip *group, const so_mld_sink *sink) {
  uint8_t bytes[MESSAGE_V1_LEN];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  const so_ip all_routers = group_of(2);
  so_write_u8(&w, type);
  so_write_zeros(&w, 7);
  so_write_bytes(&w, so_bytes_of(group->bytes, 16));
  send(m, &w, type == DONE_V1 ? &all_routers : group, sink);
}

// Every group in one report.
static void send_all_v2(so_mld *m, const so_mld_sink *sink) {
  uint8_t bytes[SO_MLD_MESSAGE_LEN_MAX];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  const so_ip dst = group_of(0x16);
  uint16_t count = 0;
  for (unsigned i = 0; i < SO_MLD_GROUPS_MAX; i++) {
    count = (uint16_t)(count + (m->groups[i].refs != 0));
  }
  write_v2_head(&w, count);
  for (unsigned i = 0; i < SO_MLD_GROUPS_MAX; i++) {
    if (m->groups[i].refs != 0) {
      so_mld_record_write(&w, SO_MLD_IS_EXCLUDE, &m->groups[i].address);
    }
  }
  if (count != 0) {
    send(m, &w, &dst, sink);
  }
}

// One report of a change, and when the next is due.
static void report_change(so_mld *m, so_mld_group *g, uint64_t now_ns, const so_mld_sink *sink) {
  const bool v1 = is_v1(m, now_ns);
  const bool joined = g->refs != 0;
  const so_ip address = g->address;
  const uint32_t interval_ms = v1 ? SO_MLD_UNSOLICITED_V1_MS : SO_MLD_UNSOLICITED_MS;
  g->changes--;
  g->change_ns = now_ns + draw(m, interval_ms * SO_NS_PER_MS) + 1;
  if (!joined && (v1 || g->changes == 0)) {
    memset(g, 0, sizeof *g);  // A version 1 leave is said once.
  } else if (v1) {
    g->last_reporter = true;
  }
  if (!v1) {
    send_v2(m, joined ? SO_MLD_TO_EXCLUDE : SO_MLD_TO_INCLUDE, &address, sink);
  } else {
    send_v1(m, joined ? REPORT_V1 : DONE_V1, &address, sink);
  }
}

// --- joining ---------------------------------------------------------------------------------

static so_mld_group *free_group(so_mld *m) {
  for (unsigned i = 0; i < SO_MLD_GROUPS_MAX; i++) {
    if (m->groups[i].address.family == 0) {
      return &m->groups[i];
    }
  }
  return NULL;
}

so_status so_mld_join(so_mld *m, const so_ip *group, uint64_t now_ns, const so_mld_sink *sink) {
  so_mld_group *g = find(m, group);
  if (!so_ip_is_multicast(group)) {
    return so_status_make(SO_CONFLICT, 0);
  }
  if (g != NULL && g->refs == UINT16_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (g != NULL && g->refs != 0) {
    g->refs++;
    return so_done();
  }
  g = g != NULL ? g : free_group(m);
  if (g == NULL) {
    m->stats.refused++;
    return so_status_make(SO_LIMIT, 0);
  }
  *g = (so_mld_group){.address = *group, .refs = 1, .answer_ns = SO_NEVER};
  if (is_reported(group)) {
    g->changes = SO_MLD_ROBUSTNESS;
    report_change(m, g, now_ns, sink);
  }
  return so_done();
}

void so_mld_leave(so_mld *m, const so_ip *group, uint64_t now_ns, const so_mld_sink *sink) {
  so_mld_group *g = find(m, group);
  if (g == NULL || g->refs == 0) {
    return;
  }
  g->refs--;
  if (g->refs != 0) {
    return;
  }
  g->answer_ns = SO_NEVER;
  // RFC 2710 4: only the last who reported needs to say that it left.
  if (!is_reported(group) || (is_v1(m, now_ns) && !g->last_reporter)) {
    memset(g, 0, sizeof *g);
    return;
  }
  g->changes = SO_MLD_ROBUSTNESS;
  report_change(m, g, now_ns, sink);
}

void so_mld_announce(so_mld *m, uint64_t now_ns) {
  for (unsigned i = 0; i < SO_MLD_GROUPS_MAX; i++) {
    so_mld_group *g = &m->groups[i];
    if (g->refs != 0 && is_reported(&g->address)) {
      g->changes = SO_MLD_ROBUSTNESS;
      g->change_ns = now_ns;
    }
  }
}

// --- queries ---------------------------------------------------------------------------------

// An answer is due at a random time within what the querier allows; one already due earlier stays.
static void schedule(so_mld *m, so_mld_group *g, uint64_t max_ms, uint64_t now_ns) {
  const uint64_t at_ns = now_ns + draw(m, max_ms * SO_NS_PER_MS + 1);
  if (g->refs != 0 && is_reported(&g->address) && at_ns < g->answer_ns) {
    g->answer_ns = at_ns;
  }
}

static void query(so_mld *m, const so_mld_query *q, uint64_t now_ns) {
  m->stats.queries++;
  if (q->v1) {
    m->v1_until_ns = now_ns + V1_PRESENT_S * SO_NS_PER_S;
  }
  if (!so_ip_is_any(&q->group)) {
    so_mld_group *g = find(m, &q->group);
    if (g != NULL) {
      schedule(m, g, q->max_ms, now_ns);
    }
    return;
  }
  if (!is_v1(m, now_ns)) {
    const uint64_t at_ns = now_ns + draw(m, q->max_ms * SO_NS_PER_MS + 1);
    m->general_ns = at_ns < m->general_ns ? at_ns : m->general_ns;
    return;
  }
  for (unsigned i = 0; i < SO_MLD_GROUPS_MAX; i++) {
    schedule(m, &m->groups[i], q->max_ms, now_ns);
  }
}

// RFC 2710 4: who hears another's report keeps its own.
static so_status heard_report(so_mld *m, so_bytes icmp) {
  if (icmp.len < MESSAGE_V1_LEN) {
    return so_status_make(SO_MALFORMED, 0);
  }
  const so_ip group = so_ip6(so_bytes_from(icmp, 8).ptr);
  so_mld_group *g = find(m, &group);
  if (g != NULL) {
    g->answer_ns = SO_NEVER;
    g->last_reporter = false;
  }
  return so_done();
}

static so_status read_message(so_mld *m, so_bytes icmp, uint64_t now_ns) {
  so_mld_query q;
  if (icmp.len != 0 && icmp.ptr[0] == REPORT_V1) {
    return heard_report(m, icmp);
  }
  SO_TRY(so_mld_query_parse(icmp, &q));
  query(m, &q, now_ns);
  return so_done();
}

so_status so_mld_input(so_mld *m, so_bytes icmp, const so_ip *src, const so_ip *dst,
                       uint8_t hop_limit, bool router_alert, uint64_t now_ns) {
  so_status s = so_status_make(SO_MALFORMED, 0);
  if (so_ip_is_link_local(src) && hop_limit == HOP_LIMIT && router_alert &&
      so_ip_is_multicast(dst)) {
    s = read_message(m, icmp, now_ns);
  }
  if (!so_ok(s)) {
    m->stats.invalid++;
  }
  return s;
}

// --- time ------------------------------------------------------------------------------------

static void answer(so_mld *m, so_mld_group *g, uint64_t now_ns, const so_mld_sink *sink) {
  g->answer_ns = SO_NEVER;
  if (is_v1(m, now_ns)) {
    g->last_reporter = true;
    send_v1(m, REPORT_V1, &g->address, sink);
  } else {
    send_v2(m, SO_MLD_IS_EXCLUDE, &g->address, sink);
  }
}

void so_mld_tick(so_mld *m, uint64_t now_ns, const so_mld_sink *sink) {
  if (m->general_ns <= now_ns) {
    m->general_ns = SO_NEVER;
    send_all_v2(m, sink);
  }
  for (unsigned i = 0; i < SO_MLD_GROUPS_MAX; i++) {
    so_mld_group *g = &m->groups[i];
    if (g->address.family != 0 && g->answer_ns <= now_ns) {
      answer(m, g, now_ns, sink);
    }
    if (g->address.family != 0 && g->changes != 0 && g->change_ns <= now_ns) {
      report_change(m, g, now_ns, sink);
    }
  }
}

uint64_t so_mld_deadline(const so_mld *m) {
  uint64_t at_ns = m->general_ns;
  for (unsigned i = 0; i < SO_MLD_GROUPS_MAX; i++) {
    const so_mld_group *g = &m->groups[i];
    if (g->address.family == 0) {
      continue;
    }
    at_ns = g->answer_ns < at_ns ? g->answer_ns : at_ns;
    if (g->changes != 0 && g->change_ns < at_ns) {
      at_ns = g->change_ns;
    }
  }
  return at_ns;
}

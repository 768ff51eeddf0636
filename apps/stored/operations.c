#include "apps/stored/handlers.h"
#include "apps/stored/openapi.h"
#include "base/fmt.h"

so_status so_handle_health(so_call *c) {
  const bool well = so_ok(c->server->flush_status);
  if (!well) {
    return so_call_reply_problem(c, 503, "unavailable",
                                 "the data device has failed; nothing more can be written");
  }
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_json_member_string(&w, "status", so_str("ok"));
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}

// --- metrics --------------------------------------------------------------------------------

static void metric(so_buf *out, const char *name, const char *type, const char *help,
                   uint64_t value) {
  so_buf_printf(out, "# HELP stored_%s %s\n# TYPE stored_%s %s\nstored_%s %llu\n", name, help, name,
                type, name, (unsigned long long)value);
}

static void server_metrics(so_buf *out, const so_server_stats *s) {
  metric(out, "connections", "gauge", "Connections open.", s->connections);
  metric(out, "requests_total", "counter", "Requests begun.", s->requests);
  so_buf_append_str(out, "# HELP stored_responses_total Answers by class of status.\n"
                         "# TYPE stored_responses_total counter\n");
  for (unsigned i = 2; i < 6; i++) {
    so_buf_printf(out, "stored_responses_total{class=\"%uxx\"} %llu\n", i,
                  (unsigned long long)s->responses[i]);
  }
  metric(out, "received_bytes_total", "counter", "Bytes of request bodies.", s->bytes_in);
  metric(out, "sent_bytes_total", "counter", "Bytes of answers' bodies.", s->bytes_out);
  metric(out, "commits_total", "counter", "Commits made over REST.", s->commits);
  metric(out, "pushes_total", "counter", "Pushes accepted.", s->pushes);
  metric(out, "fetches_total", "counter", "Fetches begun.", s->fetches);
  metric(out, "flushes_total", "counter", "Flushes of the data device.", s->flushes);
}

static void db_metrics(so_buf *out, const so_db *db) {
  so_db_stats s;
  so_db_get_stats(db, &s);
  metric(out, "objects", "gauge", "Objects stored.", s.object_count);
  metric(out, "object_bytes", "gauge", "Bytes of objects before compression.", s.object_raw_len);
  metric(out, "object_stored_bytes", "gauge", "Bytes of objects as stored.", s.object_stored_len);
  metric(out, "log_bytes", "gauge", "Bytes of log on the device.", s.log_len);
  metric(out, "index_bytes", "gauge", "Bytes of index runs on the device.", s.index_len);
  metric(out, "index_runs", "gauge", "Index runs that a look-up may probe.", s.run_count);
  metric(out, "segments", "gauge", "Segments of the device.", s.segment_count);
  metric(out, "segments_free", "gauge", "Segments that are free.", s.free_segments);
  metric(out, "cache_bytes", "gauge", "Bytes of objects in memory.", s.cache_used);
  metric(out, "cache_hits_total", "counter", "Objects found in memory.", s.cache_hits);
  metric(out, "cache_misses_total", "counter", "Objects read from the device.", s.cache_misses);
  metric(out, "device_read_bytes_total", "counter", "Bytes read.", s.bytes_read);
  metric(out, "device_written_bytes_total", "counter", "Bytes written.", s.bytes_written);
  metric(out, "checkpoints_total", "counter", "Checkpoints since the format.", s.checkpoints);
}

// What the platform counts: with our own TCP/IP, every counter of it.
static void platform_metric(void *ctx, const char *name, so_metric_kind kind, uint64_t value) {
  const bool counter = kind == SO_METRIC_COUNTER;
  const char *const ending = counter ? "_total" : "";
  so_buf_printf(ctx, "# TYPE safeos_%s%s %s\nsafeos_%s%s %llu\n", name, ending,
                counter ? "counter" : "gauge", name, ending, (unsigned long long)value);
}

so_status so_handle_metrics(so_call *c) {
  const so_http_field type = {so_str("Content-Type"),
                              so_str("text/plain; version=0.0.4; charset=utf-8")};
  so_buf_clear(&c->json);
  server_metrics(&c->json, &c->server->stats);
  db_metrics(&c->json, c->server->db);
  so_metrics_each(&c->server->world->metrics, platform_metric, &c->json);
  so_bytes text;
  SO_TRY(so_buf_end(&c->json, &text));
  return so_http_reply(c->exchange, 200, &type, 1, text);
}

so_status so_handle_openapi(so_call *c) {
  const so_http_field type = {so_str("Content-Type"), so_str("application/json")};
  return so_http_reply(c->exchange, 200, &type, 1, so_openapi_text());
}

#include "apps/lib/service/tls.h"

void so_service_tls_init(const so_world *world, const so_tls_identity *identity,
                         so_service_tls *out) {
  *out = (so_service_tls){.cpu = so_cpu_detect()};
  so_tls_ticket_keys_fresh(&out->ticket_keys, world);
  out->options.cpu = &out->cpu;
  out->options.identities = identity;
  out->options.identity_count = 1;
  out->options.ticket_keys = &out->ticket_keys;
  out->options.alpn[0] = so_str("http/1.1");
  out->options.alpn_count = 1;
}

so_status so_service_tls_wrap(void *ctx, const so_world *world, so_stream below,
                              uint64_t deadline_ns, so_stream *out) {
  so_service_tls *const tls = ctx;
  so_tls_ticket_keys_rotate(&tls->ticket_keys, world);
  return so_tls_stream_server(world, &tls->options, below, deadline_ns, out, NULL);
}

#include "apps/stored/diff_text.h"

#include "apps/lib/patch/patch.h"

#define PATCH_LEN_MAX (32u << 20)

static so_status send_all(so_call *c, const so_tree *tree, so_diff *diff, so_buf *text) {
  for (;;) {
    so_change change;
    const so_status status = so_diff_next(diff, &change);
    if (so_is(status, SO_NOT_FOUND)) {
      return so_http_reply_end(c->exchange);
    }
    SO_TRY(status);
    so_buf_clear(text);
    SO_TRY(so_patch_write(tree, &change, text));
    SO_TRY(so_http_reply_write(c->exchange, so_buf_bytes(text)));
  }
}

so_status so_diff_text_reply(so_call *c, const so_tree *tree, so_diff *diff) {
  const so_http_field type = {so_str("Content-Type"), so_str("text/x-diff; charset=utf-8")};
  so_buf text;
  so_buf_init(&text, c->server->world->heap, PATCH_LEN_MAX);
  so_status status = so_http_reply_begin(c->exchange, 200, &type, 1, false, 0);
  if (so_ok(status)) {
    status = send_all(c, tree, diff, &text);
  }
  so_buf_release(&text);
  return status;
}
